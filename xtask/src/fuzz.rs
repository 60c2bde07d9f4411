//! Inputs that nobody thought of.

use std::fs;
use std::process::Stdio;

use crate::Outcome;
use crate::command::{cargo, run as start};
use crate::folders::root;

const TARGETS: [&str; 3] = ["votable_reader", "media_type", "options"];

/// Runs every target of `fuzz/` for so many seconds, from the inputs in `fuzz/corpus-seed`. A crash is
/// a failure, and its input stays in `fuzz/artifacts`.
pub(crate) fn run(seconds: &str) -> Outcome {
    let _: u32 = seconds.parse().map_err(|_| format!("{seconds:?} is no number of seconds"))?;
    let is_there = cargo(&["fuzz", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !is_there {
        start(cargo(&["install", "cargo-fuzz", "--locked"]))?;
    }
    for target in TARGETS {
        let corpus = root().join("fuzz/corpus").join(target);
        fs::create_dir_all(&corpus)
            .map_err(|error| format!("can't make {}: {error}", corpus.display()))?;
        let corpus = corpus.display().to_string();
        let seed = root().join("fuzz/corpus-seed").join(target).display().to_string();
        // Sanitizers need a nightly compiler, and there is no unsafe code here for them to watch.
        let time = format!("-max_total_time={seconds}");
        let run = ["fuzz", "run", "--sanitizer", "none", target, &corpus, &seed, "--", &time];
        start(cargo(
            &[&run[..], &["-max_len=65536", "-rss_limit_mb=512", "-timeout=10"]].concat(),
        ))?;
    }
    Ok(())
}
