//! Compares the same table in two formats.

use std::io::Write;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_select::filter::filter;
use taploom::{CanonicalRows, VoType};
use taploom_testkit::{Subject, check_rows, nasty};
use taploom_tests::{Read, ReaderOracle, Readers, Request, Variant, types_of, with_losses};

use super::{plugin_of, write};

/// The nasty table, as the first reader of a variant reads it.
pub(crate) struct Held {
    pub(crate) variant: &'static Variant,
    /// The positions of the columns in the nasty table.
    positions: Vec<usize>,
    types: Vec<VoType>,
    pub(crate) expected: RecordBatch,
    read: Read,
}

impl Held {
    pub(crate) fn of(variant: &'static Variant) -> Self {
        let whole = nasty();
        let types = types_of(&whole.schema);
        let positions = (0..types.len()).filter(|index| !(variant.refuses)(&types[*index]));
        let positions: Vec<usize> = positions.collect();
        let plugin = plugin_of(variant);
        let mut oracle = ReaderOracle::new(variant, variant.readers[0]);
        let subject: Subject<'_> = variant.subject(plugin, &mut oracle).unwrap();
        let table = subject.adapt(whole).unwrap();
        assert_eq!(table.expected.num_columns(), positions.len(), "columns of {}", variant.name());
        let batch = std::slice::from_ref(&table.given);
        let (bytes, _) = write(variant, plugin, &table, batch).unwrap();
        let types = types_of(&table.schema);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let canonical = CanonicalRows::new(&table.schema).unwrap();
        let request = Request {
            reader: variant.readers[0],
            format: variant.id,
            options: variant.options,
            path: file.path(),
            schema: canonical.schema().arrow(),
            types: &types,
        };
        let read = Readers::with(|readers| readers.read(&request))
            .unwrap_or_else(|why| panic!("{}: {why}", variant.name()));
        Self { variant, positions, types, expected: table.expected, read }
    }

    /// Compares the common cells after applying the losses of both formats. Returns their number.
    pub(crate) fn check_same(&self, other: &Self) -> Result<usize, String> {
        let losses: Vec<&String> = self.read.losses.iter().chain(&other.read.losses).collect();
        // Applied twice, because one format may turn a value into null, and the other a null into a
        // value.
        let lost = |held: &Self, rows: &RecordBatch| {
            let once = with_losses(rows, &held.types, &losses);
            with_losses(&once, &held.types, &losses)
        };
        let (ours, theirs) = (lost(self, &self.read.rows), lost(other, &other.read.rows));
        // A tab that becomes a space in one format and a question mark in the other can't be
        // compared.
        let told =
            |held: &Self| lost(held, &with_losses(&held.expected, &held.types, &held.read.losses));
        let (we_told, they_told) = (told(self), told(other));
        let mut compared = 0;
        for (index, position) in self.positions.iter().enumerate() {
            let Ok(place) = other.positions.binary_search(position) else { continue };
            let given = same_cells(we_told.column(index), they_told.column(place));
            compared += given.true_count();
            let name = self.expected.schema_ref().field(index).name().clone();
            let cells = |rows: &RecordBatch, index: usize| {
                let cells = filter(rows.column(index), &given).unwrap();
                RecordBatch::try_from_iter_with_nullable([(name.as_str(), cells, true)]).unwrap()
            };
            check_rows("the nasty table", &cells(&ours, index), &cells(&theirs, place))?;
        }
        Ok(compared)
    }
}

/// The rows in which two columns have the same cell.
fn same_cells(one: &ArrayRef, other: &ArrayRef) -> BooleanArray {
    let same = |row: usize| one.slice(row, 1).to_data() == other.slice(row, 1).to_data();
    (0..one.len()).map(|row| Some(same(row))).collect()
}
