//! Jobs through everything that can happen to workers, brokers, Qserv and the store, and the memory of a worker. The test
//! program `real-kafka` does it, with the code of its tests.

use std::fs::File;
use std::process::Command;

use crate::Outcome;
use crate::command::{cargo, run as start};
use crate::folders::{SHIPPED, program, target};
use crate::setup::kafka;
use crate::test::ALL_FEATURES;

const USAGE: &str = "usage: cargo xtask soak [--jobs NUMBER] [--minutes MINUTES] [--longest SECONDS] [--outage SECONDS]";

/// The soak. By default 500 jobs over 30 minutes, with queries of up to ten minutes, and outages of two minutes.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let (mut jobs, mut minutes, mut longest, mut outage) = (500, 30, 600, 120);
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(USAGE.to_owned()) };
        let value: u32 =
            value.parse().map_err(|_| format!("{value:?} is not a number\n{USAGE}"))?;
        match *name {
            "--jobs" => jobs = value,
            "--minutes" => minutes = value,
            "--longest" => longest = value,
            "--outage" => outage = value,
            _ => return Err(USAGE.to_owned()),
        }
    }
    let seconds = minutes * 60;
    // The outages follow each other in the last third.
    if jobs == 0 || longest == 0 || seconds < 8 * outage || seconds < 240 {
        return Err(format!(
            "a soak has jobs, and takes at least 4 minutes and 8 times as long as an outage\n{USAGE}"
        ));
    }
    kafka()?;
    let mut soak = real_kafka("soak")?;
    for (name, value) in [
        ("TAPLOOM_SOAK_JOBS", jobs),
        ("TAPLOOM_SOAK_SECONDS", seconds),
        ("TAPLOOM_SOAK_LONGEST", longest),
        ("TAPLOOM_SOAK_OUTAGE", outage),
    ] {
        soak.env(name, value.to_string());
    }
    start(soak)
}

/// The memory of the program as it is shipped, with a thousand queries and with a thousand wide results.
pub(crate) fn memory() -> Outcome {
    kafka()?;
    start(cargo(&["build", "--profile", SHIPPED, "-p", "taploom-cli", "--features", "kafka"]))?;
    let mut memory = real_kafka("memory")?;
    memory.env("TAPLOOM_WORKER_PROGRAM", program("taploom"));
    start(memory)
}

/// The test program, compiled, in a role. The log of its workers goes to a file.
fn real_kafka(role: &str) -> Outcome<Command> {
    let test = ["test", "--workspace", "--features", ALL_FEATURES, "--test", "real-kafka"];
    start(cargo(&[&test[..], &["--no-run"]].concat()))?;
    let mut command = cargo(&[&test[..], &["--quiet"]].concat());
    let log = target().join(format!("{role}.log"));
    let failed = |error| format!("can't write {}: {error}", log.display());
    command.env("TAPLOOM_REAL_KAFKA", role).stderr(File::create(&log).map_err(failed)?);
    println!("the workers log to {}", log.display());
    Ok(command)
}
