//! Compares every reader of every format, datatype by datatype and shape by shape.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{Int32Array, RecordBatch};
use taploom::{CanonicalRows, Completion, Datatype, EncodeContext, VoType};
use taploom_testkit::{SharedSink, Subject, Table, TestColumn, check_rows, nasty};

use crate::losses::{LOSSES, with_losses};
use crate::oracle::{ReaderOracle, types_of};
use crate::reader::Reader;
use crate::readers::{Readers, Request};
use crate::variants::{VARIANTS, Variant};

/// How a reader reads the columns of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// It reads every cell, except for the named losses.
    Reads(Vec<&'static str>),
    /// It does not read them, or reads other values.
    No(String),
    /// The format can't hold the type.
    Refused,
}

/// The matrix as Markdown.
///
/// # Panics
/// If a table can't be written at all.
pub fn matrix() -> String {
    let registry = taploom::registry().expect("formats of different names");
    for plugin in registry.plugins() {
        let id = plugin.info().id;
        assert!(GROUPS.iter().any(|(_, ids)| ids.contains(&id)), "no table has format {id}");
    }
    let mut page = String::new();
    let mut reasons = Vec::new();
    let mut happened = Vec::new();
    for (title, ids) in GROUPS {
        let columns = columns_of(ids);
        if columns.is_empty() {
            continue;
        }
        let _ = writeln!(page, "\n## {title}\n");
        let heads = columns.iter().map(|(variant, reader)| head(variant, *reader));
        let _ = writeln!(page, "| type | {} |", heads.collect::<Vec<_>>().join(" | "));
        let _ = writeln!(page, "|---|{}", "---|".repeat(columns.len()));
        let outcomes: Vec<_> =
            columns.iter().map(|(variant, reader)| outcomes(variant, *reader)).collect();
        for label in labels() {
            let _ = write!(page, "| {label} |");
            for ((variant, reader), outcomes) in columns.iter().zip(&outcomes) {
                let cell = match &outcomes[&label] {
                    Outcome::Reads(losses) if losses.is_empty() => "yes".to_owned(),
                    Outcome::Reads(losses) => {
                        let numbers = losses.iter().map(|name| letter(&mut happened, name));
                        format!("yes {}", numbers.collect::<Vec<_>>().join(" "))
                    }
                    Outcome::Refused => "–".to_owned(),
                    Outcome::No(why) => {
                        let kind = (variant.name(), *reader, kind_of(&label, why));
                        let number = reasons.iter().position(|(known, _)| *known == kind);
                        let number = number.unwrap_or_else(|| {
                            reasons.push((kind, why.clone()));
                            reasons.len() - 1
                        });
                        format!("no {}", number + 1)
                    }
                };
                let _ = write!(page, " {cell} |");
            }
            page.push('\n');
        }
    }
    let _ = writeln!(page, "\n## What is lost\n");
    for loss in LOSSES {
        if !happened.contains(&loss.name) {
            continue;
        }
        let letter = letter(&mut happened, loss.name);
        let _ = writeln!(page, "- **{letter}** `{}`: {}", loss.name, loss.sentence);
    }
    let _ = writeln!(page, "\n## What is not read\n");
    for (index, ((variant, reader, _), why)) in reasons.iter().enumerate() {
        let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let why: String = why.chars().map(shown).take(MOST).collect();
        let _ = writeln!(page, "{}. `{variant}` by {}: {why}", index + 1, reader.title());
    }
    page
}

/// Characters of a reason that are shown.
const MOST: usize = 160;

/// The common part of reasons that differ only in their values; only the first of them is shown.
/// Text, complex numbers and other types are misread in different ways, so their kinds are kept
/// apart.
fn kind_of(label: &str, why: &str) -> String {
    let class = ["Complex", "har"].into_iter().find(|class| label.contains(class));
    let words = why.split([' ', ':']).filter(|word| word.chars().all(char::is_alphabetic));
    class.into_iter().chain(words.take(4)).collect::<Vec<_>>().join(" ")
}

/// The tables of the page.
const GROUPS: &[(&str, &[&str])] = &[
    ("VOTable", &["votable"]),
    ("FITS and ECSV", &["fits", "ecsv"]),
    ("VOParquet and Arrow", &["voparquet", "arrow"]),
    ("CSV and TSV", &["csv", "tsv"]),
    ("JSON", &["json", "jsonl"]),
];

