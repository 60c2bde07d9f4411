//! Encodes the rows of a job and hands the bytes to the store.
//!
//! Two modes. *Spooled* encodes the whole result into a scratch file and then sends the file with its length;
//! an upload that fails is sent again from the file. *Chunked* sends the bytes while they are encoded and keeps
//! nothing, so a failed upload ends the job. In both, a result that failed never arrives as a whole object:
//! the spooled file is not sent, and the chunked request is broken off before its last chunk.

use std::io;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use taploom_format::{ByteSink, EncoderSpec, Error, ErrorKind, Result, ResultSchema};
use taploom_pipeline::{Ahead, ChannelSink, Encoded, RowSource, Step, encode};
use taploom_scratch::ReadPattern;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, FailureCause};
use crate::job::{Destination, UploadMode};
use crate::observer::{JobObserver, Stage};
use crate::upload::Uploader;

/// Size of a chunk in bytes, and the number of chunks that may wait for the store.
const CHUNK_BYTES: usize = 64 << 10;
const CHUNKS: usize = 4;

/// Takes one result from its rows to the store.
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
    ) -> std::result::Result<Encoded, Failure> {
        let stop = CancellationToken::new();
        let _stop_with_this_future = stop.clone().drop_guard();
        match self.mode {
            UploadMode::Spooled => self.spooled(source, spec, target, observer, stop).await,
            UploadMode::Chunked => self.chunked(source, spec, target, observer, stop).await,
        }
    }

    async fn spooled(
        &self,
        source: impl RowSource + 'static,
        spec: EncoderSpec,
        target: &Destination,
        observer: &mut dyn JobObserver,
        stop: CancellationToken,
    ) -> std::result::Result<Encoded, Failure> {
        let format = spec.plugin().info().id;
        let file = spec.context.resources.scratch.file(ReadPattern::InOrder);
        let result = file.reader();
        let started = Instant::now();
        let encoded = start(source, spec, Box::new(file), stop).await;
        let encoded = encoded.unwrap_or_else(|_| Err(panicked()));
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
        stop: CancellationToken,
    ) -> std::result::Result<Encoded, Failure> {
        let format = spec.plugin().info().id;
        let started = Instant::now();
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let sink = Box::new(ChannelSink::new(sender.clone(), CHUNK_BYTES));
        let encoding = start(source, spec, sink, stop.clone());
        let encoded = tokio::spawn(report_end(encoding, sender));
        let sent = self.uploader.send_stream(target, until_the_end(chunks)).await;
        // Stop the encoder if the store refuses, and do not wait for it if the store answers early.
        if sent.is_err() {
            stop.cancel();
        }
        let encoded = encoded.await.unwrap_or_else(|_| Err(panicked()));
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

/// Starts the encoder on a thread that may block.
fn start(
    source: impl RowSource + 'static,
    spec: EncoderSpec,
    sink: ByteSink,
    stop: CancellationToken,
) -> JoinHandle<Result<Encoded>> {
    let runtime = Handle::current();
    runtime.clone().spawn_blocking(move || {
        let ahead = Ahead::start(source, &runtime);
        let mut source = Stoppable { inner: ahead, stop };
        // tokio's block_on forbids blocking calls, and the sink blocks; the executor of futures allows it.
        futures::executor::block_on(encode(&mut source, &spec, sink, &mut |_| ()))
    })
}

/// Sends the last message of the channel: an empty chunk if the result is whole, else an error. The error is
/// sent even if the document in the output reports the failure, because a failed result is not stored.
async fn report_end(
    encoding: JoinHandle<Result<Encoded>>,
    sender: mpsc::Sender<Result<Bytes>>,
) -> Result<Encoded> {
    let encoded = encoding.await.unwrap_or_else(|_| Err(panicked()));
    let last = match &encoded {
        Ok(_) => Ok(Bytes::new()),
        Err(_) => Err(Error::new(ErrorKind::Failed, "the result failed")),
    };
    // If the receiver is gone, the upload has failed and reports that itself.
    let _ = sender.send(last).await;
    encoded
}

/// The chunks before the empty one that ends the result. A channel that closes earlier is an error.
fn until_the_end(
    chunks: mpsc::Receiver<Result<Bytes>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    futures::stream::try_unfold(chunks, |mut chunks| async move {
        match chunks.recv().await {
            Some(Ok(chunk)) if chunk.is_empty() => Ok(None),
            Some(Ok(chunk)) => Ok(Some((chunk, chunks))),
            Some(Err(_)) | None => Err(io::Error::other("the result failed")),
        }
    })
}

fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "the encoder's thread ended without a word")
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

/// A source that can be stopped from outside.
struct Stoppable<S> {
    inner: S,
    stop: CancellationToken,
}

#[async_trait]
impl<S: RowSource> RowSource for Stoppable<S> {
    fn schema(&self) -> &ResultSchema {
        self.inner.schema()
    }

    async fn next(&mut self) -> Result<Step> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {
                Err(Error::new(ErrorKind::Cancelled, "nobody waits for the result any more"))
            }
            next = self.inner.next() => next,
        }
    }

    fn rows_hint(&self) -> Option<u64> {
        self.inner.rows_hint()
    }
}
