//! Detects slower encoders without noise: callgrind counts the instructions that the shipped program executes to encode
//! the same rows every time, and those of the kernels for numbers.
//!
//! Valgrind doesn't know AVX-512, so the program is counted with AVX2. `cargo xtask bench decimals` compares the AVX-512
//! kernel with the one for AVX2 in the same run.
//!
//! The shipped program takes minutes to build. The record names the sources that it was last compared with, and the tests
//! count again only if those have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::bench::formats;
use crate::command::{cargo, command, output, run as start};
use crate::folders::{SHIPPED, entries, program, root, target};
use crate::{Outcome, setup};

const RECORD: &str = "tests/data/instructions.json";
const COLUMNS: &str = "crates/cli/data/bench_columns.json";
const ROWS: &str = "4000";
/// Two counts of the same program differ by less than 0.1 %, because the order of hash maps is random.
const TOLERANCE: f64 = 0.01;
/// Other files that decide what is counted.
const DECIDING: &[&str] =
    &["Cargo.toml", "Cargo.lock", "xtask/src/bench/formats.rs", "xtask/src/instructions.rs"];
/// Crates whose code does not run when rows are encoded from a file.
const NOT_COUNTED: &[&str] = &["bridge", "charts", "heap-meter", "inspect", "jobs", "testkit"];
/// Kernels of `crates/decimals` that valgrind can run.
#[cfg(target_arch = "x86_64")]
const KERNELS: &[&str] = &["portable", "avx2"];
#[cfg(not(target_arch = "x86_64"))]
const KERNELS: &[&str] = &["portable"];

/// The outcome of a comparison with the record.
pub(crate) enum Comparison {
    /// No encoder takes more instructions than recorded, or no source has changed since that was so.
    Passed,
    /// The record was made on a processor with other instructions.
    OtherProcessor(String),
}

/// Counts instructions, and compares them with the record. If they pass, the record gets the sources.
pub(crate) fn compare_and_note() -> Outcome<Comparison> {
    let mut recorded = recorded()?;
    recorded["sources"] = Value::Null;
    // What is changed while the program is built has to be counted again.
    let sources = sources()?;
    let comparison = compared(&recorded)?;
    if let Comparison::Passed = comparison {
        recorded["sources"] = sources.into();
        write(&recorded)?;
    }
    Ok(comparison)
}

/// Counts instructions, and compares them with the record, unless the sources are the record's.
pub(crate) fn compare() -> Outcome<Comparison> {
    compared(&recorded()?)
}

fn compared(recorded: &Value) -> Outcome<Comparison> {
    let (compiler, processor) = (compiler()?, processor());
    if recorded["compiler"] != compiler {
        return Err(format!(
            "instructions were recorded with {}, and this is {compiler}: record anew with \
             `cargo xtask instructions record`",
            recorded["compiler"]
        ));
    }
    if recorded["processor"] != processor {
        return Ok(Comparison::OtherProcessor(format!(
            "instructions were recorded on {}, and this is {processor}",
            recorded["processor"]
        )));
    }
    if recorded["sources"] == sources()? {
        println!("no source of the encoders has changed since instructions were last counted");
        return Ok(Comparison::Passed);
    }
    let counted = count()?;
    println!("{:<26}{:>16}{:>16}{:>9}", "format or kernel", "recorded", "now", "change");
    let mut slower = Vec::new();
    for (name, now) in &counted {
        let Some(before) = recorded["instructions"][name].as_u64() else {
            return Err(format!(
                "{name} is not recorded: `cargo xtask instructions record` records it"
            ));
        };
        let change = change(before, *now);
        println!("{name:<26}{before:>16}{now:>16}{:>8.1}%", change * 100.0);
        if change > TOLERANCE {
            slower.push(format!("{name} by {:.1} %", change * 100.0));
        }
    }
    if slower.is_empty() {
        return Ok(Comparison::Passed);
    }
    Err(format!(
        "encoders take more instructions: {}. Where that is worth it, `cargo xtask instructions record`",
        slower.join(", ")
    ))
}

/// Counts instructions, and records them.
pub(crate) fn record() -> Outcome {
    let recorded = json!({
        "compiler": compiler()?,
        "processor": processor(),
        "rows": ROWS,
        "sources": sources()?,
        "instructions": count()?,
    });
    write(&recorded)
}

