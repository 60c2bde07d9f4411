//! The messages `job-run` and `job-delete` of a TAP service, in JSON.
//!
//! Unknown members are ignored, so that a service may send more than the bridge understands.

use std::time::Duration;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use taploom_format::{Arraysize, Datatype, Envelope};
use taploom_jobs::{Failure, Secret};
use url::Url;

use self::object::{OBJECT, Object, object};
pub use self::tables::UploadTable;
use crate::packed::Packed;

mod object;
mod tables;

/// A query to run, and the destination of its result.
///
/// A worker may hold a thousand of these, so the form of the result is compressed: the names and types of a thousand columns
/// take hundreds of KiB otherwise. While their queries run, it compresses the queries as well.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRun {
    /// The id of the job in the TAP service.
    #[serde(rename = "jobID", deserialize_with = "not_empty")]
    pub job_id: String,
    /// The user who owns the job.
    #[serde(rename = "ownerID")]
    pub owner: String,
    /// The SQL, in the dialect of the database.
    #[serde(deserialize_with = "not_empty")]
    pub query: String,
    /// The query as the user wrote it, in ADQL. Statuses repeat it, and Qserv is told.
    pub adql_query: Option<String>,
    /// The database of table names without a qualifier.
    pub database: Option<String>,
    /// Maximum number of rows. With more rows, the result says OVERFLOW.
    #[serde(default, deserialize_with = "rows")]
    pub maxrec: Option<u64>,
    /// Time limit of the job; seconds in the message.
    #[serde(default, deserialize_with = "seconds")]
    pub timeout: Option<Duration>,
    /// Where the result goes: a signed URL that takes a PUT, or what else the [uploader](taploom_jobs::Uploader) takes.
    #[serde(rename = "resultDestination", deserialize_with = "destination")]
    pub destination: Secret<Url>,
    /// The URL at which readers find the result; copied into the status.
    pub result_location: Option<String>,
    /// The format and the columns of the result.
    #[serde(deserialize_with = "packed_object")]
    pub result_format: Packed<ResultFormat>,
    /// Tables that are uploaded with the query.
    #[serde(default, deserialize_with = "tables")]
    pub upload_tables: Option<Vec<UploadTable>>,
}

/// The format and the columns of a result.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultFormat {
    /// The format and its serialization.
    #[serde(deserialize_with = "object")]
    pub format: Format,
    /// The XML around the rows.
    #[serde(deserialize_with = "envelope")]
    pub envelope: Envelope,
    /// The columns, by position.
    #[serde(deserialize_with = "columns")]
    pub column_types: Vec<ColumnType>,
    /// The base of rewritten URLs, used if the settings of the bridge have none.
    pub base_url: Option<String>,
}

/// A format by the names of the TAP service: `VOTable` and `BINARY2`, or `Parquet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// A short name, id or extension of a format.
    #[serde(rename = "type")]
    pub kind: String,
    /// The value of the option `serialization` of that format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serialization: Option<String>,
}

/// The type of a column of the result.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnType {
    /// The name, for error messages. Columns are matched by position.
    pub name: String,
    /// The primitive.
    pub datatype: Datatype,
    /// The shape; `None` for a single value or character.
    #[serde(default)]
    pub arraysize: Option<Arraysize>,
    /// Whether the URLs in this column are rewritten to the DataLink service of this site.
    #[serde(default)]
    pub requires_url_rewrite: Option<bool>,
}

/// The part of a request that status messages repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The SQL.
    pub query: String,
    /// The query in ADQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adql_query: Option<String>,
    /// The database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}

impl Metadata {
    /// Cuts queries to [`SHORT`] characters. Returns whether that made them shorter.
    #[cfg(feature = "kafka")]
    pub(crate) fn shorten(&mut self) -> bool {
        let mut is_cut = false;
        for query in [Some(&mut self.query), self.adql_query.as_mut()].into_iter().flatten() {
            if let Some((end, _)) = query.char_indices().nth(SHORT) {
                query.truncate(end);
                is_cut = true;
            }
        }
        is_cut
    }
}

/// Characters of a query in a status that would be too large with the whole of it.
#[cfg(feature = "kafka")]
const SHORT: usize = 10_000;

/// A job to stop.
#[derive(Debug, Clone, Deserialize)]
pub struct JobDelete {
    /// The id of the job in the TAP service.
    #[serde(rename = "jobID", deserialize_with = "not_empty")]
    pub job_id: String,
    /// The execution id from a status message of the job.
    #[serde(rename = "executionID")]
    pub execution_id: Option<String>,
}

