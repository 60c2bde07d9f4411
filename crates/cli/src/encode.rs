//! `taploom encode`.

mod destination;
mod folder;
mod format;
mod summary;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use taploom::pipeline::{
    Ahead, Coalesce, Encoded, MaxRec, PartLimits, RowSource, Transformed, run_parts,
};
use taploom::sources::{ColumnList, ReadProgress, Request, SampleStats, SourceRegistry};
use taploom::{Completion, Content, EncoderSpec, Error, ErrorKind, Result};
use tokio::runtime::Runtime;

use self::destination::{Destination, SplitArguments};
use self::folder::is_in;
use self::format::{name_hint, spec};
use self::summary::Summary;
use crate::compressed::check_name;
use crate::output::Output;
use crate::progress::{Progress, finished, is_wanted};
use crate::resources::ResourceArguments;
use crate::sample::Sampling;
use crate::say;
use crate::values::{at_least_one, from_zero};
use crate::wanted::WantedArguments;

/// Small batches are merged up to this size in bytes.
const COALESCED_BYTES: usize = 1 << 20;

/// The arguments of `taploom encode`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    // The help of this argument comes from the registry of sources.
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// Query for a source that takes one; without it, demo gives all rows of its table stars
    #[arg(short, long, value_name = "SQL", allow_hyphen_values = true)]
    query: Option<String>,
    /// Which TABLE of a VOTable file with several: its number (from 1), ID or name. Which HDU of a FITS file: its
    /// number (from 0, the primary HDU) or EXTNAME
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
    /// that ends in .gz or .zst is compressed so. A name that ends in a slash is a folder for files
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    split: SplitArguments,
    /// Maximum number of rows (TAP MAXREC); 0 writes the metadata only
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_zero)]
    maxrec: Option<u64>,
    /// Option of the format, e.g. compression=zstd(3); can be given several times
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    #[command(flatten)]
    resources: ResourceArguments,
    /// Number of rows in a batch
    #[arg(long, value_name = "N", default_value_t = 2000, allow_negative_numbers = true, value_parser = at_least_one)]
    batch_rows: usize,
    /// Number of threads; with 2 or more, the source and the encoder work at the same time
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = at_least_one)]
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

impl Arguments {
    /// The files with metadata that are read beside the rows.
    fn metadata(&self) -> impl Iterator<Item = &Path> {
        [self.columns.as_deref(), self.envelope.as_deref()].into_iter().flatten()
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    run_sampled(arguments, None)
}

/// Refuses an output that is among several input files, because the same command would then read it at its
/// next run, and have the rows twice. A single input file may be replaced by its output.
fn check_outside(output: &Path, files: &[String], request: &Request<'_>) -> Result<()> {
    let locations =
        std::iter::once(request.location).chain(request.more_locations.iter().map(String::as_str));
    let mut folders = locations.map(Path::new).filter(|location| location.is_dir());
    let is_read = || same_file(output, files.iter().map(Path::new)).is_some();
    if folders.any(|folder| is_in(output, folder)) || is_read() {
        return Err(invalid(format!(
            "-o {0} is among the files that are read as one table, so the next run would read its rows too; write it \
             to another folder",
            output.display()
        )));
    }
    Ok(())
}

/// The input that is the same file as the output, perhaps by another name.
fn same_file<'a>(output: &Path, mut inputs: impl Iterator<Item = &'a Path>) -> Option<&'a Path> {
    let output = output.canonicalize().ok()?;
    inputs.find(|input| input.canonicalize().is_ok_and(|input| input == output))
}

/// Refuses an output in place of a file that is read.
fn check_replaced<'a>(
    option: &str,
    output: &Path,
    inputs: impl Iterator<Item = &'a Path>,
) -> Result<()> {
    match same_file(output, inputs).filter(|input| input.is_file()) {
        None => Ok(()),
        Some(input) => Err(invalid(format!(
            "{option} would replace {}, which is read; name another file",
            input.display()
        ))),
    }
}

