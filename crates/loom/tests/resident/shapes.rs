//! Tables that are hard to write in little memory. Their rows are made batch by batch, so that no more than one batch
//! is in memory.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, MapBuilder, StringBuilder};
use arrow_array::*;
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields};
use parquet::basic::Encoding;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

use crate::random::scatter;

/// A table: the number of its batches and rows, and a function that makes a batch.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    batches: usize,
    batch_rows: usize,
    /// Makes the batch that begins at a row.
    make: fn(usize, usize) -> RecordBatch,
}

impl Shape {
    /// The memory budget of a writer of this shape, in MiB.
    pub(crate) fn granted_mib(&self) -> f64 {
        if self.name.starts_with("20,000 columns") { 64.0 } else { 32.0 }
    }

    pub(crate) fn properties(&self) -> WriterPropertiesBuilder {
        let properties = WriterProperties::builder();
        match self.name {
            "lists of 4,000 doubles, byte stream split" => {
                properties.set_dictionary_enabled(false).set_encoding(Encoding::BYTE_STREAM_SPLIT)
            }
            "many small row groups" => properties.set_max_row_group_row_count(Some(500)),
            "one-row batches" => properties.set_max_row_group_row_count(Some(5_000)),
            "one large row group" => properties
                .set_max_row_group_row_count(Some(10_000_000))
                .set_max_row_group_bytes(Some(4 << 30)),
            _ => properties.set_max_row_group_row_count(Some(100_000)),
        }
    }

    /// The rows, or one n-th of them if `part` is n.
    pub(crate) fn batches(&self, part: usize) -> impl Iterator<Item = RecordBatch> {
        let (rows, make) = (self.batch_rows, self.make);
        (0..self.batches / part).map(move |batch| make(batch * rows, rows))
    }
}

pub(crate) const SHAPES: &[Shape] = &[
    Shape { name: "compressible cells of 32 KiB", batches: 400, batch_rows: 32, make: cards_32k },
    Shape { name: "compressible cells of 256 KiB", batches: 400, batch_rows: 4, make: cards_256k },
    Shape { name: "compressible cells of 1 MiB", batches: 400, batch_rows: 1, make: cards_1m },
    Shape { name: "random cells of 1 MiB", batches: 200, batch_rows: 1, make: cells_1m },
    Shape {
        name: "lists of 4,000 doubles, byte stream split",
        batches: 250,
        batch_rows: 16,
        make: lists,
    },
    Shape { name: "lists of 10,000 booleans", batches: 150, batch_rows: 10, make: flags },
    Shape { name: "3,000 text columns", batches: 30, batch_rows: 35, make: texts },
    Shape {
        name: "a dictionary column of a million values",
        batches: 100,
        batch_rows: 10_000,
        make: dictionary,
    },
    Shape {
        name: "text of a million different values",
        batches: 150,
        batch_rows: 10_000,
        make: million_texts,
    },
    Shape { name: "20,000 columns of doubles", batches: 8, batch_rows: 50, make: columns_20000 },
    Shape { name: "1,000 columns of doubles", batches: 40, batch_rows: 500, make: columns_1000 },
    Shape { name: "200 columns of booleans", batches: 12, batch_rows: 20_000, make: booleans },
    Shape { name: "nested structs, lists and maps", batches: 100, batch_rows: 500, make: nested },
    Shape { name: "a struct of 64 leaves", batches: 60, batch_rows: 500, make: leaves },
    Shape { name: "one large row group", batches: 150, batch_rows: 10_000, make: columns_10 },
    Shape { name: "many small row groups", batches: 400, batch_rows: 500, make: columns_50 },
    Shape { name: "one-row batches", batches: 6000, batch_rows: 1, make: columns_50 },
    Shape { name: "50 columns of 8 KiB text and lists", batches: 60, batch_rows: 5, make: fat },
    Shape {
        name: "columns that are large by turns",
        batches: 150,
        batch_rows: 1000,
        make: by_turns,
    },
    Shape { name: "text views of 4 KiB", batches: 200, batch_rows: 200, make: views },
];

