//! The destination of the rows: one file, standard output, or a folder of files.

use std::num::NonZeroU64;
use std::path::Path;

use taploom::pipeline::{PartLimits, Parts};
use taploom::{ByteSink, EncodeSummary, EncoderSpec, Error, ErrorKind, Result};

use super::folder::{Folder, MOST_FILES};
use super::format::extension_of_files;
use super::invalid;
use crate::compressed::{CompressedSink, Compression};
use crate::output::Output;
use crate::values::size;

/// The options that divide the rows among files.
#[derive(clap::Args)]
pub(crate) struct SplitArguments {
    /// Write files of N rows each into the new or empty folder that -o DIR/ names: part-00000.parquet,
    /// part-00001.parquet
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = rows_of_a_file)]
    split_rows: Option<NonZeroU64>,
    /// Begin the next file in the folder when one has reached this size. A file may exceed it by a batch,
    /// and for Parquet by a row group
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true, value_parser = size)]
    split_bytes: Option<usize>,
}

fn rows_of_a_file(text: &str) -> std::result::Result<NonZeroU64, String> {
    text.parse()
        .map_err(|_| "a number of rows is a whole number from 1, such as 1000000".to_owned())
}

impl SplitArguments {
    /// The limits of each file.
    pub(super) fn limits(&self) -> PartLimits {
        let bytes = self.split_bytes.and_then(|bytes| NonZeroU64::new(bytes as u64));
        PartLimits::default().with_rows(self.split_rows).with_bytes(bytes)
    }

    /// Refuses a number of rows that would need too many files, if the number of rows is known in advance.
    pub(super) fn check(&self, rows: Option<u64>) -> Result<()> {
        match (self.split_rows, rows) {
            (Some(split), Some(rows)) if rows.div_ceil(split.get()) > MOST_FILES => {
                Err(invalid(format!(
                    "--split-rows {split} makes {} files of {rows} rows, and at most {MOST_FILES} are written into a \
                     folder; give {} or more",
                    rows.div_ceil(split.get()),
                    rows.div_ceil(MOST_FILES)
                )))
            }
            _ => Ok(()),
        }
    }

    /// The name of the option that was given.
    fn given(&self) -> Option<&'static str> {
        let rows = self.split_rows.map(|_| "--split-rows");
        rows.or_else(|| self.split_bytes.map(|_| "--split-bytes"))
    }

    /// The folder for the files, if there is one.
    fn folder<'a>(&self, output: Option<&'a Path>) -> Result<Option<&'a Path>> {
        let path = output.filter(|path| *path != Path::new("-"));
        match (path, self.given()) {
            (Some(path), _) if is_folder_name(path) => Ok(Some(path)),
            (Some(path), Some(_)) if path.is_dir() => Ok(Some(path)),
            (Some(path), Some(option)) => Err(invalid(format!(
                "{option} writes files into a folder; end its name with a slash: -o {}/",
                path.display()
            ))),
            (None, Some(option)) => {
                Err(invalid(format!("{option} writes files into a folder; name it with -o DIR/")))
            }
            (Some(path), None) if path.is_dir() => Err(invalid(format!(
                "{0} is a folder; with a slash at the end, -o {0}/, files are written into it",
                path.display()
            ))),
            _ => Ok(None),
        }
    }
}

fn is_folder_name(path: &Path) -> bool {
    let last = path.as_os_str().as_encoded_bytes().last();
    last.is_some_and(|last| std::path::is_separator(char::from(*last)))
}

/// The destination of the rows. If it is dropped without [`commit`](Self::commit), nothing remains of the
/// rows, except in a pipe or a device.
pub(super) struct Destination {
    place: Place,
    compression: Option<Compression>,
    /// The file that is being written.
    open: Option<(Output, Option<CompressedSink>)>,
    /// The complete files.
    files: Vec<WrittenFile>,
}

enum Place {
    /// `None` while it is being written.
    File(Option<Output>),
    Folder(Folder),
}

/// A complete file.
#[derive(Clone, Copy)]
pub(super) struct WrittenFile {
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Destination {
    /// Prepares the output, so that a name that can't be written is reported before the work.
    pub(super) fn open(
        path: Option<&Path>,
        split: &SplitArguments,
        spec: &EncoderSpec,
    ) -> Result<Self> {
        let compression = path.and_then(|path| Compression::of(path).0);
        let place = match split.folder(path)? {
            Some(folder) => Place::Folder(Folder::open(folder, extension_of_files(folder, spec))?),
            None => Place::File(Some(Output::open(path)?)),
        };
        Ok(Self { place, compression, open: None, files: Vec::new() })
    }

    pub(super) fn is_stdout(&self) -> bool {
        matches!(&self.place, Place::File(Some(output)) if output.is_stdout())
    }

    /// Refuses another output file that would replace the rows, or would be read as rows because it is in
    /// their folder.
    pub(super) fn check_beside(&self, other: &Output, path: &Path, option: &str) -> Result<()> {
        match &self.place {
            Place::File(Some(output)) if other.takes_the_place_of(output) => {
                Err(invalid(format!("{option} and -o name the same file; the rows would be lost")))
            }
            Place::Folder(folder) if folder.holds(path) => Err(invalid(format!(
                "{option} {} is in the folder of the rows, where it would be read as rows; write it elsewhere",
                path.display()
            ))),
            _ => Ok(()),
        }
    }

    pub(super) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// The size of all complete files in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The complete files in the folder, with their names; `None` if the output is not a folder.
    pub(super) fn files(&self) -> Option<impl Iterator<Item = (String, WrittenFile)>> {
        let Place::Folder(folder) = &self.place else { return None };
        let files = self.files.iter().enumerate();
        Some(files.map(|(number, file)| (folder.name(number), *file)))
    }

    /// Gives all files their final names.
    pub(super) fn commit(self) -> Result<()> {
        match self.place {
            Place::File(Some(output)) => output.commit(),
            Place::File(None) => Err(Error::new(ErrorKind::Misuse, "the file is not whole")),
            Place::Folder(folder) => folder.commit(self.files.len()),
        }
    }
}

impl Parts for Destination {
    fn begin(&mut self) -> Result<ByteSink> {
        let output = match &mut self.place {
            Place::File(output) => output
                .take()
                .ok_or_else(|| Error::new(ErrorKind::Misuse, "the file was begun before"))?,
            Place::Folder(folder) => folder.file(self.files.len())?,
        };
        let mut sink = output.sink().map_err(Error::sink)?;
        let mut compressed = None;
        if let Some(compression) = self.compression {
            let compressing = CompressedSink::new(compression, sink).map_err(Error::sink)?;
            sink = Box::new(compressing.clone());
            compressed = Some(compressing);
        }
        self.open = Some((output, compressed));
        Ok(sink)
    }

    fn size(&self, encoded: u64) -> u64 {
        match &self.open {
            Some((_, Some(compressed))) => compressed.written(),
            _ => encoded,
        }
    }

    fn end(&mut self, part: &EncodeSummary) -> Result<()> {
        let Some((output, compressed)) = self.open.take() else { return Ok(()) };
        let compressed = compressed.map(|sink| sink.finish()).transpose().map_err(Error::sink)?;
        let bytes = compressed.unwrap_or(part.total_bytes);
        output.holds(bytes)?;
        match &mut self.place {
            Place::File(place) => *place = Some(output),
            // The file is in a folder that keeps a temporary name until all files are complete.
            Place::Folder(_) => output.commit()?,
        }
        self.files.push(WrittenFile { rows: part.rows, bytes });
        Ok(())
    }
}
