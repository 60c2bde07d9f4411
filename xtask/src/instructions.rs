//! Detects slower encoders without noise: callgrind counts the instructions that the shipped program executes to encode
//! the same rows every time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::bench::formats;
use crate::command::{cargo, command, output, run as start};
use crate::folders::{SHIPPED, program, root, target};
use crate::{Outcome, setup};

const COLUMNS: &str = "crates/cli/data/bench_columns.json";
const ROWS: &str = "4000";
/// Two counts of the same program differ by less than 0.1 %, because the order of hash maps is random.
const TOLERANCE: f64 = 0.01;

/// The outcome of a comparison with the record.
pub(crate) enum Comparison {
    /// No encoder takes more instructions than recorded.
    Passed,
    /// The record was made on a processor with other instructions.
    OtherProcessor(String),
}

/// Counts instructions, and compares them with the record.
pub(crate) fn compare() -> Outcome<Comparison> {
    let path = path();
    let recorded = fs::read_to_string(&path)
        .map_err(|error| format!("can't read {}: {error}", path.display()))?;
    let recorded: Value =
        serde_json::from_str(&recorded).map_err(|error| format!("{}: {error}", path.display()))?;
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
    let counted = count()?;
    println!("{:<26}{:>16}{:>16}{:>9}", "format", "recorded", "now", "change");
    let mut slower = Vec::new();
    for (format, now) in &counted {
        let Some(before) = recorded["instructions"][format].as_u64() else {
            return Err(format!(
                "{format} is not recorded: `cargo xtask instructions record` records it"
            ));
        };
        let change = *now as f64 / before.max(1) as f64 - 1.0;
        println!("{format:<26}{before:>16}{now:>16}{:>8.1}%", change * 100.0);
        if change > TOLERANCE {
            slower.push(format!("{format} by {:.1} %", change * 100.0));
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
        "instructions": count()?,
    });
    let text = serde_json::to_string_pretty(&recorded).map_err(|error| error.to_string())?;
    let path = path();
    fs::write(&path, text + "\n")
        .map_err(|error| format!("can't write {}: {error}", path.display()))
}

fn path() -> PathBuf {
    root().join("tests/data/instructions.json")
}

/// The instructions of the shipped program, by format.
fn count() -> Outcome<BTreeMap<String, u64>> {
    setup::valgrind()?;
    start(cargo(&["build", "--profile", SHIPPED]))?;
    let folder = target().join("instructions");
    fs::create_dir_all(&folder)
        .map_err(|error| format!("can't make {}: {error}", folder.display()))?;
    let rows = folder.join("rows.arrow").display().to_string();
    let source = format!("synth:{COLUMNS}?rows={ROWS}&seed=1");
    start(command(&program("taploom"), &["encode", &source, "-f", "arrow", "-o", &rows]))?;
    // By default, encodings of Parquet are chosen by trials on samples, which would dominate the count for
    // a small number of rows.
    let plain = "voparquet;encoding=plain".to_owned();
    let counts = formats::all()?.into_iter().chain([plain]).map(|format| {
        let count = of_format(&format, &rows, &folder)?;
        Ok((format, count))
    });
    counts.collect()
}

/// Instructions from the start of the program to its end, reading the rows included.
fn of_format(format: &str, rows: &str, folder: &Path) -> Outcome<u64> {
    let out = folder.join("callgrind.out");
    let file = format!("--callgrind-out-file={}", out.display());
    let valgrind = ["valgrind", "--tool=callgrind", "--quiet", &file];
    let taploom = program("taploom");
    let program = [taploom.as_str(), "encode", rows, "-f", format, "-o", "/dev/null"];
    let arguments = [&valgrind[..], &program].concat();
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
