//! Encodes the rows of a job and hands the bytes to the store.
//!
//! Three ways. *Spooled* encodes the whole result into a scratch file and then sends the file with its length; an upload
//! that fails is sent again from the file. *Chunked* sends the bytes while they are encoded and keeps nothing, so a
//! failed upload ends the job. Into a folder, the bytes are written at once. In all of them, a failed result never
//! becomes a complete object: the spooled file is not sent, the chunked request is broken off before its last chunk, and
//! the file does not get its name.

use std::io::{self, BufWriter};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures::TryStreamExt;
use taploom_format::{EncoderSpec, Error, ErrorKind};
use taploom_pipeline::{BodyOptions, Encoded, RowSource, Transformed, body, spawn};
use taploom_scratch::{ReadPattern, ScratchError};
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::clock::Clock;
use crate::database::causes;
use crate::failure::{Failure, FailureCause};
use crate::job::{Destination, UploadMode};
use crate::max_bytes::{MaxBytes, TooLarge};
use crate::observer::{JobObserver, Stage};
use crate::upload::{Place, ResultFile, Uploader, failed};

/// Size of a write to a file in a folder.
const PIECE: usize = 512 << 10;

/// A source whose type does not matter.
type Rows = Box<dyn RowSource>;

/// Encodes the rows of one result and sends them to the store.
pub(crate) struct Delivery<'a> {
    pub(crate) mode: UploadMode,
    pub(crate) uploader: &'a Uploader,
    /// Disk limit for the result and the temporary files, in bytes.
    pub(crate) scratch: Option<u64>,
    /// The size at which a result ends, in bytes.
    pub(crate) max_bytes: Option<u64>,
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
        match self.uploader.place(target).await? {
            Place::File(file) => self.to_folder(source, spec, file, observer).await,
            Place::Url if self.mode == UploadMode::Chunked => {
                self.chunked(source, spec, target, observer).await
            }
            place => self.spooled(source, spec, target, place, observer).await,
        }
    }

    async fn spooled(
        &self,
        source: impl RowSource + 'static,
        spec: EncoderSpec,
        target: &Destination,
        place: Place,
        observer: &mut dyn JobObserver,
    ) -> Result<Encoded, Failure> {
        let format = spec.plugin().info().id;
        let file = spec.context.resources.scratch.file(ReadPattern::InOrder);
        let result = file.reader();
        let started = Instant::now();
        // The result is in the scratch space as well.
        let source = self.bounded(source, &spec, || 0);
        let encoded = spawn(source, spec, Box::new(file)).await;
        let encoded = encoded.map_err(|error| self.failed(&error))?;
        observer.took(Stage::Encode, format, started.elapsed());
        self.clock.stop();
        let started = Instant::now();
        match place {
            #[cfg(feature = "s3")]
            Place::Object(object) => {
                let content_type = &target.content_type;
                self.uploader.send_object(&object, content_type, &result, observer).await?;
            }
            _ => self.uploader.send_file(target, &result, observer).await?,
        }
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
        let sent_bytes = Arc::new(AtomicU64::new(0));
        let source = {
            let sent_bytes = Arc::clone(&sent_bytes);
            self.bounded(source, &spec, move || sent_bytes.load(Ordering::Relaxed))
        };
        // A document that reports a failure must not be stored as a result.
        let options = BodyOptions::default().with_always_break(true);
        let body = body(source, spec, options).await;
        let (chunks, mut outcome) = body.map_err(|error| self.failed(&error))?.split();
        let chunks = chunks.map_err(io::Error::other).inspect_ok(move |chunk| {
            sent_bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        let sent = self.uploader.send_stream(target, chunks).await;
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

    async fn to_folder(
        &self,
        source: impl RowSource + 'static,
        spec: EncoderSpec,
        file: ResultFile,
        observer: &mut dyn JobObserver,
    ) -> Result<Encoded, Failure> {
        let format = spec.plugin().info().id;
        let started = Instant::now();
        let opened = spawn_blocking(move || {
            let result = file.open()?;
            Ok((result.handle()?, result.handle()?, result))
        });
        let (sink, written, result) = opened.await.map_err(|_| Failure::defect())??;
        let written = move || written.metadata().map_or(0, |metadata| metadata.len());
        let source = self.bounded(source, &spec, written);
        let sink = BufWriter::with_capacity(PIECE, sink);
        let encoded = spawn(source, spec, Box::new(sink)).await;
        let encoded = encoded.map_err(|error| match error.kind() {
            ErrorKind::Sink => failed(&cause_of_all(&error)),
            _ => self.failed(&error),
        })?;
        let bytes = encoded.summary.total_bytes;
        let committed = spawn_blocking(move || result.commit(bytes));
        committed.await.map_err(|_| Failure::defect())??;
        observer.took(Stage::EncodeAndUpload, format, started.elapsed());
        Ok(encoded)
    }

    /// The rows until the result reaches its largest size. `sent` tells how much of it is elsewhere than in the scratch
    /// space.
    ///
    /// What an encoder keeps in the scratch space becomes part of the result later, so it counts. An encoder that keeps
    /// one row group there, after having written others, counts it twice: its result may end that much too early, but
    /// does not grow beyond the limit.
    fn bounded(
        &self,
        source: impl RowSource + 'static,
        spec: &EncoderSpec,
        sent: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Rows {
        let Some(limit) = self.max_bytes else { return Box::new(source) };
        let scratch = spec.context.resources.scratch.clone();
        let size = move || scratch.used().saturating_add(sent());
        let overflow = spec.plugin().info().overflow;
        let limit = MaxBytes::new(source.schema(), limit, overflow, size);
        Box::new(Transformed::new(source, limit))
    }

    /// The failure of an encoder. The folder of temporary files and the state of its disk are for the operator, in the
    /// log.
    fn failed(&self, error: &Error) -> Failure {
        if let Some(too_large) = TooLarge::find(error) {
            return Failure::new(FailureCause::ResultTooLarge, too_large.to_string());
        }
        match ScratchError::find(error) {
            Some(ScratchError::OverBudget { budget, .. }) if Some(*budget) == self.scratch => {
                let message = format!(
                    "the result takes more than {budget} bytes, the limit for one job: ask for fewer rows or columns"
                );
                Failure::new(FailureCause::ResultTooLarge, message)
            }
            Some(_) => {
                warn!("no scratch space for a result: {error:#}");
                Failure::new(
                    FailureCause::Internal,
                    "there is no scratch space for the result now; try again later",
                )
            }
            None => Failure::of_encoding(error),
        }
    }
}

/// What the system says of a sink, without the path of the file.
fn cause_of_all(error: &Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}
