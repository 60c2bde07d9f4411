//! Numbers as text: the kernels of `crates/decimals` beside zmij and itoa.

use serde_json::Value;

use crate::Outcome;
use crate::bench::json;
use crate::bench::page::write_section;
use crate::command::{cargo, run as start};
use crate::folders::{SHIPPED, program};

/// A column of uniform doubles, and the nanoseconds per value to reach.
const GOAL: (&str, [(&str, f64); 2]) = ("f64, uniform ±1e4", [("Avx2", 9.5), ("Avx512", 5.0)]);
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
    let mut missed = Vec::new();
    for figure in figures.as_array().into_iter().flatten() {
        let kind = figure["kind"].as_str().unwrap_or_default();
        let cells = KERNELS.map(|kernel| cell(&figure[kernel]));
        let scalar = figure["scalar"].as_f64().unwrap_or(f64::NAN);
        body += &format!("| {kind} | {scalar:.1} | {} |\n", cells.join(" | "));
        for (kernel, most) in GOAL.1.iter().filter(|_| kind == GOAL.0) {
            if let Some(taken) = figure[*kernel][0].as_f64().filter(|taken| taken > most) {
                missed.push(format!("{kind}, {kernel}: {taken:.1} ns, at most {most:.1}"));
            }
        }
    }
    let verdict = if missed.is_empty() { "reached" } else { "**missed**" };
    let [(_, avx2), (_, avx512)] = GOAL.1;
    body += &format!(
        "\nGoal for a column of uniform doubles, {verdict}: {avx2:.1} with AVX2, {avx512:.1} with AVX-512.\n"
    );
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
