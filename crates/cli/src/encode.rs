//! `taploom encode`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use taploom::pipeline::{Ahead, Coalesce, Encoded, MaxRec, RowSource, Transformed, run as encode};
use taploom::sources::{ColumnList, ReadProgress, Request};
use taploom::{
    ByteSink, ColumnLosses, Completion, Content, EncodeContext, EncoderPlugin, EncoderSpec,
    Envelope, Error, ErrorKind, Resources, Result,
};
use tokio::runtime::Runtime;

use crate::compressed::{CompressedSink, Compression};
use crate::output::Output;
use crate::progress::{Progress, finished, is_wanted};
use crate::resources::ResourceArguments;
use crate::sample::Sampling;
use crate::say;
use crate::values::{at_least_one, from_zero};
use crate::wanted::WantedArguments;

/// Bytes of small batches that are put together to one.
const COALESCED_BYTES: usize = 1 << 20;

/// The arguments of `taploom encode`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    // Its help comes from the registry of sources.
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// Query for a source that takes one; without it, demo gives all rows of its table stars
    #[arg(short, long, value_name = "SQL", allow_hyphen_values = true)]
    query: Option<String>,
    /// Which TABLE of a VOTable file with several: its number (from 1), ID or name. Which HDU of a FITS file: its number
    /// (from 0, the primary HDU) or EXTNAME
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    #[command(flatten)]
    wanted: WantedArguments,
    /// Format of an input file that can't be known by its content or name, with options: 'csv;delimiter=;',
    /// 'csv;comment=#;null=NA', 'tsv;quote=none'
    #[arg(long, value_name = "FORMAT[;OPTION=VALUE]...")]
    input_format: Option<String>,
    /// Format of the output: an id from the list below, a short name, or a media type with
    /// parameters [default: by the extension of the output file, else votable]
    #[arg(short, long)]
    format: Option<String>,
    /// Output file [default: standard output]. The file is replaced atomically, and only on success. A name
    /// that ends in .gz or .zst is compressed so
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Maximum number of rows (TAP MAXREC); 0 writes the metadata only
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_zero)]
    maxrec: Option<u64>,
    /// Option of the format, e.g. compression=zstd(3); can be given several times
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    #[command(flatten)]
    resources: ResourceArguments,
    /// Number of rows in a batch
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = at_least_one)]
    batch_rows: usize,
    /// Number of threads; with 2 or more, the source and the encoder work at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    threads: usize,
    /// JSON file with the VO metadata of the columns, by position:
    /// {"columns": [{"name": "ra", "unit": "deg"}]}
    #[arg(long, value_name = "FILE")]
    columns: Option<PathBuf>,
    /// JSON file with the XML to write around the rows:
    /// {"header": ..., "footer": ..., "footerOverflow": ...}
    #[arg(long, value_name = "FILE")]
    envelope: Option<PathBuf>,
    /// File for a summary of the result, in JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Print nothing but errors: no progress, no warnings
    #[arg(long)]
    quiet: bool,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed_bytes: Option<u64>,
    truncated_cells: u64,
    altered_cells: u64,
    losses: Vec<ColumnLosses>,
    elapsed_seconds: f64,
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    run_sampled(arguments, None)
}

