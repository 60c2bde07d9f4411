//! Encodes the rows of a job and hands the bytes to the store.
//!
//! Two modes. *Spooled* encodes the whole result into a scratch file and then sends the file with its length;
//! an upload that fails is sent again from the file. *Chunked* sends the bytes while they are encoded and keeps
//! nothing, so a failed upload ends the job. In both modes, a failed result never becomes a complete object:
//! the spooled file is not sent, and the chunked request is broken off before its last chunk.

use std::io;
use std::time::Instant;

use futures::TryStreamExt;
use taploom_format::{EncoderSpec, Error};
use taploom_pipeline::{BodyOptions, Encoded, RowSource, body, spawn};
use taploom_scratch::{ReadPattern, ScratchError};
use tracing::warn;

use crate::clock::Clock;
use crate::failure::{Failure, FailureCause};
use crate::job::{Destination, UploadMode};
use crate::observer::{JobObserver, Stage};
use crate::upload::Uploader;

/// Encodes the rows of one result and sends them to the store.
pub(crate) struct Delivery<'a> {
    pub(crate) mode: UploadMode,
    pub(crate) uploader: &'a Uploader,
    /// Disk limit for the result and the temporary files, in bytes.
    pub(crate) scratch: Option<u64>,
    /// Stops when a result is complete and on its way: a slow store does not count against the user.
    pub(crate) clock: &'a Clock,
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
        let encoded = encoded.map_err(|error| self.failed(&error))?;
        observer.took(Stage::Encode, format, started.elapsed());
        self.clock.stop();
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
        let (chunks, mut outcome) = body.map_err(|error| self.failed(&error))?.split();
        let sent = self.uploader.send_stream(target, chunks.map_err(io::Error::other)).await;
        // The connection may keep the chunks for a while after the store refused them.
        if sent.is_err() {
            outcome.cancel();
        }
        let encoded = outcome.await;
        let encoded = match (encoded, sent) {
            (Ok(encoded), Ok(())) => encoded,
            (Err(error), Err(failure)) if error.is_cancelled() => return Err(failure),
            (Err(error), _) => return Err(self.failed(&error)),
            (Ok(_), Err(failure)) => return Err(failure),
        };
        observer.took(Stage::EncodeAndUpload, format, started.elapsed());
        Ok(encoded)
    }

    /// The failure of an encoder. The folder of temporary files and the state of its disk are for the operator, in the
    /// log.
    fn failed(&self, error: &Error) -> Failure {
        match ScratchError::find(error) {
            Some(ScratchError::OverBudget { budget, .. }) if Some(*budget) == self.scratch => {
                let message = format!(
                    "the result takes more than {budget} bytes, the limit for one job: ask for fewer rows or columns"
                );
                Failure::new(FailureCause::ResultTooLarge, message)
            }
            Some(_) => {
                warn!("no scratch space for a result: {error:#}");
                Failure::new(FailureCause::Internal, "there is no scratch space for the result now")
            }
            None => Failure::of_encoding(error),
        }
    }
}
