//! Runs all code that reads foreign bytes or text on random inputs. `fuzz/README.md` describes the folders.

use std::fs;
use std::process::Stdio;

use crate::Outcome;
use crate::command::{cargo, run};
use crate::folders::{root, target};

const CHECKS: [&str; 7] =
    ["votable_reader", "files", "inspect", "sample", "expressions", "media_type", "options"];

/// Explores with every check for a number of seconds, starting from the inputs in `fuzz/corpus-seed`. A
/// crash is a failure; its input is kept in `fuzz/artifacts`.
pub(crate) fn explore(seconds: &str) -> Outcome {
    let _: u32 = seconds.parse().map_err(|_| format!("{seconds:?} is not a number of seconds"))?;
    let is_installed = cargo(&["fuzz", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !is_installed {
        run(cargo(&["install", "cargo-fuzz", "--locked"]))?;
    }
    for check in CHECKS {
        let corpus = root().join("fuzz/corpus").join(check);
        fs::create_dir_all(&corpus)
            .map_err(|error| format!("can't make {}: {error}", corpus.display()))?;
        let corpus = corpus.display().to_string();
        let seed = root().join("fuzz/corpus-seed").join(check).display().to_string();
        // Sanitizers need a nightly compiler, and would find nothing, because this workspace has no unsafe
        // code.
        let time = format!("-max_total_time={seconds}");
        let fuzz = ["fuzz", "run", "--sanitizer", "none", check, &corpus, &seed, "--", &time];
        run(cargo(&[&fuzz[..], &["-max_len=65536", "-rss_limit_mb=512", "-timeout=10"]].concat()))?;
    }
    Ok(())
}

/// Checks that the fuzz targets compile. Nothing is linked, so libFuzzer need not be compiled: the
/// environment variable names a library that its build script would use instead.
pub(crate) fn targets_compile() -> Outcome {
    let mut check = cargo(&["check", "--manifest-path", "fuzz/Cargo.toml", "--locked"]);
    check.env("CUSTOM_LIBFUZZER_PATH", target().join("libfuzzer.a"));
    run(check)
}
