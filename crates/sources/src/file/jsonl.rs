//! JSON Lines: one object per row. arrow-json decodes them.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_json::ReaderBuilder;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use taploom_model::{BatchSource, Error, ErrorKind, Result, ResultSchema, RowSource, VoType};

use super::batches::until_error;
use crate::error::damaged;
use crate::guard::guarded;
use crate::guesses::Guess;
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
    let listed = request.columns.as_ref().map_or(&[][..], |list| &list.columns);
    let given = |place: usize| {
        let column = listed.get(place)?;
        let (datatype, arraysize) = (column.datatype?, column.arraysize.clone());
        Some(VoType { datatype, arraysize, xtype: None }.carrier())
    };
    let guesses = request.guesses.clone().unwrap_or_default();
    let mut guessed = guesses.made();
    let mut ahead = VecDeque::new();
    let mut bytes = 0;
    while ahead.len() < GUESS_ROWS && bytes < GUESS_BYTES {
        let Some(line) = lines.next_line(GUESS_LINE_BYTES)? else { break };
        bytes += line.len();
        let wrong =
            |what: &str| damaged(format!("source {name}: {what}")).with_row(ahead.len() as u64 + 1);
        let Members(members) = serde_json::from_slice(&line).map_err(|error| {
            let is_other = error.is_data();
            wrong(if is_other {
                "a line is not a JSON object"
            } else {
                "not a JSON object in one line"
            })
            .with_source(error)
        })?;
        let mut names = HashSet::new();
        for (member, value) in &members {
            if !names.insert(member) {
                return Err(wrong(&format!("the object has two members {member:?}")));
            }
            let place = guessed.place(member);
            let guess = &mut guessed.columns[place];
            *guess = std::mem::take(guess).or(guess_of(value));
            if let Guess::Mixed(before, here) = guess
                && given(place).is_none()
            {
                return Err(wrong(&format!(
                    "column {member:?} has {here} where it had {before} before; \
                     jq -c '(.[{member:?}] | values) |= tojson' FILE makes text of both"
                )));
            }
        }
        ahead.push_back(line);
    }
    let fields = guessed.names().into_iter().zip(&guessed.columns).enumerate();
    let fields = fields.map(|(place, (name, guess))| {
        Field::new(name, given(place).unwrap_or_else(|| arrow_type(guess)), true)
    });
    let arrow = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    // Files that follow may have further columns, which the list describes too.
    let has_all = request.guesses.is_none() || guessed.is_complete;
    let schema = match &request.columns {
        Some(list) if has_all => list.describe(Arc::clone(&arrow))?,
        _ => ResultSchema::derived(Arc::clone(&arrow)),
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

/// The members of an object, in order.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

fn guess_of(value: &Value) -> Guess {
    match value {
        Value::Null => Guess::Nothing,
        Value::Bool(_) => Guess::Boolean,
        Value::Number(number) => match number.as_i64() {
            Some(number) => Guess::of_integer(number),
            None if number.is_u64() => Guess::Text,
            None => Guess::Double,
        },
        // The words for numbers that JSON does not have.
        Value::String(text) => match text.as_str() {
            "NaN" | "Infinity" | "-Infinity" => Guess::Double,
            _ => Guess::Text,
        },
        Value::Array(items) => {
            Guess::list(items.iter().map(guess_of).fold(Guess::Nothing, Guess::or))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), guess_of(value)));
            Guess::object(BTreeMap::new(), members)
        }
    }
}

/// The type of a column. Values that are all null are text, and numbers within lists.
fn arrow_type(guess: &Guess) -> DataType {
    match guess {
        Guess::Boolean => DataType::Boolean,
        Guess::Long | Guess::ExactLong => DataType::Int64,
        Guess::Double => DataType::Float64,
        Guess::Nothing | Guess::Text | Guess::Mixed(..) => DataType::Utf8,
        Guess::List(item) => {
            let item = match &**item {
                Guess::Nothing => DataType::Float64,
                item => arrow_type(item),
            };
            DataType::List(Arc::new(Field::new_list_field(item, true)))
        }
        Guess::Object(members) => {
            let field =
                |(name, guess): (&String, &Guess)| Field::new(name, arrow_type(guess), true);
            DataType::Struct(members.iter().map(field).collect())
        }
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
