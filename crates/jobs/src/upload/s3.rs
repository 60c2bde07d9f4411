//! Results in S3, written with the keys of the service: with one PUT, or in parts if they are larger than one part.
//!
//! A store takes at most 5 GiB in one PUT, and a large result need not be sent again from its beginning if the
//! connection breaks. Parts of an upload that is not completed are stored, and paid for, until somebody aborts it:
//! whatever ends an upload, it is aborted.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use rusty_s3::actions::{CompleteMultipartUploadResponse, CreateMultipartUpload};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use taploom_scratch::ScratchReader;
use tracing::{Instrument, warn};
use url::Url;

use crate::chores::{Chores, PossibleChore};
use crate::failure::Failure;
use crate::observer::JobObserver;
use crate::secret::Secret;
use crate::upload::put::{Again, Problem, Put, stored};
use crate::upload::{Retries, UploadPolicy, failed, waiting_result};

/// The time for which a signed request is valid. Each attempt is signed anew.
const VALID: Duration = Duration::from_secs(3600);

/// Time limit for requests without a body.
const ANSWER: Duration = Duration::from_secs(120);

/// Time limit for making an object of its parts, which can take a store several minutes.
const COMPLETION: Duration = Duration::from_secs(600);

/// The time for which the request to abort an upload is valid: longer than any upload. The limit of S3.
const ABORTABLE: Duration = Duration::from_secs(7 * 24 * 3600);

/// The largest number of parts of an object; the limit of S3.
const MOST_PARTS: u64 = 10_000;

/// The longest key of an object, in bytes; the limit of S3.
const LONGEST_KEY: usize = 1024;

/// The smallest size of a part that is not the last; the limit of S3.
const LEAST_PART: u64 = 5 << 20;

/// An S3, and the keys of whoever writes into it.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// The URL of the service, without the bucket.
    pub endpoint: Url,
    /// The region that signatures name.
    pub region: String,
    /// Whether the bucket is the first part of the path, and not of the host.
    pub path_style: bool,
    /// The id of the access key.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: Secret<String>,
    /// The token of temporary keys.
    pub session_token: Option<Secret<String>>,
    /// The size of a part, and the largest size of a result that is sent with one PUT. At least 5 MiB; larger if a
    /// result would take more than 10,000 parts.
    pub part_bytes: u64,
}

/// The stores of a service.
#[derive(Debug, Clone)]
pub(crate) struct S3 {
    options: S3Options,
    credentials: Credentials,
}

/// An object to write.
#[derive(Clone)]
pub(crate) struct Object {
    bucket: Bucket,
    key: String,
    credentials: Credentials,
    part_bytes: u64,
}

impl S3 {
    pub(crate) fn new(options: S3Options) -> Result<Self, Failure> {
        let (key, secret) = (options.access_key.clone(), options.secret_key.expose().clone());
        let credentials = match &options.session_token {
            Some(token) => Credentials::new_with_token(key, secret, token.expose().clone()),
            None => Credentials::new(key, secret),
        };
        let s3 = Self { options, credentials };
        s3.bucket("bucket".to_owned()).map_err(|error| {
            Failure::invalid(format!("the endpoint of S3 can't be used: {error}"))
        })?;
        Ok(s3)
    }

    fn bucket(&self, name: String) -> Result<Bucket, rusty_s3::BucketError> {
        let S3Options { endpoint, region, path_style, .. } = &self.options;
        let style = if *path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
        Bucket::new(endpoint.clone(), style, name, region.clone())
    }

    /// The object that a URL such as `s3://bucket/results/uws1.parquet` names.
    pub(crate) fn object(&self, url: &Url) -> Result<Object, Failure> {
        let wrong = || {
            Failure::invalid(
                "it is not the URL of an object, such as s3://bucket/results/a.parquet; a part of the key must not be \
                 empty, . or .., and the key must have at most 1,024 bytes, none of them NUL",
            )
        };
        let bucket = url.host_str().ok_or_else(wrong)?;
        let key = url.path().strip_prefix('/').ok_or_else(wrong)?;
        let key = percent_decode_str(key).decode_utf8().map_err(|_| wrong())?.into_owned();
        // In a path, these stand for other objects, or for the bucket itself.
        let is_plain = |part: &str| !matches!(part, "" | "." | "..");
        let is_key =
            key.split('/').all(is_plain) && key.len() <= LONGEST_KEY && !key.contains('\0');
        if !is_key || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong());
        }
        let bucket = self.bucket(bucket.to_owned()).map_err(|_| wrong())?;
        let part_bytes = self.options.part_bytes.max(LEAST_PART);
        Ok(Object { bucket, key, credentials: self.credentials.clone(), part_bytes })
    }
}

