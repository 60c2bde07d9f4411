//! Compares the budget with the resident set of a process (`VmHWM`) instead of the allocator's counters, because
//! freed memory that the allocator can't return to the system counts too.
//!
//! Every measurement runs in a separate process: this program again, which writes the shape that an environment
//! variable names.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "../common/random.rs"]
mod random;

mod shapes;

use std::process::Command;

use parquet::basic::{Compression, ZstdLevel};
use taploom_loom::{LoomOptions, LoomWriter};

use crate::shapes::{SHAPES, Shape};

const MIB: f64 = 1024.0 * 1024.0;

/// The environment variable that names the case to write: `SHAPE PART CODEC THREADS`.
const CASE: &str = "TAPLOOM_RESIDENT_CASE";

/// The number of MiB by which a process may exceed the writer's memory: for the caller's batch, code that is
/// executed, compressors, and freed memory that the allocator keeps.
const BESIDE: f64 = 8.0;

/// A part of each shape that used to take several times the budget.
#[test]
fn the_hardest_shapes_stay_within_the_budget() {
    if write_case() {
        return;
    }
    let bare = grown("bare 1 snappy 1");
    for (name, part) in [
        ("compressible cells of 32 KiB", 4),
        ("compressible cells of 1 MiB", 1),
        ("lists of 4,000 doubles, byte stream split", 4),
    ] {
        let shape = SHAPES.iter().find(|shape| shape.name == name).unwrap();
        for threads in [1, 2] {
            let grown = grown(&case(shape, part, "zstd", threads)) - bare;
            let most = shape.granted_mib() + BESIDE;
            assert!(grown <= most, "{name}, {threads} threads: {grown:.1} MiB, at most {most}");
        }
    }
}

/// All shapes, as lines of a Markdown table. `cargo xtask bench loom-resident` runs it.
#[test]
#[ignore = "a benchmark of minutes"]
fn every_shape() {
    let bare = grown("bare 1 snappy 1");
    // The test harness may have printed the name of the test without a line end.
    println!();
    println!("| shape | granted | snappy, 1 | snappy, 2 | zstd, 1 | zstd, 2 | at most |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let mut missed = Vec::new();
    for shape in SHAPES {
        let most = shape.granted_mib() + BESIDE;
        let cells =
            [("snappy", 1), ("snappy", 2), ("zstd", 1), ("zstd", 2)].map(|(codec, threads)| {
                let grown = grown(&case(shape, 1, codec, threads)) - bare;
                let mark = if grown <= most { "" } else { " **missed**" };
                if grown > most {
                    missed.push(format!("{}, {codec}, {threads} threads: {grown:.1}", shape.name));
                }
                format!("{grown:.1}{mark}")
            });
        println!("| {} | {} | {} | {most} |", shape.name, shape.granted_mib(), cells.join(" | "));
    }
    assert!(missed.is_empty(), "more than the limit: {missed:#?}");
}

fn case(shape: &Shape, part: usize, codec: &str, threads: usize) -> String {
    format!("{}/{part}/{codec}/{threads}", shape.name)
}

/// The largest resident set of a process that writes a case, in MiB.
fn grown(case: &str) -> f64 {
    let test = "the_hardest_shapes_stay_within_the_budget";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CASE, case)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{case}: {text}{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| line.split_once("VmHWM:")).unwrap().1;
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// Writes the case of the environment, and prints the largest resident set. Returns `false` without a case.
fn write_case() -> bool {
    let Ok(case) = std::env::var(CASE) else { return false };
    if let [name, part, codec, threads] = case.split('/').collect::<Vec<_>>()[..] {
        let shape = SHAPES.iter().find(|shape| shape.name == name).unwrap();
        let codec = match codec {
            // The level of `compression=zstd` of VOParquet.
            "zstd" => Compression::ZSTD(ZstdLevel::try_new(3).unwrap()),
            _ => Compression::SNAPPY,
        };
        let properties = shape.properties().set_compression(codec).build();
        let options = LoomOptions::new()
            .with_properties(properties)
            .with_memory_budget((shape.granted_mib() * MIB) as usize)
            .with_threads(threads.parse().unwrap());
        let mut batches = shape.batches(part.parse().unwrap());
        let first = batches.next().unwrap();
        let mut writer = LoomWriter::try_new(std::io::sink(), first.schema(), options).unwrap();
        writer.write(&first).unwrap();
        drop(first);
        for batch in batches {
            writer.write(&batch).unwrap();
        }
        writer.close().unwrap();
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM:")).unwrap());
    true
}
