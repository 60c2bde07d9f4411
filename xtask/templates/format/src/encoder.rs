//! Header, rows and trailer.

use taploom_format::arrow_array::RecordBatch;
use taploom_format::{
    Completion, EncodeContext, Error, ErrorKind, Output, Result, ResultEncoder, ResultSchema, Written,
};

/// Writes one result.
pub(crate) struct {{Type}}Encoder {
    output: Output,
    header_bytes: u64,
}

impl {{Type}}Encoder {
    pub(crate) fn start(
        _schema: &ResultSchema,
        _context: &EncodeContext,
        mut output: Output,
    ) -> Result<Self> {
        // Refuse what the format can't hold, with ErrorKind::UnsupportedColumn and the name of the
        // column, before the first byte. Then append the header.
        output.append(b"")?;
        let header_bytes = output.written();
        Ok(Self { output, header_bytes })
    }
}

impl ResultEncoder for {{Type}}Encoder {
    fn write_batch(&mut self, _batch: &RecordBatch) -> Result<()> {
        // The columns of the batch are in eight Arrow types, and flat lists of them: Boolean, UInt8,
        // Int16, Int32, Int64, Float32, Float64 and Utf8. Append their rows to the output.
        Err(not_filled_in("write_batch writes no rows"))
    }

    fn finish(mut self: Box<Self>, _completion: Completion) -> Result<Written> {
        let data_bytes = self.output.written() - self.header_bytes;
        // Append the trailer, if the format has one. Report lost cells by `Written::with_losses`.
        self.output.append(b"")?;
        Ok(Written::new(data_bytes))
    }

    fn buffered_bytes(&self) -> usize {
        // Return the capacity of the buffers that hold rows.
        0
    }
}

fn not_filled_in(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("not filled in: {what} (src/encoder.rs)"))
}
