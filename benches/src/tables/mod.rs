//! The measured tables, generated batch by batch, so that a table is never completely in memory.

mod survey;
mod tpch;

use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, Float64Array, Int32Array, ListArray, RecordBatch, StringArray,
};
use arrow_buffer::{Buffer, OffsetBuffer};
use arrow_schema::{DataType, Field};
use taploom_sources::{Request, open};

use crate::Outcome;

/// Batches, one after the other.
pub type Batches = Box<dyn Iterator<Item = RecordBatch>>;

/// The rows of a table, in batches as a source would return them.
///
/// # Errors
/// If the table does not exist.
pub fn table(name: &str, rows: u64) -> Outcome<Batches> {
    let rows = usize::try_from(rows).map_err(|_| "too many rows".to_owned())?;
    Ok(match name {
        // 991 columns of a survey's table of objects, mostly doubles and floats.
        "wide" => synth("../tests/data/dp02_object_columns.json", rows)?,
        // Ten columns of a table of detections.
        "narrow" => synth("data/source_columns.json", rows)?,
        // One column of 4 KiB cells beside eight small ones: 16 MiB with 4,096 rows.
        "skewed" => in_batches(rows, 64, skewed),
        // One column with sixteen different values.
        "repeating" => in_batches(rows, 8192, |first, rows| {
            let values = (0..rows).map(|row| ((first / 8192 + row) % 16) as i32);
            batch([("k", Arc::new(Int32Array::from_iter_values(values)) as ArrayRef)])
        }),
        // Words of a catalogue: names, filters, classes. Eight columns of 3 to 16 letters.
        "strings" => in_batches(rows, 2000, |first, rows| {
            batch((0..8).map(|column| {
                let words = (first..first + rows).map(|row| {
                    let letters = random(row * 8 + column);
                    format!("{letters:016x}")[..3 + (letters % 14) as usize].to_owned()
                });
                (format!("s{column}"), Arc::new(StringArray::from_iter_values(words)) as ArrayRef)
            }))
        }),
        // Spectra and light curves: four columns of sixteen doubles each.
        "arrays" => in_batches(rows, 500, |first, rows| {
            batch((0..4).map(|column| {
                let cells = Cells { first: first * 4 + column, rows, bytes: 128 };
                (format!("a{column}"), cells.lists())
            }))
        }),
        // Twenty columns of doubles, in which every second cell is null.
        "nulls" => in_batches(rows, 2000, |first, rows| {
            let columns = (0..20).map(|column| {
                let values = (first..first + rows).map(|row| {
                    let value = random(row * 20 + column);
                    value.is_multiple_of(2).then_some(value as f64)
                });
                (format!("n{column}"), Arc::new(values.collect::<Float64Array>()) as ArrayRef, true)
            });
            RecordBatch::try_from_iter_with_nullable(columns)
                .unwrap_or_else(|error| unreachable!("{error}"))
        }),
        // Fifty columns of 8 KiB: strings, and lists of a thousand doubles.
        "fat" => in_batches(rows, 20, |first, rows| {
            let column = |column: usize| -> (String, ArrayRef) {
                let cells = Cells { first: first * 50 + column, rows, bytes: 8 << 10 };
                match column % 2 {
                    0 => (format!("text{column}"), cells.texts()),
                    _ => (format!("list{column}"), cells.lists()),
                }
            };
            batch((0..50).map(column))
        }),
        // One column of 1 MiB cells.
        "huge" => in_batches(rows, 8, |first, rows| {
            batch([("cutout", Cells { first, rows, bytes: 1 << 20 }.binary())])
        }),
        // 5,000 columns of doubles.
        "5000" => in_batches(rows, 500, |first, rows| {
            batch((0..5000).map(|column| {
                let values = (0..rows).map(|row| random((first + row) * 5000 + column) as f64);
                (format!("c{column}"), Arc::new(Float64Array::from_iter_values(values)) as ArrayRef)
            }))
        }),
        "lineitem" => tpch::lineitem(rows, tpch::Decimals::Decimal128),
        "lineitem-double" => tpch::lineitem(rows, tpch::Decimals::Double),
        "orders" => tpch::orders(rows),
        "survey" => survey::survey(rows),
        _ => return Err(format!("there is no table {name}")),
    })
}

