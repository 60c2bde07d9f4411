//! The measurements of `cargo xtask bench`, and the code that they share: one run of a program, with the CPU time and
//! the memory that the kernel reports for it.

pub(crate) mod bridge;
pub(crate) mod decimals;
pub(crate) mod encodings;
mod figures;
pub(crate) mod formats;
pub(crate) mod loom;
pub(crate) mod mysql;
mod narrow_table;
mod page;
pub(crate) mod page_file;
pub(crate) mod peers;
pub(crate) mod postgres;
pub(crate) mod readers;
pub(crate) mod reading;
pub(crate) mod resident;
mod runs;
pub(crate) mod sample;
pub(crate) mod whole;
mod wide_table;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::Outcome;
use crate::command::{cargo, command, run as start};
use crate::folders::{SHIPPED, program, target};

/// CPU time and peak memory of one run of a program, as the kernel reports them.
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) peak_kib: u64,
}

/// The median CPU time, and the largest peak memory, of several runs of a program.
pub(crate) struct Typical {
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mib: f64,
}

/// Runs programs that handle the same rows in turn, so that other load on the machine affects all of them, and prints a
/// table of them.
pub(crate) fn turns<const PROGRAMS: usize>(
    rows: u64,
    programs: [(&str, &[&str]); PROGRAMS],
) -> Outcome<[Typical; PROGRAMS]> {
    const TURNS: usize = 5;

    let mut seconds = [const { Vec::new() }; PROGRAMS];
    let mut peaks = [0; PROGRAMS];
    for _ in 0..TURNS {
        for (index, (_, arguments)) in programs.iter().enumerate() {
            let usage = usage(arguments)?;
            seconds[index].push(usage.cpu.as_secs_f64());
            peaks[index] = peaks[index].max(usage.peak_kib);
        }
    }
    println!("{:<28}{:>14}{:>12}{:>12}", "program", "rows/CPU s", "CPU s", "peak MiB");
    let mut names = programs.iter().map(|(name, _)| name);
    let mut peaks = peaks.into_iter();
    Ok(seconds.map(|seconds| {
        let cpu_seconds = median(seconds);
        let peak_mib = peaks.next().unwrap_or_default() as f64 / 1024.0;
        let name = names.next().copied().unwrap_or_default();
        let rate = rows as f64 / cpu_seconds;
        println!("{name:<28}{rate:>14.0}{cpu_seconds:>12.2}{peak_mib:>12.1}");
        Typical { cpu_seconds, peak_mib }
    }))
}

/// Runs `taploom encode` once.
pub(crate) fn measure(source: &str, format: &str, out: &str, more: &[&str]) -> Outcome<Usage> {
    let program = program("taploom");
    usage(&[&[program.as_str(), "encode", source, "-f", format, "-o", out], more].concat())
}

/// Runs a program once and discards its output. Python starts the program, since its `getrusage` gives the CPU seconds
/// and the largest resident set of a child that has ended.
pub(crate) fn usage(arguments: &[&str]) -> Outcome<Usage> {
    let script = "import resource, subprocess, sys\n\
        status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n\
        used = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
        print(used.ru_utime + used.ru_stime, used.ru_maxrss)\n\
        sys.exit(status)";
    let output = command("python3", &["-c", script])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("can't run python3: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut words = text.split_whitespace();
    let cpu = words.next().and_then(|word| word.parse().ok());
    let peak = words.next().and_then(|word| word.parse().ok());
    match (output.status.success(), cpu, peak) {
        (true, Some(cpu), Some(peak_kib)) => {
            Ok(Usage { cpu: Duration::from_secs_f64(cpu), peak_kib })
        }
        _ => Err(format!("{} failed", arguments.first().unwrap_or(&"nothing"))),
    }
}

/// The program that runs the encoders alone.
pub(crate) const STAGE: &str = "bench-encode-stage";

/// Builds the program as it is shipped.
pub(crate) fn built() -> Outcome {
    start(cargo(&["build", "--profile", SHIPPED]))
}

/// Builds the program as it is shipped, and `bench-encode-stage`.
pub(crate) fn built_with_stage() -> Outcome {
    built_with(&[STAGE])
}

/// Builds the program as it is shipped, and programs of the benches.
pub(crate) fn built_with(programs: &[&str]) -> Outcome {
    built()?;
    let programs = programs.iter().flat_map(|program| ["--bin", program]);
    let arguments: Vec<&str> = ["build", "--profile", SHIPPED, "-p", "taploom-benches"]
        .into_iter()
        .chain(programs)
        .collect();
    start(cargo(&arguments))
}

/// Runs a measurement that writes files into the bench folder, and removes them afterwards.
pub(crate) fn in_folder<T>(measure: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let folder = target().join("bench");
    fs::create_dir_all(&folder)
        .map_err(|error| format!("can't make {}: {error}", folder.display()))?;
    let measured = measure();
    let _ = fs::remove_dir_all(&folder);
    measured
}

/// The path of a file in the bench folder.
fn bench_file(name: &str) -> String {
    target().join("bench").join(name).display().to_string()
}

/// Runs a program and parses the JSON that it prints.
pub(crate) fn json(arguments: &[&str]) -> Outcome<Value> {
    let (program, rest) = arguments.split_first().ok_or("the command is empty")?;
    let output = command(program, rest)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("can't run {program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{} failed", arguments.join(" ")));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{} prints no figures: {error}", arguments.join(" ")))
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
