//! A request to a source.

use std::fmt;
use std::sync::Arc;

use taploom_expressions::{Condition, FirstIds, SelectList};
use taploom_model::{Resources, Result};

use crate::column_list::ColumnList;
use crate::error::invalid;
use crate::guesses::Guesses;
use crate::location::shown;
use crate::progress::ReadProgress;
use crate::row_numbers::RowNumbers;
use crate::sampling::{SampleStats, Sampling};

/// A request for rows.
///
/// ```
/// use taploom_sources::Request;
///
/// let request = Request::new("demo").with_query("SELECT name FROM stars").with_batch_rows(100);
/// assert_eq!(request.query, Some("SELECT name FROM stars"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The location of the rows: `demo`, `sqlite:FILE`, the name of a file. The
    /// [`SourceRegistry`](crate::SourceRegistry) finds the source that reads it.
    pub location: &'a str,
    /// Further files. Together with the file at `location`, they are read as one table.
    pub more_locations: &'a [String],
    /// The query, in SQL, for sources that take one.
    pub query: Option<&'a str>,
    /// The table to read, for sources with several tables. For a VOTable: the number of a TABLE (from 1),
    /// its ID or its name.
    pub table: Option<&'a str>,
    /// The format of a file, and options of its source: `csv;delimiter=;`. By default, the content and the
    /// name of the file determine the format.
    pub input_format: Option<&'a str>,
    /// VO metadata of the table and, by position, of its columns. They replace the metadata of the source.
    pub columns: Option<ColumnList>,
    /// Maximum number of rows in a batch. 2000 by default.
    pub batch_rows: usize,
    /// Maximum number of rows that will be read. A source may omit the rows after that. By default all rows
    /// are read.
    pub most_rows: Option<u64>,
    /// The wanted columns. The [`SourceRegistry`](crate::SourceRegistry) chooses them; a source may leave
    /// out columns that are named neither here nor in [`condition`](Self::condition) or
    /// [`sample`](Self::sample).
    pub select: Option<SelectList>,
    /// A condition that wanted rows meet. The [`SourceRegistry`](crate::SourceRegistry) applies it; a
    /// source may leave out rows for which it is not true.
    pub condition: Option<Condition>,
    /// Restricts the rows that meet [`condition`](Self::condition) to the first ids of every group. The
    /// [`SourceRegistry`](crate::SourceRegistry) applies it.
    pub sample: Option<FirstIds>,
    /// Counts how the rows of [`sample`](Self::sample) were decided.
    pub sample_stats: Option<SampleStats>,
    /// Limits for the memory of open files and rows, and for temporary files. The default is
    /// [`Resources::default`]. Metadata of files do not count.
    pub resources: Resources,
    /// Counts the bytes that the source reads.
    pub progress: Option<Arc<ReadProgress>>,
    /// Guesses of types from all files, if several files are read as one table.
    pub(crate) guesses: Option<Guesses>,
    /// The state of the sample. A source that decides itself which rows are in the sample records it here.
    pub(crate) sampling: Option<Sampling>,
    /// Where a source that leaves out rows says which rows it gives.
    pub(crate) row_numbers: RowNumbers,
    /// The options of the input format. The source has all of them.
    pub(crate) options: Vec<(String, String)>,
}

impl<'a> Request<'a> {
    /// A request for all rows at a location.
    pub fn new(location: &'a str) -> Self {
        Self {
            location,
            more_locations: &[],
            query: None,
            table: None,
            input_format: None,
            columns: None,
            batch_rows: 2000,
            most_rows: None,
            select: None,
            condition: None,
            sample: None,
            sample_stats: None,
            resources: Resources::default(),
            progress: None,
            guesses: None,
            sampling: None,
            row_numbers: RowNumbers::default(),
            options: Vec::new(),
        }
    }

    /// Adds files. They need the same columns.
    #[must_use]
    pub fn with_more_locations(mut self, locations: &'a [String]) -> Self {
        self.more_locations = locations;
        self
    }

    /// Sets the query.
    #[must_use]
    pub fn with_query(mut self, sql: impl Into<Option<&'a str>>) -> Self {
        self.query = sql.into();
        self
    }

    /// Chooses one of several tables.
    #[must_use]
    pub fn with_table(mut self, table: impl Into<Option<&'a str>>) -> Self {
        self.table = table.into();
        self
    }

    /// Sets the format of a file: the id of a source or an extension, followed by options.
    #[must_use]
    pub fn with_input_format(mut self, format: impl Into<Option<&'a str>>) -> Self {
        self.input_format = format.into();
        self
    }

    /// Sets the metadata of the columns.
    #[must_use]
    pub fn with_columns(mut self, columns: impl Into<Option<ColumnList>>) -> Self {
        self.columns = columns.into();
        self
    }

