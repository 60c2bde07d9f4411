//! Writes the inspection as text for a terminal.

use std::fmt::Write as _;

use taploom_inspect::{
    ArrowFacts, Bound, ChunkFacts, ColumnFacts, Count, Hdu, Inspection, ParquetFacts, Spread,
};

use crate::terminal::{
    Align, Table, TableColumn, Width, bytes, grouped, harmless, rounded, shown_name,
};

/// Width of the labels.
const LABEL: usize = 14;

pub(super) fn of(inspection: &Inspection, width: Width) -> String {
    let mut text = String::new();
    let kind = match inspection.kind.as_str() {
        "parquet" => "Parquet",
        "votable" => "VOTable",
        "arrow" => "Arrow",
        "fits" => "FITS",
        "csv" => "CSV",
        "tsv" => "TSV",
        other => other,
    };
    let inside = inspection.inside.map(|codec| format!(" inside {codec}")).unwrap_or_default();
    let (file, size) = (harmless(&inspection.file), bytes(inspection.bytes));
    let _ = writeln!(text, "{file}: {kind}{inside}, {size}");
    let mut facts = Facts { text, width };
    let is_lost = inspection.columns.is_empty() && !inspection.is_sound();
    let rows = match inspection.rows {
        Some(rows) => grouped(rows),
        None if is_lost => "not known".to_owned(),
        None => "not known without reading them all (--verify)".to_owned(),
    };
    facts.add("rows", &rows);
    match is_lost {
        true => facts.add("columns", "not known"),
        false => facts.add("columns", &grouped(inspection.columns.len() as u64)),
    }
    if let Some(parquet) = &inspection.parquet {
        of_parquet(&mut facts, parquet, &inspection.columns);
    }
    if let Some(arrow) = &inspection.arrow {
        of_arrow(&mut facts, arrow);
    }
    for note in &inspection.notes {
        facts.add("note", note);
    }
    problems(&mut facts, inspection);
    let mut text = facts.text;
    text.push_str(&hdus(&inspection.hdus, width));
    let tables = columns(&inspection.columns);
    for table in tables {
        text.push('\n');
        text.push_str(&table.text(width));
    }
    advice(&mut text, inspection, width);
    text
}

/// Lines that consist of a label and a value.
struct Facts {
    text: String,
    width: Width,
}

impl Facts {
    fn add(&mut self, label: &str, value: &str) {
        let paragraph = self.width.paragraph(&harmless(value), &" ".repeat(LABEL + 2));
        let _ = write!(self.text, "  {label:<LABEL$}{}", paragraph.trim_start());
    }
}

fn of_parquet(facts: &mut Facts, parquet: &ParquetFacts, columns: &[ColumnFacts]) {
    let groups = &parquet.row_groups;
    facts.add(
        "row groups",
        &match groups.count {
            0 => "none".to_owned(),
            1 => "1".to_owned(),
            count => format!(
                "{}: rows {}; bytes {}",
                grouped(count),
                spread(&groups.rows, grouped),
                spread(&groups.compressed_bytes, bytes)
            ),
        },
    );
    let (packed, plain) = (groups.compressed_bytes.sum, groups.uncompressed_bytes.sum);
    facts.add(
        "data",
        &format!(
            "{}, {} before compression{}",
            bytes(packed),
            bytes(plain),
            ratio_words(plain, packed)
        ),
    );
    let votable = match parquet.votable_bytes {
        Some(size) => format!(", of which {} are a VOTable", bytes(size)),
        None => String::new(),
    };
    facts.add("footer", &format!("{}{votable}", bytes(parquet.footer_bytes)));
    facts.add(
        "page index",
        &match parquet.column_index_bytes + parquet.offset_index_bytes {
            0 => "none".to_owned(),
            _ => format!(
                "{} of bounds, {} of offsets",
                bytes(parquet.column_index_bytes),
                bytes(parquet.offset_index_bytes)
            ),
        },
    );
    let filters: u64 = chunks(columns).map(|chunks| chunks.bloom_filters).sum();
    let filtered = chunks(columns).filter(|chunks| chunks.bloom_filters > 0).count();
    facts.add(
        "bloom filters",
        &match filters {
            0 => "none".to_owned(),
            _ => format!(
                "{filtered} columns, {} of them in {}",
                grouped(filters),
                bytes(parquet.bloom_filter_bytes)
            ),
        },
    );
    facts.add(
        "checksums",
        match (parquet.checksums, parquet.checked_pages) {
            (None, _) => "not known, because there are 0 pages",
            (Some(true), Some(_)) => "every page",
            (Some(false), Some(_)) => "not every page",
            (Some(true), None) => "yes, by the first page",
            (Some(false), None) => "no, by the first page",
        },
    );
    facts.add("written by", parquet.created_by.as_deref().unwrap_or("not said"));
    for (index, key) in parquet.keys.iter().enumerate() {
        let label = if index == 0 { "keys" } else { "" };
        let value = match key.bytes {
            0..=60 => format!(" = {}", key.value),
            size => format!(" ({})", bytes(size)),
        };
        facts.add(label, &format!("{}{value}", key.key));
    }
}

