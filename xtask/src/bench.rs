//! Rows per CPU second of every format: the whole program, on the 991 columns of a real wide table.

use std::process::Stdio;
use std::time::Duration;

use crate::run::{cargo, command, run as start};
use crate::{Outcome, root};

const COLUMNS: &str = "tests/data/dp02_object_columns.json";
const ROWS: u64 = 50_000;
const FORMATS: [&str; 4] = ["votable", "csv", "tsv", "voparquet"];
const RUNS: usize = 5;

/// Prints the median of several runs on one thread, and the largest peak of memory.
pub(crate) fn run() -> Outcome {
    start(cargo(&["build", "--release"]))?;
    let source = format!("synth:{COLUMNS}?rows={ROWS}&seed=1");
    println!("{ROWS} rows x 991 columns, made up while they are encoded, written to a file");
    println!(
        "{:<12}{:>14}{:>12}{:>14}{:>12}",
        "format", "rows/CPU s", "CPU s", "peak MiB", "MB out"
    );
    let out = root().join("target/bench.out");
    for format in FORMATS {
        let mut seconds = Vec::with_capacity(RUNS);
        let mut peak = 0;
        for _ in 0..RUNS {
            let usage = measure(&source, format, &out.display().to_string(), &[])?;
            seconds.push(usage.cpu.as_secs_f64());
            peak = peak.max(usage.peak_kib);
        }
        let median = median(seconds);
        let bytes = std::fs::metadata(&out).map_or(0, |metadata| metadata.len());
        println!(
            "{format:<12}{:>14.0}{median:>12.2}{:>14.1}{:>12.1}",
            ROWS as f64 / median,
            peak as f64 / 1024.0,
            bytes as f64 / 1e6,
        );
    }
    std::fs::remove_file(&out).map_err(|error| format!("can't remove {}: {error}", out.display()))
}

/// What the kernel says of a run of a program.
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) peak_kib: u64,
}

/// Runs `taploom encode` once.
pub(crate) fn measure(source: &str, format: &str, out: &str, more: &[&str]) -> Outcome<Usage> {
    let program = root().join("target/release/taploom").display().to_string();
    usage(&[&[program.as_str(), "encode", source, "-f", format, "-o", out], more].concat())
}

/// Runs a program once, through Python, whose `getrusage` has the kernel's own account of a child that has
/// ended: CPU seconds, and the largest resident set. What the program prints is thrown away.
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

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