/// Writes a sample of the rows, or all of them.
pub(crate) fn run_sampled(arguments: &Arguments, sampling: Option<&Sampling>) -> Result<()> {
    let started = Instant::now();
    // One value, so that the source and the encoder share the limit of temporary files.
    let resources = arguments.resources.resources()?.with_threads(arguments.threads);
    let spec = spec(arguments, &resources)?;
    // Both files are opened before the work, so that a wrong name is reported at once.
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
    if let Some(summary) = &arguments.summary {
        check_summary(summary, arguments, &output)?;
    }

    let progress = Arc::new(ReadProgress::default());
    let (first, more) = arguments
        .sources
        .split_first()
        .ok_or_else(|| Error::new(ErrorKind::Misuse, "no source is given"))?;
    let request = Request::new(first)
        .with_more_locations(more)
        .with_progress(Arc::clone(&progress))
        .with_query(arguments.query.as_deref())
        .with_table(arguments.table.as_deref())
        .with_input_format(arguments.input_format.as_deref())
        .with_columns(arguments.columns.as_deref().map(ColumnList::read).transpose()?)
        .with_batch_rows(arguments.batch_rows)
        // One row more tells that there are too many.
        .with_most_rows(
            arguments.maxrec.filter(|_| sampling.is_none()).map(|rows| rows.saturating_add(1)),
        )
        .with_select(match sampling {
            Some(sampling) => Some(sampling.with_keys(arguments.wanted.select()?)),
            None => arguments.wanted.select()?,
        })
        .with_condition(arguments.wanted.condition()?)
        .with_resources(resources.for_source());
    let runtime = runtime(arguments.threads)?;
    let source = runtime.block_on(taploom::sources::open(&request))?;
    let source = match sampling {
        Some(sampling) => sampling.around(source)?,
        None => source,
    };
    let limit = MaxRec::new(source.schema(), arguments.maxrec.unwrap_or(u64::MAX));
    let source = Transformed::new(source, limit);
    // A condition may leave a few rows of each batch, and encoders pay for every batch.
    let source: Box<dyn RowSource> = if request.condition.is_some() || sampling.is_some() {
        let coalesce = Coalesce::new(source.schema(), arguments.batch_rows, COALESCED_BYTES);
        Box::new(Transformed::new(source, coalesce))
    } else {
        Box::new(source)
    };
    let columns = source.schema().columns().len();
    let compression = arguments.output.as_deref().and_then(|path| Compression::of(path).0);
    let mut sink = output.sink().map_err(Error::sink)?;
    let mut compressed = None;
    if let Some(compression) = compression {
        let compressing = CompressedSink::new(compression, sink).map_err(Error::sink)?;
        sink = Box::new(compressing.clone());
        compressed = Some(compressing);
    }
    let tells = is_wanted(arguments.quiet, output.is_stdout());
    let progress = Progress::start(source.rows_hint(), progress, tells);
    let encoded = write(source, &spec, sink, &progress, arguments.threads, &runtime)?;
    // The line goes away before others are printed.
    drop(progress);
    let compressed_bytes =
        compressed.map(|compressed| compressed.finish()).transpose().map_err(Error::sink)?;
    output.holds(compressed_bytes.unwrap_or(encoded.summary.total_bytes))?;
    // Everything that can fail comes before the first of the two files appears.
    if let Some(file) = &summary_file {
        let mut summary = summarise(&spec, &encoded, columns, started);
        summary.compression = compression.map(Compression::name);
        summary.compressed_bytes = compressed_bytes;
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
    if !arguments.quiet {
        encoded.notes.iter().for_each(|note| say(note));
        warn(&encoded, &spec, arguments.maxrec);
        if let Some(hint) = name_hint(arguments, &spec)? {
            say(&hint);
        }
    }
    if tells {
        let bytes = compressed_bytes.unwrap_or(encoded.summary.total_bytes);
        let line = finished(encoded.summary.rows, bytes, started.elapsed());
        // Where this fails, the file is there all the same.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    Ok(())
}

/// The summary must neither be mixed with the rows nor replace a file that is read.
fn check_summary(summary: &Path, arguments: &Arguments, output: &Output) -> Result<()> {
    if summary == Path::new("-") && output.is_stdout() {
        let message =
            "--summary - and the rows both go to standard output; give one of them a file";
        return Err(invalid(message.to_owned()));
    }
    let Ok(summary) = summary.canonicalize() else { return Ok(()) };
    let sources = arguments.sources.iter();
    let sources = sources.map(|source| Path::new(source.strip_prefix("sqlite:").unwrap_or(source)));
    let others = [arguments.columns.as_deref(), arguments.envelope.as_deref()];
    for input in sources.chain(others.into_iter().flatten()) {
        if input.canonicalize().is_ok_and(|input| input == summary) && summary.is_file() {
            let message = format!("--summary would replace {}, which is read", input.display());
            return Err(invalid(message));
        }
    }
    Ok(())
}

fn spec(arguments: &Arguments, resources: &Resources) -> Result<EncoderSpec> {
    let registry = taploom::registry()?;
    let extension = |path: &Path| Compression::of(path).1.extension()?.to_str().map(str::to_owned);
    let mut spec = match (&arguments.format, arguments.output.as_deref().and_then(extension)) {
        (Some(format), _) => registry.request(format)?,
        (None, Some(extension)) => registry.for_extension(&extension).ok_or_else(|| {
            let formats = registry.plugins().iter().map(EncoderPlugin::info);
            let known: Vec<&str> =
                formats.flat_map(|info| info.extensions.iter().copied()).collect();
            invalid(format!(
                "no format has files with the extension .{extension}; choose the format with -f, or \
                 one of the extensions {}",
                known.join(", ")
            ))
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
    let envelope = arguments.envelope.as_deref().map(read_envelope).transpose()?;
    Ok(spec.with_context(EncodeContext::from(resources.clone()).with_envelope(envelope)))
}

/// A hint where a name says another format than the one that was asked for.
fn name_hint(arguments: &Arguments, spec: &EncoderSpec) -> Result<Option<String>> {
    let Some(path) = arguments.output.as_deref().filter(|_| arguments.format.is_some()) else {
        return Ok(None);
    };
    let (_, inner) = Compression::of(path);
    let Some(extension) = inner.extension().and_then(|extension| extension.to_str()) else {
        return Ok(None);
    };
    let registry = taploom::registry()?;
    let said = registry.for_extension(extension).map(|spec| spec.plugin().info().id);
    let written = spec.plugin().info();
    Ok(said.filter(|said| *said != written.id).map(|said| {
        let usual = written.extensions.first().unwrap_or(&written.id);
        format!(
            "note: {} is in the format {}, as -f asks, though .{extension} is that of {said}; .{usual} would say so",
            path.display(),
            written.id
        )
    }))
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

/// The runtime on which a source waits for its server.
fn runtime(threads: usize) -> Result<Runtime> {
    // A source on its own thread needs a runtime that this thread does not drive.
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
    sink: ByteSink,
    progress: &Progress,
    threads: usize,
    runtime: &Runtime,
) -> Result<Encoded> {
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
        compression: None,
        compressed_bytes: None,
        truncated_cells: summary.truncated_cells,
        altered_cells: summary.altered_cells,
        losses: summary.losses.columns().to_vec(),
        elapsed_seconds: started.elapsed().as_secs_f64(),
    }
}

/// Prints what the user should know about a complete file on standard error.
fn warn(encoded: &Encoded, spec: &EncoderSpec, maxrec: Option<u64>) {
    let info = spec.plugin().info();
    if encoded.completion == Completion::Overflow
        && info.overflow == taploom::OverflowReport::None
        && maxrec != Some(0)
    {
        let rows = if maxrec.is_some() { "rows beyond --maxrec" } else { "rows of the source" };
        say(&format!("warning: {rows} were left out, and {} can't say so", info.id));
    }
    for sentence in encoded.summary.losses.sentences() {
        say(&format!("warning: {sentence}"));
    }
}
