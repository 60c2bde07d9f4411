//! JSON Lines: one object per row. arrow-json decodes them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_json::ReaderBuilder;
use arrow_json::reader::infer_json_schema_from_iterator;
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};
use async_trait::async_trait;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use taploom_model::{BatchSource, Error, ErrorKind, Result, ResultSchema, RowSource, VoType};

use super::batches::until_error;
use crate::error::damaged;
use crate::guard::guarded;
use crate::guesses::is_exact_in_double;
use crate::plugin::{Place, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Number of rows from which the names and types of columns are guessed.
const GUESS_ROWS: usize = 1000;
/// Maximum size of a line in bytes.
const LINE_BYTES: u64 = 256 << 20;
/// Maximum size of a line that tells names and types. Parsed, it takes some twenty times as much memory.
const GUESS_LINE_BYTES: u64 = 16 << 20;
/// Bytes of these lines at which they are enough, though they are fewer.
const GUESS_BYTES: usize = 16 << 20;
/// Bytes of text after which a batch ends, even if it has fewer rows than wanted.
const BATCH_BYTES: usize = 4 << 20;

/// The source type.
struct JsonLines;

register_source!(
    /// The source of JSON Lines.
    JSONL = JsonLines
);

#[async_trait]
impl SourceType for JsonLines {
    const INFO: SourceInfo = SourceInfo::new("jsonl", "a JSON Lines file")
        .with_extensions(&["jsonl", "ndjson"])
        .with_mark(|beginning| {
            let text = beginning.strip_prefix(BYTE_ORDER_MARK).unwrap_or(beginning);
            text.trim_ascii_start().starts_with(b"{")
        });

    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let name = place.text();
        open(place.into_reader()?, name, request)
    }
}

fn open(
    bytes: Box<dyn Read + Send>,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let mut lines =
        Lines { input: BufReader::with_capacity(1 << 16, bytes), row: 0, name: name.to_owned() };
    let mut ahead = VecDeque::new();
    let mut values = Vec::new();
    // arrow-json returns columns in any order. Here they are sorted by their first appearance.
    let mut places: HashMap<String, usize> = HashMap::new();
    // Members with integers that a double would round.
    let mut exact: HashSet<String> = HashSet::new();
    let mut bytes = 0;
    while values.len() < GUESS_ROWS && bytes < GUESS_BYTES {
        let Some(line) = lines.next_line(GUESS_LINE_BYTES)? else { break };
        bytes += line.len();
        let row = values.len() as u64 + 1;
        let value: Value = serde_json::from_slice(&line).map_err(|error| {
            let message = format!("source {name}: not a JSON object in one line");
            damaged(message).with_row(row).with_source(error)
        })?;
        if !value.is_object() {
            let message = format!("source {name}: a line is not a JSON object");
            return Err(damaged(message).with_row(row));
        }
        let mut members = HashSet::new();
        for member in
            serde_json::from_slice::<Names>(&line).map_or_else(|_| Vec::new(), |names| names.0)
        {
            let next = places.len();
            places.entry(member.clone()).or_insert(next);
            if let Some(member) = members.replace(member) {
                let message = format!("source {name}: the object has two members {member:?}");
                return Err(damaged(message).with_row(row));
            }
        }
        let members = value.as_object().into_iter().flatten();
        exact.extend(members.filter(|(_, value)| is_rounded(value)).map(|(name, _)| name.clone()));
        values.push(Ok(without_words(value)));
        ahead.push_back(line);
    }
    let guessed = guarded(name, || {
        infer_json_schema_from_iterator(values.into_iter()).map_err(|error| {
            damaged(format!("source {name}: its rows have no common types")).with_source(error)
        })
    })?;
    let listed = request.columns.as_ref().map_or(&[][..], |list| &list.columns);
    let mut guessed = guessed.fields().to_vec();
    guessed.sort_by_key(|field| places.get(field.name()).copied());
    let fields = guessed.iter().enumerate().map(|(index, field)| {
        let given = listed.get(index).and_then(|column| {
            let vo_type = VoType {
                datatype: column.datatype?,
                arraysize: column.arraysize.clone(),
                xtype: None,
            };
            Some(vo_type.carrier())
        });
        let guessed = || match known(field.data_type()) {
            guessed if exact.contains(field.name()) => with_texts(guessed),
            guessed => guessed,
        };
        Field::new(field.name(), given.unwrap_or_else(guessed), true)
    });
    let arrow = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let schema = match &request.columns {
        Some(list) => list.describe(Arc::clone(&arrow))?,
        None => ResultSchema::derived(Arc::clone(&arrow)),
    };
    let mut rows = Rows {
        lines,
        ahead,
        decoded: arrow,
        arrow: SchemaRef::clone(schema.arrow()),
        batch_rows: request.batch_rows.max(1),
        row: 0,
    };
    Ok(Box::new(BatchSource::new(schema, until_error(move || rows.batch()))))
}

/// Whether the value has an integer that a double would round.
fn is_rounded(value: &Value) -> bool {
    match value {
        Value::Number(number) if number.is_i64() => {
            number.as_i64().is_some_and(|number| !is_exact_in_double(number))
        }
        Value::Number(number) => number.is_u64(),
        Value::Array(values) => values.iter().any(is_rounded),
        Value::Object(members) => members.values().any(is_rounded),
        _ => false,
    }
}

/// The type with text instead of doubles, because text keeps all digits.
fn with_texts(data_type: DataType) -> DataType {
    let inner = |field: &Field| {
        Arc::new(field.clone().with_data_type(with_texts(field.data_type().clone())))
    };
    match data_type {
        DataType::Float64 => DataType::Utf8,
        DataType::List(item) => DataType::List(inner(&item)),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| inner(field)).collect())
        }
        other => other,
    }
}

