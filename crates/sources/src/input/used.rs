//! Resources that have to live as long as a source.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use taploom_model::{Ending, Error, ErrorKind, Result, ResultSchema, RowSource, Step};
use taploom_scratch::ScratchReader;

/// A temporary file, or a compressed stream. It is set when the source opens its input.
#[derive(Clone, Default)]
pub(crate) struct Used(Arc<OnceLock<Kept>>);

/// The kind of resource.
pub(super) enum Kept {
    /// The reservation of disk space for a temporary file.
    Copy(#[allow(dead_code, reason = "the room is free when it is dropped")] ScratchReader),
    /// A compressed stream, with its name. A source may not read it to its end, but whether the data are
    /// complete is only known there.
    Stream(String, SharedStream),
}

/// A stream that a source reads; after the last row it is read to its end.
#[derive(Clone)]
pub(super) struct SharedStream(Arc<Mutex<Box<dyn Read + Send>>>);

impl SharedStream {
    pub(super) fn new(stream: Box<dyn Read + Send>) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }
}

impl Read for SharedStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(out)
    }
}

impl Used {
    pub(super) fn keep(&self, kept: Kept) {
        // An input is consumed when its bytes are handed out, so this is the only call.
        let _ = self.0.set(kept);
    }

    /// Wraps the source, so that it keeps the resources it uses.
    pub(crate) fn around(self, source: Box<dyn RowSource>) -> Box<dyn RowSource> {
        match self.0.get() {
            Some(_) => Box::new(WithInput { source, used: self }),
            None => source,
        }
    }
}

struct WithInput {
    source: Box<dyn RowSource>,
    used: Used,
}

#[async_trait]
impl RowSource for WithInput {
    fn schema(&self) -> &ResultSchema {
        self.source.schema()
    }

    async fn next(&mut self) -> Result<Step> {
        let step = self.source.next().await?;
        if let (Step::End(_), Some(Kept::Stream(name, rest))) = (&step, self.used.0.get()) {
            io::copy(&mut rest.clone(), &mut io::sink()).map_err(|error| {
                let message = format!("source {name}: can't read the file to its end");
                Error::new(ErrorKind::Source, message).with_source(error)
            })?;
        }
        Ok(step)
    }

    fn stop(&mut self) -> Ending {
        self.source.stop()
    }

    fn rows_hint(&self) -> Option<u64> {
        self.source.rows_hint()
    }
}