fn of_arrow(facts: &mut Facts, arrow: &ArrowFacts) {
    facts.add("form", if arrow.is_file { "file with a footer" } else { "stream" });
    facts.add(
        "batches",
        &match arrow.batches {
            0 => "none".to_owned(),
            1 => "1".to_owned(),
            count => format!(
                "{}: rows {}; bytes {}",
                grouped(count),
                spread(&arrow.rows, grouped),
                spread(&arrow.batch_bytes, bytes)
            ),
        },
    );
    if arrow.dictionaries > 0 {
        facts.add("dictionaries", &grouped(arrow.dictionaries));
    }
    facts.add("compression", arrow.codec.as_deref().unwrap_or("none"));
}

fn problems(facts: &mut Facts, inspection: &Inspection) {
    for (index, problem) in inspection.problems.iter().enumerate() {
        facts.add(if index == 0 { "DAMAGED" } else { "" }, problem);
    }
    let Some(readable) = &inspection.readable else { return };
    let checked = inspection.parquet.as_ref().and_then(|parquet| parquet.checked_pages);
    let pages =
        checked.map(|pages| format!("; {} pages checked", grouped(pages))).unwrap_or_default();
    let of = readable.of.map(|of| format!(" of {}", grouped(of))).unwrap_or_default();
    let mut said = format!("{}{of} rows{pages}", grouped(readable.rows));
    let damaged = &readable.damaged_row_groups;
    if !damaged.is_empty() {
        let groups = damaged.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let columns = readable.damaged_columns.iter().map(|name| shown_name(name));
        let _ = write!(
            said,
            "; damaged row groups: {groups}; damaged columns: {} (all others can be read in full)",
            columns.collect::<Vec<_>>().join(", ")
        );
    }
    facts.add("readable", &said);
}

fn spread(spread: &Spread, shown: fn(u64) -> String) -> String {
    if spread.smallest == spread.largest {
        return format!("{} each", shown(spread.largest));
    }
    format!(
        "{} to {}, median {}",
        shown(spread.smallest),
        shown(spread.largest),
        shown(spread.median)
    )
}

fn chunks(columns: &[ColumnFacts]) -> impl Iterator<Item = &ChunkFacts> {
    columns.iter().filter_map(|column| column.chunks.as_ref())
}

fn ratio_words(plain: u64, packed: u64) -> String {
    if packed == 0 {
        String::new()
    } else {
        format!(" (ratio {:.2})", plain as f64 / packed as f64)
    }
}

fn hdus(hdus: &[Hdu], width: Width) -> String {
    if hdus.is_empty() {
        return String::new();
    }
    let number = |name: &str, of: &dyn Fn(&Hdu) -> Option<u64>| {
        let cells = hdus.iter().map(|hdu| of(hdu).map(grouped).unwrap_or_default());
        TableColumn::new(name, Align::Right, cells.collect())
    };
    let table = Table::new(vec![
        number("HDU", &|hdu| Some(hdu.number)),
        TableColumn::new("kind", Align::Left, hdus.iter().map(|hdu| harmless(&hdu.kind)).collect()),
        TableColumn::new(
            "name",
            Align::Left,
            hdus.iter().map(|hdu| harmless(hdu.name.as_deref().unwrap_or_default())).collect(),
        ),
        number("rows", &|hdu| hdu.rows),
        number("columns", &|hdu| hdu.columns),
        number("data bytes", &|hdu| Some(hdu.data_bytes)),
        number("heap bytes", &|hdu| Some(hdu.heap_bytes).filter(|bytes| *bytes > 0)),
    ]);
    format!("\n{}", table.without_empty_columns().text(width))
}