    /// Sets the maximum number of rows in a batch.
    #[must_use]
    pub fn with_batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows;
        self
    }

    /// Sets the maximum number of rows that will be read, so that a source need not prepare more.
    #[must_use]
    pub fn with_most_rows(mut self, rows: impl Into<Option<u64>>) -> Self {
        self.most_rows = rows.into();
        self
    }

    /// Sets the wanted columns.
    ///
    /// ```
    /// use taploom_model::Column;
    /// use taploom_sources::Request;
    ///
    /// let request = Request::new("demo")
    ///     .with_select("name, vmag AS magnitude".parse::<taploom_sources::SelectList>()?)
    ///     .with_condition("vmag < 0".parse::<taploom_sources::Condition>()?);
    /// let source = futures::executor::block_on(taploom_sources::open(&request))?;
    /// let names: Vec<_> = source.schema().columns().iter().map(Column::name).collect();
    /// assert_eq!(names, ["name", "magnitude"]);
    /// # Ok::<(), taploom_model::Error>(())
    /// ```
    #[must_use]
    pub fn with_select(mut self, list: impl Into<Option<SelectList>>) -> Self {
        self.select = list.into();
        self
    }

    /// Sets the condition on rows.
    #[must_use]
    pub fn with_condition(mut self, condition: impl Into<Option<Condition>>) -> Self {
        self.condition = condition.into();
        self
    }

    /// Restricts the rows that meet the condition to the first ids of every group.
    ///
    /// ```
    /// use taploom_sources::{FirstIds, Request};
    ///
    /// let request = Request::new("demo")
    ///     .with_sample(FirstIds::new("con", "name", 1))
    ///     .with_select("con, name".parse::<taploom_sources::SelectList>()?);
    /// let source = futures::executor::block_on(taploom_sources::open(&request))?;
    /// assert_eq!(source.schema().columns().len(), 2);
    /// # Ok::<(), taploom_model::Error>(())
    /// ```
    #[must_use]
    pub fn with_sample(mut self, sample: impl Into<Option<FirstIds>>) -> Self {
        self.sample = sample.into();
        self
    }

    /// Counts how the rows of a sample are decided.
    #[must_use]
    pub fn with_sample_stats(mut self, stats: impl Into<Option<SampleStats>>) -> Self {
        self.sample_stats = stats.into();
        self
    }

    /// Sets limits for memory and temporary files.
    #[must_use]
    pub fn with_resources(mut self, resources: Resources) -> Self {
        self.resources = resources;
        self
    }

    /// Counts the bytes that are read, for a progress display.
    #[must_use]
    pub fn with_progress(mut self, progress: impl Into<Option<Arc<ReadProgress>>>) -> Self {
        self.progress = progress.into();
        self
    }

    /// The same request without the texts that it borrows, which therefore may outlive them.
    pub(crate) fn without_texts(&self) -> Request<'static> {
        let Self {
            location: _,
            more_locations: _,
            query: _,
            table: _,
            input_format: _,
            columns,
            batch_rows,
            most_rows,
            select,
            condition,
            sample,
            sample_stats,
            resources,
            progress,
            guesses,
            sampling,
            row_numbers,
            options,
        } = self.clone();
        Request {
            location: "",
            more_locations: &[],
            query: None,
            table: None,
            input_format: None,
            columns,
            batch_rows,
            most_rows,
            select,
            condition,
            sample,
            sample_stats,
            resources,
            progress,
            guesses,
            sampling,
            row_numbers,
            options,
        }
    }

    /// The value of an option of the input format.
    pub fn option(&self, name: &str) -> Option<&str> {
        let mut options = self.options.iter();
        options.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The query, for sources that need one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) for a request without a query.
    pub fn required_query(&self) -> Result<&'a str> {
        self.query.ok_or_else(|| {
            let location = shown(self.location);
            invalid(format!("source {location} needs a query: -q \"SELECT ...\""))
        })
    }
}

/// Leaves out the location, because it may have a password.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            location,
            more_locations,
            query,
            table,
            columns,
            batch_rows,
            most_rows,
            select,
            condition,
            sample,
            sample_stats: _,
            resources,
            progress,
            guesses: _,
            sampling: _,
            row_numbers: _,
            input_format,
            options: _,
        } = self;
        let more: Vec<_> = more_locations.iter().map(|location| shown(location)).collect();
        f.debug_struct("Request")
            .field("location", &shown(location))
            .field("more_locations", &more)
            .field("query", query)
            .field("table", table)
            .field("input_format", input_format)
            .field("columns", columns)
            .field("batch_rows", batch_rows)
            .field("most_rows", most_rows)
            .field("select", select)
            .field("condition", condition)
            .field("sample", sample)
            .field("resources", resources)
            .field("progress", progress)
            .finish()
    }
}
