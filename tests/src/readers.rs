//! A client of `tests/readers`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use taploom::{ColumnMetadata, Datatype, TableMetadata, VoType};

/// A program that reads files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// The letter of the standard, in Python without any library.
    Plain,
    /// astropy: VOTable, FITS, ECSV, CSV and TSV.
    Astropy,
    /// STILTS: VOTable, FITS, ECSV and CSV.
    Stilts,
    /// `vot`, of the Rust crate `votable`.
    Vot,
    /// pyarrow: CSV, TSV, JSON lines, Arrow, and Parquet; the VOTable in the footer by astropy.
    Pyarrow,
    /// DuckDB: CSV, TSV, JSON lines and Parquet.
    Duckdb,
    /// polars: CSV, TSV, JSON lines, Arrow and Parquet.
    Polars,
    /// Python's `json`.
    Python,
}

impl Reader {
    /// Its name, for people and in requests.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// What is to be read.
pub struct Request<'a> {
    /// By whom.
    pub reader: Reader,
    /// The id of the format.
    pub format: &'a str,
    /// The options that it was written with.
    pub options: &'a [(&'a str, &'a str)],
    /// The file.
    pub path: &'a Path,
    /// The columns, in the Arrow types that carry their datatypes.
    pub schema: &'a Schema,
    /// Datatype and arraysize of every column.
    pub types: &'a [VoType],
}

/// A FIELD as a reader reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the names are those of VOTable")]
#[serde(default)]
pub struct Field {
    pub name: String,
    pub datatype: Option<String>,
    pub arraysize: Option<String>,
    pub unit: Option<String>,
    pub ucd: Option<String>,
    pub xtype: Option<String>,
    pub description: Option<String>,
}

/// What a reader made of a file.
#[derive(Debug, Clone)]
pub struct Read {
    /// The cells.
    pub rows: RecordBatch,
    /// The columns.
    pub fields: Vec<Field>,
    /// Their metadata, as far as they are those of the model.
    pub metadata: Vec<ColumnMetadata>,
    /// The metadata of the table.
    pub table: TableMetadata,
    /// The names in the data themselves, where the FIELDs stand beside them (VOParquet).
    pub names: Option<Vec<String>>,
    /// The last QUERY_STATUS.
    pub status: Option<String>,
    /// The message that stands with it.
    pub message: Option<String>,
    /// What the reader can't tell apart in this format.
    pub losses: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    error: Option<String>,
    #[serde(default)]
    columns: Vec<serde_json::Map<String, serde_json::Value>>,
    #[serde(default)]
    table: serde_json::Value,
    names: Option<Vec<String>>,
    status: Option<String>,
    #[serde(default)]
    status_text: Option<String>,
    #[serde(default)]
    losses: Vec<String>,
    #[serde(default)]
    messages: Vec<String>,
    #[serde(default)]
    differences: BTreeMap<String, String>,
}

