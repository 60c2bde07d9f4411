//! Encodes the rows of a job and hands the bytes to the store.
//!
//! Two modes. *Spooled* encodes the whole result into a scratch file and then sends the file with its length;
//! an upload that fails is sent again from the file. *Chunked* sends the bytes while they are encoded and keeps
//! nothing, so a failed upload ends the job. In both modes, a failed result never becomes a complete object:
//! the spooled file is not sent, and the chunked request is broken off before its last chunk.

use std::io;
use std::time::Instant;

use futures::TryStreamExt;
use taploom_format::{EncoderSpec, Error, ErrorKind};
use taploom_pipeline::{BodyOptions, Encoded, RowSource, body, spawn};
use taploom_scratch::ReadPattern;

use crate::failure::{Failure, FailureCause};
use crate::job::{Destination, UploadMode};
use crate::observer::{JobObserver, Stage};
use crate::upload::Uploader;

/// Encodes the rows of one result and sends them to the store.
pub(crate) struct Delivery<'a> {
    pub(crate) mode: UploadMode,
    pub(crate) uploader: &'a Uploader,
}

impl Delivery<'_> {
    /// Encodes all rows and stores the result. Dropping the future stops the encoder and the upload.
    pub(crate) async fn store(
        &self,
        source: impl RowSource + 'static,
        spec: EncoderSpec,
        target: &Destination,
        observer: &mut dyn JobObserver,
    ) -> Result<Encoded, Failure> {
        match self.mode {
            UploadMode::Spooled => self.spooled(source, spec, target, observer).await,
            UploadMode::Chunked => self.chunked(source, spec, target, observer).await,
        }
    }

    async fn spooled(
        &self,
        source: impl RowSource + 'static,
        spec: EncoderSpec,
        target: &Destination,
        observer: &mut dyn JobObserver,
    ) -> Result<Encoded, Failure> {
        let format = spec.plugin().info().id;
        let file = spec.context.resources.scratch.file(ReadPattern::InOrder);
        let result = file.reader();
        let started = Instant::now();
        let encoded = spawn(source, spec, Box::new(file)).await;
        let encoded = encoded.map_err(|error| spooling_failed(&error))?;
        observer.took(Stage::Encode, format, started.elapsed());
        let started = Instant::now();
        self.uploader.send_file(target, &result, observer).await?;
        observer.took(Stage::Upload, format, started.elapsed());
        Ok(encoded)
    }

    async fn chunked(
        &self,
        source: impl RowSource + 'static,
        spec: EncoderSpec,
        target: &Destination,
        observer: &mut dyn JobObserver,
    ) -> Result<Encoded, Failure> {
        let format = spec.plugin().info().id;
        let started = Instant::now();
        // A document that reports a failure must not be stored as a result.
        let options = BodyOptions::default().with_always_break(true);
        let body = body(source, spec, options).await;
        let (chunks, mut outcome) = body.map_err(|error| Failure::of_encoding(&error))?.split();
        let sent = self.uploader.send_stream(target, chunks.map_err(io::Error::other)).await;
        // The connection may keep the chunks for a while after the store refused them.
        if sent.is_err() {
            outcome.cancel();
        }
        let encoded = outcome.await;
        let encoded = match (encoded, sent) {
            (Ok(encoded), Ok(())) => encoded,
            (Err(error), Err(failure)) if error.is_cancelled() => return Err(failure),
            (Err(error), _) => return Err(Failure::of_encoding(&error)),
            (Ok(_), Err(failure)) => return Err(failure),
        };
        observer.took(Stage::EncodeAndUpload, format, started.elapsed());
        Ok(encoded)
    }
}

/// The failure of an encoder whose sink is the scratch file. The cause names the folder and the limit.
fn spooling_failed(error: &Error) -> Failure {
    match error.kind() {
        ErrorKind::Sink | ErrorKind::Resources => Failure::new(
            FailureCause::Internal,
            format!("no scratch space for the result: {error:#}"),
        ),
        _ => Failure::of_encoding(error),
    }
}
