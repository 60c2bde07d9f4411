//! The columns of a file as Arrow and as Parquet, and their properties.

use std::io;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, FieldRef, IntervalUnit, Schema, SchemaRef};
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowRowGroupWriterFactory, PageStoreFactory,
};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type, TypePtr};

use crate::arrays::plain_field;
use crate::encodings::Encodings;
use crate::error::{Error, Result};
use crate::footer::is_float;
use crate::options::{FloatOrder, LoomOptions};
use crate::plan::Plan;

/// The columns of a file. They do not change while it is written.
pub(crate) struct Table {
    /// The schema that was given.
    pub(crate) schema: SchemaRef,
    /// The whole schema in Parquet.
    pub(crate) root: TypePtr,
    pub(crate) columns: Vec<Column>,
    pub(crate) properties: WriterPropertiesPtr,
    /// Whether pages have checksums.
    pub(crate) checksums: bool,
    pub(crate) encodings: Encodings,
    pub(crate) float_order: FloatOrder,
}

/// A column of the table. A nested column has several leaves.
pub(crate) struct Column {
    /// The field with the type in which its arrays are staged and encoded.
    pub(crate) field: FieldRef,
    /// A Parquet schema with this column alone.
    pub(crate) root: TypePtr,
    /// Whether the page headers of each leaf keep statistics.
    pub(crate) page_statistics: Vec<bool>,
    /// Whether the Arrow schema in the file tells readers to make dictionaries of values.
    pub(crate) has_arrow_dictionary: bool,
}

impl Column {
    pub(crate) fn name(&self) -> &str {
        self.field.name()
    }

    /// An Arrow schema with this column alone.
    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![Arc::clone(&self.field)]))
    }

    /// The encoders of the column, one per leaf.
    pub(crate) fn writers(
        &self,
        properties: &WriterPropertiesPtr,
        pages: Arc<dyn PageStoreFactory>,
    ) -> Result<Vec<ArrowColumnWriter>> {
        // The Parquet crate makes encoders from a factory, and a factory from a file. This file has only one
        // column, so that no encoders of other columns are made.
        let made = || {
            let root = Arc::clone(&self.root);
            let file = SerializedFileWriter::new(io::sink(), root, Arc::clone(properties))?;
            ArrowRowGroupWriterFactory::new(&file, self.schema())
                .with_page_store_factory(pages)
                .create_column_writers(0)
        };
        made().map_err(|error| Error::column(self.name(), error))
    }
}

