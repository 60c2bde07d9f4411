//! Measures the resident set of processes that write with the loom, for tables that are hard to write in
//! little memory.

use std::process::Stdio;

use crate::Outcome;
use crate::bench::page::write_section;
use crate::command::cargo;
use crate::test::ALL_FEATURES;

/// Runs the test program with the tables, and writes the results to `docs/src/benchmarks.md`. Fails if a
/// table exceeds its limit.
pub(crate) fn run() -> Outcome {
    let features = ["test", "--workspace", "--features", ALL_FEATURES, "--test", "resident"];
    let of_test = ["--", "--ignored", "--exact", "every_shape", "--nocapture"];
    let output = cargo(&[&features[..], &of_test].concat())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("can't run cargo: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let table: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    write_section(
        "Resident memory of the loom",
        "cargo xtask bench loom-resident",
        &format!(
            "The largest resident set of a process that writes a table, minus the resident set of a process that does \
             nothing, in MiB. It includes the caller's batch, code and codecs. `crates/loom/tests/resident/shapes.rs` \
             generates the tables.\n\n{}",
            table.join("\n")
        ),
    )?;
    if output.status.success() {
        Ok(())
    } else {
        Err("a table takes more than its limit".to_owned())
    }
}