fn recorded() -> Outcome<Value> {
    let path = path();
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("can't read {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(record: &Value) -> Outcome {
    let text = serde_json::to_string_pretty(record).map_err(|error| error.to_string())?;
    let path = path();
    fs::write(&path, text + "\n")
        .map_err(|error| format!("can't write {}: {error}", path.display()))
}

/// The SHA-256 of all files that the counted programs are built of.
fn sources() -> Outcome<String> {
    let mut files: Vec<PathBuf> = DECIDING.iter().map(|file| root().join(file)).collect();
    for group in ["crates", "plugins"] {
        for package in entries(&root().join(group))? {
            if NOT_COUNTED.iter().all(|name| !package.ends_with(name)) {
                files.push(package.join("Cargo.toml"));
                for folder in ["src", "data", "examples"] {
                    all_files(&package.join(folder), &mut files)?;
                }
            }
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let bytes =
            fs::read(&file).map_err(|error| format!("can't read {}: {error}", file.display()))?;
        let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        hash.update(format!("{name} {}\n", bytes.len()));
        hash.update(bytes);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn all_files(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in entries(folder)? {
        if entry.is_dir() {
            all_files(&entry, files)?;
        } else {
            files.push(entry);
        }
    }
    Ok(())
}

/// Prints what has changed in the record since a revision of this repository, as a table for release notes.
pub(crate) fn report(revision: &str) -> Outcome {
    let parse = |text: &str| {
        serde_json::from_str::<Value>(text).map_err(|error| format!("{RECORD}: {error}"))
    };
    let now =
        fs::read_to_string(path()).map_err(|error| format!("can't read {RECORD}: {error}"))?;
    let before = output(command(
        "git",
        &["-C", &root().display().to_string(), "show", &format!("{revision}:{RECORD}")],
    ))?;
    let [before, now] = [parse(&before)?, parse(&now)?];
    print!("{}", changes(&before, &now));
    Ok(())
}

/// A table of two records.
fn changes(before: &Value, now: &Value) -> String {
    let mut table = String::new();
    for difference in ["compiler", "processor", "rows"] {
        if before[difference] != now[difference] {
            table += &format!(
                "Recorded with another {difference}: {}, and now {}.\n\n",
                before[difference], now[difference]
            );
        }
    }
    table += "| format or kernel | instructions before | now | change |\n|---|---:|---:|---:|\n";
    let counts = |record: &Value| {
        let counts = record["instructions"].as_object().into_iter().flatten();
        counts.map(|(name, count)| (name.clone(), count.as_u64())).collect::<BTreeMap<_, _>>()
    };
    let [before, now] = [counts(before), counts(now)];
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    for name in names {
        let [before, now] = [&before, &now].map(|counts| counts.get(name).copied().flatten());
        let change = match (before, now) {
            (Some(before), Some(now)) => format!("{:+.1}%", change(before, now) * 100.0),
            (None, _) => "new".to_owned(),
            (_, None) => "not counted any more".to_owned(),
        };
        let [before, now] =
            [before, now].map(|count| count.map_or(String::new(), |count| count.to_string()));
        table += &format!("| {name} | {before} | {now} | {change} |\n");
    }
    table
}

/// How much more there is now, as a fraction.
fn change(before: u64, now: u64) -> f64 {
    now as f64 / before.max(1) as f64 - 1.0
}

fn path() -> PathBuf {
    root().join(RECORD)
}

/// The instructions of the shipped program, by format, and of each kernel for numbers that valgrind knows.
fn count() -> Outcome<BTreeMap<String, u64>> {
    setup::valgrind()?;
    start(cargo(&["build", "--profile", SHIPPED]))?;
    let example = ["-p", "taploom-decimals", "--example", "count"];
    start(cargo(&[&["build", "--profile", SHIPPED], &example[..]].concat()))?;
    let folder = target().join("instructions");
    fs::create_dir_all(&folder)
        .map_err(|error| format!("can't make {}: {error}", folder.display()))?;
    let rows = folder.join("rows.arrow").display().to_string();
    let source = format!("synth:{COLUMNS}?rows={ROWS}&seed=1");
    start(command(&program("taploom"), &["encode", &source, "-f", "arrow", "-o", &rows]))?;
    // By default, encodings of Parquet are chosen by trials on samples, which would dominate the count for
    // a small number of rows.
    let plain = "voparquet;encoding=plain".to_owned();
    let taploom = program("taploom");
    let mut counts = BTreeMap::new();
    for format in formats::all()?.into_iter().chain([plain]) {
        let encode = [taploom.as_str(), "encode", &rows, "-f", &format, "-o", "/dev/null"];
        counts.insert(format.clone(), executed(&encode, &folder)?);
    }
    let numbers = program("examples/count");
    let columns = executed(&[&numbers], &folder)?;
    for kernel in KERNELS {
        let written = executed(&[&numbers, kernel], &folder)?;
        counts.insert(format!("numbers, {kernel}"), written.saturating_sub(columns));
    }
    Ok(counts)
}

/// Instructions that a program executes, from its start to its end.
fn executed(program: &[&str], folder: &Path) -> Outcome<u64> {
    let out = folder.join("callgrind.out");
    let file = format!("--callgrind-out-file={}", out.display());
    let valgrind = ["valgrind", "--tool=callgrind", "--quiet", &file];
    let arguments = [&valgrind[..], program].concat();
    // Randomised addresses change alignments, and with them the instructions for copying bytes.
    start(command("setarch", &[&["-R"], &arguments[..]].concat()))?;
    let text = fs::read_to_string(&out)
        .map_err(|error| format!("can't read {}: {error}", out.display()))?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("summary:").or_else(|| line.strip_prefix("totals:")));
    let total = total.and_then(|total| total.split_whitespace().next()?.parse().ok());
    total.ok_or_else(|| format!("{} has no total", out.display()))
}

/// The compiler, by its version.
fn compiler() -> Outcome<String> {
    Ok(output(command("rustc", &["--version"]))?.trim().to_owned())
}

/// The processor, by the instructions that libraries choose between at run time.
fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    let vectors = if std::is_x86_feature_detected!("avx2") { ", AVX2" } else { "" };
    #[cfg(not(target_arch = "x86_64"))]
    let vectors = "";
    format!("{}{vectors}", std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_what_changed_what_is_new_and_what_is_gone() {
        let before = json!({"compiler": "1", "instructions": {"csv": 200, "old": 5, "tsv": 10}});
        let now = json!({"compiler": "2", "instructions": {"csv": 150, "new": 7, "tsv": 10}});
        assert_eq!(
            changes(&before, &now),
            "Recorded with another compiler: \"1\", and now \"2\".\n\n\
             | format or kernel | instructions before | now | change |\n|---|---:|---:|---:|\n\
             | csv | 200 | 150 | -25.0% |\n| new |  | 7 | new |\n\
             | old | 5 |  | not counted any more |\n| tsv | 10 | 10 | +0.0% |\n"
        );
    }
}
