//! A client of `tests/readers`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use taploom::{ColumnMetadata, Datatype, TableMetadata, VoType};

use crate::process::{Processes, Program};
use crate::reader::Reader;

/// A request to read a file.
pub struct Request<'a> {
    /// The reader.
    pub reader: Reader,
    /// The id of the format.
    pub format: &'a str,
    /// The options with which it was written.
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
#[allow(missing_docs, reason = "VOTable defines the attributes")]
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

/// The contents of a file according to a reader.
#[derive(Debug, Clone)]
pub struct Read {
    /// The cells.
    pub rows: RecordBatch,
    /// The columns.
    pub fields: Vec<Field>,
    /// The metadata of the columns, as far as the model has them.
    pub metadata: Vec<ColumnMetadata>,
    /// The metadata of the table.
    pub table: TableMetadata,
    /// The names in the data themselves, if the FIELDs are separate (VOParquet).
    pub names: Option<Vec<String>>,
    /// The last QUERY_STATUS.
    pub status: Option<String>,
    /// The message of the status.
    pub message: Option<String>,
    /// Differences that the reader can't distinguish in this format.
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
    #[serde(default)]
    unfiltered: BTreeMap<String, String>,
    #[serde(default)]
    filters: usize,
    #[serde(default)]
    footer: serde_json::Value,
}

/// Compares the rows that a reader's filters find with a scan of all rows.
#[derive(Debug, Clone, Default)]
pub struct Filtered {
    /// The number of filters.
    pub filters: usize,
    /// The columns on which a filter finds other rows than a scan, with these rows.
    pub differences: BTreeMap<String, String>,
    /// The columns on which the reader refuses a filter, with the reason.
    pub unfiltered: BTreeMap<String, String>,
}

/// The processes, which answer one request at a time.
#[derive(Default)]
pub struct Readers(Processes);

impl Readers {
    /// Runs `ask` with the processes of this program.
    pub fn with<T>(ask: impl FnOnce(&mut Self) -> T) -> T {
        static READERS: OnceLock<Mutex<Readers>> = OnceLock::new();
        let readers = READERS.get_or_init(Mutex::default);
        ask(&mut readers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads a file whose columns are known.
    ///
    /// # Errors
    /// The message of the reader if it refuses the file.
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
        let dump = match request.reader {
            Reader::Stilts => Some(self.copy_by_stilts(request, folder.path())?),
            reader => self.dump(reader, request.path, folder.path())?,
        };
        let answer = self.ask(&serde_json::json!({
            "reader": request.reader.name(),
            "format": request.format,
            "dump": dump,
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
    /// The message of the reader if it refuses the file.
    pub fn compare(
        &mut self,
        reader: Reader,
        path: &Path,
        written: &[RecordBatch],
    ) -> Result<BTreeMap<String, String>, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let rows = folder.path().join("written.arrows");
        write_rows(&rows, written).map_err(|error| error.to_string())?;
        let dump = self.dump(reader, path, folder.path())?;
        let answer = self.ask(&serde_json::json!({
            "reader": reader.name(),
            "format": "parquet",
            "path": path,
            "dump": dump,
            "written": rows,
        }))?;
        Ok(answer.differences)
    }

    /// Filters every column of a Parquet file, which has the numbers of the rows in the column `row`.
    ///
    /// # Errors
    /// The message of the reader if it refuses the file.
    pub fn filter(&mut self, reader: Reader, path: &Path) -> Result<Filtered, String> {
        let (program, name) = reader.program();
        let request = serde_json::json!({"reader": name, "task": "filters", "path": path});
        let Answer { filters, differences, unfiltered, .. } =
            self.ask_program(program, &request)?;
        Ok(Filtered { filters, differences, unfiltered })
    }

    /// The footer of a Parquet file according to pyarrow; `readers/footer.py` has the members.
    ///
    /// # Errors
    /// The message of pyarrow if it refuses the file.
    pub fn footer(&mut self, path: &Path) -> Result<serde_json::Value, String> {
        let answer = self.ask(&serde_json::json!({"reader": "footer", "path": path}))?;
        Ok(answer.footer)
    }

    /// Lets STIL read a file, in a format by STIL's name, and write it as a VOTable with BINARY2.
    ///
    /// # Errors
    /// The message of STIL.
    pub fn copy_by_stil(&mut self, path: &Path, format: &str, out: &Path) -> Result<(), String> {
        let request = serde_json::json!({
            "reader": "stil", "task": "copy", "path": path, "format": format, "out": out,
        });
        self.ask_program(Program::Java, &request).map(drop)
    }

    /// The VOTable that the STIL of STILTS writes for a file.
    fn copy_by_stilts(&mut self, request: &Request<'_>, folder: &Path) -> Result<PathBuf, String> {
        let has_header = !request.options.contains(&("header", "absent"));
        let format = match request.format {
            "csv" => format!("csv(header={has_header})"),
            "tsv" => "tst".to_owned(),
            format => format.to_owned(),
        };
        let out = folder.join("stilts.vot");
        let request = serde_json::json!({
            "reader": "stil", "task": "copy", "path": request.path, "format": format, "out": out,
        });
        self.ask_program(Program::Stilts, &request)?;
        Ok(out)
    }

    /// The file into which a reader outside of the newest Python has written the rows of a Parquet file;
    /// `None` for other readers.
    fn dump(
        &mut self,
        reader: Reader,
        path: &Path,
        folder: &Path,
    ) -> Result<Option<PathBuf>, String> {
        let (program, name) = reader.program();
        if program == Program::Python {
            return Ok(None);
        }
        let out = folder.join("dump");
        let request = serde_json::json!({"reader": name, "task": "dump", "path": path, "out": out});
        self.ask_program(program, &request)?;
        Ok(Some(out))
    }

    fn ask(&mut self, request: &serde_json::Value) -> Result<Answer, String> {
        self.ask_program(Program::Python, request)
    }

    /// The messages of a check, one sentence each.
    pub(crate) fn messages(&mut self, request: &serde_json::Value) -> Result<Vec<String>, String> {
        self.ask(request).map(|answer| answer.messages)
    }

    fn ask_program(
        &mut self,
        program: Program,
        request: &serde_json::Value,
    ) -> Result<Answer, String> {
        let answer: Answer = parsed(&self.0.ask(program, request)?)?;
        if answer.ok { Ok(answer) } else { Err(answer.error.unwrap_or_default()) }
    }
}

fn parsed<T: DeserializeOwned>(json: &serde_json::Value) -> Result<T, String> {
    T::deserialize(json).map_err(|error| format!("{error} in {json}"))
}

/// The metadata of a column, without the parts that are specific to a format: ECSV has other
/// datatypes.
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

/// Writes a stream, in which every batch may have separate dictionaries.
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
