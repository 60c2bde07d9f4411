//! Parquet, and the VOTable in its footer.

use std::sync::Arc;

use arrow_array::RecordBatch;
use taploom_encoder::{
    ByteSink, CanonicalRows, Completion, EncodeContext, EncodeSummary, Error, ErrorKind, Output,
    Result, ResultEncoder, ResultSchema, unique_names,
};
use taploom_votable::{Frame, Version, altered_names, xml_characters};

use crate::options::VoparquetOptions;
use crate::parquet_file::ParquetFile;

/// Parquet in the VO 1.0, 2: the two keys, in this case and no other.
const VERSION_KEY: &str = "IVOA.VOTable-Parquet.version";
const CONTENT_KEY: &str = "IVOA.VOTable-Parquet.content";
const VERSION: &str = "1.0";

/// Rows to Parquet; the document waits for the end, when the status is known.
pub(crate) struct VoparquetEncoder {
    rows: CanonicalRows,
    frame: Frame,
    file: ParquetFile,
}

impl VoparquetEncoder {
    pub(crate) fn start(
        options: &VoparquetOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Self> {
        // The same characters in the Parquet schema as in the FIELDs: readers drop all metadata where
        // one name differs.
        let names: Vec<_> =
            schema.columns().iter().map(|column| xml_characters(column.name())).collect();
        let names = unique_names(names.iter().map(|name| &**name));
        let rows = CanonicalRows::with_names(schema, &names)?;
        let frame = match &context.envelope {
            Some(envelope) => Frame::given(envelope),
            None => Frame::with_names(schema, &names, Version::default())?,
        };
        let arrow = Arc::clone(rows.schema().arrow());
        let document = frame.heap_bytes();
        let file = ParquetFile::start(arrow, options, context, document, Output::new(sink))?;
        Ok(Self { rows, frame, file })
    }
}

impl ResultEncoder for VoparquetEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.file.write(&self.rows.convert(batch)?)
    }

    fn finish(self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        if let Completion::Failed { message } = completion {
            return Err(Error::new(ErrorKind::Failed, message));
        }
        let document = format!("{}{}", self.frame.header(), self.frame.footer(&completion)?);
        let keys =
            vec![(VERSION_KEY.to_owned(), VERSION.to_owned()), (CONTENT_KEY.to_owned(), document)];
        let mut summary = EncodeSummary::default();
        summary.rows = self.rows.rows();
        summary.altered_cells = altered_names(self.rows.schema());
        (summary.data_bytes, summary.total_bytes) = self.file.finish(keys)?;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        self.file.buffered_bytes() + self.frame.heap_bytes()
    }
}
