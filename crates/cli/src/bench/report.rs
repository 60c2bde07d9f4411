//! The report, as a table and as JSON.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use taploom::{Error, ErrorKind, Result};

/// The figures of one format.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) rows: u64,
    pub(super) columns: u64,
    /// Size of the rows in Arrow, in bytes.
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// Wall-clock time from the start of the encoder to its end.
    pub(super) seconds: f64,
    /// Time until the first bytes of rows were written.
    pub(super) first_rows_seconds: f64,
    /// The largest heap that the encoder reported after a batch.
    pub(super) held: u64,
    /// How much the resident set grew during encoding.
    pub(super) peak_above_rows: Option<u64>,
    /// The peak resident set of the process, including the rows (VmHWM).
    pub(super) peak_resident: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Report {
    pub(super) taploom: &'static str,
    pub(super) machine: Machine,
    pub(super) source: String,
    pub(super) rows: u64,
    pub(super) columns: u64,
    pub(super) threads: usize,
    pub(super) rounds: usize,
    /// The formats, the fastest first.
    pub(super) formats: Vec<Format>,
}

#[derive(Serialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    cores: usize,
    system: &'static str,
    architecture: &'static str,
}

#[derive(Serialize)]
pub(super) struct Format {
    pub(super) format: String,
    pub(super) rows_per_second: f64,
    megabytes_in_per_second: f64,
    pub(super) megabytes_out: f64,
    /// Output bytes per input byte.
    pub(super) size_ratio: f64,
    /// The figures of the round with the median time, but the largest memory of all rounds.
    #[serde(flatten)]
    figures: Figures,
}

impl Report {
    pub(super) fn new(
        measured: Vec<(String, Vec<Figures>)>,
        threads: usize,
        source: Option<&str>,
    ) -> Self {
        let rounds = measured.iter().map(|(_, figures)| figures.len()).max().unwrap_or_default();
        let formats =
            measured.into_iter().filter_map(|(format, figures)| Format::of(format, figures));
        let mut formats: Vec<Format> = formats.collect();
        formats.sort_by(|one, other| other.rows_per_second.total_cmp(&one.rows_per_second));
        let first = formats.first().map(|format| &format.figures);
        Self {
            taploom: env!("CARGO_PKG_VERSION"),
            machine: Machine::this(),
            source: source
                .unwrap_or("made up: 100 columns of a survey's table of objects")
                .to_owned(),
            rows: first.map_or(0, |figures| figures.rows),
            columns: first.map_or(0, |figures| figures.columns),
            threads,
            rounds,
            formats,
        }
    }

    pub(super) fn json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| {
            Error::new(ErrorKind::Internal, "can't write the report as JSON").with_source(error)
        })?;
        json.push(b'\n');
        Ok(json)
    }

    pub(super) fn table(&self) -> String {
        let Self { rows, columns, threads, rounds, .. } = self;
        let mut text =
            format!("{rows} rows x {columns} columns, threads: {threads}, median of {rounds}\n");
        let _ = writeln!(
            text,
            "{:<16}{:>12}{:>10}{:>10}{:>8}{:>10}{:>10}{:>11}{:>15}",
            "format",
            "rows/s",
            "MB/s in",
            "MB out",
            "ratio",
            "held MiB",
            "peak MiB",
            "VmHWM MiB",
            "first rows ms"
        );
        for format in &self.formats {
            let Figures { first_rows_seconds, held, peak_above_rows, peak_resident, .. } =
                format.figures;
            let mib = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
            let _ = writeln!(
                text,
                "{:<16}{:>12.0}{:>10.0}{:>10.1}{:>8.2}{:>10}{:>10}{:>11}{:>15.1}",
                format.format,
                format.rows_per_second,
                format.megabytes_in_per_second,
                format.megabytes_out,
                format.size_ratio,
                mib(held),
                peak_above_rows.map_or_else(|| "-".to_owned(), mib),
                peak_resident.map_or_else(|| "-".to_owned(), mib),
                first_rows_seconds * 1e3,
            );
        }
        text
    }
}

impl Format {
    fn of(format: String, mut rounds: Vec<Figures>) -> Option<Self> {
        let held = rounds.iter().map(|round| round.held).max()?;
        let peak_above_rows = rounds.iter().filter_map(|round| round.peak_above_rows).max();
        let peak_resident = rounds.iter().filter_map(|round| round.peak_resident).max();
        rounds.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        let median = rounds.swap_remove(rounds.len() / 2);
        let (bytes_in, bytes_out) = (median.bytes_in as f64, median.bytes_out as f64);
        Some(Self {
            format,
            rows_per_second: median.rows as f64 / median.seconds,
            megabytes_in_per_second: bytes_in / 1e6 / median.seconds,
            megabytes_out: bytes_out / 1e6,
            size_ratio: bytes_out / bytes_in,
            figures: Figures { held, peak_above_rows, peak_resident, ..median },
        })
    }
}

impl Machine {
    fn this() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            processor: model.map_or("unknown", |(_, model)| model.trim()).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
        }
    }
}
