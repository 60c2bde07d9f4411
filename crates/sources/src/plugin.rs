//! The trait of a source, its properties, and its registration.

use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::pin::Pin;

use async_trait::async_trait;
use taploom_model::{Result, RowSource};

use crate::input::{Input, Used, open_file};
use crate::request::Request;

/// A type of source that rows can be read from. Plug-ins implement this trait.
///
/// The implementing type has no value; it only names the source. See [`register_source!`](crate::register_source)
/// for an example.
#[async_trait]
pub trait SourceType: 'static {
    /// How locations of this type are recognized, and what the source can do.
    const INFO: SourceInfo;

    /// Opens a source. The schema of its rows is known when this returns.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) if the place does not
    /// exist, the query is wrong or missing, or the given metadata do not match the columns;
    /// [`ErrorKind::Source`](taploom_model::ErrorKind::Source) if the place can't be read.
    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>>;
}

/// The names and abilities of a source.
///
/// A location belongs to a source if it is the source's word (`demo`), begins with the source's prefix
/// (`sqlite:`), or is the name of a file that the source reads. A file is recognized by its first bytes if
/// its format has a mark, otherwise by the extension of its name.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SourceInfo {
    /// Its id: lower case, unique, and never changed.
    pub id: &'static str,
    /// What the source reads, with an article: `a SQLite database`.
    pub noun: &'static str,
    /// How a location is written, for help texts and errors: `sqlite:FILE`. `None` for sources that only
    /// read files.
    pub syntax: Option<&'static str>,
    /// The location itself, for a source that has only one: `demo`.
    pub word: Option<&'static str>,
    /// The prefixes of locations: `sqlite:`, `mysql://`.
    pub prefixes: &'static [&'static str],
    /// File name extensions without the dot, for sources that read files.
    pub extensions: &'static [&'static str],
    /// Whether a file with these first bytes (up to [`FILE_BEGINNING`]) is taken for this format, whatever its name is.
    pub recognizes: Option<fn(&[u8]) -> bool>,
    /// Whether a file with these first bytes (up to [`FILE_BEGINNING`]) may have this format, for formats
    /// without a mark. It is only asked if no source recognizes the file by its mark or by the extension of
    /// its name.
    pub resembles: Option<fn(&[u8]) -> bool>,
    /// Whether the source takes a query.
    pub query: QueryUse,
    /// The options that may follow the format in a request.
    pub options: &'static [SourceOption],
    /// Whether a file or database may have several tables to choose from; see [`Request::table`].
    pub has_tables: bool,
    /// Whether the source has to be opened and read on a tokio runtime with I/O and time enabled.
    pub needs_runtime: bool,
}

/// An option of a source: `csv;delimiter=;` has the option `delimiter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceOption {
    /// Its name: lower case.
    pub name: &'static str,
    /// The meaning of its value.
    pub description: &'static str,
}

impl SourceOption {
    /// An option with this name and description.
    pub const fn new(name: &'static str, description: &'static str) -> Self {
        Self { name, description }
    }
}

/// Number of bytes at the beginning of a file by which its format is recognized.
pub const FILE_BEGINNING: usize = 256;

/// Whether a source takes a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryUse {
    /// A query is an error.
    Refused,
    /// Without a query, the source returns the rows of a default query.
    Optional,
    /// The source needs a query.
    Required,
}

impl SourceInfo {
    /// A source with this id and noun that takes no query.
    pub const fn new(id: &'static str, noun: &'static str) -> Self {
        Self {
            id,
            noun,
            syntax: None,
            word: None,
            prefixes: &[],
            extensions: &[],
            recognizes: None,
            resembles: None,
            query: QueryUse::Refused,
            options: &[],
            has_tables: false,
            needs_runtime: false,
        }
    }

    /// Sets the word that is the source's only location.
    #[must_use]
    pub const fn with_word(self, word: &'static str) -> Self {
        Self { word: Some(word), syntax: Some(word), ..self }
    }

    /// Sets the prefixes of locations, and how a location is written.
    #[must_use]
    pub const fn with_prefixes(
        self,
        prefixes: &'static [&'static str],
        syntax: &'static str,
    ) -> Self {
        Self { prefixes, syntax: Some(syntax), ..self }
    }

    /// Sets the extensions of files that the source reads.
    #[must_use]
    pub const fn with_extensions(self, extensions: &'static [&'static str]) -> Self {
        Self { extensions, ..self }
    }

    /// Sets the function that recognizes files by a mark in their first bytes, whatever their names are.
    #[must_use]
    pub const fn with_mark(self, recognizes: fn(&[u8]) -> bool) -> Self {
        Self { recognizes: Some(recognizes), ..self }
    }

    /// Sets the function that tells whether a file may have this format, for files with other names.
    #[must_use]
    pub const fn with_resemblance(self, resembles: fn(&[u8]) -> bool) -> Self {
        Self { resembles: Some(resembles), ..self }
    }

    /// Sets whether the source takes a query.
    #[must_use]
    pub const fn with_query(self, query: QueryUse) -> Self {
        Self { query, ..self }
    }

    /// Sets the options of the source.
    #[must_use]
    pub const fn with_options(self, options: &'static [SourceOption]) -> Self {
        Self { options, ..self }
    }

    /// Declares that the source may have several tables to choose from.
    #[must_use]
    pub const fn with_tables(self) -> Self {
        Self { has_tables: true, ..self }
    }

    /// Declares that the source needs a tokio runtime.
    #[must_use]
    pub const fn with_runtime(self) -> Self {
        Self { needs_runtime: true, ..self }
    }

    /// Whether the source reads files by their names alone, without a prefix.
    pub fn reads_files(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// The source as listed in messages: how its locations are written, or what it reads.
    pub(crate) fn listed(&self) -> &'static str {
        self.syntax.unwrap_or(self.noun)
    }
}