/// How requests are sent.
pub(super) struct Store<'a> {
    pub(super) client: &'a Client,
    pub(super) policy: &'a UploadPolicy,
    /// Uploads that are being aborted.
    pub(super) chores: &'a Chores,
}

/// Stores a scratch file as an object.
pub(super) async fn send(
    Store { client, policy, chores }: Store<'_>,
    object: &Object,
    content_type: &str,
    file: &ScratchReader,
    observer: &mut dyn JobObserver,
) -> Result<(), Failure> {
    let sending = Sending { client, policy, chores, object, file };
    match file.len() <= object.part_bytes {
        true => sending.at_once(content_type, observer).await,
        false => sending.in_parts(content_type, observer).await,
    }
}

/// An object that is being stored.
struct Sending<'a> {
    client: &'a Client,
    policy: &'a UploadPolicy,
    chores: &'a Chores,
    object: &'a Object,
    file: &'a ScratchReader,
}

impl Sending<'_> {
    async fn at_once(
        &self,
        content_type: &str,
        observer: &mut dyn JobObserver,
    ) -> Result<(), Failure> {
        let mut retries = Retries::new(self.policy);
        let Object { bucket, key, credentials, .. } = self.object;
        let length = self.file.len();
        loop {
            let url = bucket.put_object(Some(credentials), key).sign(VALID);
            let put = Put::new(self.client, url, self.policy.idle_timeout)
                .with_content_type(content_type)
                .with_length(length);
            match put.send(waiting_result::read(self.file, 0..length)).await {
                Ok(_) => return Ok(()),
                Err(problem) => retries.after(problem, observer).await?,
            }
        }
    }

    async fn in_parts(
        &self,
        content_type: &str,
        observer: &mut dyn JobObserver,
    ) -> Result<(), Failure> {
        let begun = self.begin(content_type, observer).await?;
        let length = self.file.len();
        let part_bytes = self.object.part_bytes.max(length.div_ceil(MOST_PARTS));
        let mut tags = Vec::new();
        let mut start = 0;
        while start < length {
            let end = length.min(start.saturating_add(part_bytes));
            tags.push(self.part(&begun.id, tags.len() + 1, start..end, observer).await?);
            start = end;
        }
        self.complete(&begun.id, &tags, observer).await?;
        begun.keep();
        Ok(())
    }

    async fn begin(
        &self,
        content_type: &str,
        observer: &mut dyn JobObserver,
    ) -> Result<Begun, Failure> {
        let mut retries = Retries::new(self.policy);
        loop {
            let abortion = Abortion {
                url: None,
                client: self.client.clone(),
                chores: self.chores.clone(),
                _possible: self.chores.expect(),
            };
            let begin = Begun::begin(abortion, self.object.clone(), content_type.to_owned());
            // If the job is stopped meanwhile, the answer is still waited for, and the upload aborted.
            let begun = tokio::spawn(begin.in_current_span()).await;
            match begun.unwrap_or_else(|_| Err(unreadable("the beginning of an upload in parts"))) {
                Ok(begun) => return Ok(begun),
                Err(problem) => retries.after(problem, observer).await?,
            }
        }
    }

    /// Stores a part, and returns its tag.
    async fn part(
        &self,
        id: &str,
        number: usize,
        bytes: std::ops::Range<u64>,
        observer: &mut dyn JobObserver,
    ) -> Result<String, Failure> {
        let mut retries = Retries::new(self.policy);
        let Object { bucket, key, credentials, .. } = self.object;
        let number = u16::try_from(number)
            .map_err(|_| failed("it would take more parts than an object may have"))?;
        loop {
            let url = bucket.upload_part(Some(credentials), key, number, id).sign(VALID);
            let put = Put::new(self.client, url, self.policy.idle_timeout)
                .with_length(bytes.end - bytes.start);
            let sent = put.send(waiting_result::read(self.file, bytes.clone())).await;
            match sent.and_then(|response| tag(&response)) {
                Ok(tag) => return Ok(tag),
                Err(problem) => retries.after(problem, observer).await?,
            }
        }
    }

    /// Makes the object of its parts.
    async fn complete(
        &self,
        id: &str,
        tags: &[String],
        observer: &mut dyn JobObserver,
    ) -> Result<(), Failure> {
        let mut retries = Retries::new(self.policy);
        let Object { bucket, key, credentials, .. } = self.object;
        let mut is_first = true;
        loop {
            let tags = tags.iter().map(String::as_str);
            let action = bucket.complete_multipart_upload(Some(credentials), key, id, tags);
            let url = action.sign(VALID);
            let request = self.client.post(url).body(action.body()).timeout(COMPLETION);
            let problem = match answer(request).await {
                // A store may say 200 before it knows, and report an error in the body.
                Ok(text) if CompleteMultipartUploadResponse::parse(&text).is_ok() => return Ok(()),
                Ok(_) => unreadable("the end of an upload in parts"),
                Err(problem) => problem,
            };
            // The answer to an earlier attempt may have been lost.
            if !is_first && self.is_stored().await {
                return Ok(());
            }
            is_first = false;
            retries.after(problem, observer).await?;
        }
    }

    /// Whether the object is there, with the right size.
    async fn is_stored(&self) -> bool {
        let Object { bucket, key, credentials, .. } = self.object;
        let url = bucket.head_object(Some(credentials), key).sign(VALID);
        let Ok(response) = self.client.head(url).timeout(ANSWER).send().await else { return false };
        let length = response.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        response.status() == StatusCode::OK && length == Some(self.file.len())
    }
}

