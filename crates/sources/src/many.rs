//! Reads several files as one table.
//!
//! Before the first row, all files are opened once, one after the other, to check that they have the same
//! columns. Then they are read one after the other. Only one file is open at a time.

use async_trait::async_trait;
use taploom_model::{Ending, Error, ErrorKind, Result, ResultSchema, RowSource, Step};

use self::one_schema::{OneSchema, adapted};
use self::wanted::Wanted;
use crate::error::invalid;
use crate::registry::SourceRegistry;
use crate::request::Request;

pub(crate) mod locations;
mod one_schema;
mod pattern;
mod wanted;

/// Maximum number of notes on all files together.
const MOST_NOTES: usize = 50;

/// Opens files as one table.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if a file can't be opened, has another format, or has other columns. The
/// error names the first such file and the difference.
pub(crate) async fn open(
    registry: &SourceRegistry,
    files: Vec<String>,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let wanted = Wanted::of(request);
    let (mut joined, mut kind) = (None::<OneSchema>, None);
    let (mut rows, mut bytes) = (Some(0_u64), 0_u64);
    for file in &files {
        let (noun, source) = registry.open_one(&wanted.request(file)).await?;
        let first = *kind.get_or_insert(noun);
        if first != noun {
            return Err(invalid(format!(
                "source {file} is {noun}, and {} is {first}; files that are read as one table have to be \
                 of one kind",
                files[0]
            )));
        }
        match &mut joined {
            None => {
                let schema = source.schema().clone();
                joined = Some(OneSchema::new(file, schema, request.sample.as_ref()));
            }
            // A file may lack columns; the guesses have those of all files.
            Some(_) if wanted.guesses.are_by_name() => {}
            Some(joined) => joined.add(file, source.schema(), wanted.guesses.are_made())?,
        }
        rows = rows.zip(source.rows_hint()).map(|(rows, more)| rows.saturating_add(more));
        bytes = bytes.saturating_add(std::fs::metadata(file).map_or(0, |metadata| metadata.len()));
    }
    let (Some(joined), Some(first)) = (joined, files.first()) else {
        return Err(Error::new(ErrorKind::Misuse, "no files are given"));
    };
    wanted.guesses.complete();
    let schema = if wanted.guesses.are_made() {
        // The first file is opened again, because only now the types that hold for all files are known.
        registry.open_one(&wanted.request(first)).await?.1.schema().clone()
    } else {
        joined.finish()?
    };
    if let Some(progress) = &request.progress {
        progress.expect(bytes);
    }
    Ok(Box::new(Files {
        registry: registry.clone(),
        files: files.into_iter(),
        wanted: wanted.with_progress(request.progress.clone()),
        schema,
        rows_hint: rows,
        rows: 0,
        open: None,
        ending: Ending::default(),
    }))
}

/// The rows of several files, one file after the other.
struct Files {
    registry: SourceRegistry,
    files: std::vec::IntoIter<String>,
    wanted: Wanted,
    schema: ResultSchema,
    rows_hint: Option<u64>,
    /// Rows that were given.
    rows: u64,
    open: Option<(String, Box<dyn RowSource>)>,
    ending: Ending,
}

impl Files {
    fn end_file(&mut self, ending: Ending) {
        self.ending.overflowed |= ending.overflowed;
        let room = MOST_NOTES.saturating_sub(self.ending.notes.len());
        if room > 0 && ending.notes.len() > room {
            let more = "further notes on the files are left out".to_owned();
            self.ending.notes.extend(ending.notes.into_iter().take(room - 1).chain([more]));
        } else {
            self.ending.notes.extend(ending.notes.into_iter().take(room));
        }
    }
}

#[async_trait]
impl RowSource for Files {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next(&mut self) -> Result<Step> {
        loop {
            if let Some((file, source)) = &mut self.open {
                match source.next().await.map_err(|error| in_file(error, file))? {
                    Step::Rows(batch) => {
                        self.wanted.take(batch.num_rows());
                        self.rows += batch.num_rows() as u64;
                        let batch = adapted(&batch, self.schema.arrow());
                        return batch.map(Step::Rows).map_err(|error| {
                            let message =
                                format!("source {file}: its columns changed while files were read");
                            Error::new(ErrorKind::Source, message).with_source(error)
                        });
                    }
                    Step::End(ending) => {
                        self.open = None;
                        self.end_file(ending);
                    }
                }
            }
            let Some(file) = self.files.next() else { return Ok(Step::End(self.ending.clone())) };
            let request = self.wanted.next_request(&file, self.rows);
            let (_, source) = self.registry.open_one(&request).await?;
            self.open = Some((file, source));
        }
    }

    fn stop(&mut self) -> Ending {
        if let Some((_, mut source)) = self.open.take() {
            let ending = source.stop();
            self.end_file(ending);
        }
        self.ending.clone()
    }

    fn rows_hint(&self) -> Option<u64> {
        self.rows_hint
    }
}

/// Adds the name of the file to an error. The row in the error counts from the beginning of that file.
fn in_file(error: Error, file: &str) -> Error {
    match error.message().contains(file) {
        true => error,
        false => error.with_context(format_args!("in {file}")),
    }
}