fn batch<N: Into<String>>(columns: impl IntoIterator<Item = (N, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name.into(), array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Text cells with the cards of FITS headers, which differ only in their first bytes.
fn cards(first: usize, rows: usize, bytes: usize) -> RecordBatch {
    const CARD: &[u8] =
        b"SIMPLE  =                    T / made up, compressible                          ";
    let mut text = Vec::with_capacity(rows * bytes);
    for row in first..first + rows {
        let start = text.len();
        text.extend_from_slice(format!("{row:08}").as_bytes());
        while text.len() < start + bytes {
            let left = start + bytes - text.len();
            text.extend_from_slice(&CARD[..left.min(CARD.len())]);
        }
    }
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(bytes, rows));
    batch([("cards", Arc::new(StringArray::new(offsets, text.into(), None)) as ArrayRef)])
}

fn cards_32k(first: usize, rows: usize) -> RecordBatch {
    cards(first, rows, 32 << 10)
}

fn cards_256k(first: usize, rows: usize) -> RecordBatch {
    cards(first, rows, 256 << 10)
}

fn cards_1m(first: usize, rows: usize) -> RecordBatch {
    cards(first, rows, 1 << 20)
}

fn random_bytes(first: usize, rows: usize, bytes: usize) -> (OffsetBuffer<i32>, Buffer) {
    let words = bytes / 8;
    let cells: Vec<u64> = (first * words..(first + rows) * words).map(scatter).collect();
    (OffsetBuffer::from_lengths(std::iter::repeat_n(bytes, rows)), Buffer::from_vec(cells))
}

fn cells_1m(first: usize, rows: usize) -> RecordBatch {
    let (offsets, bytes) = random_bytes(first, rows, 1 << 20);
    batch([("cutout", Arc::new(BinaryArray::new(offsets, bytes, None)) as ArrayRef)])
}

fn doubles(first: usize, rows: usize) -> ArrayRef {
    let values = (first..first + rows).map(|row| (scatter(row) >> 40) as f64 / 1024.0);
    Arc::new(Float64Array::from_iter_values(values))
}

fn list_of(values: ArrayRef, rows: usize) -> ArrayRef {
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(values.len() / rows, rows));
    Arc::new(ListArray::new(item, offsets, values, None))
}

fn lists(first: usize, rows: usize) -> RecordBatch {
    batch([("flux", list_of(doubles(first * 4000, rows * 4000), rows))])
}

fn flags(first: usize, rows: usize) -> RecordBatch {
    let flags = (0..rows * 10_000).map(|flag| Some(scatter(first + flag).is_multiple_of(2)));
    let flags: BooleanArray = flags.collect();
    batch([("flags", list_of(Arc::new(flags), rows))])
}

fn texts(first: usize, rows: usize) -> RecordBatch {
    batch((0..3000).map(|column| {
        let cells =
            (first..first + rows).map(|row| format!("{:016x}", scatter(row * 3000 + column)));
        (format!("t{column}"), Arc::new(StringArray::from_iter_values(cells)) as ArrayRef)
    }))
}

/// The batches share one dictionary, as the batches of a file do.
fn dictionary(first: usize, rows: usize) -> RecordBatch {
    use std::sync::OnceLock;
    static VALUES: OnceLock<ArrayRef> = OnceLock::new();
    let values = VALUES.get_or_init(|| {
        let values = (0..1_000_000).map(|value| format!("{value:06}"));
        Arc::new(StringArray::from_iter_values(values))
    });
    let keys = (first..first + rows).map(|row| (scatter(row) % 1_000_000) as i32);
    let keys = Int32Array::from_iter_values(keys);
    batch([("word", Arc::new(DictionaryArray::new(keys, Arc::clone(values))) as ArrayRef)])
}

fn million_texts(first: usize, rows: usize) -> RecordBatch {
    let cells = (first..first + rows).map(|row| format!("value {}", scatter(row) % 1_000_000));
    batch([("word", Arc::new(StringArray::from_iter_values(cells)) as ArrayRef)])
}

