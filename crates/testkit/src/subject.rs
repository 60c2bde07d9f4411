//! A format under test.

use arrow_array::{Array, RecordBatch};
use arrow_cast::display::array_value_to_string;
use arrow_select::concat::concat_batches;
use taploom_encoder::{
    ByteSink, Completion, EncodeContext, EncodeSummary, EncoderPlugin, Options, Result,
};

use crate::oracle::{Decoded, Oracle};
use crate::sinks::SharedSink;
use crate::tables::Table;

/// A format with its oracle.
pub struct Subject<'a> {
    /// The format.
    pub plugin: EncoderPlugin,
    oracle: &'a mut dyn Oracle,
}

/// A test that failed says why.
pub(crate) type Verdict<T = ()> = std::result::Result<T, String>;

impl<'a> Subject<'a> {
    /// A format that is read back by an oracle.
    pub fn new(plugin: EncoderPlugin, oracle: &'a mut dyn Oracle) -> Self {
        Self { plugin, oracle }
    }

    /// Writes batches of a table into a sink, to the end.
    pub(crate) fn write(
        &self,
        table: &Table,
        batches: &[RecordBatch],
        completion: Completion,
        sink: ByteSink,
    ) -> Result<EncodeSummary> {
        let context = EncodeContext::default();
        let mut encoder = self.plugin.start(&Options::default(), &table.schema, &context, sink)?;
        for batch in batches {
            encoder.write_batch(batch)?;
        }
        encoder.finish(completion)
    }

    /// The bytes of batches of a table.
    pub(crate) fn bytes(&self, table: &Table, batches: &[RecordBatch]) -> Verdict<Vec<u8>> {
        let sink = SharedSink::default();
        let summary = self
            .write(table, batches, Completion::Complete, Box::new(sink.clone()))
            .map_err(|error| format!("{}: {error:#}", table.name))?;
        let bytes = sink.bytes();
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        check_equal("rows of the summary", &summary.rows, &(rows as u64))?;
        check_equal("bytes of the summary", &summary.total_bytes, &(bytes.len() as u64))?;
        if summary.data_bytes > summary.total_bytes {
            return Err("the summary has more bytes of data than in all".to_owned());
        }
        Ok(bytes)
    }

    /// What the oracle makes of bytes.
    pub(crate) fn decode(&mut self, bytes: &[u8], table: &Table) -> Verdict<Decoded> {
        self.oracle.decode(bytes, &table.schema)
    }

    /// Whether a reader takes bytes for a whole file of the table.
    pub(crate) fn takes_for_whole(&mut self, bytes: &[u8], table: &Table) -> bool {
        let names = self.oracle.names(&table.schema);
        self.decode(bytes, table).is_ok_and(|decoded| decoded.names == names)
    }

    /// Checks that bytes read back as batches of a table.
    pub(crate) fn check_read(
        &mut self,
        bytes: &[u8],
        table: &Table,
        expected: &[RecordBatch],
    ) -> Verdict<Decoded> {
        let decoded = self
            .decode(bytes, table)
            .map_err(|error| format!("{}: the oracle says: {error}", table.name))?;
        check_equal(
            &format!("{}: names", table.name),
            &decoded.names,
            &self.oracle.names(&table.schema),
        )?;
        let expected = concat_batches(&table.expected.schema(), expected)
            .map_err(|error| error.to_string())?;
        let expected = self.oracle.comparable(expected);
        check_rows(table.name, &self.oracle.comparable(decoded.rows.clone()), &expected)?;
        Ok(decoded)
    }
}

pub(crate) fn check_equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    got: &T,
    want: &T,
) -> Verdict {
    if got == want { Ok(()) } else { Err(format!("{what}: got {got:?}, expected {want:?}")) }
}

/// Compares cell for cell, floats by their bits.
///
/// # Errors
/// A sentence that names the first cell that differs.
pub fn check_rows(name: &str, got: &RecordBatch, want: &RecordBatch) -> Result<(), String> {
    check_equal(&format!("{name}: rows"), &got.num_rows(), &want.num_rows())?;
    for (index, field) in want.schema_ref().fields().iter().enumerate() {
        let (got, want) = (got.column(index), want.column(index));
        check_equal(
            &format!("{name}: type of column {:?}", field.name()),
            got.data_type(),
            want.data_type(),
        )?;
        if got.to_data() == want.to_data() {
            continue;
        }
        for row in 0..want.len() {
            if got.slice(row, 1).to_data() != want.slice(row, 1).to_data() {
                let show = |array: &dyn Array| match array.is_null(row) {
                    true => "null".to_owned(),
                    false => array_value_to_string(array, row).unwrap_or_default(),
                };
                return Err(format!(
                    "{name}: column {:?}, row {}: read {}, expected {}",
                    field.name(),
                    row + 1,
                    show(got),
                    show(want),
                ));
            }
        }
    }
    Ok(())
}