/// A message that is not accepted as a job, with the members that could be read and that a status
/// message needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The id of the job, if the message has one.
    pub job_id: Option<String>,
    /// The query, if the message has one.
    pub metadata: Box<Metadata>,
    /// The reason.
    pub failure: Failure,
}

impl JobRun {
    /// Parses a message and checks everything that can be checked without the database.
    ///
    /// # Errors
    /// The failure, which names the member, and the members that could be read.
    pub fn parse(message: &[u8]) -> Result<Self, Rejected> {
        parse(message).map_err(|why| Rejected::of(message, &why))
    }

    /// The job as one that is not accepted.
    #[cfg(feature = "worker")]
    pub(crate) fn rejected(&self, failure: Failure) -> Rejected {
        Rejected::job(self.job_id.clone(), self.metadata(), failure)
    }

    /// The part of the request that status messages repeat.
    pub fn metadata(&self) -> Metadata {
        Metadata {
            query: self.query.clone(),
            adql_query: self.adql_query.clone(),
            database: self.database.clone(),
        }
    }
}

impl JobDelete {
    /// Parses a message.
    ///
    /// # Errors
    /// A sentence that names the member.
    pub fn parse(message: &[u8]) -> Result<Self, String> {
        parse(message)
    }
}

impl Rejected {
    /// A job that is known, and not run.
    #[cfg(feature = "worker")]
    pub(crate) fn job(job_id: String, metadata: Metadata, failure: Failure) -> Self {
        Self { job_id: Some(job_id), metadata: Box::new(metadata), failure }
    }

    fn of(message: &[u8], why: &str) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Found {
            #[serde(rename = "jobID")]
            job_id: Option<serde_json::Value>,
            query: Option<serde_json::Value>,
            adql_query: Option<serde_json::Value>,
            database: Option<serde_json::Value>,
        }
        let found = serde_json::from_slice::<Object<Found>>(message);
        let found = found.map(|Object(found)| found).unwrap_or_default();
        let text = |value: Option<serde_json::Value>| {
            value.and_then(|value| value.as_str().map(str::to_owned))
        };
        Self {
            job_id: text(found.job_id).filter(|id| !id.is_empty()),
            metadata: Box::new(Metadata {
                query: text(found.query).unwrap_or_default(),
                adql_query: text(found.adql_query),
                database: text(found.database),
            }),
            failure: Failure::invalid(why),
        }
    }
}

/// Parses JSON. An error names the member by its path: `resultFormat.columnTypes[3].datatype`.
fn parse<'de, T: Deserialize<'de>>(message: &'de [u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(message);
    let parsed = serde_path_to_error::deserialize::<_, Object<T>>(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        // serde_json appends line and column; the path of the member is clearer.
        let text = cause.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        match path.as_str() {
            _ if cause.is_syntax() || cause.is_eof() => format!("the message is not JSON: {cause}"),
            "." if text.ends_with(OBJECT) => format!("the message is not {OBJECT}"),
            "." => format!("the message: {text}"),
            _ if text.ends_with(OBJECT) => format!("{path}: it is not {OBJECT}"),
            _ => format!("{path}: {text}"),
        }
    })?;
    json.end().map_err(|error| format!("the message is not JSON: {error}"))?;
    Ok(parsed.0)
}

fn packed_object<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Packed<ResultFormat>, D::Error> {
    Packed::of(&object(deserializer)?).map_err(de::Error::custom)
}

fn tables<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<UploadTable>>, D::Error> {
    let given = Option::<Vec<Object<UploadTable>>>::deserialize(deserializer)?;
    Ok(given.map(|given| given.into_iter().map(|Object(table)| table).collect()))
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
            let wrong = || de::Error::custom(format!("{number} is not a whole number, 0 or more"));
            number.as_u64().ok_or_else(wrong)
        })
        .transpose()
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let given = Option::<serde_json::Number>::deserialize(deserializer)?;
    given
        .map(|number| {
            let wrong =
                || de::Error::custom(format!("{number} is not a number of seconds above 0"));
            let seconds = number.as_f64().filter(|seconds| *seconds > 0.0).ok_or_else(wrong)?;
            Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
        })
        .transpose()
}

/// The error does not repeat the URL, which is a secret even if it is malformed. Which URLs a result may go to is for
/// the [uploader](taploom_jobs::Uploader) to say.
fn destination<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text).map(Secret::new).map_err(|_| de::Error::custom("it is not a URL"))
}

fn columns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ColumnType>, D::Error> {
    let columns = Vec::<Object<ColumnType>>::deserialize(deserializer)?;
    if columns.is_empty() {
        return Err(de::Error::custom("it is empty; a table needs at least one column"));
    }
    Ok(columns.into_iter().map(|Object(column)| column).collect())
}

