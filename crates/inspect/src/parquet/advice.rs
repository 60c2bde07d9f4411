//! Advice: what the writer of a file could have done better.

use crate::report::{Advice, ChunkFacts, ColumnFacts, Inspection, ParquetFacts};

/// Below this number of rows, a row group costs more in the footer and in seeks than it saves.
const FEW_ROWS: u64 = 10_000;
/// Below this size, readers need more requests than necessary.
const FEW_BYTES: u64 = 1 << 20;
/// Above this number of rows, readers can't divide the work well, because a row group is the unit of work.
const MANY_ROWS: u64 = 4_000_000;
/// Above this size, readers that hold a row group in memory need too much of it.
const MANY_BYTES: u64 = 1 << 30;
/// Maximum number of columns that an advice names.
const MOST_NAMED: usize = 5;
/// Files below this size in bytes get no advice about their size.
const SMALL: u64 = 64 << 10;

/// Advice for a file whose footer is complete.
pub(super) fn of(inspection: &Inspection) -> Vec<Advice> {
    let Some(parquet) = &inspection.parquet else { return Vec::new() };
    if parquet.row_groups.count == 0 {
        return Vec::new();
    }
    let columns: Vec<(&ColumnFacts, &ChunkFacts)> = inspection
        .columns
        .iter()
        .filter_map(|column| column.chunks.as_ref().map(|chunks| (column, chunks)))
        .collect();
    [
        small_row_groups(parquet),
        large_row_group(parquet),
        dictionaries(&columns),
        statistics(&columns),
        float_order(&columns),
        checksums(parquet),
        compression(&columns),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn small_row_groups(parquet: &ParquetFacts) -> Option<Advice> {
    let groups = &parquet.row_groups;
    // The last row group has the remaining rows, so it may be small.
    let are_small = groups.count > 2
        && groups.rows.median < FEW_ROWS
        && groups.uncompressed_bytes.median < FEW_BYTES;
    are_small.then(|| Advice {
        about: "row_groups",
        what: format!(
            "{} row groups, half of them with {} rows or fewer",
            groups.count, groups.rows.median
        ),
        why: format!(
            "the footer describes every column of every row group, {} bytes in all, and is read before the first \
             row; small chunks compress badly and take a request each",
            parquet.footer_bytes
        ),
        option: "row_group_rows=100000".to_owned(),
    })
}

fn large_row_group(parquet: &ParquetFacts) -> Option<Advice> {
    let groups = &parquet.row_groups;
    let (rows, bytes) = (groups.rows.largest, groups.uncompressed_bytes.largest);
    (rows > MANY_ROWS || bytes > MANY_BYTES).then(|| Advice {
        about: "row_groups",
        what: format!("a row group with {rows} rows and {bytes} bytes before compression"),
        why: "readers divide their work by row groups and skip whole row groups; some hold one in memory".to_owned(),
        option: "row_group_rows=100000".to_owned(),
    })
}

fn dictionaries(columns: &[(&ColumnFacts, &ChunkFacts)]) -> Option<Advice> {
    let pays_not = |chunks: &ChunkFacts| {
        let gave_up = chunks.dictionary_fallbacks * 2 > chunks.chunks;
        let is_most = chunks.dictionary_bytes * 2 > chunks.compressed_bytes;
        chunks.dictionaries > 0 && chunks.compressed_bytes > FEW_BYTES / 16 && (gave_up || is_most)
    };
    let names = names(columns, pays_not)?;
    Some(Advice {
        about: "dictionaries",
        what: format!("dictionaries that do not pay off, in {names}"),
        why: "most of their chunks gave the dictionary up because it became too large, or it takes more than half of \
              the chunk: readers load it and gain nothing"
            .to_owned(),
        option: "encoding=auto".to_owned(),
    })
}

fn statistics(columns: &[(&ColumnFacts, &ChunkFacts)]) -> Option<Advice> {
    let names =
        names(columns, |chunks| chunks.with_statistics == 0 && chunks.physical_type != "INT96")?;
    Some(Advice {
        about: "statistics",
        what: format!("no statistics in {names}"),
        why: "without minima and maxima, a filter reads every row group".to_owned(),
        option: "statistics=page".to_owned(),
    })
}

fn float_order(columns: &[(&ColumnFacts, &ChunkFacts)]) -> Option<Advice> {
    let names = names(columns, |chunks| chunks.total_float_order)?;
    Some(Advice {
        about: "float_order",
        what: format!("minima and maxima in the total order of IEEE 754, in {names}"),
        why: "readers from before 2026 refuse the whole file (polars 1.43, DataFusion 50) or leave the \
              minima out"
            .to_owned(),
        option: "float_order=type".to_owned(),
    })
}

fn checksums(parquet: &ParquetFacts) -> Option<Advice> {
    (parquet.checksums == Some(false)).then(|| Advice {
        about: "checksums",
        what: "pages without checksums".to_owned(),
        why: "flipped bits go unnoticed, and are read as other values".to_owned(),
        option: "checksums=on".to_owned(),
    })
}

fn compression(columns: &[(&ColumnFacts, &ChunkFacts)]) -> Option<Advice> {
    let is_plain = |chunks: &ChunkFacts| matches!(chunks.codecs.as_slice(), [only] if only.name == "UNCOMPRESSED");
    let bytes: u64 = columns.iter().map(|(_, chunks)| chunks.compressed_bytes).sum();
    let is_all = columns.iter().all(|(_, chunks)| is_plain(chunks));
    (is_all && bytes > SMALL).then(|| Advice {
        about: "compression",
        what: "no column is compressed".to_owned(),
        why: "zstd makes most tables smaller by a third to a half, and is read faster than a disk"
            .to_owned(),
        option: "compression=zstd".to_owned(),
    })
}

/// The names of the columns that meet a condition, and how many there are.
fn names(
    columns: &[(&ColumnFacts, &ChunkFacts)],
    is_so: impl Fn(&ChunkFacts) -> bool,
) -> Option<String> {
    let found: Vec<&str> = columns
        .iter()
        .filter(|(_, chunks)| chunks.chunks > 0 && is_so(chunks))
        .map(|(column, _)| column.name.as_str())
        .collect();
    let number = match found.len() {
        0 => return None,
        1 => "1 column".to_owned(),
        number if number == columns.len() => format!("all {number} columns"),
        number => format!("{number} columns"),
    };
    let listed = found.iter().take(MOST_NAMED).map(|name| shown(name));
    let mut listed = listed.collect::<Vec<_>>().join(", ");
    if found.len() > MOST_NAMED {
        listed.push_str(", …");
    }
    Some(format!("{number} ({listed})"))
}

/// A name in a list of names, in quotes if it would be misread without them.
fn shown(name: &str) -> String {
    let is_misread = name.trim().len() < name.len() || name.contains([',', '(', ')', '"']);
    if name.is_empty() || is_misread { format!("{name:?}") } else { name.to_owned() }
}
