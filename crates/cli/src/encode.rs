//! `taploom encode`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use taploom::pipeline::{Ahead, Encoded, MaxRec, RowSource, Transformed, run as encode};
use taploom::sources::{ColumnList, Request};
use taploom::{
    ColumnLosses, Completion, Content, EncodeContext, EncoderSpec, Envelope, Error, ErrorKind,
    Result,
};
use tokio::runtime::Runtime;

use crate::output::Output;
use crate::progress::Progress;
use crate::resources::ResourceArguments;
use crate::say;
use crate::values::{at_least_one, from_zero};

/// Rows in, one file out.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// demo, sqlite:FILE, mysql://USER:PASSWORD@HOST:PORT/DATABASE,
    /// synth:COLUMNS.json?rows=N&seed=S&nulls=F, or a Parquet, Arrow or VOTable file
    source: String,
    /// The query, for demo (default: all of the table stars), sqlite:FILE and mysql://
    #[arg(short, long, value_name = "SQL")]
    query: Option<String>,
    /// The TABLE of a VOTable file that has several: its number from 1, its ID or its name
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// A RESPONSEFORMAT value: media type with parameters, short name or id (see `taploom
    /// formats`); by default that of the extension of FILE
    #[arg(short, long)]
    format: Option<String>,
    /// Where to write; standard output by default. The file appears when it is complete
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Rows at most; more is an overflow. 0 gives the metadata alone
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_zero)]
    maxrec: Option<u64>,
    /// An option of the format, e.g. compression=zstd(3); may be repeated
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    #[command(flatten)]
    resources: ResourceArguments,
    /// Rows of a batch
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = at_least_one)]
    batch_rows: usize,
    /// Threads; with 2 and more the source works while the encoder does, and encoders that can use
    /// several do so
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    threads: usize,
    /// VO metadata of the columns, by position: JSON {"columns": [{"name": "ra", "unit": "deg"}]}
    #[arg(long, value_name = "FILE")]
    columns: Option<PathBuf>,
    /// XML to write around the rows: JSON {"header": ..., "footer": ..., "footerOverflow": ...}
    #[arg(long, value_name = "FILE")]
    envelope: Option<PathBuf>,
    /// Write what was done to a file, as JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
}

/// The file that `--summary` names.
#[derive(Serialize)]
struct Summary {
    format: &'static str,
    content_type: String,
    status: &'static str,
    rows: u64,
    columns: usize,
    data_bytes: u64,
    total_bytes: u64,
    truncated_cells: u64,
    altered_cells: u64,
    losses: Vec<ColumnLosses>,
    elapsed_seconds: f64,
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let spec = spec(arguments)?;
    // Both files before the work, so that a wrong name costs no time.
    let output = Output::open(arguments.output.as_deref())?;
    if output.is_stdout()
        && spec.plugin().info().content == Content::Binary
        && std::io::stdout().is_terminal()
    {
        let id = spec.plugin().info().id;
        return Err(invalid(format!("{id} is binary: give a file with -o, or pipe the output")));
    }
    let summary_file =
        arguments.summary.as_deref().map(|path| Output::open(Some(path))).transpose()?;
    if summary_file.as_ref().is_some_and(|summary| summary.takes_the_place_of(&output)) {
        return Err(invalid(
            "--summary and -o name the same file; the rows would be lost".to_owned(),
        ));
    }

    let request = Request::new(&arguments.source)
        .with_query(arguments.query.as_deref())
        .with_table(arguments.table.as_deref())
        .with_columns(arguments.columns.as_deref().map(ColumnList::read).transpose()?)
        .with_batch_rows(arguments.batch_rows);
    let runtime = runtime(arguments.threads)?;
    let source = runtime.block_on(taploom::sources::open(&request))?;
    let limit = MaxRec::new(source.schema(), arguments.maxrec.unwrap_or(u64::MAX));
    let source = Transformed::new(source, limit);
    let columns = source.schema().columns().len();
    let encoded = write(source, &spec, &output, arguments.threads, &runtime)?;
    output.holds(encoded.summary.total_bytes)?;
    // All that can fail before the first of the two files appears.
    if let Some(file) = &summary_file {
        let summary = summarise(&spec, &encoded, columns, started);
        let mut json = serde_json::to_vec(&summary).map_err(|error| {
            Error::new(ErrorKind::Internal, "can't write the summary").with_source(error)
        })?;
        json.push(b'\n');
        file.write_all(&json)?;
    }
    output.commit()?;
    if let Some(file) = summary_file {
        file.commit()?;
    }
    encoded.notes.iter().for_each(|note| say(note));
    warn(&encoded, &spec, arguments.maxrec);
    Ok(())
}

