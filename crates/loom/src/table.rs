//! The table of a file: its columns as Arrow, as Parquet, and with their properties.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, Schema, SchemaRef};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterPropertiesPtr};
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type, TypePtr};

use crate::arrays::plain_field;
use crate::error::{Error, Result};
use crate::options::{Dictionaries, LoomOptions};
use crate::plan::Plan;

/// What does not change while a file is written.
pub(crate) struct Table {
    /// As it was given.
    pub(crate) schema: SchemaRef,
    /// All of it in Parquet.
    pub(crate) root: TypePtr,
    pub(crate) columns: Vec<Column>,
    pub(crate) properties: WriterPropertiesPtr,
    /// The same without dictionaries; `None` where the properties alone decide.
    pub(crate) without_dictionaries: Option<WriterPropertiesPtr>,
}

/// A column of the table; nested ones have several leaves.
pub(crate) struct Column {
    /// In the form in which its arrays are encoded.
    pub(crate) field: FieldRef,
    /// A Parquet schema with this column alone.
    pub(crate) root: TypePtr,
}

impl Column {
    pub(crate) fn name(&self) -> &str {
        self.field.name()
    }

    /// An Arrow schema with this column alone.
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![Arc::clone(&self.field)]))
    }
}

impl Table {
    pub(crate) fn new(schema: SchemaRef, options: &LoomOptions) -> Result<(Self, Plan)> {
        let mut properties = options.properties.clone();
        refuse(&properties)?;
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
            let encoding = properties.encoding(leaf.path());
            if leaf.physical_type() == PhysicalType::BOOLEAN
                && encoding == Some(Encoding::BYTE_STREAM_SPLIT)
            {
                let name = leaf.path().string();
                let why = "BYTE_STREAM_SPLIT is for numbers, and it is boolean";
                return Err(Error::Options(format!("column {name}: {why}")));
            }
            plan.check_bloom_filter(&properties, leaf.path())?;
        }
        // Larger ones are slow to look things up in, for the readers too.
        let dictionary = match options.dictionaries {
            Dictionaries::WherePaying => plan.page / 2,
            Dictionaries::AsSet => plan.page,
        };
        let properties = limited(properties, &descriptor, plan.page, dictionary);
        let without_dictionaries = (options.dictionaries == Dictionaries::WherePaying)
            .then(|| Arc::new(without_dictionaries(&properties, &descriptor)));

        let root = descriptor.root_schema_ptr();
        let columns = schema.fields().iter().zip(root.get_fields()).map(|(field, parquet)| {
            let alone =
                Type::group_type_builder(root.name()).with_fields(vec![Arc::clone(parquet)]);
            let alone = alone.build().map_err(Error::Schema)?;
            Ok(Column { field: plain_field(field), root: Arc::new(alone) })
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let properties = Arc::new(properties);
        Ok((Self { root, columns, properties, without_dictionaries, schema }, plan))
    }

    /// Refuses a batch with other columns.
    pub(crate) fn check(&self, batch: &RecordBatch) -> Result<()> {
        let (wanted, given) = (self.schema.fields(), batch.columns());
        if wanted.len() != given.len() {
            let (wanted, given) = (wanted.len(), given.len());
            let message = format!("the batch has {given} columns, the file {wanted}");
            return Err(Error::SchemaMismatch(message));
        }
        for (field, array) in wanted.iter().zip(given) {
            if !field.data_type().equals_datatype(array.data_type()) {
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

/// Refuses what can't be done in memory that is bounded.
fn refuse(properties: &WriterProperties) -> Result<()> {
    let unbounded = if properties.content_defined_chunking().is_some() {
        "content-defined chunking"
    } else if properties.write_row_group_number_distinct_values() {
        "counting distinct values"
    } else {
        return Ok(());
    };
    Err(Error::Options(format!("{unbounded} needs memory without a limit; leave it out")))
}

/// Pages and dictionaries no larger than there is memory for.
fn limited(
    properties: WriterProperties,
    descriptor: &SchemaDescriptor,
    page: usize,
    dictionary: usize,
) -> WriterProperties {
    let set = (properties.data_page_size_limit(), properties.dictionary_page_size_limit());
    let builder = properties.into_builder();
    let builder = builder
        .set_data_page_size_limit(page.min(set.0))
        .set_dictionary_page_size_limit(dictionary.min(set.1));
    for_columns(builder, descriptor, |properties, path, mut builder| {
        if properties.column_data_page_size_limit(path) > page {
            builder = builder.set_column_data_page_size_limit(path.clone(), page);
        }
        if properties.column_dictionary_page_size_limit(path) > dictionary {
            builder = builder.set_column_dictionary_page_size_limit(path.clone(), dictionary);
        }
        builder
    })
}

fn without_dictionaries(
    properties: &WriterProperties,
    descriptor: &SchemaDescriptor,
) -> WriterProperties {
    let builder = properties.clone().into_builder().set_dictionary_enabled(false);
    for_columns(builder, descriptor, |properties, path, builder| {
        if properties.dictionary_enabled(path) {
            return builder.set_column_dictionary_enabled(path.clone(), false);
        }
        builder
    })
}

/// Changes the properties of those columns that have their own; `change` sees them as they are after
/// the change of the defaults.
fn for_columns(
    builder: WriterPropertiesBuilder,
    descriptor: &SchemaDescriptor,
    change: impl Fn(&WriterProperties, &ColumnPath, WriterPropertiesBuilder) -> WriterPropertiesBuilder,
) -> WriterProperties {
    let properties = builder.build();
    let start = properties.clone().into_builder();
    let leaves = descriptor.columns().iter();
    leaves.fold(start, |builder, leaf| change(&properties, leaf.path(), builder)).build()
}
