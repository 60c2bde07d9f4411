//! A guard against slower encoders that can't be noisy: instructions, counted by callgrind, of the program
//! as users build it, on rows that are always the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::bench::formats;
use crate::command::{cargo, command, run as start};
use crate::folders::{SHIPPED, program, root, target};
use crate::{Outcome, setup};

const COLUMNS: &str = "crates/cli/data/bench_columns.json";
const ROWS: &str = "4000";
/// One count may differ from another, by the order of maps for instance.
const TOLERANCE: f64 = 0.03;

/// Compares with the values that are recorded, or records new ones.
pub(crate) fn run(record: bool) -> Outcome {
    setup::valgrind()?;
    start(cargo(&["build", "--profile", SHIPPED]))?;
    let counted = count()?;
    let path = root().join("tests/data/instructions.json");
    let compiler = compiler()?;
    if record {
        let recorded = json!({"compiler": compiler, "rows": ROWS, "instructions": counted});
        let text = serde_json::to_string_pretty(&recorded).map_err(|error| error.to_string())?;
        return fs::write(&path, text + "\n")
            .map_err(|error| format!("can't write {}: {error}", path.display()));
    }
    let recorded = fs::read_to_string(&path)
        .map_err(|error| format!("can't read {}: {error}", path.display()))?;
    let recorded: Value =
        serde_json::from_str(&recorded).map_err(|error| format!("{}: {error}", path.display()))?;
    if recorded["compiler"] != compiler {
        println!(
            "instructions: NOT COMPARED: recorded with {}, and this is {compiler}; \
             `cargo xtask instructions record` records anew",
            recorded["compiler"]
        );
        return Ok(());
    }
    println!("{:<12}{:>16}{:>16}{:>9}", "format", "recorded", "now", "change");
    let mut slower = Vec::new();
    for (format, now) in &counted {
        let Some(before) = recorded["instructions"][format].as_u64() else {
            return Err(format!(
                "{format} is not recorded: `cargo xtask instructions record` records it"
            ));
        };
        let change = *now as f64 / before.max(1) as f64 - 1.0;
        println!("{format:<12}{before:>16}{now:>16}{:>8.1}%", change * 100.0);
        if change > TOLERANCE {
            slower.push(format!("{format} by {:.1} %", change * 100.0));
        }
    }
    if slower.is_empty() {
        return Ok(());
    }
    Err(format!(
        "encoders take more instructions: {}. Where that is worth it, `cargo xtask instructions record`",
        slower.join(", ")
    ))
}

fn count() -> Outcome<BTreeMap<String, u64>> {
    let folder = target().join("instructions");
    fs::create_dir_all(&folder)
        .map_err(|error| format!("can't make {}: {error}", folder.display()))?;
    let rows = folder.join("rows.arrow").display().to_string();
    let source = format!("synth:{COLUMNS}?rows={ROWS}&seed=1");
    start(command(&program("taploom"), &["encode", &source, "-f", "arrow", "-o", &rows]))?;
    let counts = formats::all()?.into_iter().map(|format| {
        let count = of_format(&format, &rows, &folder)?;
        Ok((format, count))
    });
    counts.collect()
}

/// From the start of the program to its end, reading the rows included.
fn of_format(format: &str, rows: &str, folder: &Path) -> Outcome<u64> {
    let out = folder.join("callgrind.out");
    let file = format!("--callgrind-out-file={}", out.display());
    let valgrind = ["valgrind", "--tool=callgrind", "--quiet", &file];
    let taploom = program("taploom");
    let program = [taploom.as_str(), "encode", rows, "-f", format, "-o", "/dev/null"];
    let arguments = [&valgrind[..], &program].concat();
    // Address space layout moves what is aligned, and with it how bytes are copied.
    start(command("setarch", &[&["-R"], &arguments[..]].concat()))?;
    let text = fs::read_to_string(&out)
        .map_err(|error| format!("can't read {}: {error}", out.display()))?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("summary:").or_else(|| line.strip_prefix("totals:")));
    let total = total.and_then(|total| total.split_whitespace().next()?.parse().ok());
    total.ok_or_else(|| format!("{} has no total", out.display()))
}

/// With what is chosen at run time where the processor has it.
fn compiler() -> Outcome<String> {
    let output = command("rustc", &["--version"])
        .output()
        .map_err(|error| format!("can't run rustc: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    #[cfg(target_arch = "x86_64")]
    let vectors = if std::is_x86_feature_detected!("avx2") { ", AVX2" } else { "" };
    #[cfg(not(target_arch = "x86_64"))]
    let vectors = "";
    Ok(format!("{version}, {}{vectors}", std::env::consts::ARCH))
}