fn numbers(columns: usize, first: usize, rows: usize) -> RecordBatch {
    batch((0..columns).map(|column| (format!("c{column}"), doubles(first + column * 7, rows))))
}

fn columns_20000(first: usize, rows: usize) -> RecordBatch {
    numbers(20_000, first, rows)
}

fn columns_1000(first: usize, rows: usize) -> RecordBatch {
    numbers(1_000, first, rows)
}

fn columns_50(first: usize, rows: usize) -> RecordBatch {
    numbers(50, first, rows)
}

fn columns_10(first: usize, rows: usize) -> RecordBatch {
    numbers(10, first, rows)
}

fn booleans(first: usize, rows: usize) -> RecordBatch {
    batch((0..200).map(|column| {
        let flags = (first..first + rows).map(|row| {
            let random = scatter(row * 3 + column);
            (!random.is_multiple_of(7)).then_some(random.is_multiple_of(2))
        });
        (format!("b{column}"), Arc::new(flags.collect::<BooleanArray>()) as ArrayRef)
    }))
}

fn nested(first: usize, rows: usize) -> RecordBatch {
    let mut map = MapBuilder::new(None, StringBuilder::new(), Float64Builder::new());
    for row in first..first + rows {
        for key in 0..scatter(row) % 20 {
            map.keys().append_value(format!("key {key}"));
            map.values().append_option((!key.is_multiple_of(5)).then_some(row as f64));
        }
        map.append(true).unwrap();
    }
    let words = (first..first + rows).map(|row| format!("{:016x} and more", scatter(row)));
    let inner = [
        ("number", doubles(first, rows)),
        ("word", Arc::new(StringArray::from_iter_values(words)) as ArrayRef),
        ("list", list_of(doubles(first, rows * 8), rows)),
    ];
    let fields: Fields = inner
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = inner.into_iter().map(|(_, array)| array).collect();
    let valid = (first..first + rows).map(|row| !scatter(row).is_multiple_of(9));
    let valid = NullBuffer::from_iter(valid);
    let inner: ArrayRef = Arc::new(StructArray::new(fields, arrays, Some(valid)));
    let item = Arc::new(Field::new_list_field(inner.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(1, rows));
    let structs = ListArray::new(item, offsets, Arc::clone(&inner), None);
    batch([
        ("struct", inner),
        ("structs", Arc::new(structs) as ArrayRef),
        ("map", Arc::new(map.finish()) as ArrayRef),
    ])
}

fn leaves(first: usize, rows: usize) -> RecordBatch {
    let arrays: Vec<ArrayRef> = (0..64).map(|leaf| doubles(first + leaf, rows)).collect();
    let fields: Fields =
        (0..64).map(|leaf| Field::new(format!("c{leaf}"), DataType::Float64, false)).collect();
    batch([("struct", Arc::new(StructArray::new(fields, arrays, None)) as ArrayRef)])
}

fn fat(first: usize, rows: usize) -> RecordBatch {
    batch((0..50).map(|column| {
        let cells = first * 50 + column * rows;
        let array: ArrayRef = if column % 2 == 0 {
            let words = (cells..cells + rows).map(|cell| {
                (0..512)
                    .map(|word| format!("{:016x}", scatter(cell * 512 + word)))
                    .collect::<String>()
            });
            Arc::new(StringArray::from_iter_values(words))
        } else {
            list_of(doubles(cells * 1000, rows * 1000), rows)
        };
        (format!("c{column}"), array)
    }))
}

fn by_turns(first: usize, rows: usize) -> RecordBatch {
    let turn = first / rows;
    batch((0..10).map(|column| {
        let length = if turn / 2 % 10 == column { 300 } else { turn % 7 };
        let texts = (0..rows).map(|row| format!("{row:0length$}"));
        (format!("c{column}"), Arc::new(StringArray::from_iter_values(texts)) as ArrayRef)
    }))
}

fn views(first: usize, rows: usize) -> RecordBatch {
    let cells = (first..first + rows).map(|row| format!("{row:08}").repeat(512));
    batch([("view", Arc::new(StringViewArray::from_iter_values(cells)) as ArrayRef)])
}