fn spec(arguments: &Arguments) -> Result<EncoderSpec> {
    let registry = taploom::registry()?;
    let extension = |path: &Path| path.extension()?.to_str().map(str::to_owned);
    let mut spec = match (&arguments.format, arguments.output.as_deref().and_then(extension)) {
        (Some(format), _) => registry.request(format)?,
        (None, Some(extension)) => registry.for_extension(&extension).ok_or_else(|| {
            let error = registry.request(&extension).err();
            let message =
                format!("no format has files with the extension .{extension}; choose with -f");
            match error {
                Some(error) => invalid(message).with_source(error),
                None => invalid(message),
            }
        })?,
        (None, None) => registry.default_request()?,
    };
    for option in &arguments.options {
        let (name, value) = option.split_once('=').ok_or_else(|| {
            let message = format!("--option {option:?} is not of the form KEY=VALUE");
            Error::new(ErrorKind::InvalidOption, message)
        })?;
        spec = spec.with_option(name.trim(), value)?;
    }
    let resources = arguments.resources.resources()?.with_threads(arguments.threads);
    let envelope = arguments.envelope.as_deref().map(read_envelope).transpose()?;
    Ok(spec.with_context(EncodeContext::from(resources).with_envelope(envelope)))
}

fn read_envelope(path: &Path) -> Result<Envelope> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| invalid(format!("can't read the envelope {name}")).with_source(error))?;
    serde_json::from_str(&text).map_err(|error| {
        let form = "an envelope in JSON: header, footer, footerOverflow";
        invalid(format!("{name} is not {form}")).with_source(error)
    })
}

/// Where the source waits for its server, if it has one.
fn runtime(threads: usize) -> Result<Runtime> {
    // With a thread of its own the source can't drive the runtime of this one.
    let mut builder = if threads == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.worker_threads(1).enable_all().build().map_err(|error| {
        Error::new(ErrorKind::Source, "can't start a runtime for the source").with_source(error)
    })
}

fn write(
    mut source: impl RowSource + 'static,
    spec: &EncoderSpec,
    output: &Output,
    threads: usize,
    runtime: &Runtime,
) -> Result<Encoded> {
    let sink = output.sink().map_err(Error::sink)?;
    let progress = Progress::start(source.rows_hint());
    let mut tell = |rows| progress.rows(rows);
    if threads == 1 {
        return runtime.block_on(encode(&mut source, spec, sink, &mut tell));
    }
    let mut ahead = Ahead::start(source, runtime.handle());
    futures::executor::block_on(encode(&mut ahead, spec, sink, &mut tell))
}

fn summarise(spec: &EncoderSpec, encoded: &Encoded, columns: usize, started: Instant) -> Summary {
    let summary = &encoded.summary;
    Summary {
        format: spec.plugin().info().id,
        content_type: spec.content_type(),
        status: match encoded.completion {
            Completion::Overflow => "overflow",
            _ => "complete",
        },
        rows: summary.rows,
        columns,
        data_bytes: summary.data_bytes,
        total_bytes: summary.total_bytes,
        truncated_cells: summary.truncated_cells,
        altered_cells: summary.altered_cells,
        losses: summary.losses.columns().to_vec(),
        elapsed_seconds: started.elapsed().as_secs_f64(),
    }
}

/// What a person should know of a file that is complete, on standard error.
fn warn(encoded: &Encoded, spec: &EncoderSpec, maxrec: Option<u64>) {
    let info = spec.plugin().info();
    if encoded.completion == Completion::Overflow
        && info.overflow == taploom::OverflowReport::None
        && maxrec != Some(0)
    {
        let rows = if maxrec.is_some() { "rows beyond --maxrec" } else { "rows of the source" };
        say(&format!("{rows} were left out, and {} can't say so", info.id));
    }
    encoded.summary.losses.sentences().iter().for_each(|sentence| say(sentence));
}