fn synth(columns: &str, rows: usize) -> Outcome<Batches> {
    let columns = Path::new(env!("CARGO_MANIFEST_DIR")).join(columns);
    let location = format!("synth:{}?rows={rows}&seed=1", columns.display());
    let source = futures::executor::block_on(open(&Request::new(&location)));
    let mut source = source.map_err(|error| format!("{error:#}"))?;
    Ok(Box::new(std::iter::from_fn(move || {
        futures::executor::block_on(source.next()).ok()?.rows()
    })))
}

fn in_batches(
    rows: usize,
    batch_rows: usize,
    make: impl Fn(usize, usize) -> RecordBatch + 'static,
) -> Batches {
    let starts = (0..rows).step_by(batch_rows);
    Box::new(starts.map(move |first| make(first, batch_rows.min(rows - first))))
}

/// Batches of `batch_rows` rows that an iterator makes.
fn chunks<R: 'static>(
    rows: impl Iterator<Item = R> + 'static,
    batch_rows: usize,
    make: impl Fn(&[R]) -> RecordBatch + 'static,
) -> Batches {
    let mut rows = rows.fuse();
    Box::new(std::iter::from_fn(move || {
        let chunk: Vec<R> = rows.by_ref().take(batch_rows).collect();
        (!chunk.is_empty()).then(|| make(&chunk))
    }))
}

fn batch<N: Into<String>>(columns: impl IntoIterator<Item = (N, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name.into(), array, false));
    RecordBatch::try_from_iter_with_nullable(columns)
        .unwrap_or_else(|error| unreachable!("{error}"))
}

fn skewed(first: usize, rows: usize) -> RecordBatch {
    let fat = ("fat".to_owned(), Cells { first, rows, bytes: 4 << 10 }.binary());
    let small = (0..8).map(|column| {
        let values = (0..rows).map(|row| (first + row + column) as i32);
        (format!("small{column}"), Arc::new(Int32Array::from_iter_values(values)) as ArrayRef)
    });
    batch(std::iter::once(fat).chain(small))
}

/// Cells of random bytes, each of the same size.
struct Cells {
    first: usize,
    rows: usize,
    bytes: usize,
}

impl Cells {
    fn words(&self, words: usize) -> impl Iterator<Item = u64> {
        let first = self.first * words;
        (first..first + self.rows * words).map(random)
    }

    fn offsets(&self, length: usize) -> OffsetBuffer<i32> {
        OffsetBuffer::from_lengths(std::iter::repeat_n(length, self.rows))
    }

    fn binary(&self) -> ArrayRef {
        let bytes: Vec<u64> = self.words(self.bytes / 8).collect();
        Arc::new(BinaryArray::new(self.offsets(self.bytes), Buffer::from_vec(bytes), None))
    }

    fn texts(&self) -> ArrayRef {
        // Six random bits per byte, so that the bytes are text and remain hard to compress.
        let printable = |word: u64| word & 0x3f3f_3f3f_3f3f_3f3f | 0x4040_4040_4040_4040;
        let bytes: Vec<u64> = self.words(self.bytes / 8).map(printable).collect();
        Arc::new(StringArray::new(self.offsets(self.bytes), Buffer::from_vec(bytes), None))
    }

    fn lists(&self) -> ArrayRef {
        let values = self.words(self.bytes / 8).map(|word| word as f64);
        let item = Arc::new(Field::new_list_field(DataType::Float64, false));
        let values = Arc::new(Float64Array::from_iter_values(values));
        Arc::new(ListArray::new(item, self.offsets(self.bytes / 8), values, None))
    }
}

/// Pseudorandom bits.
fn random(index: usize) -> u64 {
    let mut z = (index as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 31)
}
