//! The one error type of the contract.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, coarsely enough to act on.
///
/// A bridge turns a kind into a status, the program into an exit status; neither reads messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A RESPONSEFORMAT value that no registered format answers to.
    UnknownFormat,
    /// An option that the format does not have, a value that it does not take, or one given twice.
    InvalidOption,
    /// What was asked for can't be: no such file, table or column, bad SQL, metadata that
    /// contradict the data.
    InvalidRequest,
    /// A column of a type that the format cannot hold.
    UnsupportedColumn,
    /// A batch that differs from the schema that the encoder was started with.
    SchemaMismatch,
    /// A cell that does not fit the declared type of its column.
    InvalidValue,
    /// The rows stopped coming: the database or the input file failed.
    Source,
    /// The output could not be written.
    Sink,
    /// Memory or scratch space ran out: what was granted does not suffice, or the disk is full.
    Resources,
    /// Whoever reads the output went away; nobody waits for an answer.
    Cancelled,
    /// Two plug-ins claim the same name.
    DuplicateFormat,
    /// The result failed for a reason given by the caller ([`Completion::Failed`]) in a format that
    /// has no place to say so.
    ///
    /// [`Completion::Failed`]: crate::Completion::Failed
    Failed,
    /// A defect in Taploom or in a plug-in.
    Internal,
}

/// An error of an encoder, a source or a sink: a kind, a sentence, and where it happened.
///
/// `{}` prints one line that names the format, column and row as far as they are known; `{:#}`
/// appends the causes to it, on the same line; `{:?}` prints everything over many lines.
///
/// ```
/// use taploom_model::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::InvalidValue, "70000 does not fit into short")
///     .with_format("votable")
///     .with_column("nChild")
///     .with_row(17);
/// assert_eq!(
///     error.to_string(),
///     r#"format votable, column "nChild", row 17: 70000 does not fit into short"#
/// );
/// assert!(!error.is_caller_fault());
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    format: Option<String>,
    column: Option<String>,
    row: Option<u64>,
    reported: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with a message that says what is wrong and what would be right.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            format: None,
            column: None,
            row: None,
            reported: false,
            source: None,
        }))
    }

    /// A failed write: [`ErrorKind::Cancelled`] where the reader closed the pipe or the
    /// connection, else [`ErrorKind::Sink`].
    pub fn sink(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted => {
                Self::new(ErrorKind::Cancelled, "the reader of the output went away")
            }
            _ => Self::new(ErrorKind::Sink, "can't write the output"),
        }
        .with_source(error)
    }

    /// Names the format, unless one is named already.
    #[must_use]
    pub fn with_format(mut self, id: impl Into<String>) -> Self {
        self.0.format.get_or_insert_with(|| id.into());
        self
    }

    /// Names the column, unless one is named already.
    #[must_use]
    pub fn with_column(mut self, name: impl Into<String>) -> Self {
        self.0.column.get_or_insert_with(|| name.into());
        self
    }

    /// Names the row of the result, counted from 1.
    #[must_use]
    pub fn with_row(mut self, row: u64) -> Self {
        self.0.row = Some(row);
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Marks that the document in the output says so itself, and is well-formed.
    #[must_use]
    pub fn reported(mut self) -> Self {
        self.0.reported = true;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence alone, without format, column, row and cause.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The id of the format, where the error has to do with one.
    pub fn format(&self) -> Option<&str> {
        self.0.format.as_deref()
    }

    /// The name of the column, where the error has to do with one.
    pub fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// The row of the result, counted from 1, where the error has to do with one.
    pub fn row(&self) -> Option<u64> {
        self.0.row
    }

    /// Whether the request was wrong: the same request can never succeed.
    pub fn is_caller_fault(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::UnknownFormat | ErrorKind::InvalidOption | ErrorKind::InvalidRequest
        )
    }

    /// Whether the document in the output reports the error itself, so that whoever sends it on can
    /// end it as usual.
    pub fn is_reported(&self) -> bool {
        self.0.reported
    }

    /// Whether the reader of the output went away, so that nobody waits for an answer.
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == ErrorKind::Cancelled
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, format, column, row, .. } = &*self.0;
        let mut separator = "";
        if let Some(format) = format {
            write!(f, "format {format}")?;
            separator = ", ";
        }
        if let Some(column) = column {
            write!(f, "{separator}column {column:?}")?;
            separator = ", ";
        }
        if let Some(row) = row {
            write!(f, "{separator}row {row}")?;
            separator = ", ";
        }
        // Messages quote what people and libraries say; a line break would break the one line.
        write!(f, "{}{}", if separator.is_empty() { "" } else { ": " }, OneLine(message))?;
        if f.alternate() {
            let mut source = self.source();
            while let Some(cause) = source {
                write!(f, ": {}", OneLine(&cause.to_string()))?;
                source = cause.source();
            }
        }
        Ok(())
    }
}

/// A text with its line breaks, and what surrounds them, as single spaces.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.lines().map(str::trim).filter(|line| !line.is_empty());
        f.write_str(lines.next().unwrap_or_default())?;
        lines.try_for_each(|line| write!(f, " {line}"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, format, column, row, reported, source } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("message", message)
            .field("format", format)
            .field("column", column)
            .field("row", row)
            .field("reported", reported)
            .field("source", source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_with_causes() {
        let error = Error::new(ErrorKind::Source, "the query failed")
            .with_source(Error::new(ErrorKind::Internal, "near \"FRM\":\n syntax error"));
        assert_eq!(error.to_string(), "the query failed");
        assert_eq!(format!("{error:#}"), "the query failed: near \"FRM\": syntax error");
    }

    #[test]
    fn closed_pipe_is_a_cancellation() {
        assert!(Error::sink(io::ErrorKind::BrokenPipe.into()).is_cancelled());
        assert_eq!(Error::sink(io::ErrorKind::StorageFull.into()).kind(), ErrorKind::Sink);
    }
}