fn columns_of(ids: &[&str]) -> Vec<(&'static Variant, Reader)> {
    let registry = taploom::registry().expect("formats of different names");
    let is_registered = |id| registry.plugins().iter().any(|plugin| plugin.info().id == id);
    let variants = VARIANTS.iter().filter(|variant| {
        ids.contains(&variant.id) && variant.in_matrix && is_registered(variant.id)
    });
    variants
        .flat_map(|variant| variant.readers.iter().map(move |reader| (variant, *reader)))
        .filter(|(_, reader)| *reader != Reader::Plain)
        .collect()
}

fn head(variant: &Variant, reader: Reader) -> String {
    let options: Vec<&str> = variant.options.iter().map(|(_, value)| *value).collect();
    let options =
        if options.is_empty() { String::new() } else { format!(" {}", options.join(" ")) };
    format!("{}{options}: {}", variant.id, reader.title())
}

fn letter(happened: &mut Vec<&'static str>, loss: &str) -> String {
    let known = LOSSES.iter().position(|known| known.name == loss).expect("a loss that is known");
    if !happened.contains(&LOSSES[known].name) {
        happened.push(LOSSES[known].name);
    }
    let last = char::from(b'a' + (known % 26) as u8);
    format!("{}{last}", "a".repeat(known / 26))
}

