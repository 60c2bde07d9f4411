//! A format under test.

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use taploom_format::{
    ByteSink, Column, ColumnMetadata, Completion, Datatype, EncodeContext, EncodeSummary, Encoder,
    EncoderPlugin, Options, Result, ResultSchema, VoType,
};

use crate::checks::{Check, Checks};
use crate::compare::check_rows;
use crate::kept::KeptMetadata;
use crate::oracle::{Decoded, Oracle};
use crate::sinks::SharedSink;
use crate::tables::{Table, tables};

/// A format with its oracle, and declarations of the types and values that the format refuses.
///
/// ```no_run
/// # use taploom_format::{EncoderPlugin, Options};
/// # fn check(my_plugin: EncoderPlugin, oracle: &mut dyn taploom_testkit::Oracle) -> taploom_format::Result<()> {
/// use taploom_testkit::{KeptMetadata, Subject, run};
///
/// let mut options = Options::default();
/// options.set("serialization", "TABLEDATA")?;
/// let mut subject = Subject::new(my_plugin, oracle)
///     .with_options(options)
///     .refusing(|vo_type| vo_type.is_list())
///     .with_columns_at_most(999)
///     .keeping(KeptMetadata { columns: &["unit", "description"], table: &["name"] });
/// run(&mut subject).assert_passed();
/// # Ok(())
/// # }
/// ```
pub struct Subject<'a> {
    /// The format.
    pub plugin: EncoderPlugin,
    oracle: &'a mut dyn Oracle,
    options: Options,
    refuses: fn(&VoType) -> bool,
    most_columns: Option<usize>,
    reserves: fn(Datatype) -> Option<i64>,
    has_null: fn(&VoType) -> bool,
    keeps: Option<KeptMetadata>,
}

impl<'a> Subject<'a> {
    /// A format that is read back by an oracle.
    pub fn new(plugin: EncoderPlugin, oracle: &'a mut dyn Oracle) -> Self {
        let options = Options::default();
        Self {
            plugin,
            oracle,
            options,
            refuses: |_| false,
            most_columns: None,
            reserves: |_| None,
            has_null: |_| true,
            keeps: None,
        }
    }

    /// The same with options of the format.
    #[must_use]
    pub fn with_options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Declares datatypes and shapes that the format refuses. The suite leaves such columns out of
    /// its tables, and checks that they are refused.
    #[must_use]
    pub fn refusing(mut self, refuses: fn(&VoType) -> bool) -> Self {
        self.refuses = refuses;
        self
    }

    /// Declares a limit for the number of columns, which is checked as well.
    #[must_use]
    pub fn with_columns_at_most(mut self, most: usize) -> Self {
        self.most_columns = Some(most);
        self
    }

    /// Declares values of integer datatypes that stand for null. The suite replaces them by other
    /// values, and checks that a cell with such a value is an error.
    #[must_use]
    pub fn reserving(mut self, reserves: fn(Datatype) -> Option<i64>) -> Self {
        self.reserves = reserves;
        self
    }

    /// Declares the types whose cells may be null. In columns of other types, the suite replaces
    /// nulls by values, and checks that a null cell is an error.
    #[must_use]
    pub fn with_nulls_in(mut self, has_null: fn(&VoType) -> bool) -> Self {
        self.has_null = has_null;
        self
    }

    /// Declares the metadata that the format keeps. This declaration is required, even if it is
    /// [`KeptMetadata::NONE`].
    #[must_use]
    pub fn keeping(mut self, keeps: KeptMetadata) -> Self {
        self.keeps = Some(keeps);
        self
    }

    /// The metadata that the format keeps; `None` if nothing was declared.
    pub(crate) fn keeps(&self) -> Option<KeptMetadata> {
        self.keeps
    }

    /// The value that stands for null.
    pub(crate) fn reserved(&self, datatype: Datatype) -> Option<i64> {
        (self.reserves)(datatype)
    }

    /// The tables of the suite, without columns and values that the format refuses.
    pub fn tables(&self) -> Vec<Table> {
        tables().into_iter().filter_map(|table| self.adapt(table)).collect()
    }

    /// A table with types of which every format accepts some.
    pub(crate) fn table(&self, table: Table) -> Check<Table> {
        let name = table.name;
        self.adapt(table).ok_or_else(|| {
            format!(
                "{name}: the format refuses every column of this table, so the suite has nothing \
                 to write"
            )
        })
    }

    /// A table without the columns and values that the format refuses; `None` if no column is left.
    pub fn adapt(&self, table: Table) -> Option<Table> {
        let columns = table.schema.columns();
        let taken =
            |column: &Column| column.vo_type().is_ok_and(|vo_type| !(self.refuses)(vo_type));
        let mut positions: Vec<usize> =
            (0..columns.len()).filter(|position| taken(&columns[*position])).collect();
        positions.truncate(self.most_columns.unwrap_or(usize::MAX));
        let table = match positions.len() {
            0 => return None,
            all if all == columns.len() => table,
            _ => table.project(&positions),
        };
        Some(table.without(self.reserves).with_nulls_in(self.has_null))
    }

