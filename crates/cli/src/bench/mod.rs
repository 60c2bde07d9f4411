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
use crate::interrupt::Unfinished;
use crate::output::Output;
use crate::progress::{Progress, is_wanted};
use crate::values::at_least_one;

/// The columns of the generated rows, if no source is given.
const COLUMNS: &str = include_str!("../../data/bench_columns.json");

/// The arguments of `taploom bench`, which measures each format in a separate process.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Source of the rows, as for encode [default: generated rows with 100 columns of a survey]
    source: Option<String>,
    /// Format of a file that can't be known by its content or name, with options, as for encode
    #[arg(long, value_name = "FORMAT[;OPTION=VALUE]...", requires = "source")]
    input_format: Option<String>,
    /// Maximum number of rows
    #[arg(long, value_name = "N", default_value_t = 50_000, allow_negative_numbers = true, value_parser = at_least_one)]
    rows: usize,
    /// Format to measure, as for encode; can be given several times [default: all formats]
    #[arg(short, long = "format", value_name = "FORMAT")]
    formats: Vec<String>,
    /// Number of times that each format is measured; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, allow_negative_numbers = true, value_parser = at_least_one)]
    rounds: usize,
    /// Number of threads that an encoder may use
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = at_least_one)]
    threads: usize,
    /// Number of rows in a batch
    #[arg(long, value_name = "N", default_value_t = 2000, allow_negative_numbers = true, value_parser = at_least_one)]
    batch_rows: usize,
    /// File for all figures with the machine and the version, in JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// File for a chart of speed and size, in SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Both files are opened before the work, so that a wrong name is reported immediately.
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
    let _unfinished = Unfinished::new(columns.path()).map_err(temporary)?;
    let source = match &arguments.source {
        Some(source) => source.clone(),
        None => format!("synth:{}?rows={}&seed=1", columns.path().display(), arguments.rows),
    };

    let mut measured: Vec<(String, Vec<Figures>)> =
        formats.into_iter().map(|format| (format, Vec::new())).collect();
    let steps = (measured.len() * arguments.rounds) as u64;
    let progress = Progress::of_runs(steps, is_wanted(arguments.quiet, false));
    let mut done = 0;
    // The formats take turns, so that other load on the machine affects all of them.
    for _ in 0..arguments.rounds {
        let mut able = Vec::with_capacity(measured.len());
        for (format, mut figures) in measured {
            done += 1;
            match measure(arguments, &source, &format)? {
                Ok(one) => {
                    figures.push(one);
                    able.push((format, figures));
                }
                Err(why) => progress.say(&format!("{format} is left out: {why}")),
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

/// A temporary file with the list of columns, for the source.
fn columns_file() -> Result<tempfile::NamedTempFile> {
    let written = tempfile::Builder::new().suffix(".json").tempfile().and_then(|mut file| {
        file.write_all(COLUMNS.as_bytes())?;
        Ok(file)
    });
    written.map_err(temporary)
}

fn temporary(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Resources, "can't write a temporary file").with_source(error)
}

/// Measures one format in a separate process, so that no other memory is counted. The inner error says why
/// this format can't be measured.
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
        .args(arguments.input_format.iter().flat_map(|format| ["--input-format", format]))
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
    // Without the name of the program at its beginning.
    let why = said.trim().split_once(": ").map_or(said.trim(), |(_, why)| why).to_owned();
    match output.status.code() {
        // If the source or the request is wrong, all other formats would fail as well.
        Some(2) if !why.starts_with("format ") => Err(Error::new(ErrorKind::InvalidRequest, why)),
        Some(_) => Ok(Err(why)),
        None => Err(failed(&format!("the process for {format} was killed"))),
    }
}
