//! Parquet files.

mod advice;
mod bounds;
mod chunk;
mod fields;
mod footer;
mod pages;
mod schema;
mod verify;
mod votable;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use taploom_model::{Result, counted};
use taploom_thrift::{self as thrift, Reader, Stream};

pub use self::bounds::Bound;
use self::chunk::{ColumnSums, NUMBERS};
use self::footer::Footer;
use self::pages::PageHeader;
use self::schema::Leaf;
use crate::report::{
    ChunkFacts, ColumnFacts, Count, Inspection, Key, ParquetFacts, Readable, RowGroupFacts, Spread,
};
use crate::{InspectOptions, unreadable};

/// The magic bytes at both ends of a file.
pub(crate) const MARK: &[u8] = b"PAR1";
/// The magic bytes of a file with an encrypted footer.
pub(crate) const ENCRYPTED: &[u8] = b"PARE";
/// Maximum number of chunks that can be plotted.
const MOST_CHUNKS: usize = 1 << 24;
/// Maximum number of characters of a key's value that are shown.
const MOST_VALUE: usize = 200;

/// Inspects a Parquet file. Problems are added to the inspection.
pub(crate) fn inspect(
    file: &File,
    inspection: &mut Inspection,
    options: &InspectOptions,
) -> Result<()> {
    let read = || -> io::Result<()> {
        match tail(file, inspection.bytes)? {
            Tail::Encrypted => {
                let why = "the footer is encrypted, and keys can't be given, so its contents can't be shown";
                inspection.problems.push(why.to_owned());
            }
            Tail::Missing => without_footer(
                file,
                inspection,
                "the file does not end with PAR1: it was cut short, or was never finished",
            )?,
            Tail::TooLong(bytes) => without_footer(
                file,
                inspection,
                &format!(
                    "the end of the file says that the footer has {bytes} bytes, which is more than the file"
                ),
            )?,
            Tail::Footer { start, bytes } => with_footer(file, start, bytes, inspection, options)?,
        }
        Ok(())
    };
    let mut read = read;
    read().map_err(|error| unreadable(&inspection.file, error))
}

/// What the end of the file tells.
enum Tail {
    Footer { start: u64, bytes: u64 },
    TooLong(u64),
    Encrypted,
    Missing,
}

fn tail(mut file: &File, size: u64) -> io::Result<Tail> {
    let Some(at) = size.checked_sub(8).filter(|at| *at >= 4) else { return Ok(Tail::Missing) };
    file.seek(SeekFrom::Start(at))?;
    let mut tail = [0; 8];
    file.read_exact(&mut tail)?;
    let [a, b, c, d, mark @ ..] = tail;
    if mark == ENCRYPTED {
        return Ok(Tail::Encrypted);
    }
    if mark != MARK {
        return Ok(Tail::Missing);
    }
    let bytes = u64::from(u32::from_le_bytes([a, b, c, d]));
    Ok(match at.checked_sub(bytes).filter(|start| *start >= 4) {
        Some(start) => Tail::Footer { start, bytes },
        None => Tail::TooLong(bytes),
    })
}

/// Reports on a file without a readable footer: its pages can be counted, but not decoded.
fn without_footer(file: &File, inspection: &mut Inspection, why: &str) -> io::Result<()> {
    let walked = pages::walk(file)?;
    inspection.problems.push(why.to_owned());
    let pages = match (walked.pages, walked.checked) {
        (0, _) => "no page was found at the beginning of the file".to_owned(),
        (1, 0) => format!("one page up to byte {} looks complete", walked.end),
        (1, _) => {
            format!("one page up to byte {} is complete, with a correct checksum", walked.end)
        }
        (pages, 0) => format!("{pages} pages up to byte {} look complete", walked.end),
        (pages, checked) => format!(
            "{pages} pages up to byte {} are complete, {checked} of them with correct checksums",
            walked.end
        ),
    };
    inspection.problems.push(format!(
        "{pages}; no row can be read, because the footer has the schema and the positions of the columns: \
         write or copy the file again"
    ));
    inspection.readable = Some(Readable {
        rows: 0,
        of: None,
        damaged_row_groups: Vec::new(),
        damaged_columns: Vec::new(),
    });
    Ok(())
}

fn with_footer(
    mut file: &File,
    start: u64,
    bytes: u64,
    inspection: &mut Inspection,
    options: &InspectOptions,
) -> io::Result<()> {
    file.seek(SeekFrom::Start(start))?;
    let mut reader = Reader::of(Stream::new(file.take(bytes), start));
    let mut footer = Footer::default();
    let keep = options.verify || options.chunk_bytes;
    let whole = footer.read(&mut reader, start, keep);
    describe(inspection, &footer, bytes);
    let rows: i64 = footer.row_groups.iter().fold(0, |sum, group| sum.saturating_add(group.rows));
    let known = u64::try_from(rows).unwrap_or(0);
    match whole {
        Err(thrift::Error::Io(error)) => return Err(error),
        Err(broken) => {
            let groups = footer.row_groups.len();
            inspection.problems.push(format!("the footer is damaged: {broken}"));
            inspection.problems.push(format!(
                "before the damage it describes {} with {}; readers need the whole footer: write or copy the file \
                 again",
                counted(groups as u64, "row group"),
                counted(known, "row")
            ));
            inspection.readable = Some(Readable {
                rows: 0,
                of: None,
                damaged_row_groups: Vec::new(),
                damaged_columns: Vec::new(),
            });
            return Ok(());
        }
        Ok(()) => {}
    }
    if footer.is_encrypted {
        inspection
            .problems
            .push("some or all of its columns are encrypted, and keys can't be given".to_owned());
    }
    if rows != footer.rows {
        inspection
            .problems
            .push(format!("the footer says {} rows, and its row groups have {rows}", footer.rows));
    }
    if let Some(chunk) = footer.first_outside {
        let column = footer.leaves.get(chunk.leaf as usize).map(|leaf| leaf.path.join("."));
        inspection.problems.push(format!(
            "{} column chunks are not within the file, the first one in column {:?} and row group {}",
            footer.outside,
            column.unwrap_or_default(),
            chunk.row_group + 1
        ));
    }
    let checksums = footer.first_chunk.and_then(|chunk| PageHeader::read(file, chunk.start).ok());
    let mut checksums = checksums.map(|header| header.checksum.is_some());
    if options.verify {
        let checked = verify::pages(file, &footer, inspection)?;
        checksums = checked.or(checksums);
    }
    if let Some(parquet) = &mut inspection.parquet {
        parquet.checksums = checksums;
        if options.chunk_bytes && footer.chunks.len() <= MOST_CHUNKS {
            parquet.chunk_bytes = footer.chunks.iter().map(|chunk| chunk.bytes).collect();
        }
    }
    votable::describe(inspection, &footer);
    inspection.advice = advice::of(inspection);
    Ok(())
}