impl Table {
    pub(crate) fn new(schema: SchemaRef, options: &LoomOptions) -> Result<(Self, Plan)> {
        let mut properties = options.properties.clone();
        refuse(&properties)?;
        for field in schema.fields() {
            if let Some(unknown) = unknown_type(field.data_type()) {
                let message = format!("column {} has the type {unknown}", field.name());
                return Err(Error::Schema(ParquetError::NYI(message)));
            }
        }
        let converter = ArrowSchemaConverter::new().with_coerce_types(properties.coerce_types());
        let descriptor = converter.convert(&schema).map_err(Error::Schema)?;
        if descriptor.num_columns() == 0 {
            return Err(Error::Options("a Parquet file needs a column".to_owned()));
        }
        if !options.skip_arrow_metadata {
            add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        }
        let plan = Plan::new(options.memory.bytes(), descriptor.num_columns(), options.threads)?;
        for leaf in descriptor.columns() {
            if let Some(encoding) = properties.encoding(leaf.path())
                && !encodes(encoding, leaf.physical_type())
            {
                let (name, values) = (leaf.path().string(), leaf.physical_type());
                let message = format!("column {name}: {encoding} does not encode {values}");
                return Err(Error::Options(message));
            }
        }
        // Lookups in a larger dictionary are slow, for readers too.
        let dictionary = match options.encodings {
            Encodings::AsSet => plan.page,
            _ => plan.page / 2,
        };
        let mut leaves: Vec<Vec<ColumnPath>> = vec![Vec::new(); schema.fields().len()];
        for (leaf, column) in descriptor.columns().iter().enumerate() {
            leaves[descriptor.get_column_root_idx(leaf)].push(column.path().clone());
        }
        for (field, leaves) in schema.fields().iter().zip(&leaves) {
            plan.check_leaves(field.name(), leaves.len())?;
            plan.check_bloom_filters(field.name(), &properties, leaves.iter())?;
        }
        let mut page_statistics = vec![Vec::new(); leaves.len()];
        for (leaf, column) in descriptor.columns().iter().enumerate() {
            let asked = properties.write_page_header_statistics(column.path());
            let dropped = options.float_order == FloatOrder::Type && is_float(column);
            page_statistics[descriptor.get_column_root_idx(leaf)].push(asked && !dropped);
        }
        let properties = limited(properties, &leaves, plan.page, dictionary);
        let properties = with_nested_bounds(properties, &descriptor);

        let root = descriptor.root_schema_ptr();
        let columns = schema.fields().iter().zip(root.get_fields()).zip(page_statistics);
        let columns = columns.map(|((field, parquet), page_statistics)| {
            let alone =
                Type::group_type_builder(root.name()).with_fields(vec![Arc::clone(parquet)]);
            let alone = alone.build().map_err(Error::Schema)?;
            Ok(Column {
                field: plain_field(field),
                root: Arc::new(alone),
                page_statistics,
                has_arrow_dictionary: !options.skip_arrow_metadata
                    && has_dictionary(field.data_type()),
            })
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let properties = Arc::new(properties);
        let LoomOptions { checksums, encodings, float_order, .. } = *options;
        Ok((Self { root, columns, properties, checksums, encodings, float_order, schema }, plan))
    }

    /// Refuses a batch whose columns differ.
    pub(crate) fn check(&self, batch: &RecordBatch) -> Result<()> {
        let (wanted, given) = (self.schema.fields(), batch.columns());
        if wanted.len() != given.len() {
            let (wanted, given) = (wanted.len(), given.len());
            let message = format!("the batch has {given} columns, the file {wanted}");
            return Err(Error::SchemaMismatch(message));
        }
        for (field, array) in wanted.iter().zip(given) {
            if !same_type(field.data_type(), array.data_type()) {
                return Err(Error::SchemaMismatch(format!(
                    "column {} is {} in the batch and {} in the file",
                    field.name(),
                    array.data_type(),
                    field.data_type(),
                )));
            }
        }
        Ok(())
    }
}

/// Refuses properties that need unbounded memory.
fn refuse(properties: &WriterProperties) -> Result<()> {
    let unbounded = if properties.content_defined_chunking().is_some() {
        "content-defined chunking"
    } else if properties.write_row_group_number_distinct_values() {
        "counting distinct values"
    } else if properties.column_index_truncate_length().is_none() {
        "a column index with whole values"
    } else {
        return Ok(());
    };
    Err(Error::Options(format!("{unbounded} needs memory without a limit; leave it out")))
}

/// Limits pages and dictionaries to the memory of one column's encoder. The leaves of a nested column share it.
fn limited(
    properties: WriterProperties,
    columns: &[Vec<ColumnPath>],
    page: usize,
    dictionary: usize,
) -> WriterProperties {
    const LEAST: usize = 8 << 10;
    let set = (properties.data_page_size_limit(), properties.dictionary_page_size_limit());
    let builder = properties.into_builder();
    let builder = builder
        .set_data_page_size_limit(page.min(set.0))
        .set_dictionary_page_size_limit(dictionary.min(set.1));
    let properties = builder.build();
    let mut builder = properties.clone().into_builder();
    for leaves in columns {
        let page = (page / leaves.len().max(1)).max(LEAST);
        let dictionary = (dictionary / leaves.len().max(1)).max(LEAST);
        for path in leaves {
            if properties.column_data_page_size_limit(path) > page {
                builder = builder.set_column_data_page_size_limit(path.clone(), page);
            }
            if properties.column_dictionary_page_size_limit(path) > dictionary {
                builder = builder.set_column_dictionary_page_size_limit(path.clone(), dictionary);
            }
        }
    }
    builder.build()
}

/// Lets the page headers of nested leaves have statistics. The Parquet crate's column index lacks the bounds of some
/// of their pages, and [`leaf_pages`](crate::leaf_pages) takes them from the page headers.
fn with_nested_bounds(
    properties: WriterProperties,
    descriptor: &SchemaDescriptor,
) -> WriterProperties {
    let nested = descriptor.columns().iter().filter(|leaf| leaf.max_rep_level() > 0);
    let paths = nested.map(|leaf| leaf.path().clone());
    let paths = paths.filter(|path| !properties.write_page_header_statistics(path));
    let paths: Vec<_> = paths.collect();
    let mut builder = properties.into_builder();
    for path in paths {
        builder = builder.set_column_write_page_header_statistics(path, true);
    }
    builder.build()
}

/// The part of a type for which the Parquet crate has no encoder; the type itself or one inside it.
fn unknown_type(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::Union(_, _)
        | DataType::FixedSizeBinary(..=0)
        | DataType::Interval(IntervalUnit::MonthDayNano) => Some(data_type),
        _ => parts(data_type).find_map(unknown_type),
    }
}

fn has_dictionary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(_, _)) || parts(data_type).any(has_dictionary)
}

/// The types inside a type.
fn parts(data_type: &DataType) -> Box<dyn Iterator<Item = &DataType> + '_> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _)
        | DataType::RunEndEncoded(_, item) => Box::new(std::iter::once(item.data_type())),
        DataType::Dictionary(_, values) => Box::new(std::iter::once(&**values)),
        DataType::Struct(fields) => Box::new(fields.iter().map(|field| field.data_type())),
        _ => Box::new(std::iter::empty()),
    }
}

/// Whether an encoding supports values of a type. If it does not, the Parquet crate's encoders
/// panic.
fn encodes(encoding: Encoding, values: PhysicalType) -> bool {
    use PhysicalType::{BOOLEAN, BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY, INT32, INT64, INT96};
    match encoding {
        Encoding::PLAIN => true,
        Encoding::RLE => values == BOOLEAN,
        Encoding::DELTA_BINARY_PACKED => matches!(values, INT32 | INT64),
        Encoding::DELTA_LENGTH_BYTE_ARRAY => values == BYTE_ARRAY,
        Encoding::DELTA_BYTE_ARRAY => matches!(values, BYTE_ARRAY | FIXED_LEN_BYTE_ARRAY),
        Encoding::BYTE_STREAM_SPLIT => !matches!(values, BOOLEAN | BYTE_ARRAY | INT96),
        _ => false,
    }
}

/// Whether two types are equal and their structs have the same field names in the same order. Arrow's comparison
/// alone looks fields up by name.
fn same_type(one: &DataType, other: &DataType) -> bool {
    one.equals_datatype(other) && struct_names(one).eq(struct_names(other))
}

/// The names of all fields of structs, from the outside in.
fn struct_names(data_type: &DataType) -> Box<dyn Iterator<Item = &str> + '_> {
    let own = match data_type {
        DataType::Struct(fields) => fields.as_ref(),
        _ => &[],
    };
    let names = own.iter().map(|field| field.name().as_str());
    Box::new(names.chain(parts(data_type).flat_map(struct_names)))
}