    /// The options that the format is started with.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Whether columns of a type are refused.
    pub(crate) fn refuses(&self, datatype: Datatype, arraysize: Option<&str>) -> bool {
        let arraysize = arraysize.and_then(|text| text.parse().ok());
        (self.refuses)(&VoType { datatype, arraysize, xtype: None })
    }

    /// Whether cells of a type may be null.
    pub(crate) fn has_null_in(&self, datatype: Datatype, arraysize: Option<&str>) -> bool {
        let arraysize = arraysize.and_then(|text| text.parse().ok());
        (self.has_null)(&VoType { datatype, arraysize, xtype: None })
    }

    /// The limit to the number of columns.
    pub(crate) fn most_columns(&self) -> Option<usize> {
        self.most_columns
    }

    /// Starts a result with the options.
    ///
    /// # Errors
    /// As [`EncoderPlugin::start`].
    pub fn start(
        &self,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Encoder> {
        self.plugin.start(&self.options, schema, context, sink)
    }

    /// Writes batches of a table into a sink, to the end.
    pub(crate) fn write(
        &self,
        table: &Table,
        batches: &[RecordBatch],
        completion: Completion,
        sink: ByteSink,
    ) -> Result<EncodeSummary> {
        self.write_in(&EncodeContext::default(), table, batches, completion, sink)
    }

    /// The same in a context.
    pub(crate) fn write_in(
        &self,
        context: &EncodeContext,
        table: &Table,
        batches: &[RecordBatch],
        completion: Completion,
        sink: ByteSink,
    ) -> Result<EncodeSummary> {
        let mut encoder = self.start(&table.schema, context, sink)?;
        for batch in batches {
            encoder.write_batch(batch)?;
        }
        encoder.finish(completion)
    }

    /// The bytes of batches of a table.
    pub(crate) fn bytes(
        &self,
        checks: &mut Checks,
        table: &Table,
        batches: &[RecordBatch],
    ) -> Check<Vec<u8>> {
        self.bytes_in(&EncodeContext::default(), checks, table, batches)
    }

    /// The same in a context.
    pub(crate) fn bytes_in(
        &self,
        context: &EncodeContext,
        checks: &mut Checks,
        table: &Table,
        batches: &[RecordBatch],
    ) -> Check<Vec<u8>> {
        let sink = SharedSink::default();
        let written =
            self.write_in(context, table, batches, Completion::Complete, Box::new(sink.clone()));
        let summary = checks
            .result(written.map_err(|error| {
                format!("{}: the table was not written: {error:#}", table.name)
            }))?;
        let bytes = sink.bytes();
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let name = table.name;
        checks.equal(format!("{name}: rows of the summary"), &summary.rows, &(rows as u64))?;
        checks.equal(
            format!("{name}: total_bytes of the summary, compared with the bytes of the sink"),
            &summary.total_bytes,
            &(bytes.len() as u64),
        )?;
        checks.that(summary.data_bytes <= summary.total_bytes, || {
            format!("{name}: the summary has more data_bytes than total_bytes")
        })?;
        Ok(bytes)
    }

    /// Metadata without differences that the format or the oracle can't represent.
    pub(crate) fn comparable_metadata(&self, metadata: ColumnMetadata) -> ColumnMetadata {
        self.oracle.comparable_metadata(metadata)
    }

    /// The contents of a file according to the oracle.
    pub(crate) fn decode(&mut self, bytes: &[u8], table: &Table) -> Check<Decoded> {
        self.oracle.decode(bytes, &table.schema)
    }

    /// Whether the oracle accepts bytes as a complete file of the table.
    pub(crate) fn takes_for_whole(&mut self, bytes: &[u8], table: &Table) -> bool {
        // Empty output is not a complete file, although some formats write no bytes for a table
        // without rows.
        if bytes.is_empty() {
            return false;
        }
        let names = self.oracle.names(&table.schema);
        self.decode(bytes, table).is_ok_and(|decoded| decoded.names == names)
    }

    /// Checks that bytes read back as batches of a table.
    pub(crate) fn check_read(
        &mut self,
        checks: &mut Checks,
        bytes: &[u8],
        table: &Table,
        expected: &[RecordBatch],
    ) -> Check<Decoded> {
        let decoded = checks.result(self.decode(bytes, table).map_err(|error| {
            format!("{}: the oracle does not read the file: {error}", table.name)
        }))?;
        checks.equal(
            format!("{}: names of the columns", table.name),
            &decoded.names,
            &self.oracle.names(&table.schema),
        )?;
        let expected = concat_batches(&table.expected.schema(), expected)
            .map_err(|error| error.to_string())?;
        let expected = self.oracle.comparable(expected);
        let read = self.oracle.comparable(decoded.rows.clone());
        checks.result(check_rows(table.name, &read, &expected))?;
        Ok(decoded)
    }

    /// Writes batches of a table, and checks that they read back.
    pub(crate) fn reads_back(
        &mut self,
        checks: &mut Checks,
        table: &Table,
        given: &[RecordBatch],
        expected: &[RecordBatch],
    ) -> Check<Decoded> {
        let bytes = self.bytes(checks, table, given)?;
        self.check_read(checks, &bytes, table, expected)
    }
}
