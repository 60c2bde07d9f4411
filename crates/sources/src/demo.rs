//! The embedded catalogue of bright stars, as an SQLite database in memory.

use std::sync::OnceLock;

use async_trait::async_trait;
use rusqlite::Connection;
use rusqlite::types::Value;
use taploom_model::{ColumnMetadata, Datatype, Error, ErrorKind, Result, RowSource};

use crate::column_list::ColumnList;
use crate::plugin::{Place, QueryUse, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;
use crate::sqlite::{self, Origin};

const STARS: &str = include_str!("demo/stars.csv");
const COLUMNS: &str = include_str!("demo/columns.json");

/// The source type.
struct Demo;

register_source!(
    /// The source `demo`: an embedded catalogue of bright stars.
    DEMO = Demo
);

#[async_trait]
impl SourceType for Demo {
    const INFO: SourceInfo = SourceInfo::new("demo", "a catalogue of bright stars")
        .with_word("demo")
        .with_query(QueryUse::Optional);

    async fn open(_place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let connection = load(columns()?).map_err(broken)?;
        let query = request.query.unwrap_or("SELECT * FROM stars");
        sqlite::start(connection, query, request, catalogued).await
    }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Internal, "the demo catalogue is broken").with_source(error)
}

fn columns() -> Result<&'static ColumnList> {
    static LIST: OnceLock<ColumnList> = OnceLock::new();
    if let Some(list) = LIST.get() {
        return Ok(list);
    }
    let list = ColumnList::parse(COLUMNS).map_err(broken)?;
    Ok(LIST.get_or_init(|| list))
}

/// The metadata of the catalogue column that a result's column comes from, even if the query renames it.
fn catalogued(origin: &Origin<'_>) -> Option<ColumnMetadata> {
    let columns = &columns().ok()?.columns;
    let found = columns.iter().find(|column| column.name.as_deref() == Some(origin.column));
    found.filter(|_| origin.table == "stars").cloned()
}

fn load(list: &ColumnList) -> Result<Connection, Box<dyn std::error::Error + Send + Sync>> {
    let connection = Connection::open_in_memory()?;
    let declared: Vec<String> = list
        .columns
        .iter()
        .map(|column| {
            let name = column.name.as_deref().unwrap_or_default();
            format!("\"{name}\" {}", declaration(column))
        })
        .collect();
    connection.execute_batch(&format!("CREATE TABLE stars ({})", declared.join(", ")))?;
    let places = vec!["?"; list.columns.len()].join(", ");
    let mut insert = connection.prepare(&format!("INSERT INTO stars VALUES ({places})"))?;
    for record in csv::Reader::from_reader(STARS.as_bytes()).records() {
        let record = record?;
        let cells = record.iter().zip(&list.columns).map(|(text, column)| cell(text, column));
        insert.execute(rusqlite::params_from_iter(cells.collect::<Result<Vec<_>, _>>()?))?;
    }
    drop(insert);
    Ok(connection)
}

fn declaration(column: &ColumnMetadata) -> &'static str {
    match column.datatype {
        _ if column.xtype.as_deref() == Some("timestamp") => "TIMESTAMP",
        Some(Datatype::Boolean) => "BOOLEAN",
        Some(Datatype::Float | Datatype::Double) => "REAL",
        Some(Datatype::Char | Datatype::UnicodeChar) => "TEXT",
        _ => "INTEGER",
    }
}

fn cell(
    text: &str,
    column: &ColumnMetadata,
) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    Ok(match (text, declaration(column)) {
        ("", _) => Value::Null,
        (text, "BOOLEAN") => Value::Integer(i64::from(text.parse::<bool>()?)),
        (text, "REAL") => Value::Real(text.parse()?),
        (text, "INTEGER") => Value::Integer(text.parse()?),
        (text, _) => Value::Text(text.to_owned()),
    })
}
