//! A client of `readers/readers.py`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use serde::Deserialize;

/// A program that reads files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// pyarrow: CSV, TSV, and Parquet; the VOTable in the footer by astropy.
    Pyarrow,
    /// astropy: VOTable, CSV and TSV.
    Astropy,
    /// DuckDB: CSV, TSV and Parquet.
    Duckdb,
    /// polars: Parquet.
    Polars,
    /// STILTS: VOTable and CSV.
    Stilts,
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
    /// The names in the data themselves, where the FIELDs stand beside them (VOParquet).
    pub names: Option<Vec<String>>,
    /// The last QUERY_STATUS.
    pub status: Option<String>,
    /// What the reader can't tell apart in this format.
    pub losses: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    error: Option<String>,
    #[serde(default)]
    columns: Vec<Field>,
    names: Option<Vec<String>>,
    status: Option<String>,
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
        let python = root.join("target/python/bin/python");
        assert!(python.exists(), "the readers are not installed: run `cargo xtask setup`");
        let mut child = Command::new(python)
            .arg(root.join("tests/readers/readers.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("readers.py starts");
        let requests = child.stdin.take().expect("a pipe to readers.py");
        let answers = BufReader::new(child.stdout.take().expect("a pipe from readers.py"));
        Self { _child: child, requests, answers }
    }

    /// Reads a file of a format (its id) whose columns are known.
    ///
    /// # Errors
    /// What the reader says where it refuses the file.
    pub fn read(
        &mut self,
        reader: Reader,
        format: &str,
        path: &Path,
        schema: &Schema,
    ) -> Result<Read, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (expected, out) = (folder.path().join("schema.arrow"), folder.path().join("out.arrow"));
        write_schema(&expected, schema).map_err(|error| error.to_string())?;
        let answer = self.ask(&serde_json::json!({
            "reader": format!("{reader:?}").to_lowercase(),
            "format": format,
            "path": path,
            "schema": expected,
            "out": out,
        }))?;
        Ok(Read {
            rows: read_rows(&out).map_err(|error| error.to_string())?,
            fields: answer.columns,
            names: answer.names,
            status: answer.status,
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
            "reader": format!("{reader:?}").to_lowercase(),
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
            .map_err(|error| format!("readers.py is gone: {error}"))?;
        let answer: Answer = serde_json::from_str(&line)
            .map_err(|error| format!("readers.py answered {line:?}: {error}"))?;
        if answer.ok { Ok(answer) } else { Err(answer.error.unwrap_or_default()) }
    }
}

/// What STILTS' `votlint` finds wrong with a VOTable.
///
/// # Errors
/// Its messages, one a line, or why it did not run.
pub fn votlint(path: &Path) -> Result<(), String> {
    Readers::with(|readers| {
        let request = serde_json::json!({"reader": "votlint", "path": path});
        match readers.ask(&request) {
            Ok(answer) if answer.messages.is_empty() => Ok(()),
            Ok(answer) => Err(answer.messages.join("\n")),
            Err(error) => Err(error),
        }
    })
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