/// Describes what was read of the footer.
fn describe(inspection: &mut Inspection, footer: &Footer, bytes: u64) {
    inspection.rows = u64::try_from(footer.rows).ok();
    let columns = footer.leaves.iter().zip(&footer.columns).enumerate();
    inspection.columns = columns
        .map(|(index, (leaf, sums))| {
            let is_total = footer.total_order.get(index).copied().unwrap_or(false);
            let chunks = chunk_facts(leaf, sums, is_total);
            let logical = chunks.logical_type.clone();
            ColumnFacts {
                name: leaf.path.join("."),
                type_name: logical.unwrap_or_else(|| chunks.physical_type.clone()),
                chunks: Some(chunks),
                ..ColumnFacts::default()
            }
        })
        .collect();
    let sum = |bytes: fn(&ColumnSums) -> u64| {
        footer.columns.iter().map(bytes).fold(0, u64::saturating_add)
    };
    let groups = || footer.row_groups.iter();
    inspection.parquet = Some(ParquetFacts {
        version: footer.version,
        created_by: footer.created_by.clone(),
        row_groups: RowGroupFacts {
            count: footer.row_groups.len() as u64,
            rows: Spread::of(groups().map(|group| u64::try_from(group.rows).unwrap_or(0))),
            compressed_bytes: Spread::of(groups().map(|group| group.compressed)),
            uncompressed_bytes: Spread::of(groups().map(|group| group.uncompressed)),
        },
        footer_bytes: bytes,
        column_index_bytes: sum(|column| column.column_index_bytes),
        offset_index_bytes: sum(|column| column.offset_index_bytes),
        bloom_filter_bytes: sum(|column| column.bloom_bytes),
        keys: footer.keys.iter().map(|(key, value)| shown_key(key, value)).collect(),
        ..ParquetFacts::default()
    });
}

fn shown_key(key: &str, value: &str) -> Key {
    let mut shown: String = value.chars().take(MOST_VALUE).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    Key { key: key.to_owned(), bytes: value.len() as u64, value: shown }
}

/// Names of encodings, by their number in parquet.thrift.
const ENCODINGS: [&str; NUMBERS] = [
    "PLAIN",
    "GROUP_VAR_INT",
    "PLAIN_DICTIONARY",
    "RLE",
    "BIT_PACKED",
    "DELTA_BINARY_PACKED",
    "DELTA_LENGTH_BYTE_ARRAY",
    "DELTA_BYTE_ARRAY",
    "RLE_DICTIONARY",
    "BYTE_STREAM_SPLIT",
    "10",
    "11",
    "12",
    "13",
    "14",
    "unknown",
];
/// Names of codecs, by their number in parquet.thrift.
const CODECS: [&str; NUMBERS] = [
    "UNCOMPRESSED",
    "SNAPPY",
    "GZIP",
    "LZO",
    "BROTLI",
    "LZ4",
    "ZSTD",
    "LZ4_RAW",
    "8",
    "9",
    "10",
    "11",
    "12",
    "13",
    "14",
    "unknown",
];

fn chunk_facts(leaf: &Leaf, sums: &ColumnSums, total_float_order: bool) -> ChunkFacts {
    let counts = |names: [&str; NUMBERS], counts: [u64; NUMBERS]| {
        let counts = names.into_iter().zip(counts).filter(|(_, chunks)| *chunks > 0);
        counts.map(|(name, chunks)| Count { name: name.to_owned(), chunks }).collect()
    };
    let bounds = sums.bounds.shown(leaf);
    ChunkFacts {
        physical_type: leaf.physical_name().to_owned(),
        logical_type: leaf.logical_name(),
        chunks: sums.chunks,
        values: sums.values,
        compressed_bytes: sums.compressed,
        uncompressed_bytes: sums.uncompressed,
        encodings: counts(ENCODINGS, sums.encodings),
        codecs: counts(CODECS, sums.codecs),
        with_statistics: sums.with_statistics,
        nulls: (sums.with_null_counts == sums.chunks).then_some(sums.nulls),
        min: bounds.as_ref().map(|(min, _)| min.clone()),
        max: bounds.map(|(_, max)| max),
        with_bounds: sums.bounds.chunks,
        dictionaries: sums.dictionaries,
        dictionary_bytes: sums.dictionary_bytes,
        dictionary_fallbacks: sums.fallbacks,
        bloom_filters: sums.bloom_filters,
        bloom_filter_bytes: sums.bloom_bytes,
        column_index_bytes: sums.column_index_bytes,
        offset_index_bytes: sums.offset_index_bytes,
        total_float_order: total_float_order && matches!(leaf.physical, 4 | 5),
    }
}
