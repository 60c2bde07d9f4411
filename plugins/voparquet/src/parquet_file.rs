//! The Parquet file, written by the loom. Translates options into properties, and the loom's errors
//! into Taploom's.

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use parquet::basic::Type as PhysicalType;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};
use taploom_format::{EncodeContext, Error, ErrorKind, Output, Result};
use taploom_loom::{
    Encodings, Error as Loom, FloatOrder as LoomFloatOrder, LoomOptions, LoomWriter, PreparedFile,
    ScratchError,
};

use crate::held::{in_parquet, needs_arrow_schema};
use crate::options::{Checksums, Encoding, FloatOrder, Statistics, VoparquetOptions};

/// A Parquet file that is being written to an [`Output`].
pub(crate) struct ParquetFile {
    writer: LoomWriter<Output>,
    /// Bytes of the memory budget that the loom does not get.
    set_aside: usize,
}

/// The columns and options of files with one schema.
pub(crate) struct ParquetPlan {
    file: PreparedFile,
    set_aside: usize,
}

impl ParquetPlan {
    /// Prepares files. The names of the columns are unique. The loom gets the memory budget of the context without
    /// `set_aside` bytes.
    pub(crate) fn new(
        schema: SchemaRef,
        options: &VoparquetOptions,
        context: &EncodeContext,
        set_aside: usize,
    ) -> Result<Self> {
        let in_parquet = in_parquet(&schema)?;
        let loom = LoomOptions::new()
            .with_properties(properties(&schema, &in_parquet, options)?)
            .with_encodings(match options.encoding {
                Encoding::Auto => Encodings::Auto,
                Encoding::Smallest => Encodings::Smallest,
                Encoding::Plain | Encoding::Dictionary => Encodings::AsSet,
                // Used for columns of types that the named encoding can't hold.
                _ => Encodings::Compatible,
            })
            .with_float_order(match options.float_order {
                FloatOrder::Type => LoomFloatOrder::Type,
                FloatOrder::Total => LoomFloatOrder::Total,
            })
            .with_checksums(options.checksums == Checksums::On)
            // If Parquet's types are enough, the Arrow schema would only repeat every column in base64.
            .with_skip_arrow_metadata(!needs_arrow_schema(&schema, &in_parquet))
            .with_memory_budget(context.resources.memory_budget.saturating_sub(set_aside))
            .with_threads(context.resources.threads);
        let file = PreparedFile::new(schema, &loom).map_err(|error| match error {
            // An error before the first row means that the request itself can't be fulfilled.
            Loom::Options(message) => Error::new(ErrorKind::InvalidOption, message),
            budget @ Loom::Budget { .. } => {
                failed(budget, set_aside).with_kind(ErrorKind::InvalidRequest)
            }
            other => failed(other, set_aside),
        })?;
        Ok(Self { file, set_aside })
    }
}

impl ParquetFile {
    /// Starts a file.
    pub(crate) fn start(
        plan: &ParquetPlan,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Self> {
        let ParquetPlan { file, set_aside } = plan;
        let writer = LoomWriter::prepared(output, file, &context.resources.scratch);
        let writer = writer.map_err(|error| failed(error, *set_aside))?;
        Ok(Self { writer, set_aside: *set_aside })
    }

    /// Appends rows.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let set_aside = self.set_aside;
        self.writer.write(batch).map_err(|error| failed(error, set_aside))
    }

    /// Heap in use, in bytes.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.writer.buffered_bytes()
    }

    /// Writes the last row group and the footer, with the keys given; returns the bytes of column
    /// chunks.
    pub(crate) fn finish(mut self, keys: Vec<(String, String)>) -> Result<u64> {
        for (key, value) in keys {
            self.writer.append_key_value_metadata(KeyValue::new(key, value));
        }
        let written = self.writer.close().map_err(|error| failed(error, self.set_aside))?;
        Ok(written.chunk_bytes)
    }
}