/// The process, which answers one request at a time.
pub struct Readers {
    _child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Readers {
    /// Runs `ask` with the one process of this program.
    ///
    /// # Panics
    /// Where it can't be started; the message says what to do.
    pub fn with<T>(ask: impl FnOnce(&mut Self) -> T) -> T {
        static READERS: OnceLock<Mutex<Readers>> = OnceLock::new();
        let readers = READERS.get_or_init(|| Mutex::new(Self::start()));
        ask(&mut readers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn start() -> Self {
        let root = workspace();
        let python = crate::target().join("python/bin/python");
        assert!(python.exists(), "the readers are not installed: run `cargo xtask setup`");
        let mut child = Command::new(python)
            .args(["-m", "readers"])
            .env("PYTHONPATH", root.join("tests/readers"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the readers start");
        let requests = child.stdin.take().expect("a pipe to the readers");
        let answers = BufReader::new(child.stdout.take().expect("a pipe from the readers"));
        Self { _child: child, requests, answers }
    }

    /// Reads a file whose columns are known.
    ///
    /// # Errors
    /// What the reader says where it refuses the file.
    pub fn read(&mut self, request: &Request<'_>) -> Result<Read, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (expected, out) = (folder.path().join("schema.arrow"), folder.path().join("out.arrow"));
        write_schema(&expected, request.schema).map_err(|error| error.to_string())?;
        let types = request.types.iter().map(|vo_type| {
            serde_json::json!({
                "datatype": vo_type.datatype,
                "arraysize": vo_type.arraysize.as_ref().map(ToString::to_string),
            })
        });
        let answer = self.ask(&serde_json::json!({
            "reader": request.reader.name(),
            "format": request.format,
            "options": request.options.iter().copied().collect::<BTreeMap<_, _>>(),
            "path": request.path,
            "schema": expected,
            "fields": types.collect::<Vec<_>>(),
            "out": out,
        }))?;
        let fields: Result<_, String> =
            answer.columns.iter().map(|column| parsed(&column.clone().into())).collect();
        let metadata = answer.columns.into_iter().map(column_metadata);
        Ok(Read {
            rows: read_rows(&out).map_err(|error| error.to_string())?,
            fields: fields?,
            metadata: metadata.collect::<Result<_, _>>()?,
            table: if answer.table.is_null() { Default::default() } else { parsed(&answer.table)? },
            names: answer.names,
            status: answer.status,
            message: answer.status_text,
            losses: answer.losses,
        })
    }

    /// Reads a Parquet file with columns of any types, and compares all cells with the rows that
    /// were written; answers with the columns that differ, and how.
    ///
    /// # Errors
    /// What the reader says where it refuses the file.
    pub fn compare(
        &mut self,
        reader: Reader,
        path: &Path,
        written: &[RecordBatch],
    ) -> Result<BTreeMap<String, String>, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let rows = folder.path().join("written.arrows");
        write_rows(&rows, written).map_err(|error| error.to_string())?;
        let answer = self.ask(&serde_json::json!({
            "reader": reader.name(),
            "format": "parquet",
            "path": path,
            "written": rows,
        }))?;
        Ok(answer.differences)
    }

    fn ask(&mut self, request: &serde_json::Value) -> Result<Answer, String> {
        let mut line = String::new();
        writeln!(self.requests, "{request}")
            .and_then(|()| self.requests.flush())
            .and_then(|()| self.answers.read_line(&mut line))
            .map_err(|error| format!("the readers are gone: {error}"))?;
        let answer: Answer = serde_json::from_str(&line)
            .map_err(|error| format!("the readers answered {line:?}: {error}"))?;
        if answer.ok { Ok(answer) } else { Err(answer.error.unwrap_or_default()) }
    }
}

fn parsed<T: DeserializeOwned>(json: &serde_json::Value) -> Result<T, String> {
    T::deserialize(json).map_err(|error| format!("{error} in {json}"))
}

/// The metadata of a column, without what formats have of their own: ECSV has other datatypes.
fn column_metadata(
    mut column: serde_json::Map<String, serde_json::Value>,
) -> Result<ColumnMetadata, String> {
    column.retain(|_, value| !value.is_null());
    let is_ours = |text: &serde_json::Value| parsed::<Datatype>(text).is_ok();
    if !column.get("datatype").is_some_and(is_ours) {
        column.remove("datatype");
    }
    parsed(&column.into())
}

/// What finds fault with a VOTable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validator {
    /// STILTS' `votlint`.
    Votlint,
    /// astropy's parser, whose warnings its validator reports.
    Validator,
    /// `xmllint`, by the XML Schema of the document's version.
    Schema,
}

impl Validator {
    /// Checks a file.
    ///
    /// # Errors
    /// Its messages, one a line, or why it did not run.
    pub fn check(self, path: &Path) -> Result<(), String> {
        let name = format!("{self:?}").to_lowercase();
        no_messages(&serde_json::json!({"reader": name, "path": path}))
    }
}

/// Checks the units of columns by VOUnits, and their UCDs by the words of UCD1+.
///
/// # Errors
/// What is wrong, one a line.
pub fn check_vocabulary<'a>(
    columns: impl IntoIterator<Item = &'a ColumnMetadata>,
) -> Result<(), String> {
    let columns: Vec<_> = columns.into_iter().collect();
    no_messages(&serde_json::json!({"reader": "vocabulary", "columns": columns}))
}

/// Has pyarrow write a file with every type of Arrow, and with metadata of the file and its fields: Parquet or
/// Arrow, by the extension.
///
/// # Errors
/// Why it can't be written.
pub fn write_every_type(path: &Path) -> Result<(), String> {
    no_messages(&serde_json::json!({"reader": "every_type", "path": path}))
}

/// Checks that astropy joins the rows of a VOParquet file with its FIELDs, as `parquet.votable`.
///
/// # Errors
/// What astropy says, or what it lacks, one a line.
pub fn check_joined_by_astropy(path: &Path) -> Result<(), String> {
    no_messages(&serde_json::json!({"reader": "joined_by_astropy", "path": path}))
}

/// Compares types, cells and metadata of a file with those of the file that it was made of, by pyarrow.
///
/// # Errors
/// The differences, one a line.
pub fn check_kept_types(given: &Path, path: &Path) -> Result<(), String> {
    no_messages(&serde_json::json!({"reader": "kept_types", "given": given, "path": path}))
}

fn no_messages(request: &serde_json::Value) -> Result<(), String> {
    let answer = Readers::with(|readers| readers.ask(request))?;
    if answer.messages.is_empty() { Ok(()) } else { Err(answer.messages.join("\n")) }
}

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

type AnyError = Box<dyn std::error::Error>;

fn write_schema(path: &Path, schema: &Schema) -> Result<(), AnyError> {
    let file = std::fs::File::create(path)?;
    arrow_ipc::writer::FileWriter::try_new(file, schema)?.finish()?;
    Ok(())
}

/// As a stream, in which every batch may have dictionaries of its own.
fn write_rows(path: &Path, rows: &[RecordBatch]) -> Result<(), AnyError> {
    let schema = rows.first().map_or_else(|| Schema::empty().into(), RecordBatch::schema);
    let file = std::fs::File::create(path)?;
    let mut writer = arrow_ipc::writer::StreamWriter::try_new_buffered(file, &schema)?;
    rows.iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()?;
    Ok(())
}

fn read_rows(path: &Path) -> Result<RecordBatch, AnyError> {
    let file = std::fs::File::open(path)?;
    let reader = arrow_ipc::reader::FileReader::try_new(file, None)?;
    let schema: SchemaRef = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    Ok(arrow_select::concat::concat_batches(&schema, &batches)?)
}
