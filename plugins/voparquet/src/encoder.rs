//! Parquet, and the VOTable in its footer.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};
use taploom_encoder::{
    ByteSink, CanonicalRows, Completion, EncodeContext, EncodeSummary, Error, ErrorKind, Output,
    Result, ResultEncoder, ResultSchema, unique_names,
};
use taploom_votable::{Frame, xml_characters};

use crate::options::VoparquetOptions;
use crate::parquet_file::ParquetFile;

/// Parquet in the VO 1.0, 2: the two keys, in this case and no other.
const VERSION_KEY: &str = "IVOA.VOTable-Parquet.version";
const CONTENT_KEY: &str = "IVOA.VOTable-Parquet.content";
const VERSION: &str = "1.0";

/// Rows to Parquet; the document waits for the end, when the status is known.
pub(crate) struct VoparquetEncoder {
    rows: CanonicalRows,
    schema: SchemaRef,
    frame: Frame,
    file: ParquetFile,
    altered_names: u64,
}

impl VoparquetEncoder {
    pub(crate) fn start(
        options: &VoparquetOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Self> {
        let rows = CanonicalRows::new(schema)?;
        // The same characters in the Parquet schema as in the FIELDs: readers drop all metadata where
        // one name differs.
        let names: Vec<_> =
            schema.columns().iter().map(|column| xml_characters(column.name())).collect();
        let altered = schema.columns().iter().zip(&names);
        let altered_names = altered.filter(|(column, name)| column.name() != &***name).count();
        let names = unique_names(names.iter().map(|name| &**name));
        let frame = match &context.envelope {
            Some(envelope) => Frame::given(envelope),
            None => Frame::with_names(schema, &names)?,
        };
        let fields =
            rows.schema().arrow().fields().iter().zip(&names).map(|(field, name)| {
                Field::new(name, field.data_type().clone(), field.is_nullable())
            });
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let budget = context.memory_budget;
        let file = ParquetFile::start(Arc::clone(&schema), options, budget, Output::new(sink))?;
        Ok(Self { rows, schema, frame, file, altered_names: altered_names as u64 })
    }
}

impl ResultEncoder for VoparquetEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.rows.convert(batch)?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::clone(&self.schema);
        let columns = batch.columns().to_vec();
        let batch =
            RecordBatch::try_new_with_options(schema, columns, &options).map_err(|cause| {
                Error::new(ErrorKind::Internal, "renamed columns do not fit").with_source(cause)
            })?;
        self.file.write(&batch)
    }

    fn finish(self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        if let Completion::Failed { message } = completion {
            return Err(Error::new(ErrorKind::Failed, message));
        }
        let document = format!("{}{}", self.frame.header(), self.frame.footer(&completion)?);
        let keys =
            vec![(VERSION_KEY.to_owned(), VERSION.to_owned()), (CONTENT_KEY.to_owned(), document)];
        let rows = self.rows.rows();
        let mut summary = EncodeSummary::default();
        summary.altered_cells = self.altered_names;
        (summary.data_bytes, summary.total_bytes) = self.file.finish(keys)?;
        summary.rows = rows;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        self.file.buffered_bytes() + self.frame.heap_bytes()
    }
}
