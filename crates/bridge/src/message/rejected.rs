//! Messages that are not accepted as jobs, with what their final status needs.

use serde::Deserialize;
use taploom_jobs::Failure;

use super::Metadata;
use super::json::Object;

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

impl Rejected {
    /// A job that is known, and not run.
    #[cfg(feature = "worker")]
    pub(crate) fn job(job_id: String, metadata: Metadata, failure: Failure) -> Self {
        Self { job_id: Some(job_id), metadata: Box::new(metadata), failure }
    }

    /// What can be read of a message that [`parse`](super::json::parse) has refused.
    pub(super) fn of(message: &[u8], why: &str) -> Self {
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

#[cfg(test)]
mod tests {
    use crate::message::JobRun;

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