/// The place of a source's data, once it is known which source reads it.
#[derive(Debug)]
pub struct Place<'a> {
    text: &'a str,
    input: Option<Input>,
}

impl<'a> Place<'a> {
    /// A place given by the text after the prefix.
    pub(crate) fn named(text: &'a str) -> Self {
        Self { text, input: None }
    }

    /// A file, with the name that messages use for it.
    pub(crate) fn file(name: &'a str, input: Input) -> Self {
        Self { text: name, input: Some(input) }
    }

    /// The resources that the source will use for the file.
    pub(crate) fn used(&self) -> Used {
        self.input.as_ref().map(Input::used).unwrap_or_default()
    }

    /// The location without its prefix; for a file, its name; `standard input` for `-`.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The first bytes of the file after decompression, up to [`FILE_BEGINNING`]. Empty for a place that is
    /// not a file.
    pub fn beginning(&self) -> &[u8] {
        self.input.as_ref().map_or(&[], Input::beginning)
    }

    /// Whether this is a regular file without compression, so that it can seek.
    #[cfg(feature = "fits")]
    pub(crate) fn is_plain_file(&self) -> bool {
        self.input.as_ref().is_none_or(Input::is_plain_file)
    }

    /// The decompressed bytes of the file, as a stream. A pipe is read as its bytes arrive.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) if it can't be opened.
    pub fn into_reader(self) -> Result<Box<dyn Read + Send>> {
        match self.input {
            Some(input) => Ok(input.into_reader()),
            None => Ok(Box::new(open_file(self.text)?)),
        }
    }

    /// A file that can seek, open at its beginning. Standard input, a pipe and a compressed file are first
    /// copied to a temporary file; [`into_reader`](Self::into_reader) needs no copy.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) if it can't be opened or read;
    /// [`ErrorKind::Resources`](taploom_model::ErrorKind::Resources) if there is not enough room for a
    /// temporary file.
    pub fn into_file(self) -> Result<File> {
        match self.input {
            Some(input) => input.into_file(),
            None => open_file(self.text),
        }
    }
}

/// A registered source. Made by [`register_source!`](crate::register_source), kept in a
/// [`SourceRegistry`](crate::SourceRegistry).
#[derive(Debug, Clone, Copy)]
pub struct SourcePlugin {
    info: &'static SourceInfo,
    open: OpenFn,
}

type OpenFn = for<'a> fn(Place<'a>, &'a Request<'a>) -> Opening<'a>;
type Opening<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn RowSource>>> + Send + 'a>>;

impl SourcePlugin {
    /// The plug-in of a source.
    pub const fn of<S: SourceType>() -> Self {
        Self { info: &S::INFO, open: |place, request| S::open(place, request) }
    }

    /// The names and abilities of the source.
    pub fn info(&self) -> &'static SourceInfo {
        self.info
    }

    /// Opens the source at a place.
    pub(crate) async fn open<'a>(
        &self,
        place: Place<'a>,
        request: &'a Request<'a>,
    ) -> Result<Box<dyn RowSource>> {
        let used = place.used();
        let source = (self.open)(place, request).await?;
        Ok(used.around(source))
    }
}

/// Registers a source: makes a `pub static` of type [`SourcePlugin`] and adds it to every
/// [`SourceRegistry::collected`](crate::SourceRegistry::collected) of a program that links the crate.
///
/// The program must name the crate (`use my_source as _;`); otherwise the linker leaves it out without a
/// message.
///
/// ```
/// use std::sync::Arc;
///
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use async_trait::async_trait;
/// use taploom_model::{BatchSource, Result, ResultSchema, RowSource};
/// use taploom_sources::{Place, Request, SourceInfo, SourceType, register_source};
///
/// /// The numbers up to a limit: `count:5`.
/// pub struct Count;
///
/// register_source!(
///     /// The plug-in of [`Count`].
///     COUNT = Count
/// );
///
/// #[async_trait]
/// impl SourceType for Count {
///     const INFO: SourceInfo =
///         SourceInfo::new("count", "numbers").with_prefixes(&["count:"], "count:LIMIT");
///
///     async fn open(place: Place<'_>, _request: &Request<'_>) -> Result<Box<dyn RowSource>> {
///         let limit: i64 = place.text().parse().unwrap_or_default();
///         let numbers = Arc::new(Int64Array::from_iter_values(1..=limit)) as ArrayRef;
///         let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
///         let schema = ResultSchema::derived(batch.schema());
///         Ok(Box::new(BatchSource::new(schema, vec![Ok(batch)].into_iter())))
///     }
/// }
///
/// let request = Request::new("count:5");
/// let mut source = futures::executor::block_on(taploom_sources::open(&request))?;
/// let rows = futures::executor::block_on(source.next())?.rows();
/// assert_eq!(rows.map(|rows| rows.num_rows()), Some(5));
/// # Ok::<(), taploom_model::Error>(())
/// ```
#[macro_export]
macro_rules! register_source {
    ($(#[$attribute:meta])* $name:ident = $source:ty) => {
        $(#[$attribute])*
        pub static $name: $crate::SourcePlugin = $crate::SourcePlugin::of::<$source>();
        $crate::__inventory::submit! { $crate::SourcePlugin::of::<$source>() }
    };
}

inventory::collect!(SourcePlugin);
