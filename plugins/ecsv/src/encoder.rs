//! The header, and rows as separated text.

use taploom_format::{EncodeContext, Output, Result, ResultSchema, unique_names};
use taploom_text::{RecordPlan, Records};

use crate::column_writer::{ColumnWriter, append_value};
use crate::header::Header;
use crate::options::EcsvOptions;

/// How line breaks in a name are altered. The YAML of the header can store them, but the line of
/// column names can't.
const ALTERATION: &str = "had line breaks, which ECSV can't store there; replaced by spaces";

/// Starts a result.
pub(crate) fn start(
    options: &EcsvOptions,
    schema: &ResultSchema,
    context: &EncodeContext,
    output: Output,
) -> Result<Records<ColumnWriter>> {
    let plan = context.plan(options, schema, || plan(schema, context))?;
    Records::start(plan, context.resources.threads, output)
}

/// Works out what is the same for all results of a schema: the header, the names of the columns, and how each column is
/// written.
fn plan(schema: &ResultSchema, context: &EncodeContext) -> Result<RecordPlan<ColumnWriter>> {
    let columns = schema.columns();
    // All names have to be in one line.
    let names: Vec<String> =
        columns.iter().map(|column| column.name().replace(['\n', '\r'], " ")).collect();
    let altered = columns.iter().zip(&names).enumerate();
    let altered = altered.filter(|(_, (column, name))| column.name() != *name);
    let altered_names = altered.map(|(index, _)| index).collect();
    let names = unique_names(names.iter().map(String::as_str));

    let mut header = Header::new();
    let mut writers = Vec::with_capacity(columns.len());
    let mut titles = Vec::with_capacity(columns.len());
    for (column, name) in columns.iter().zip(&names) {
        let vo_type = column.vo_type()?;
        let writer =
            ColumnWriter::new(vo_type).map_err(|error| error.with_column(column.name()))?;
        header.column(name, writer.types(vo_type), column.metadata());
        writers.push(writer);
        let mut title = Vec::new();
        append_value(name.as_bytes(), &mut title);
        titles.push(title);
    }
    Ok(RecordPlan::new(writers, b',', b"\n", context)
        .with_header(header.finish(schema.table()))
        .with_names(&titles)
        .with_alterations(ALTERATION, altered_names))
}