/// An upload in parts that has begun. If this is dropped before the object is complete, the upload is aborted.
struct Begun {
    id: String,
    abortion: Abortion,
}

/// Aborts an upload when it is dropped, as a chore.
struct Abortion {
    /// The request, if there is something to abort.
    url: Option<Url>,
    client: Client,
    chores: Chores,
    _possible: PossibleChore,
}

impl Begun {
    /// Asks the store to begin an upload.
    async fn begin(
        mut abortion: Abortion,
        object: Object,
        content_type: String,
    ) -> Result<Self, Problem> {
        let Object { bucket, key, credentials, .. } = &object;
        let url = bucket.create_multipart_upload(Some(credentials), key).sign(VALID);
        let request = abortion.client.post(url).header(CONTENT_TYPE, content_type).timeout(ANSWER);
        let text = answer(request).await?;
        let begun = CreateMultipartUpload::parse_response(&text)
            .map_err(|_| unreadable("the beginning of an upload in parts"))?;
        let id = begun.upload_id().to_owned();
        let abort = bucket.abort_multipart_upload(Some(credentials), key, &id).sign(ABORTABLE);
        abortion.url = Some(abort);
        Ok(Self { id, abortion })
    }

    fn keep(mut self) {
        self.abortion.url = None;
    }
}

impl Drop for Abortion {
    fn drop(&mut self) {
        let Some(url) = self.url.take() else { return };
        let abort = self.client.delete(url).timeout(ANSWER);
        self.chores.spawn(async move {
            if let Err(problem) = answer(abort).await {
                warn!("parts of a result may be left in the store: {}", problem.what);
            }
        });
    }
}

/// Sends a request, and returns the text of an answer that says that it is done.
async fn answer(request: RequestBuilder) -> Result<String, Problem> {
    let response = stored(request.send().await.map_err(Problem::of)?)?;
    response.text().await.map_err(Problem::of)
}

/// The tag of a part, from the answer that says that it is stored.
fn tag(response: &Response) -> Result<String, Problem> {
    let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
    tag.map(str::to_owned).ok_or_else(|| unreadable("a part"))
}

fn unreadable(of_what: &str) -> Problem {
    let what = format!("the store gave no proper answer to {of_what}");
    Problem { what, again: Again::After(None) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use super::*;

    #[test]
    fn keys_that_stand_for_something_else_are_refused() {
        let s3 = S3::new(S3Options {
            endpoint: "https://s3.example.org".parse().unwrap(),
            region: "eu-south-1".to_owned(),
            path_style: true,
            access_key: "key".to_owned(),
            secret_key: Secret::new("secret".to_owned()),
            session_token: None,
            part_bytes: 0,
        });
        let s3 = s3.unwrap();
        let object = s3.object(&"s3://results/a/b%20c.vot".parse().unwrap()).unwrap();
        assert_eq!((object.bucket.name(), object.key.as_str()), ("results", "a/b c.vot"));
        assert_eq!(object.part_bytes, LEAST_PART);
        let long = format!("s3://results/{}", "n".repeat(LONGEST_KEY + 1));
        assert!(s3.object(&long[..long.len() - 1].parse().unwrap()).is_ok());
        let wrong = [
            "s3://results",
            "s3://results/",
            "s3://results/a/",
            "s3://results/a//b",
            "s3://results/a%2F..%2F..%2Fother%2Fb",
            "s3://results/%FF",
            "s3://results/a%00",
            "s3://results/a?versionId=3",
            "s3:results/a",
            &long,
        ];
        let taken = wrong.into_iter().filter(|url| s3.object(&url.parse().unwrap()).is_ok());
        assert_eq!(taken.collect::<Vec<_>>(), [""; 0]);
        assert!(!format!("{s3:?}").contains("\"secret\""));
    }
}
