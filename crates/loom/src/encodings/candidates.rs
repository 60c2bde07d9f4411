//! Finds the encodings that are worth a trial, by quick tests of a sample.

use arrow_array::cast::AsArray;
use arrow_array::types::ByteArrayType;
use arrow_array::{Array, ArrayRef, GenericByteArray};
use arrow_schema::DataType;
use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::{ColumnDescriptor, ColumnPath};

use super::deltas::DeltaRange;
use super::distinct::{Distinct, key_bits};
use super::trial::{Measured, PageBytes};
use super::{Encodings, Way, streams};
use crate::table::Column;

/// Chunks with fewer values are not tried: encoding a sample would take longer than the chunk.
const FEW: f64 = 512.0;

/// With at most this number of distinct values, a dictionary is always the smallest encoding.
const SURELY_DICTIONARY: f64 = 64.0;

/// For texts of this length and more, the four bytes that PLAIN takes for the length do not matter.
const LONG_TEXT: f64 = 200.0;

/// A leaf of a column, and the properties of its sample.
pub(super) struct Leaf<'a> {
    column: &'a Column,
    described: &'a ColumnDescriptor,
    arrays: &'a [ArrayRef],
    properties: &'a WriterProperties,
    encodings: Encodings,
    /// `None` if the sample allows no estimate.
    distinct: Option<Distinct>,
    /// The number of values in the chunk per value in the sample.
    times: f64,
    values: f64,
}

impl<'a> Leaf<'a> {
    pub(super) fn new(
        column: &'a Column,
        described: &'a ColumnDescriptor,
        arrays: &'a [ArrayRef],
        properties: &'a WriterProperties,
        encodings: Encodings,
        times: f64,
    ) -> Self {
        let values = times * arrays.iter().map(Array::len).sum::<usize>() as f64;
        let distinct = Distinct::estimate(arrays, values);
        Self { column, described, arrays, properties, encodings, distinct, times, values }
    }

    pub(super) fn path(&self) -> &ColumnPath {
        self.described.path()
    }

    /// Whether the chunk has too few values to be tried.
    pub(super) fn is_small(&self) -> bool {
        self.values < FEW
    }

    /// The encodings that may be the smallest. Without a trial, the first is used. Empty if the properties decide.
    pub(super) fn candidates(&self) -> Vec<Way> {
        let path = self.path();
        if self.properties.encoding(path).is_some() {
            return Vec::new();
        }
        let default = Way::Direct(self.default_encoding());
        if self.physical_type() == PhysicalType::BOOLEAN {
            return vec![default];
        }
        let allows_dictionary = self.properties.dictionary_enabled(path);
        let Some(distinct) = &self.distinct else {
            // The sample has only nulls, or its type can't be inspected.
            let is_null = self.arrays.iter().all(|array| array.null_count() == array.len());
            return if is_null || !allows_dictionary { vec![default] } else { Vec::new() };
        };
        let mut ways = Vec::new();
        let limit = self.properties.column_dictionary_page_size_limit(path);
        // Without a trial or without compression, only the size of the dictionary itself decides.
        let part = if self.is_small() { 0.75 } else { 0.95 };
        if allows_dictionary && distinct.dictionary_pays(limit, part) {
            ways.push(Way::Dictionary);
            if distinct.count <= SURELY_DICTIONARY && distinct.width >= 4.0 {
                return ways;
            }
        }
        ways.push(default);
        if !self.is_small() && self.encodings != Encodings::Compatible {
            ways.extend(self.others(distinct).into_iter().map(Way::Direct));
        }
        ways
    }

    /// The encodings other than PLAIN and dictionaries that may be smaller.
    fn others(&self, distinct: &Distinct) -> Vec<Encoding> {
        let smallest = self.encodings == Encodings::Smallest;
        let compressed = self.codec() != Compression::UNCOMPRESSED;
        let mut others = Vec::new();
        match self.physical_type() {
            PhysicalType::INT32 | PhysicalType::INT64 => {
                let deltas = self.deltas();
                let narrower =
                    deltas.bits().is_none_or(|bits| f64::from(bits) < distinct.width * 8.0);
                if (smallest && narrower) || deltas.is_read_by_all() {
                    others.push(Encoding::DELTA_BINARY_PACKED);
                }
                if smallest && compressed {
                    others.push(Encoding::BYTE_STREAM_SPLIT);
                }
            }
            PhysicalType::FLOAT | PhysicalType::DOUBLE if compressed => {
                others.push(Encoding::BYTE_STREAM_SPLIT);
            }
            PhysicalType::FIXED_LEN_BYTE_ARRAY if smallest && compressed => {
                others.push(Encoding::BYTE_STREAM_SPLIT);
            }
            // pyarrow 26 can't read texts in delta encodings into Arrow dictionaries, and refuses
            // the file.
            PhysicalType::BYTE_ARRAY if !self.column.has_arrow_dictionary => {
                if distinct.width < LONG_TEXT {
                    others.push(Encoding::DELTA_LENGTH_BYTE_ARRAY);
                }
                let prefix = mean_common_prefix(self.arrays);
                if prefix > 2.0 && prefix > distinct.width * 0.1 {
                    others.push(Encoding::DELTA_BYTE_ARRAY);
                }
            }
            _ => {}
        }
        others
    }