/// How the columns are stored, their contents, and their metadata.
fn columns(columns: &[ColumnFacts]) -> Vec<Table> {
    if columns.is_empty() {
        return Vec::new();
    }
    let text = |name: &str, align, of: &dyn Fn(&ColumnFacts) -> String| {
        TableColumn::new(name, align, columns.iter().map(|column| harmless(&of(column))).collect())
    };
    let name = || text("column", Align::Lines, &|column| shown_name(&column.name));
    let optional = |name: &str, of: fn(&ColumnFacts) -> &Option<String>| {
        text(name, Align::Lines, &|column| of(column).clone().unwrap_or_default())
    };
    let meaning = Table::new(vec![
        name(),
        text("type", Align::Lines, &|column| column.type_name.clone()),
        optional("unit", |column| &column.unit),
        optional("UCD", |column| &column.ucd),
        optional("description", |column| &column.description),
    ]);
    if columns.iter().all(|column| column.chunks.is_none()) {
        return vec![meaning.without_empty_columns()];
    }
    let of_chunks = |name: &str, align, of: &dyn Fn(&ChunkFacts) -> String| {
        text(name, align, &|column| column.chunks.as_ref().map(of).unwrap_or_default())
    };
    let total: u64 = chunks(columns).map(|chunks| chunks.compressed_bytes).sum();
    let stored = Table::new(vec![
        name(),
        of_chunks("bytes", Align::Right, &|chunks| bytes(chunks.compressed_bytes)),
        of_chunks("share", Align::Right, &|chunks| share(chunks.compressed_bytes, total)),
        of_chunks("ratio", Align::Right, &|chunks| match chunks.compressed_bytes {
            0 => String::new(),
            packed => format!("{:.2}", chunks.uncompressed_bytes as f64 / packed as f64),
        }),
        of_chunks("codec", Align::Lines, &|chunks| counted(&chunks.codecs, chunks.chunks)),
        of_chunks("encodings", Align::Lines, &|chunks| counted(&chunks.encodings, chunks.chunks)),
    ]);
    let values = Table::new(vec![
        name(),
        text("type", Align::Lines, &|column| column.type_name.clone()),
        of_chunks("nulls", Align::Right, &|chunks| {
            chunks.nulls.map_or_else(|| "?".to_owned(), grouped)
        }),
        of_chunks("min", Align::Left, &|chunks| chunks.min.as_ref().map(shown).unwrap_or_default()),
        of_chunks("max", Align::Left, &|chunks| chunks.max.as_ref().map(shown).unwrap_or_default()),
        optional("unit", |column| &column.unit),
        optional("UCD", |column| &column.ucd),
    ]);
    vec![stored, values.without_empty_columns()]
}

/// Names with the numbers of chunks that have them. The number is left out if all chunks have it.
fn counted(counts: &[Count], chunks: u64) -> String {
    let names = counts.iter().map(|count| match count.chunks {
        all if all == chunks => count.name.clone(),
        some => format!("{}({some})", count.name),
    });
    names.collect::<Vec<_>>().join(", ")
}

fn share(part: u64, total: u64) -> String {
    if total == 0 {
        return String::new();
    }
    format!("{:.1}%", part as f64 / total as f64 * 100.0)
}

fn shown(bound: &Bound) -> String {
    match bound {
        Bound::Boolean(value) => value.to_string(),
        Bound::Integer(value) => value.to_string(),
        Bound::Unsigned(value) => value.to_string(),
        Bound::Float(value) => rounded(f64::from(*value), 7),
        Bound::Double(value) => rounded(*value, 8),
        Bound::Text(value) if value.is_empty() => "\"\"".to_owned(),
        Bound::Text(value) => value.clone(),
        _ => String::new(),
    }
}

fn advice(text: &mut String, inspection: &Inspection, width: Width) {
    if inspection.advice.is_empty() {
        return;
    }
    text.push_str("\nAdvice\n");
    for advice in &inspection.advice {
        let said = format!("- {}: {} (--option {})", advice.what, advice.why, advice.option);
        let lines = width.paragraph(&harmless(&said), "    ");
        let _ = write!(text, "  {}", lines.trim_start());
    }
    text.push_str("  All of it:\n");
    text.push_str(&width.command(&command(inspection), "    "));
}

/// The parts of the command that follows all suggestions.
fn command(inspection: &Inspection) -> Vec<String> {
    let file = harmless(&inspection.file);
    let stem = file.strip_suffix(".parquet").unwrap_or(&file);
    let new = format!("{stem}.new.parquet");
    let mut options: Vec<&str> =
        inspection.advice.iter().map(|advice| advice.option.as_str()).collect();
    options.dedup();
    let options = options.iter().map(|option| format!("--option {}", quoted(option)));
    let mut parts = vec![format!("taploom encode {}", quoted(&file)), "-f voparquet".to_owned()];
    parts.extend(options);
    parts.push(format!("-o {}", quoted(&new)));
    parts
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
