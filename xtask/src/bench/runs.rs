//! Runs Taploom and other programs on the same rows, one after the other, on one core.

use std::fs;

use serde_json::Value;

use crate::Outcome;
use crate::bench::{json, median, usage};

/// CPU seconds and memory of a program's runs: the medians of the times, and the maximum of the memory.
#[derive(Default)]
pub(crate) struct Taken {
    reading: Vec<f64>,
    writing: Vec<f64>,
    /// Peak memory in MiB.
    pub(crate) peak: f64,
    pub(crate) version: String,
}

impl Taken {
    /// CPU seconds of reading and writing.
    pub(crate) fn both(&self) -> f64 {
        let sums = self.reading.iter().zip(&self.writing).map(|(one, other)| one + other);
        median(sums.collect())
    }

    /// CPU seconds of writing, if reading was measured apart.
    pub(crate) fn writing_apart(&self) -> Option<f64> {
        let (reading, writing) = (median(self.reading.clone()), median(self.writing.clone()));
        (reading > 0.0 && writing > 0.0).then_some(writing)
    }

    /// Adds a run of `peers.py` with the figures that it prints.
    pub(crate) fn add(&mut self, figures: &Value) {
        let number = |name: &str| figures[name].as_f64().unwrap_or(f64::NAN);
        self.reading.push(number("read"));
        self.writing.push(number("write"));
        self.peak = self.peak.max(number("peak_kib") / 1024.0);
        self.version = figures["version"].as_str().unwrap_or_default().to_owned();
    }

    /// Runs a program once and adds the figures of the whole process. The file of the previous run is
    /// removed first, because freeing its blocks takes time.
    pub(crate) fn add_process(&mut self, arguments: &[&str], out: &str) -> Outcome {
        let _ = fs::remove_file(out);
        let usage = usage(arguments)?;
        self.reading.push(0.0);
        self.writing.push(usage.cpu.as_secs_f64());
        self.peak = self.peak.max(usage.peak_kib as f64 / 1024.0);
        Ok(())
    }
}

pub(crate) fn on_one_core<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["taskset", "-c", "0"], arguments].concat()
}

pub(crate) fn ours_on_one_core<'a>(
    taploom: &'a str,
    input: &'a str,
    format: &'a str,
    out: &'a str,
    options: &[&'a str],
) -> Vec<&'a str> {
    let program = [taploom, "encode", input, "-f", format, "-o", out];
    on_one_core(&[&program[..], options].concat())
}

/// Runs `peers.py` once with these arguments, and returns the figures that it prints. The file of the previous run is
/// removed first.
pub(crate) fn peer(python: &str, arguments: &[&str], out: &str) -> Outcome<Value> {
    let _ = fs::remove_file(out);
    json(&on_one_core(&[&[python, "benches/peers.py"], arguments].concat()))
}
