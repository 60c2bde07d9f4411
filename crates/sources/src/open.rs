//! From what a person types to a source.

use std::fmt;
use std::path::Path;

use taploom_model::RowSource;
use taploom_model::{Error, ErrorKind, Result};

use crate::column_list::ColumnList;

/// What rows are wanted.
#[derive(Clone)]
pub struct Request<'a> {
    /// `demo`, `mysql://USER:PASSWORD@HOST/DATABASE`, `sqlite:FILE`,
    /// `synth:COLUMNS.json?rows=N&seed=S&nulls=F`, or a file.
    pub location: &'a str,
    /// SQL, for the locations that take it.
    pub query: Option<&'a str>,
    /// The TABLE of a VOTable file that has several: its number from 1, its ID or its name.
    pub table: Option<&'a str>,
    /// VO metadata of the table, and of its columns by position, in place of those of the source.
    pub columns: Option<ColumnList>,
    /// Rows of a batch at most. 2000.
    pub batch_rows: usize,
}

impl<'a> Request<'a> {
    /// All rows of a location, or of its default query.
    pub fn new(location: &'a str) -> Self {
        Self { location, query: None, table: None, columns: None, batch_rows: 2000 }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { location, query, table, columns, batch_rows } = self;
        f.debug_struct("Request")
            .field("location", &shown(location))
            .field("query", query)
            .field("table", table)
            .field("columns", columns)
            .field("batch_rows", batch_rows)
            .finish()
    }
}

/// A location without what stands behind the scheme of a server: there may be a password.
fn shown(location: &str) -> &str {
    location.find("://").map_or(location, |at| &location[..at + 3])
}

/// Opens a source.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] for a location that does not exist or is of a kind that is not
/// built in, a query that is wrong or missing, metadata that do not go with the columns.
pub async fn open(request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    let location = request.location;
    let refuse_query = || match request.query {
        Some(_) => Err(invalid(format!(
            "source {location} takes no SQL; demo, sqlite:FILE and mysql:// do"
        ))),
        None => Ok(()),
    };
    let refuse_table = || match request.table {
        Some(_) => {
            let location = shown(location);
            Err(invalid(format!("source {location} has no choice of tables; VOTable files do")))
        }
        None => Ok(()),
    };
    if location == "demo" {
        refuse_table()?;
        #[cfg(feature = "demo")]
        return crate::demo::open(request).await;
        #[cfg(not(feature = "demo"))]
        return Err(left_out("demo"));
    }
    if ["mysql://", "mariadb://"].iter().any(|scheme| location.starts_with(scheme)) {
        refuse_table()?;
        #[cfg(feature = "mysql")]
        return crate::mysql::open(request).await;
        // Without the rest of it, which has a password.
        #[cfg(not(feature = "mysql"))]
        return Err(left_out("mysql://"));
    }
    if let Some(path) = location.strip_prefix("sqlite:") {
        refuse_table()?;
        #[cfg(feature = "sqlite")]
        return crate::sqlite::open_file(Path::new(path), request).await;
        #[cfg(not(feature = "sqlite"))]
        return Err(left_out(&format!("sqlite:{path}")));
    }
    if let Some(rest) = location.strip_prefix("synth:") {
        refuse_query()?;
        refuse_table()?;
        #[cfg(feature = "synth")]
        return crate::synth::open(rest, request);
        #[cfg(not(feature = "synth"))]
        return Err(left_out(&format!("synth:{rest}")));
    }
    let path = Path::new(location);
    if !path.exists() {
        return Err(invalid(format!(
            "source {location}: no such file; a source is demo, sqlite:FILE, mysql://..., \
             synth:COLUMNS.json, or a Parquet, Arrow, VOTable, CSV or TSV file"
        )));
    }
    refuse_query()?;
    crate::file::open(path, request)
}

pub(crate) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

#[allow(dead_code, reason = "used where a feature is off")]
pub(crate) fn left_out(location: &str) -> Error {
    invalid(format!("source {location}: this program was built without it"))
}