/// Parses an [`Envelope`] and ignores unknown members.
fn envelope<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Envelope, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Given {
        header: String,
        footer: String,
        footer_overflow: String,
    }
    let Given { header, footer, footer_overflow } = object(deserializer)?;
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
    fn only_objects_are_taken() {
        let by_position = r#"["1", "me", "SELECT 1", null, null, null, null, "https://a/b", null]"#;
        for text in ["[]", "null", "7", r#""text""#, "[[[]]]", by_position] {
            let rejected = JobRun::parse(text.as_bytes()).unwrap_err();
            assert_eq!(rejected.failure.message, "the message is not a JSON object", "{text}");
            assert_eq!(rejected.job_id, None);
        }
        assert_eq!(JobDelete::parse(b"[\"1\"]").unwrap_err(), "the message is not a JSON object");
        for (pointer, value, path) in [
            ("/resultFormat", json!(null), "resultFormat"),
            ("/resultFormat/format", json!(["VOTable", "BINARY2"]), "resultFormat.format"),
            ("/resultFormat/envelope", json!(["", "", ""]), "resultFormat.envelope"),
            (
                "/resultFormat/columnTypes/0",
                json!(["ra", "double", null, null]),
                "resultFormat.columnTypes[0]",
            ),
            ("/uploadTables", json!([["user_me.t"]]), "uploadTables[0]"),
        ] {
            assert_eq!(rejected(pointer, value), format!("{path}: it is not a JSON object"));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let column = "/resultFormat/columnTypes/0";
        for (pointer, value, expected) in [
            ("/maxrec", json!(-1), "maxrec: -1 is not a whole number, 0 or more"),
            ("/timeout", json!(-2), "timeout: -2 is not a number of seconds above 0"),
            ("/resultDestination", json!("secret"), "resultDestination: it is not a URL"),
            (
                "/uploadTables",
                json!([{"tableName": "dp1.Object", "sourceUrl": "https://a/b", "schemaUrl": "https://a/c"}]),
                "uploadTables[0].tableName: it is not of the form user_NAME.TABLE, with letters, digits and _ in both \
                 names",
            ),
            (
                "/uploadTables",
                json!([{"tableName": "user_me.t", "sourceUrl": "https://a/b", "schemaUrl": "https://a/c",
                        "partitionType": "director", "longitudeColName": "ra"}]),
                "uploadTables[0]: latitudeColName is missing, which this partitionType needs",
            ),
            (
                "/uploadTables",
                json!([{"tableName": "user_me.t", "sourceUrl": "file:///secret", "schemaUrl": "https://a/c"}]),
                "uploadTables[0].sourceUrl: it is not an http or https URL",
            ),
            ("/jobID", json!(""), "jobID: it is empty"),
            ("/query", json!(" "), "query: it is empty"),
            (
                "/resultFormat/columnTypes",
                json!([]),
                "resultFormat.columnTypes: it is empty; a table needs at least one column",
            ),
            (
                &format!("{column}/datatype"),
                json!("complex"),
                "resultFormat.columnTypes[0].datatype: unknown variant `complex`, expected one of `boolean`, `bit`, \
                 `unsignedByte`, `short`, `int`, `long`, `char`, `unicodeChar`, `float`, `double`, `floatComplex`, \
                 `doubleComplex`",
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
    #[cfg(feature = "kafka")]
    fn queries_are_cut_once_and_within_a_character() {
        let mut metadata = Metadata {
            query: "é".repeat(SHORT + 1),
            adql_query: Some("SELECT 1".to_owned()),
            database: None,
        };
        assert!(metadata.shorten());
        assert_eq!(metadata.query, "é".repeat(SHORT));
        assert_eq!(metadata.adql_query.as_deref(), Some("SELECT 1"));
        assert!(!metadata.shorten());
    }

    #[test]
    fn what_is_no_job_keeps_its_name() {
        let rejected = JobRun::parse(br#"{"jobID": "uws7", "query": "SELECT 1"}"#).unwrap_err();
        assert_eq!(rejected.job_id.as_deref(), Some("uws7"));
        assert_eq!(rejected.metadata.query, "SELECT 1");
        assert_eq!(rejected.failure.message, "the message: missing field `ownerID`");
        let rejected = JobRun::parse(b"{\"jobID\": \"uws7\"").unwrap_err();
        assert_eq!(rejected.job_id, None);
        assert!(rejected.failure.message.starts_with("the message is not JSON: EOF"));
    }
}