/// The rows of the tables: datatype and arraysize, in the order of the columns.
fn labels() -> Vec<String> {
    let mut labels = Vec::new();
    for vo_type in types_of(&nasty().schema) {
        let label = label(&vo_type);
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

fn label(vo_type: &VoType) -> String {
    match &vo_type.arraysize {
        None => vo_type.datatype.to_string(),
        Some(shape) => format!("{}[{shape}]", vo_type.datatype),
    }
}

/// The outcome for every type. The reader gets the whole table first, and single columns if it
/// refuses the table.
fn outcomes(variant: &'static Variant, reader: Reader) -> BTreeMap<String, Outcome> {
    let registry = taploom::registry().expect("formats of different names");
    let plugin = registry
        .plugins()
        .iter()
        .find(|plugin| plugin.info().id == variant.id)
        .expect("a format that is registered");
    let mut oracle = ReaderOracle::new(variant, reader);
    let subject = variant.subject(*plugin, &mut oracle).expect("options that are known");
    let mut outcomes = BTreeMap::new();
    for vo_type in types_of(&nasty().schema) {
        outcomes.insert(label(&vo_type), Outcome::Refused);
    }
    let Some(table) = subject.adapt(nasty()) else { return outcomes };
    let types = types_of(&table.schema);
    let mut found = Vec::new();
    let all: Vec<usize> = (0..types.len()).collect();
    by_halves(&subject, variant, reader, &table, &all, &mut found);
    for (index, outcome) in found {
        let known = outcomes.entry(label(&types[index])).or_insert(Outcome::Refused);
        *known = both(known.clone(), outcome);
    }
    outcomes
}

/// Reads columns together, and in halves if the reader refuses them. Starting the reader takes
/// longer than reading, and one column must not hide the others.
fn by_halves(
    subject: &Subject<'_>,
    variant: &Variant,
    reader: Reader,
    table: &Table,
    columns: &[usize],
    found: &mut Vec<(usize, Outcome)>,
) {
    let part = with_id(table, columns, |name| name_for(variant, reader, name));
    let read = read(subject, variant, reader, &part).and_then(|(rows, losses)| {
        match rows.num_rows() == part.expected.num_rows() {
            true => Ok((rows, losses)),
            false => Err("it reads a different number of rows".to_owned()),
        }
    });
    match read {
        Ok((rows, losses)) => {
            for (place, column) in columns.iter().enumerate() {
                found.push((*column, compared(&part, &rows, &losses, place + 1)));
            }
            // Columns after a misread column may be misread because of it.
            let is_doubtful = found
                .iter()
                .rev()
                .take(columns.len())
                .any(|(_, outcome)| matches!(outcome, Outcome::No(_)));
            if is_doubtful && columns.len() > 1 {
                found.truncate(found.len() - columns.len());
                for column in columns {
                    by_halves(subject, variant, reader, table, &[*column], found);
                }
            }
        }
        Err(why) if columns.len() == 1 => found.push((columns[0], Outcome::No(why))),
        Err(_) => {
            let (left, right) = columns.split_at(columns.len() / 2);
            by_halves(subject, variant, reader, table, left, found);
            by_halves(subject, variant, reader, table, right, found);
        }
    }
}

/// The worse of two outcomes; losses are combined.
fn both(left: Outcome, right: Outcome) -> Outcome {
    match (left, right) {
        (Outcome::Refused, other) | (other, Outcome::Refused) => other,
        (Outcome::No(why), _) | (_, Outcome::No(why)) => Outcome::No(why),
        (Outcome::Reads(mut left), Outcome::Reads(right)) => {
            left.extend(right);
            left.sort_unstable();
            left.dedup();
            Outcome::Reads(left)
        }
    }
}

/// The name of a column. In VOParquet, astropy joins only columns whose names are identifiers with their
/// FIELDs.
fn name_for(variant: &Variant, reader: Reader, name: &str) -> String {
    match (variant.id, reader) {
        ("voparquet", Reader::Astropy) => {
            let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
            format!("c_{}", name.chars().map(letter).collect::<String>())
        }
        _ => name.to_owned(),
    }
}

/// Columns with an id before them, because some readers skip empty rows.
fn with_id(table: &Table, columns: &[usize], rename: impl Fn(&str) -> String) -> Table {
    let part = table.project(columns);
    let rows = part.given.num_rows() as i32;
    let id = TestColumn::same("row", Arc::new(Int32Array::from_iter_values(0..rows)));
    let mut all = vec![id.of(Datatype::Int, None)];
    all.extend(types_of(&part.schema).iter().enumerate().map(|(index, vo_type)| {
        let shape = vo_type.arraysize.as_ref().map(ToString::to_string);
        let column = TestColumn::converted(
            rename(part.schema.columns()[index].name()),
            Arc::clone(part.given.column(index)),
            Arc::clone(part.expected.column(index)),
        );
        column.of(vo_type.datatype, shape.as_deref())
    }));
    Table::of(table.name, all)
}

/// Writes a table and lets a reader read it.
fn read(
    subject: &Subject<'_>,
    variant: &Variant,
    reader: Reader,
    table: &Table,
) -> Result<(RecordBatch, Vec<String>), String> {
    let sink = SharedSink::default();
    let context = EncodeContext::default();
    let mut encoder = subject
        .start(&table.schema, &context, Box::new(sink.clone()))
        .map_err(|error| error.to_string())?;
    encoder.write_batch(&table.given).map_err(|error| error.to_string())?;
    encoder.finish(Completion::Complete).map_err(|error| error.to_string())?;
    let file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    std::fs::write(file.path(), sink.bytes()).map_err(|error| error.to_string())?;
    let canonical = CanonicalRows::new(&table.schema).map_err(|error| error.to_string())?;
    let read = Readers::with(|readers| {
        readers.read(&Request {
            reader,
            format: variant.id,
            options: variant.options,
            path: file.path(),
            schema: canonical.schema().arrow(),
            types: &types_of(&table.schema),
        })
    });
    let read = read.map_err(|error| error.replace(&file.path().display().to_string(), "FILE"))?;
    Ok((read.rows, read.losses))
}

/// Compares a column that was read with the written one, and finds the fewest losses that make them
/// equal.
fn compared(table: &Table, rows: &RecordBatch, losses: &[String], index: usize) -> Outcome {
    let types = [types_of(&table.schema).remove(index)];
    let want = table.expected.project(&[index]).expect("a column");
    let got = rows.project(&[index]).expect("a column");
    let same = |losses: &[&str]| {
        let (got, want) = (with_losses(&got, &types, losses), with_losses(&want, &types, losses));
        check_rows("", &got, &want)
    };
    let mut needed: Vec<&'static str> = LOSSES
        .iter()
        .filter(|loss| losses.iter().any(|name| name == loss.name))
        .map(|loss| loss.name)
        .collect();
    if let Err(why) = same(&needed) {
        let why = why.trim_start_matches([':', ' ']).replace('|', "\\|");
        let cell = why.split_once(", row ").map_or(why.as_str(), |(_, cell)| cell);
        return Outcome::No(format!("wrong cells, the first in row {}", cell.replace('\n', "⏎")));
    }
    let mut at = 0;
    while at < needed.len() {
        let mut fewer = needed.clone();
        fewer.remove(at);
        if same(&fewer).is_ok() {
            needed = fewer;
        } else {
            at += 1;
        }
    }
    Outcome::Reads(needed)
}