    /// The estimated size of the whole chunk, from the measured size of its sample.
    pub(super) fn chunk_bytes(&self, way: Way, measured: &Measured, compressed: bool) -> f64 {
        let of = |pages: &PageBytes| {
            (if compressed { pages.compressed } else { pages.uncompressed }) as f64
        };
        let data = of(&measured.data) * self.times;
        let (Way::Dictionary, Some(distinct)) = (way, &self.distinct) else {
            return data + of(&measured.dictionary) * self.times;
        };
        let entries = (measured.dictionary.uncompressed as f64 / distinct.width).max(1.0);
        // The sample has fewer distinct values than the chunk, and therefore narrower keys.
        let more = (distinct.count / entries).max(1.0);
        let wider = key_bits(distinct.count.max(entries)) / key_bits(entries);
        data * wider + of(&measured.dictionary) * more
    }

    /// The estimated size of the whole chunk with BYTE_STREAM_SPLIT, if its pages are much larger
    /// than the sample.
    pub(super) fn split_bytes(&self) -> Option<f64> {
        let distinct = self.distinct?;
        let codec = streams::Codec::of(self.codec())?;
        let path = self.path();
        let page_bytes = self.properties.column_data_page_size_limit(path) as f64 / distinct.width;
        let page = self.properties.column_data_page_row_count_limit(path) as f64;
        let page = page.min(page_bytes).min(self.values) as usize;
        let bytes = streams::bytes_per_value(self.arrays, page, codec)?;
        let sampled: usize = self.arrays.iter().map(Array::len).sum();
        let nulls: usize = self.arrays.iter().map(Array::null_count).sum();
        let valid = (sampled - nulls) as f64;
        // A bit for each row says whether it is null.
        let levels = if nulls > 0 { sampled as f64 / 8.0 } else { 0.0 };
        Some((valid * bytes + levels) * self.times)
    }

    fn deltas(&self) -> DeltaRange {
        let mut deltas = DeltaRange::default();
        for array in self.arrays {
            deltas.add(array);
            deltas.end_run();
        }
        deltas
    }

    fn physical_type(&self) -> PhysicalType {
        self.described.physical_type()
    }

    fn codec(&self) -> Compression {
        self.properties.compression(self.path())
    }

    /// The encoding that the Parquet crate uses if the properties name none.
    fn default_encoding(&self) -> Encoding {
        match (self.physical_type(), self.properties.writer_version()) {
            (PhysicalType::BOOLEAN, WriterVersion::PARQUET_2_0) => Encoding::RLE,
            _ => Encoding::PLAIN,
        }
    }
}

/// The average length of the prefix that a text shares with the previous text, in bytes.
fn mean_common_prefix(arrays: &[ArrayRef]) -> f64 {
    let (mut bytes, mut texts) = (0, 0);
    for array in arrays {
        let (prefixes, pairs) = match array.data_type() {
            DataType::Utf8 => common_prefixes(array.as_string::<i32>()),
            DataType::LargeUtf8 => common_prefixes(array.as_string::<i64>()),
            DataType::Binary => common_prefixes(array.as_binary::<i32>()),
            DataType::LargeBinary => common_prefixes(array.as_binary::<i64>()),
            _ => (0, 0),
        };
        bytes += prefixes;
        texts += pairs;
    }
    bytes as f64 / f64::from(texts.max(1))
}

/// The total length of the prefixes that neighbours share, and the number of neighbours.
fn common_prefixes<T: ByteArrayType>(array: &GenericByteArray<T>) -> (usize, u32) {
    let mut last: Option<&[u8]> = None;
    let (mut bytes, mut pairs) = (0, 0);
    for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
        let value = array.value(row).as_ref();
        if let Some(last) = last.replace(value) {
            bytes += last.iter().zip(value).take_while(|(one, other)| one == other).count();
            pairs += 1;
        }
    }
    (bytes, pairs)
}