/// The names of an object's members, in order.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Names, M::Error> {
                let mut names = Vec::new();
                while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Replaces the words for NaN and infinities, which JSON does not have, by numbers.
fn without_words(value: Value) -> Value {
    match value {
        Value::String(word) if matches!(&*word, "NaN" | "Infinity" | "-Infinity") => {
            Value::from(0.5)
        }
        Value::Array(values) => values.into_iter().map(without_words).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, without_words(value))).collect()
        }
        other => other,
    }
}

/// The type to use if some parts of it are unknown, because their values are all null: text for a column,
/// and numbers within lists.
fn known(data_type: &DataType) -> DataType {
    let inner = |field: &Field, unknown| {
        let inner = match field.data_type() {
            DataType::Null => unknown,
            other => known(other),
        };
        Field::new(field.name(), inner, true)
    };
    match data_type {
        DataType::Null => DataType::Utf8,
        DataType::List(item) => DataType::List(Arc::new(inner(item, DataType::Float64))),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| inner(field, DataType::Utf8));
            let mut fields: Vec<Field> = fields.collect();
            fields.sort_by(|one, other| one.name().cmp(other.name()));
            DataType::Struct(Fields::from(fields))
        }
        other => other.clone(),
    }
}

/// Reads the lines that are not empty.
struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    row: u64,
    name: String,
}

impl Lines {
    /// The next line, which may have up to `most` bytes.
    fn next_line(&mut self, most: u64) -> Result<Option<Vec<u8>>> {
        loop {
            let mut line = Vec::new();
            let read = self.input.by_ref().take(most).read_until(b'\n', &mut line);
            let failed = |message: &str| {
                let message = format!("source {}: {message}", self.name);
                Error::new(ErrorKind::Source, message).with_row(self.row + 1)
            };
            if read.map_err(|error| failed("can't read the file").with_source(error))? == 0 {
                return Ok(None);
            }
            if line.len() as u64 == most && line.last() != Some(&b'\n') {
                return Err(failed(&format!(
                    "a line has more than {most} bytes, the most that is read{}; JSON Lines has one object per line, \
                     one line per row; jq -c '.[]' FILE converts an array",
                    if most < LINE_BYTES { " of the first lines" } else { "" }
                )));
            }
            if self.row == 0 && line.starts_with(BYTE_ORDER_MARK) {
                line.drain(..BYTE_ORDER_MARK.len());
            }
            if !line.trim_ascii().is_empty() {
                self.row += 1;
                return Ok(Some(line));
            }
        }
    }
}

/// The rows that are left.
struct Rows {
    lines: Lines,
    /// Lines that were read to guess the types.
    ahead: VecDeque<Vec<u8>>,
    decoded: SchemaRef,
    arrow: SchemaRef,
    batch_rows: usize,
    /// Number of rows returned so far.
    row: u64,
}

impl Rows {
    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        while ends.len() < self.batch_rows && text.len() < BATCH_BYTES {
            let line = match self.ahead.pop_front() {
                Some(line) => line,
                None => match self.lines.next_line(LINE_BYTES)? {
                    Some(line) => line,
                    None => break,
                },
            };
            text.extend_from_slice(&line);
            // The last line may lack its line break.
            text.push(b'\n');
            ends.push(text.len());
        }
        if ends.is_empty() {
            return Ok(None);
        }
        let name = self.lines.name.clone();
        let decode = |text: &[u8], rows| {
            guarded(&name, || self.decode(text, rows).map_err(|error| self.wrong(&error)))
        };
        let batch = decode(&text, ends.len()).map_err(|error| {
            // Each line is decoded separately, to find the row with the error.
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let mut lines = starts.zip(&ends).zip(self.row + 1..);
            let found = lines.find_map(|((start, end), row)| {
                let error = decode(&text[start..*end], 1).err()?;
                Some(error.with_row(row))
            });
            found.unwrap_or(error)
        })?;
        self.row += batch.num_rows() as u64;
        // Objects without members make rows without columns.
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = batch.columns().to_vec();
        let arrow = SchemaRef::clone(&self.arrow);
        RecordBatch::try_new_with_options(arrow, columns, &options).map(Some).map_err(|cause| {
            Error::new(ErrorKind::Internal, "columns of JSON Lines differ from their types")
                .with_source(cause)
        })
    }

    fn decode(&self, text: &[u8], rows: usize) -> Result<RecordBatch, ArrowError> {
        let mut decoder = ReaderBuilder::new(SchemaRef::clone(&self.decoded))
            .with_batch_size(rows)
            .with_strict_mode(true)
            .with_coerce_primitive(true)
            .build_decoder()?;
        let read = decoder.decode(text)?;
        let batch = decoder.flush()?.filter(|batch| batch.num_rows() == rows);
        batch.filter(|_| text[read..].trim_ascii().is_empty()).ok_or_else(|| {
            ArrowError::JsonError("a line does not have exactly one object".to_owned())
        })
    }

    fn wrong(&self, error: &ArrowError) -> Error {
        let why = error.to_string();
        let why = why.strip_prefix("Json error: ").unwrap_or(&why).replace('\n', " ");
        let message = format!(
            "source {}: {why} (columns and types are guessed from the first {GUESS_ROWS} rows; --columns sets \
             other types)",
            self.lines.name
        );
        Error::new(ErrorKind::InvalidValue, message)
    }
}
