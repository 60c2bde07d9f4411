//! `taploom inspect`: reports how files are stored, and their defects.

mod plot;
mod text;

use std::io::Write;
use std::path::{Path, PathBuf};

use taploom::sources::{Request, SourceRegistry};
use taploom::{Error, ErrorKind, Result};
use taploom_inspect::{InspectOptions, Inspection, inspect};

use crate::output::Output;
use crate::terminal::Width;
use crate::values::from_zero;

/// The arguments of `taploom inspect`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Files: Parquet, Arrow, FITS, VOTable, CSV and others that encode reads. A folder or a quoted pattern of file
    /// names stands for its files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Format of files that can't be known by their content or name, with options, as for encode
    #[arg(long, value_name = "FORMAT[;OPTION=VALUE]...")]
    input_format: Option<String>,
    /// Print JSON, for programs: an array with one object per file
    #[arg(long)]
    json: bool,
    /// Read the whole files, and check every page or row; reports how much of a damaged file can be read
    #[arg(long)]
    verify: bool,
    /// File for a plot of a Parquet file in SVG: the sizes of its parts, by columns and row groups
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Width of the tables in characters; 0 shows all columns [default: the terminal's, or 80]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_zero)]
    width: Option<u64>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let files = files(&arguments.files)?;
    let plot = match &arguments.plot {
        Some(path) => Some(picture(path, &files)?),
        None => None,
    };
    let options = InspectOptions::default()
        .with_verify(arguments.verify)
        .with_chunk_bytes(plot.is_some())
        .with_input_format(arguments.input_format.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Error::new(ErrorKind::Internal, "can't start a runtime for the source").with_source(error)
    })?;
    let width = Width::of(arguments.width);
    let (mut found, mut failed): (Vec<Inspection>, Option<Error>) = (Vec::new(), None);
    let mut stdout = std::io::stdout().lock();
    for (index, file) in files.iter().enumerate() {
        let inspection = match runtime.block_on(inspect(file, &options)) {
            Ok(inspection) => inspection,
            // The other files are inspected nevertheless.
            Err(error) => {
                if let Some(before) = failed.replace(error) {
                    crate::say(&format!("{before:#}"));
                }
                continue;
            }
        };
        if !arguments.json {
            let gap = if index > 0 { "\n" } else { "" };
            let text = text::of(&inspection, width);
            write!(stdout, "{gap}{text}").map_err(Error::sink)?;
        }
        found.push(inspection);
    }
    if arguments.json {
        let json = serde_json::to_string_pretty(&found).map_err(|error| {
            Error::new(ErrorKind::Internal, "can't write the inspection as JSON").with_source(error)
        })?;
        writeln!(stdout, "{json}").map_err(Error::sink)?;
    }
    drop(stdout);
    if let (Some(output), [inspection]) = (plot, found.as_slice()) {
        let svg = plot::svg(inspection).ok_or_else(|| {
            let message =
                format!("{}: only Parquet files with rows can be plotted", inspection.file);
            Error::new(ErrorKind::InvalidRequest, message)
        })?;
        output.write_all(svg.as_bytes())?;
        output.commit()?;
    }
    if let Some(error) = failed {
        return Err(error);
    }
    match found.iter().filter(|inspection| !inspection.is_sound()).collect::<Vec<_>>().as_slice() {
        [] => Ok(()),
        [one] => Err(broken(format!("{} is damaged: {}", one.file, one.problems[0]))),
        [one, ..] => {
            let number = found.iter().filter(|inspection| !inspection.is_sound()).count();
            Err(broken(format!(
                "{number} of {} files are damaged, the first one {}",
                found.len(),
                one.file
            )))
        }
    }
}

/// The files of all arguments, with those of folders and patterns in their places.
fn files(arguments: &[String]) -> Result<Vec<String>> {
    let registry = SourceRegistry::collected()?;
    let mut files = Vec::new();
    for argument in arguments {
        match registry.joined_files(&Request::new(argument))? {
            Some(found) => files.extend(found),
            None => files.push(argument.clone()),
        }
    }
    Ok(files)
}

fn broken(message: String) -> Error {
    Error::new(ErrorKind::Source, message)
}

/// Opens the file for the plot. The plot shows a single file, and must not replace it.
fn picture(path: &Path, files: &[String]) -> Result<Output> {
    let wrong = |message: String| Error::new(ErrorKind::InvalidRequest, message);
    let [file] = files else {
        return Err(wrong(format!("--plot shows one file, and {} are given", files.len())));
    };
    if let (Ok(picture), Ok(file)) = (path.canonicalize(), Path::new(file).canonicalize())
        && picture == file
    {
        return Err(wrong(format!("--plot would replace {}, which is read", path.display())));
    }
    Output::open(Some(path))
}
