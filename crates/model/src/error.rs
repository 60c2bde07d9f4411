//! The error type shared by sources, encoders, sinks and jobs.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of an error, for code that has to act on it.
///
/// A job turns the kind into its status, and the program turns it into an exit status. Neither of
/// them reads the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No registered format answers to the value of RESPONSEFORMAT.
    UnknownFormat,
    /// The format does not have this option, or does not accept its value, or the option was given
    /// twice.
    InvalidOption,
    /// The request can't be fulfilled: the file, table or column does not exist, the SQL is wrong, or
    /// the given metadata contradict the data.
    InvalidRequest,
    /// The format can't hold a column of this type.
    UnsupportedColumn,
    /// A batch differs from the schema that the encoder was started with.
    SchemaMismatch,
    /// A cell does not fit the declared type of its column.
    InvalidValue,
    /// The source failed while it gave rows: the database or the input file.
    Source,
    /// The output could not be written.
    Sink,
    /// The granted memory or scratch space is not enough, or the disk is full.
    Resources,
    /// The reader of the output has disconnected or stopped reading, so an answer is not needed.
    Cancelled,
    /// Two plug-ins claim the same name.
    DuplicateFormat,
    /// The caller reported that the result failed ([`Completion::Failed`]), and the format can't
    /// record the message.
    ///
    /// [`Completion::Failed`]: crate::Completion::Failed
    Failed,
    /// The calling program broke the rules of an interface of Taploom, for example by giving rows to
    /// an encoder that has failed. Neither the user's request nor Taploom is at fault.
    Misuse,
    /// A defect in Taploom or in a plug-in.
    Internal,
}

/// An error of an encoder, a source or a sink: a kind, a sentence, and the place where it happened.
///
/// `{}` prints one line that names the format, the column and the row as far as they are known.
/// `{:#}` appends the causes on the same line. `{:?}` prints all members.
///
/// A clone shares the causes with the original. Code that passes an error on adds information with
/// the `with_…` methods, which keep the kind, the place and the causes.
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
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    format: Option<String>,
    column: Option<String>,
    row: Option<u64>,
    reported: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with a message, which should say what is wrong and how to correct it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            format: None,
            column: None,
            row: None,
            reported: false,
            source: None,
        }))
    }

    /// The error of a failed write: [`ErrorKind::Cancelled`] if the reader closed the pipe or the
    /// connection, otherwise [`ErrorKind::Sink`].
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

    /// Names the format, unless the error names one already.
    #[must_use]
    pub fn with_format(mut self, id: impl Into<String>) -> Self {
        self.inner().format.get_or_insert_with(|| id.into());
        self
    }

    /// Names the column, unless the error names one already.
    #[must_use]
    pub fn with_column(mut self, name: impl Into<String>) -> Self {
        self.inner().column.get_or_insert_with(|| name.into());
        self
    }

    /// Names the row of the result, counted from 1. It replaces a row that was named before.
    #[must_use]
    pub fn with_row(mut self, row: u64) -> Self {
        self.inner().row = Some(row);
        self
    }

    /// Puts a description of the caller's operation, or the name of its object, before the message.
    ///
    /// ```
    /// use taploom_model::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Source, "the file ends too early").with_context("a.vot");
    /// assert_eq!(error.to_string(), "a.vot: the file ends too early");
    /// ```
    #[must_use]
    pub fn with_context(mut self, context: impl fmt::Display) -> Self {
        let inner = self.inner();
        inner.message = format!("{context}: {}", inner.message);
        self
    }

    /// Replaces the kind, for a caller that knows the cause better.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.inner().kind = kind;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner().source = Some(source.into().into());
        self
    }

    /// Marks that the document in the output reports this error itself and is well-formed.
    #[must_use]
    pub fn reported(mut self) -> Self {
        self.inner().reported = true;
        self
    }

    /// The members of this error alone: clones keep theirs.
    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence alone, without the format, column, row and causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The id of the format that the error concerns, if any.
    pub fn format(&self) -> Option<&str> {
        self.0.format.as_deref()
    }

    /// The name of the column that the error concerns, if any.
    pub fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// The row of the result that the error concerns, if any, counted from 1.
    pub fn row(&self) -> Option<u64> {
        self.0.row
    }

    /// Whether the request was wrong, so that the same request can never succeed.
    pub fn is_caller_fault(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::UnknownFormat | ErrorKind::InvalidOption | ErrorKind::InvalidRequest
        )
    }

    /// Whether the document in the output reports the error itself, so that its sender can end the
    /// output as usual.
    pub fn is_reported(&self) -> bool {
        self.0.reported
    }

    /// Whether the reader of the output has disconnected or stopped reading, so that an answer is
    /// not needed.
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
        // A message can quote users and libraries, and their text can have line breaks.
        write!(f, "{}{}", if separator.is_empty() { "" } else { ": " }, OneLine(message))?;
        if f.alternate() {
            let mut source = self.source();
            let mut before = message.clone();
            while let Some(cause) = source {
                let text = cause.to_string();
                // Some messages quote their cause.
                if !before.contains(&text) {
                    write!(f, ": {}", OneLine(&text))?;
                    before = text;
                }
                source = cause.source();
            }
        }
        Ok(())
    }
}

/// Prints a text on one line: every line break and the space around it becomes a single space.
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

    /// Such as `DecodeSliceError` of the crate base64.
    #[test]
    fn a_cause_that_its_error_quotes_stands_once() {
        let cause = Error::new(ErrorKind::Internal, "invalid symbol 42");
        let quoting = Error::new(ErrorKind::Internal, "decoding: invalid symbol 42");
        let error =
            Error::new(ErrorKind::Source, "no base64").with_source(quoting.with_source(cause));
        assert_eq!(format!("{error:#}"), "no base64: decoding: invalid symbol 42");
    }

    #[test]
    fn a_clone_keeps_the_place_and_the_causes_and_what_is_added_to_it_stays_its_own() {
        let error = Error::new(ErrorKind::InvalidValue, "70000 does not fit into short")
            .with_format("csv")
            .with_column("n")
            .with_row(3)
            .with_source(io::Error::from(io::ErrorKind::TimedOut));
        let passed_on = error.clone().with_context("job 7").with_format("fits").reported();
        assert_eq!(passed_on.kind(), ErrorKind::InvalidValue);
        assert_eq!(
            passed_on.to_string(),
            "format csv, column \"n\", row 3: job 7: 70000 does not fit into short"
        );
        let cause =
            StdError::source(&passed_on).and_then(|cause| cause.downcast_ref::<io::Error>());
        assert_eq!(cause.map(io::Error::kind), Some(io::ErrorKind::TimedOut));
        assert_eq!(error.message(), "70000 does not fit into short");
        assert!(!error.is_reported());
    }

    #[test]
    fn closed_pipe_is_a_cancellation() {
        assert!(Error::sink(io::ErrorKind::BrokenPipe.into()).is_cancelled());
        assert_eq!(Error::sink(io::ErrorKind::StorageFull.into()).kind(), ErrorKind::Sink);
    }
}
