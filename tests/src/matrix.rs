//! Who reads what: every reader of every format, datatype by datatype and shape by shape.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{Int32Array, RecordBatch};
use taploom::{CanonicalRows, Completion, Datatype, EncodeContext, VoType};
use taploom_testkit::{SharedSink, Subject, Table, TestColumn, check_rows, nasty};

use crate::losses::{LOSSES, with_losses};
use crate::oracle::{ReaderOracle, types_of};
use crate::readers::{Reader, Readers, Request};
use crate::variants::{VARIANTS, Variant};

/// What a reader makes of the columns of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// Every cell, but for the losses that are named.
    Reads(Vec<&'static str>),
    /// Not at all, or not what was written.
    No(String),
    /// The format has no place for the type.
    Refused,
}

/// The matrix as Markdown.
///
/// # Panics
/// Where a table can't be written at all.
pub fn matrix() -> String {
    let mut page = String::new();
    let mut reasons = Vec::new();
    let mut happened = Vec::new();
    for (title, ids) in GROUPS {
        let columns = columns_of(ids);
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
                        let why = format!("{} by {}: {why}", variant.name(), reader.name());
                        let number = reasons.iter().position(|known| *known == why);
                        let number = number.unwrap_or_else(|| {
                            reasons.push(why);
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
    for (index, why) in reasons.iter().enumerate() {
        let _ = writeln!(page, "{}. {why}", index + 1);
    }
    page
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
    let variants = VARIANTS.iter().filter(|variant| ids.contains(&variant.id) && variant.in_matrix);
    variants
        .flat_map(|variant| variant.readers.iter().map(move |reader| (variant, *reader)))
        .filter(|(_, reader)| *reader != Reader::Plain)
        .collect()
}

fn head(variant: &Variant, reader: Reader) -> String {
    let options: Vec<&str> = variant.options.iter().map(|(_, value)| *value).collect();
    let options =
        if options.is_empty() { String::new() } else { format!(" {}", options.join(" ")) };
    format!("{}{options}: {}", variant.id, reader.name())
}

fn letter(happened: &mut Vec<&'static str>, loss: &str) -> String {
    let known = LOSSES.iter().position(|known| known.name == loss).expect("a loss that is known");
    if !happened.contains(&LOSSES[known].name) {
        happened.push(LOSSES[known].name);
    }
    char::from(b'a' + known as u8).to_string()
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

/// What a reader makes of every type: of the whole table first, and column by column where it does
/// not take that.
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
    let whole = read(&subject, variant, reader, &table);
    let types = types_of(&table.schema);
    for (index, vo_type) in types.iter().enumerate() {
        let outcome = match &whole {
            Ok((rows, losses)) => compared(&table, rows, losses, index),
            Err(_) => {
                let one = with_id(&table, index);
                match read(&subject, variant, reader, &one) {
                    Ok((rows, losses)) => compared(&one, &rows, &losses, 1),
                    Err(why) => Outcome::No(why),
                }
            }
        };
        let known = outcomes.entry(label(vo_type)).or_insert(Outcome::Refused);
        *known = both(known.clone(), outcome);
    }
    outcomes
}

/// The worse of two; losses add up.
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

/// A column, with an id before it: some readers do without rows that are empty.
fn with_id(table: &Table, index: usize) -> Table {
    let rows = table.given.num_rows() as i32;
    let one = table.project(&[index]);
    let id = TestColumn::same("row", Arc::new(Int32Array::from_iter_values(0..rows)));
    let vo_type = types_of(&one.schema).remove(0);
    let name = one.schema.columns()[0].name().to_owned();
    let shape = vo_type.arraysize.as_ref().map(ToString::to_string);
    let column = TestColumn::converted(
        name,
        Arc::clone(one.given.column(0)),
        Arc::clone(one.expected.column(0)),
    );
    let columns = vec![id.of(Datatype::Int, None), column.of(vo_type.datatype, shape.as_deref())];
    Table::of(table.name, columns)
}

/// Writes a table and has it read.
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

/// A column that was read, against what was written: with the fewest losses that make them equal.
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
        return Outcome::No(format!("row {}", cell.replace('\n', "⏎")));
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
