//! One JSON document: the FIELDs, the rows, and the status.

use arrow_array::RecordBatch;
use taploom_format::{
    Column, ColumnMetadata, Completion, EncodeContext, Error, ErrorKind, Output, Result,
    ResultEncoder, ResultSchema, Written,
};
use taploom_text::{BlockPlan, Frame, append_json_string};

use crate::column_writer::ColumnWriter;
use crate::options::JsonOptions;
use crate::rows::{Rows, plan};

pub(crate) struct DocumentEncoder {
    rows: Rows,
    output: Output,
    header_bytes: u64,
}

/// What is the same for all results of a schema.
struct Plan {
    rows: BlockPlan<ColumnWriter>,
    header: Vec<u8>,
}

impl DocumentEncoder {
    pub(crate) fn start(
        options: &JsonOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        mut output: Output,
    ) -> Result<Self> {
        let plan = context.plan(options, schema, || Plan::new(options, schema, context))?;
        output.append(&plan.header)?;
        let rows = Rows::new(&plan.rows, context.resources.threads);
        Ok(Self { rows, output, header_bytes: plan.header.len() as u64 })
    }
}

impl Plan {
    fn new(options: &JsonOptions, schema: &ResultSchema, context: &EncodeContext) -> Result<Self> {
        let columns = schema.columns().len();
        let before = (0..columns).map(|index| match index {
            0 => b",\n[".to_vec(),
            _ => b",".to_vec(),
        });
        let frame = Frame { before: before.collect(), after: b"]".to_vec(), ..Frame::default() };
        let rows = plan(schema, options, frame, context)?;
        Ok(Self { rows, header: header(schema)? })
    }
}

/// The document up to the first row.
fn header(schema: &ResultSchema) -> Result<Vec<u8>> {
    let mut text = b"{\"metadata\":[".to_vec();
    for (index, column) in schema.columns().iter().enumerate() {
        text.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut text, &field(column)?).map_err(|cause| {
            Error::new(ErrorKind::Internal, "a FIELD can't be written as JSON")
                .with_column(column.name())
                .with_source(cause)
        })?;
    }
    text.extend_from_slice(b"],\n\"data\":[");
    Ok(text)
}

/// The metadata of a column, both derived and given.
fn field(column: &Column) -> Result<ColumnMetadata> {
    let vo_type = column.vo_type()?;
    Ok(ColumnMetadata {
        name: Some(column.name().to_owned()),
        datatype: Some(vo_type.datatype),
        arraysize: vo_type.arraysize.clone(),
        xtype: vo_type.xtype.clone(),
        ..column.metadata().clone()
    })
}

impl ResultEncoder for DocumentEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let Self { rows, output, header_bytes } = self;
        rows.append(batch, |text| append_rows(text, *header_bytes, output))
    }

    fn flush(&mut self) -> Result<()> {
        let Self { rows, output, header_bytes } = self;
        rows.drain(|text| append_rows(text, *header_bytes, output))
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<Written> {
        self.flush()?;
        let written = self.rows.written(self.output.written() - self.header_bytes);
        let mut trailer = b"],\n\"status\":".to_vec();
        append_json_string(completion.query_status(), &mut trailer);
        if let Completion::Failed { message } = &completion {
            trailer.extend_from_slice(b",\n\"message\":");
            append_json_string(message, &mut trailer);
        }
        trailer.extend_from_slice(b"}\n");
        self.output.append(&trailer)?;
        Ok(written)
    }

    fn buffered_bytes(&self) -> usize {
        self.rows.heap_bytes()
    }
}

/// The first row has no comma before it.
fn append_rows(text: &[u8], header_bytes: u64, output: &mut Output) -> Result<()> {
    let is_first = output.written() == header_bytes;
    output.append(text.strip_prefix(b",").filter(|_| is_first).unwrap_or(text))
}
