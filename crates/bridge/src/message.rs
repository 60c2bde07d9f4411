//! What a TAP service asks for: `job-run` and `job-delete`, both JSON.
//!
//! Members that are not known are passed over, so that services may send more than a bridge knows.

use std::time::Duration;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use taploom_format::{Arraysize, Datatype, Envelope};
use taploom_jobs::{Failure, Secret};
use url::Url;

use crate::status::Metadata;

/// A query to run, and where its result goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRun {
    /// The job's name in the TAP service.
    #[serde(rename = "jobID", deserialize_with = "not_empty")]
    pub job_id: String,
    /// Who asked.
    #[serde(rename = "ownerID")]
    pub owner: String,
    /// SQL, as the database takes it.
    #[serde(deserialize_with = "not_empty")]
    pub query: String,
    /// The database of tables that the query names without one.
    pub database: Option<String>,
    /// Rows at most; beyond them the result says OVERFLOW.
    #[serde(default, deserialize_with = "rows")]
    pub maxrec: Option<u64>,
    /// How long the job may take, in seconds.
    #[serde(default, deserialize_with = "seconds")]
    pub timeout: Option<Duration>,
    /// The signed URL for the one PUT.
    #[serde(rename = "resultDestination", deserialize_with = "destination")]
    pub destination: Secret<Url>,
    /// Where readers find the result; copied into the status.
    pub result_location: Option<String>,
    /// What the result looks like.
    pub result_format: ResultFormat,
    /// Tables that come with the query.
    #[serde(default)]
    pub upload_tables: Option<Vec<UploadTable>>,
}

/// What a result looks like.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultFormat {
    /// The format and its serialization.
    pub format: Format,
    /// XML around the rows.
    #[serde(deserialize_with = "envelope")]
    pub envelope: Envelope,
    /// The columns, by position.
    #[serde(deserialize_with = "columns")]
    pub column_types: Vec<ColumnType>,
    /// The base of rewritten URLs, where the bridge has none of its own.
    pub base_url: Option<String>,
}

/// A format by the names of the TAP service: `VOTable` and `BINARY2`, or `Parquet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// A short name, id or extension of a format.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its option of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serialization: Option<String>,
}

/// The type of a column of the result.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnType {
    /// Its name, for errors: columns go by position.
    pub name: String,
    /// The primitive.
    pub datatype: Datatype,
    /// The shape; none for one value or one character.
    #[serde(default, deserialize_with = "arraysize")]
    pub arraysize: Option<Arraysize>,
    /// Whether its URLs point to the DataLink service of this place, wherever it stands.
    #[serde(default)]
    pub requires_url_rewrite: Option<bool>,
}

/// A table that comes with the query.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadTable {
    /// `database.table`.
    pub table_name: String,
}

/// A job to stop.
#[derive(Debug, Clone, Deserialize)]
pub struct JobDelete {
    /// The job's name in the TAP service.
    #[serde(rename = "jobID", deserialize_with = "not_empty")]
    pub job_id: String,
    /// The run of it, as a status message named it.
    #[serde(rename = "executionID")]
    pub execution_id: Option<String>,
}

/// A message that is no job: what can be said of it to whoever waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The job's name, where the message has one.
    pub job_id: Option<String>,
    /// The query, as far as the message has one.
    pub metadata: Metadata,
    /// What is wrong.
    pub failure: Failure,
}

impl JobRun {
    /// Reads a message and checks all of it that needs no database.
    ///
    /// # Errors
    /// What is wrong, by the name of the member, and what could be made out of the rest.
    pub fn parse(message: &[u8]) -> Result<Self, Rejected> {
        parse(message).map_err(|why| Rejected::of(message, &why))
    }

    /// What status messages repeat of the request.
    pub fn metadata(&self) -> Metadata {
        Metadata { query: self.query.clone(), database: self.database.clone() }
    }
}

impl JobDelete {
    /// Reads a message.
    ///
    /// # Errors
    /// A sentence that names the member.
    pub fn parse(message: &[u8]) -> Result<Self, String> {
        parse(message)
    }
}

impl Rejected {
    fn of(message: &[u8], why: &str) -> Self {
        #[derive(Default, Deserialize)]
        struct Found {
            #[serde(rename = "jobID")]
            job_id: Option<serde_json::Value>,
            query: Option<serde_json::Value>,
            database: Option<serde_json::Value>,
        }
        let found: Found = serde_json::from_slice(message).unwrap_or_default();
        let text = |value: Option<serde_json::Value>| {
            value.and_then(|value| value.as_str().map(str::to_owned))
        };
        Self {
            job_id: text(found.job_id).filter(|id| !id.is_empty()),
            metadata: Metadata {
                query: text(found.query).unwrap_or_default(),
                database: text(found.database),
            },
            failure: Failure::invalid(why),
        }
    }
}

/// The error names the member by its path: `resultFormat.columnTypes[3].datatype`.
fn parse<'de, T: Deserialize<'de>>(message: &'de [u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(message);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        // serde_json appends where it stopped; a path says it better.
        let text = cause.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        match path.as_str() {
            _ if cause.is_syntax() || cause.is_eof() => format!("the message is no JSON: {cause}"),
            "." => format!("the message: {text}"),
            _ => format!("{path}: {text}"),
        }
    })?;
    json.end().map_err(|error| format!("the message is no JSON: {error}"))?;
    Ok(parsed)
}

fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(de::Error::custom("it is empty"));
    }
    Ok(text)
}

fn rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let given = Option::<serde_json::Number>::deserialize(deserializer)?;
    given
        .map(|number| {
            let wrong = || de::Error::custom(format!("{number} is no whole number from 0"));
            number.as_u64().ok_or_else(wrong)
        })
        .transpose()
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let given = Option::<serde_json::Number>::deserialize(deserializer)?;
    given
        .map(|number| {
            let wrong = || de::Error::custom(format!("{number} is no number of seconds above 0"));
            let seconds = number.as_f64().filter(|seconds| *seconds > 0.0).ok_or_else(wrong)?;
            Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
        })
        .transpose()
}

/// The URL is not repeated in the error: it is a secret even where it is malformed.
fn destination<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(Secret::new(url))
        }
        _ => Err(de::Error::custom("it is no http or https URL")),
    }
}

fn arraysize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arraysize>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
}

fn columns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ColumnType>, D::Error> {
    let columns = Vec::deserialize(deserializer)?;
    if columns.is_empty() {
        return Err(de::Error::custom("it is empty; a table has one column at least"));
    }
    Ok(columns)
}

/// As [`Envelope`], with whatever else a service sends.
fn envelope<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Envelope, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Given {
        header: String,
        footer: String,
        footer_overflow: String,
    }
    let Given { header, footer, footer_overflow } = Given::deserialize(deserializer)?;
    Ok(Envelope { header, footer, footer_overflow })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn message() -> Value {
        json!({
            "jobID": "uws1", "ownerID": "me", "query": "SELECT 1", "maxrec": 10, "timeout": 1.5,
            "resultDestination": "https://store.example.com/x?signature=abc",
            "resultFormat": {
                "format": {"type": "VOTable", "serialization": "BINARY2"},
                "envelope": {"header": "<a>", "footer": "</a>", "footerOverflow": "</a>"},
                "columnTypes": [{"name": "ra", "datatype": "double"}],
            },
            "somethingNew": true,
        })
    }

    fn rejected(pointer: &str, value: Value) -> String {
        let mut message = message();
        match message.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => message[&pointer[1..]] = value,
        }
        let rejected = JobRun::parse(message.to_string().as_bytes()).unwrap_err();
        assert_eq!(rejected.failure.cause, taploom_jobs::FailureCause::InvalidRequest);
        rejected.failure.message
    }

    #[test]
    fn a_message_is_read() {
        let job = JobRun::parse(message().to_string().as_bytes()).unwrap();
        assert_eq!(job.timeout, Some(Duration::from_millis(1500)));
        assert_eq!(job.maxrec, Some(10));
        assert!(!format!("{job:?}").contains("signature"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let column = "/resultFormat/columnTypes/0";
        for (pointer, value, expected) in [
            ("/maxrec", json!(-1), "maxrec: -1 is no whole number from 0"),
            ("/timeout", json!(-2), "timeout: -2 is no number of seconds above 0"),
            (
                "/resultDestination",
                json!("ftp://secret"),
                "resultDestination: it is no http or https URL",
            ),
            (
                "/resultDestination",
                json!("secret"),
                "resultDestination: it is no http or https URL",
            ),
            ("/jobID", json!(""), "jobID: it is empty"),
            ("/query", json!(" "), "query: it is empty"),
            (
                "/resultFormat/columnTypes",
                json!([]),
                "resultFormat.columnTypes: it is empty; a table has one column at least",
            ),
            (
                &format!("{column}/datatype"),
                json!("complex"),
                "resultFormat.columnTypes[0].datatype: unknown variant `complex`, expected one of `boolean`, `bit`, `unsignedByte`, `short`, `int`, `long`, `char`, `unicodeChar`, `float`, `double`, `floatComplex`, `doubleComplex`",
            ),
            (
                column,
                json!({"name": "a", "datatype": "char", "arraysize": "x"}),
                "resultFormat.columnTypes[0].arraysize: arraysize \"x\" is not of the form 10, 10*, *, 3x4 or 3x*",
            ),
            ("/resultFormat/envelope", json!({}), "resultFormat.envelope: missing field `header`"),
            ("/resultFormat/format", json!({}), "resultFormat.format: missing field `type`"),
        ] {
            assert_eq!(rejected(pointer, value), expected);
        }
    }

    #[test]
    fn what_is_no_job_keeps_its_name() {
        let rejected = JobRun::parse(br#"{"jobID": "uws7", "query": "SELECT 1"}"#).unwrap_err();
        assert_eq!(rejected.job_id.as_deref(), Some("uws7"));
        assert_eq!(rejected.metadata.query, "SELECT 1");
        assert_eq!(rejected.failure.message, "the message: missing field `ownerID`");
        let rejected = JobRun::parse(b"{\"jobID\": \"uws7\"").unwrap_err();
        assert_eq!(rejected.job_id, None);
        assert!(rejected.failure.message.starts_with("the message is no JSON: EOF"));
    }
}
