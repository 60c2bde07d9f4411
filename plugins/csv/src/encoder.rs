//! Rows as separated text.

use taploom_format::{Column, EncodeContext, Output, Result, ResultSchema};
use taploom_text::{RecordPlan, Records};

use crate::column_writer::ColumnWriter;
use crate::dialect::Dialect;
use crate::options::{CsvOptions, Header};

/// How characters that TSV can't store are altered. CSV can store every character.
const ALTERATION: &str = "had tabs or line breaks, which TSV can't store; replaced by spaces";

/// Works out what is the same for all results of a schema: how each column is written, and the names of the columns, if
/// the options ask for them.
pub(crate) fn plan(
    dialect: Dialect,
    options: &CsvOptions,
    schema: &ResultSchema,
    context: &EncodeContext,
) -> Result<RecordPlan<ColumnWriter>> {
    let writer = |column: &Column| {
        let writer = column.vo_type().and_then(|vo_type| ColumnWriter::new(vo_type, dialect));
        writer.map_err(|error| error.with_column(column.name()))
    };
    let writers = schema.columns().iter().map(writer).collect::<Result<Vec<_>>>()?;
    let mut plan = RecordPlan::new(writers, dialect.separator(), dialect.record_end(), context);
    let mut altered_names = Vec::new();
    if options.header == Header::Present {
        let mut names = Vec::with_capacity(schema.columns().len());
        for (index, column) in schema.columns().iter().enumerate() {
            let mut name = Vec::new();
            if dialect.append_text(column.name().as_bytes(), &mut name) {
                altered_names.push(index);
            }
            names.push(name);
        }
        plan = plan.with_names(&names);
    }
    Ok(plan.with_alterations(ALTERATION, altered_names))
}

/// Starts a result.
pub(crate) fn start(
    dialect: Dialect,
    options: &CsvOptions,
    schema: &ResultSchema,
    context: &EncodeContext,
    output: Output,
) -> Result<Records<ColumnWriter>> {
    let make = || plan(dialect, options, schema, context);
    let plan = context.plan(&(dialect, options.clone()), schema, make)?;
    Records::start(plan, context.resources.threads, output)
}