/// Writes all rows, or a sample of them.
pub(crate) fn run_sampled(arguments: &Arguments, sampling: Option<&Sampling>) -> Result<()> {
    let started = Instant::now();
    if let Some(output) = &arguments.output {
        check_name(output)?;
        // A file of rows may be replaced by its rows. A database has more than the rows of one query, and a sample has
        // few rows of its file.
        let sources = arguments
            .sources
            .iter()
            .map(String::as_str)
            .filter_map(|source| source.strip_prefix("sqlite:").or(sampling.map(|_| source)));
        check_replaced("-o", output, sources.map(Path::new).chain(arguments.metadata()))?;
    }
    // A single value, so that the source and the encoder share the limit for temporary files.
    let resources = arguments.resources.resources()?.with_threads(arguments.threads);
    let spec = spec(arguments, &resources)?;
    // All outputs are opened before the work, so that a wrong name is reported immediately.
    let mut destination = Destination::open(arguments.output.as_deref(), &arguments.split, &spec)?;
    let to_stdout = destination.is_stdout();
    if to_stdout
        && spec.plugin().info().content == Content::Binary
        && std::io::stdout().is_terminal()
    {
        let id = spec.plugin().info().id;
        return Err(invalid(format!("{id} is binary: give a file with -o, or pipe the output")));
    }
    let summary_file =
        arguments.summary.as_deref().map(|path| Output::open(Some(path))).transpose()?;
    if let (Some(path), Some(file)) = (&arguments.summary, &summary_file) {
        destination.check_beside(file, path, "--summary")?;
        summary::check(path, arguments, &destination)?;
    }

    let progress = Arc::new(ReadProgress::default());
    let stats = SampleStats::default();
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
        // One more row shows whether rows are left out.
        .with_most_rows(arguments.maxrec.map(|rows| rows.saturating_add(1)))
        .with_select(arguments.wanted.select()?)
        .with_condition(arguments.wanted.condition()?)
        .with_sample(sampling.map(Sampling::first_ids))
        .with_sample_stats(stats.clone())
        .with_resources(resources.for_source());
    let registry = SourceRegistry::collected()?;
    let files = registry.joined_files(&request)?;
    // Standard output is not a file, and sources don't read subfolders.
    if let (Some(path), Some(files)) = (&arguments.output, &files)
        && !to_stdout
        && destination.files().is_none()
    {
        check_outside(path, files, &request)?;
    }
    let runtime = runtime(arguments.threads)?;
    let source = runtime.block_on(registry.open_files(files, &request))?;
    let limit = MaxRec::new(source.schema(), arguments.maxrec.unwrap_or(u64::MAX));
    let source = Transformed::new(source, limit);
    // A condition may leave only a few rows of each batch, and each batch has a fixed cost for encoders.
    let source: Box<dyn RowSource> = if request.condition.is_some() || sampling.is_some() {
        let coalesce = Coalesce::new(source.schema(), arguments.batch_rows, COALESCED_BYTES);
        Box::new(Transformed::new(source, coalesce))
    } else {
        Box::new(source)
    };
    let columns = source.schema().columns().len();
    arguments.split.check(source.rows_hint())?;
    let tells = is_wanted(arguments.quiet, to_stdout);
    let progress = Progress::start(source.rows_hint(), progress, tells);
    let encoded = write(source, &spec, &mut destination, &progress, arguments, &runtime)
        .map_err(|error| in_output(error, arguments.output.as_deref()))?;
    // Removes the progress line before other lines are printed.
    drop(progress);
    let (files, bytes) = (destination.files().map(Iterator::count), destination.bytes());
    // Everything that can fail happens before the first output file appears.
    if let Some(file) = &summary_file {
        let summary = Summary::new(&spec, &encoded, columns, &destination, started);
        file.write_all(&summary.json()?)?;
    }
    destination.commit()?;
    if let Some(file) = summary_file {
        file.commit()?;
    }
    let told = sampling.map(|sampling| sampling.told(&stats)).unwrap_or_default();
    told.iter().for_each(|line| say(line));
    if !arguments.quiet {
        encoded.notes.iter().for_each(|note| say(note));
        warn(&encoded, &spec, arguments.maxrec);
        if let Some(hint) = name_hint(arguments, &spec)? {
            say(&hint);
        }
    }
    if tells {
        let line = finished(files, encoded.summary.rows, bytes, started.elapsed());
        // If this fails, the output file exists nevertheless.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    Ok(())
}

/// How long a source may take to end its query on the server.
const END_OF_QUERY: Duration = Duration::from_secs(6);

/// The runtime on which a source waits for its server.
fn runtime(threads: usize) -> Result<Runtime> {
    // If the source has a separate thread, that thread needs a runtime with worker threads.
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
    destination: &mut Destination,
    progress: &Progress,
    arguments: &Arguments,
    runtime: &Runtime,
) -> Result<Encoded> {
    let limits = arguments.split.limits();
    let is_split = limits != PartLimits::default();
    let mut tell = |rows, files| {
        if is_split {
            progress.file(files);
        }
        progress.rows(rows);
    };
    if arguments.threads == 1 {
        return runtime.block_on(run_parts(&mut source, spec, limits, destination, &mut tell));
    }
    let mut ahead = Ahead::start(source, runtime.handle());
    let outcome =
        futures::executor::block_on(run_parts(&mut ahead, spec, limits, destination, &mut tell));
    ahead.close(END_OF_QUERY);
    outcome
}

/// Names the output in the error of a failed write, such as one on a full disk.
fn in_output(error: Error, output: Option<&Path>) -> Error {
    match output.filter(|path| *path != Path::new("-")) {
        Some(path) if error.kind() == ErrorKind::Sink => {
            error.with_context(format_args!("-o {}", path.display()))
        }
        _ => error,
    }
}

/// Prints warnings about a complete result on standard error.
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