fn properties(
    schema: &Schema,
    in_parquet: &SchemaDescriptor,
    options: &VoparquetOptions,
) -> Result<WriterProperties> {
    let whole = |number: u64| Some(usize::try_from(number).unwrap_or(usize::MAX));
    let mut properties = WriterProperties::builder()
        // The elements of lists are called `element`, as LogicalTypes.md (Lists) demands.
        .set_coerce_types(true)
        .set_created_by(concat!("taploom ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(options.compression.0)
        .set_max_row_group_row_count(whole(options.row_group_rows.get()))
        .set_max_row_group_bytes(whole(options.row_group_bytes.get()))
        .set_dictionary_enabled(options.encoding != Encoding::Plain)
        .set_statistics_enabled(match options.statistics {
            Statistics::None => EnabledStatistics::None,
            Statistics::Chunk => EnabledStatistics::Chunk,
            Statistics::Page => EnabledStatistics::Page,
        });
    // An option of a column applies to all its leaves.
    let leaves = |name: &str, option: &str| {
        let Some((column, _)) = schema.column_with_name(name) else {
            let message =
                format!("option {option} names a column {name:?}; the result has no such column");
            return Err(Error::new(ErrorKind::InvalidOption, message));
        };
        let leaves = in_parquet.columns().iter().enumerate();
        let leaves =
            leaves.filter(move |(leaf, _)| in_parquet.get_column_root_idx(*leaf) == column);
        Ok(leaves.map(|(_, leaf)| leaf))
    };
    for (name, codec) in &options.column_compression.0 {
        for leaf in leaves(name, "column_compression")? {
            properties = properties.set_column_compression(leaf.path().clone(), codec.0);
        }
    }
    for name in &options.bloom_filters.0 {
        for leaf in leaves(name, "bloom_filters")? {
            properties = properties.set_column_bloom_filter_enabled(leaf.path().clone(), true);
        }
    }
    if options.encoding == Encoding::Smallest {
        // A column of numbers gets one page, so that codecs make a separate code for each stream of bytes. In
        // other files, pages have 20,000 rows, so that readers with a filter can skip some.
        properties = properties.set_data_page_row_count_limit(1 << 20);
    }
    let encoded =
        |properties: WriterPropertiesBuilder, leaf: &ColumnDescPtr, encoding: Encoding| {
            let Some(parquet) = encoding.of(leaf.physical_type()) else { return properties };
            let path = || leaf.path().clone();
            properties
                .set_column_encoding(path(), parquet)
                .set_column_dictionary_enabled(path(), encoding == Encoding::Dictionary)
        };
    if let Encoding::Delta | Encoding::DeltaLength | Encoding::ByteStreamSplit = options.encoding {
        let leaves = in_parquet.columns().iter();
        properties =
            leaves.fold(properties, |properties, leaf| encoded(properties, leaf, options.encoding));
    }
    for (name, encoding) in &options.column_encoding.0 {
        let leaves: Vec<_> = leaves(name, "column_encoding")?.collect();
        let types: Vec<_> = leaves.iter().map(|leaf| leaf.physical_type()).collect();
        if !types.iter().any(|values| encoding.of(*values).is_some()) {
            return Err(not_encoded(name, &types));
        }
        properties = leaves
            .into_iter()
            .fold(properties, |properties, leaf| encoded(properties, leaf, *encoding));
    }
    Ok(properties.build())
}

/// The error for a column whose values can't be written in the named encoding.
fn not_encoded(column: &str, types: &[PhysicalType]) -> Error {
    let takes = |encoding: Encoding| types.iter().any(|values| encoding.of(*values).is_some());
    let taken = Encoding::OF_COLUMNS.into_iter().filter(|(_, encoding)| takes(*encoding));
    let taken: Vec<_> = taken.map(|(name, _)| name).collect();
    let (types, taken) =
        (types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "), taken.join(", "));
    let message = format!(
        "option column_encoding: column {column:?} is {types} in Parquet, which can be {taken}"
    );
    Error::new(ErrorKind::InvalidOption, message)
}

fn failed(error: Loom, set_aside: usize) -> Error {
    match error {
        Loom::Sink(io) => Error::sink(io),
        Loom::Column { column, source } => {
            Error::new(ErrorKind::InvalidValue, "the values can't be written")
                .with_column(column)
                .with_source(source)
        }
        Loom::Schema(source) => {
            Error::new(ErrorKind::UnsupportedColumn, "Parquet can't hold a column")
                .with_source(source)
        }
        Loom::SchemaMismatch(message) => Error::new(ErrorKind::SchemaMismatch, message),
        Loom::Scratch(error @ ScratchError::OverBudget { .. }) => {
            let message = format!(
                "{error}: raise it with --scratch-budget, or make row groups smaller with the option \
                 row_group_rows"
            );
            Error::new(ErrorKind::Resources, message).with_source(error)
        }
        Loom::Scratch(error) => error.into(),
        Loom::Budget { budget, why, enough } => {
            let whole =
                Loom::Budget { budget: budget + set_aside, why, enough: enough + set_aside };
            Error::new(ErrorKind::Resources, whole.to_string())
        }
        Loom::FooterTooLarge => Error::new(ErrorKind::Resources, error.to_string()),
        other => Error::new(ErrorKind::Internal, "the Parquet writer failed").with_source(other),
    }
}
