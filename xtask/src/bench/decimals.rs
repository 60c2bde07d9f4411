//! Numbers as text: the kernels of `crates/decimals` beside zmij and itoa.

use serde_json::Value;

use crate::Outcome;
use crate::bench::json;
use crate::bench::page::write_section;
use crate::command::{cargo, run as start};
use crate::folders::{SHIPPED, program};

/// A column of uniform doubles, and what to reach: nanoseconds per value with AVX2 and with AVX-512, and the second one
/// divided by the first. Instruction counts don't guard the AVX-512 kernel, so the quotient does.
const GOAL: (&str, f64, f64, f64) = ("f64, uniform ±1e4", 9.5, 5.0, 0.65);
const KERNELS: [&str; 3] = ["Portable", "Avx2", "Avx512"];

/// Prints a table, and writes it to `docs/src/benchmarks.md`. Fails if a goal is missed.
pub(crate) fn run() -> Outcome {
    let example = ["-p", "taploom-decimals", "--example", "speed"];
    start(cargo(&[&["build", "--profile", SHIPPED], &example[..]].concat()))?;
    let figures = json(&[&program("examples/speed")])?;
    let mut body = "Nanoseconds per value: columns of 4,096 values in the cache, medians of 101 turns, in which the \
        kernels follow each other. *zmij or itoa* formats each value into a buffer and drops the text. The kernels write \
        a column of text with the ends of its values; or, after the slash, a comma and the value to each of 64 rows. A \
        processor without the instructions of a kernel has no figures for it.\n\n\
        | | zmij or itoa | portable | AVX2 | AVX-512 |\n|---|---:|---:|---:|---:|\n"
        .to_owned();
    let figures = figures.as_array().map(Vec::as_slice).unwrap_or_default();
    for figure in figures {
        let kind = figure["kind"].as_str().unwrap_or_default();
        let cells = KERNELS.map(|kernel| cell(&figure[kernel]));
        let scalar = figure["scalar"].as_f64().unwrap_or(f64::NAN);
        body += &format!("| {kind} | {scalar:.1} | {} |\n", cells.join(" | "));
    }
    let column = figures.iter().find(|figure| figure["kind"] == GOAL.0);
    let taken = |kernel: &str| column?[kernel][0].as_f64();
    let [avx2, avx512] = ["Avx2", "Avx512"].map(taken);
    let goals = [
        ("AVX2, nanoseconds per value", avx2, GOAL.1),
        ("AVX-512, nanoseconds per value", avx512, GOAL.2),
        ("AVX-512, of the time of AVX2", avx512.zip(avx2).map(|(new, old)| new / old), GOAL.3),
    ];
    body += &format!("\n| {} | at most | measured | |\n|---|---:|---:|---|\n", GOAL.0);
    let mut missed = Vec::new();
    for (what, taken, most) in goals {
        let (taken, verdict) = match taken {
            None => (String::new(), "not on this processor"),
            Some(taken) if taken <= most => (format!("{taken:.2}"), "reached"),
            Some(taken) => {
                missed.push(format!("{}, {what}: {taken:.2}, at most {most:.2}", GOAL.0));
                (format!("{taken:.2}"), "**missed**")
            }
        };
        body += &format!("| {what} | {most:.2} | {taken} | {verdict} |\n");
    }
    write_section("Numbers as text", "cargo xtask bench decimals", &body)?;
    match missed.is_empty() {
        true => Ok(()),
        false => Err(missed.join("\n")),
    }
}

/// Column and rows.
fn cell(figures: &Value) -> String {
    match (figures[0].as_f64(), figures[1].as_f64()) {
        (Some(column), Some(rows)) => format!("{column:.1} / {rows:.1}"),
        _ => String::new(),
    }
}
