//! The messages `job-run` and `job-delete` of a TAP service, in JSON.
//!
//! Unknown members are ignored, so that a service may send more than the bridge understands.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer};
use serde_json::Number;
#[cfg(feature = "worker")]
use taploom_jobs::Failure;
use taploom_jobs::Secret;
use url::Url;

use self::json::{Object, object, parse};
pub use self::metadata::Metadata;
pub use self::rejected::Rejected;
pub use self::result_format::{ColumnType, Format, ResultFormat};
pub use self::tables::UploadTable;
use crate::packed::Packed;

mod json;
mod metadata;
mod rejected;
mod result_format;
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
    number(deserializer, "a whole number, 0 or more", Number::as_u64)
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    number(deserializer, "a number of seconds above 0", |number| {
        let seconds = number.as_f64().filter(|seconds| *seconds > 0.0)?;
        Duration::try_from_secs_f64(seconds).ok()
    })
}

/// Reads a number, if there is one. The error for one that can't be converted says what is expected.
fn number<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    expected: &str,
    convert: impl FnOnce(&Number) -> Option<T>,
) -> Result<Option<T>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let wrong = || de::Error::custom(format!("{number} is not {expected}"));
    convert(&number).map(Some).ok_or_else(wrong)
}

/// The error does not repeat the URL, which is a secret even if it is malformed. Which URLs a result may go to is for
/// the [uploader](taploom_jobs::Uploader) to say.
fn destination<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text).map(Secret::new).map_err(|_| de::Error::custom("it is not a URL"))
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
}
