//! Everything that has to pass.

use crate::run::{cargo, run as start, run_lines};
use crate::{Outcome, fuzz, instructions, root, setup};

const EXAMPLE: &str = "examples/own-format/Cargo.toml";
/// What no default has, in the same builds as all else.
const ALL: &str = "taploom-cli/kafka";

/// Formats, lints, documentation, and all tests; closes with the number of tests.
pub(crate) fn run() -> Outcome {
    setup::run()?;
    start(cargo(&["fmt", "--all", "--check"]))?;
    start(cargo(&["fmt", "--manifest-path", EXAMPLE, "--check"]))?;
    start(cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        ALL,
        "--",
        "-D",
        "warnings",
    ]))?;
    // A bridge takes only the formats that it wants, and the sources.
    for (package, features) in [
        (
            "taploom",
            ["", "arrow", "csv", "ecsv", "fits", "json", "votable", "voparquet"].as_slice(),
        ),
        (
            "taploom-sources",
            ["", "arrow", "csv", "mysql", "parquet", "sqlite", "demo", "synth", "votable"]
                .as_slice(),
        ),
        ("taploom-bridge", ["", "mysql"].as_slice()),
    ] {
        for one in features {
            let some = ["--no-default-features", "--features", one, "--", "-D", "warnings"];
            start(cargo(&[&["clippy", "-p", package], &some[..]].concat()))?;
        }
    }
    let mut docs = cargo(&["doc", "--workspace", "--no-deps", "--features", ALL]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    start(docs)?;

    // The program as users build it: the tests with other programs' readers run it.
    start(cargo(&["build", "--release"]))?;
    instructions::run(false)?;

    let mut count = Count::default();
    let target = root().join("target").display().to_string();
    let example = ["--manifest-path", EXAMPLE, "--target-dir", &target, "--locked"];
    run_lines(cargo(&[&["test"], &example[..]].concat()), |line| count.add(line))?;
    start(cargo(&[&["run", "--quiet"], &example[..]].concat()))?;
    run_lines(cargo(&["test", "--workspace", "--doc", "--features", ALL]), |line| count.add(line))?;
    let all = ["test", "--workspace", "--all-targets", "--no-fail-fast", "--features", ALL];
    run_lines(cargo(&all), |line| {
        count.add(line);
    })?;
    // Long enough for a crash that is easy to find; `cargo xtask fuzz 600` looks further.
    fuzz::run("5")?;
    println!("\n{} passed, {} failed", count.passed, count.failed);
    Ok(())
}

/// What the runner's closing lines add up to.
#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    /// `test result: ok. 5 passed; 0 failed; ...`
    fn add(&mut self, line: &str) {
        let Some(result) = line.trim().strip_prefix("test result:") else { return };
        let mut words = result.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let Ok(number) = word.parse::<u64>() else { continue };
            match words.peek().map(|next| next.trim_end_matches(';')) {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                _ => {}
            }
        }
    }
}
