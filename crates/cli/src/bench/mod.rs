//! `taploom bench`: every registered format on the same rows.

mod one;
mod plot;
mod report;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use taploom::{Error, ErrorKind, Result};

pub(crate) use self::one::{Arguments as OneArguments, run as run_one};
use self::report::{Figures, Report};
use crate::output::Output;
use crate::progress::Progress;
use crate::say;
use crate::values::at_least_one;

/// The columns of the rows that are made up where no source is given.
const COLUMNS: &str = include_str!("../../data/bench_columns.json");

/// Every registered format on the same rows, one after the other, each in a process of its own.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where rows come from, as for encode; by default they are made up, of 100 columns of a survey
    source: Option<String>,
    /// Rows at most
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = at_least_one)]
    rows: usize,
    /// A RESPONSEFORMAT value; may be repeated. By default every format that is registered
    #[arg(short, long = "format", value_name = "FORMAT")]
    formats: Vec<String>,
    /// Times that each format is measured; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = at_least_one)]
    rounds: usize,
    /// Threads that an encoder may keep busy
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    threads: usize,
    /// Rows of a batch
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = at_least_one)]
    batch_rows: usize,
    /// Write all figures to a file, as JSON, with the machine and the version
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a picture of speed and size, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Both files before the work, so that a wrong name costs no time.
    let json = arguments.json.as_deref().map(|path| Output::open(Some(path))).transpose()?;
    let plot = arguments.plot.as_deref().map(|path| Output::open(Some(path))).transpose()?;
    let registry = taploom::registry()?;
    let formats = match arguments.formats.as_slice() {
        [] => registry.plugins().iter().map(|plugin| plugin.info().id.to_owned()).collect(),
        given => given.to_vec(),
    };
    for format in &formats {
        registry.request(format)?;
    }
    let columns = columns_file()?;
    let source = match &arguments.source {
        Some(source) => source.clone(),
        None => format!("synth:{}?rows={}&seed=1", columns.path().display(), arguments.rows),
    };

    let mut measured: Vec<(String, Vec<Figures>)> =
        formats.into_iter().map(|format| (format, Vec::new())).collect();
    let progress = Progress::start(Some((measured.len() * arguments.rounds) as u64));
    let mut done = 0;
    // In turn, so that what else the machine does falls on all of them.
    for _ in 0..arguments.rounds {
        let mut able = Vec::with_capacity(measured.len());
        for (format, mut figures) in measured {
            done += 1;
            match measure(arguments, &source, &format)? {
                Ok(one) => {
                    figures.push(one);
                    able.push((format, figures));
                }
                Err(why) => say(&format!("{format} is left out: {why}")),
            }
            progress.rows(done);
        }
        measured = able;
    }
    drop(progress);
    if measured.is_empty() {
        return Err(Error::new(ErrorKind::InvalidRequest, "no format could be measured"));
    }

    let report = Report::new(measured, arguments.threads, arguments.source.as_deref());
    if let Some(file) = &json {
        file.write_all(&report.json()?)?;
    }
    if let Some(file) = &plot {
        file.write_all(plot::svg(&report).as_bytes())?;
    }
    json.into_iter().chain(plot).try_for_each(Output::commit)?;
    std::io::stdout().write_all(report.table().as_bytes()).map_err(Error::sink)
}

/// The list of columns as a file, which a source is made of.
fn columns_file() -> Result<tempfile::NamedTempFile> {
    let written = tempfile::Builder::new().suffix(".json").tempfile().and_then(|mut file| {
        file.write_all(COLUMNS.as_bytes())?;
        Ok(file)
    });
    written.map_err(|error| {
        Error::new(ErrorKind::Resources, "can't write a temporary file").with_source(error)
    })
}

/// Measures one format in a process of its own, whose memory is nobody else's; or says why it can't be.
fn measure(
    arguments: &Arguments,
    source: &str,
    format: &str,
) -> Result<std::result::Result<Figures, String>> {
    let failed = |why: &str| Error::new(ErrorKind::Internal, why);
    let program = std::env::current_exe()
        .map_err(|error| failed("can't find this program").with_source(error))?;
    let numbers =
        [arguments.rows, arguments.threads, arguments.batch_rows].map(|number| number.to_string());
    let output = Command::new(program)
        .args(["bench-one", source, "-f", format])
        .args(["--rows", &numbers[0], "--threads", &numbers[1], "--batch-rows", &numbers[2]])
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| failed("can't start a process").with_source(error))?;
    if output.status.success() {
        let figures = serde_json::from_slice(&output.stdout)
            .map_err(|error| failed("a process does not say what it measured").with_source(error));
        return figures.map(Ok);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // Without the name of the program before it.
    let why = said.trim().split_once(": ").map_or(said.trim(), |(_, why)| why).to_owned();
    match output.status.code() {
        // The source or the request, which no other format would do better with.
        Some(2) if !why.starts_with("format ") => Err(Error::new(ErrorKind::InvalidRequest, why)),
        Some(_) => Ok(Err(why)),
        None => Err(failed(&format!("the process for {format} was killed"))),
    }
}
