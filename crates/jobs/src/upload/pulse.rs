//! Observes what a store does while a result is sent: whether it hangs, and whether it has taken everything.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, StreamExt};

/// Distinguishes a store that hangs from a slow encoder. The clock runs only while the store has to act:
/// to take the offered chunk, or to answer.
#[derive(Clone)]
pub(crate) struct Pulse {
    base: Instant,
    /// The time since which the store has to act, in milliseconds after `base`, plus 1; 0 while the store
    /// waits for bytes.
    since: Arc<AtomicU64>,
    taken: Arc<Taken>,
}

/// What the connection has taken of a body.
#[derive(Default)]
struct Taken {
    bytes: AtomicU64,
    ended: AtomicBool,
}

impl Pulse {
    /// Starts the clock: the store has to accept a connection.
    pub(crate) fn start() -> Self {
        Self { base: Instant::now(), since: Arc::new(AtomicU64::new(1)), taken: Arc::default() }
    }

    /// Passes `bytes` on and observes when the store asks for the next chunk.
    pub(crate) fn watch(
        &self,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let pulse = self.clone();
        let mut bytes = Box::pin(bytes);
        futures::stream::poll_fn(move |context| {
            pulse.since.store(0, Ordering::Relaxed);
            let next = std::task::ready!(bytes.poll_next_unpin(context));
            pulse.since.store(pulse.elapsed() + 1, Ordering::Relaxed);
            match &next {
                Some(Ok(chunk)) => {
                    pulse.taken.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                }
                Some(Err(_)) => {}
                None => pulse.taken.ended.store(true, Ordering::Relaxed),
            }
            std::task::Poll::Ready(next)
        })
    }

    /// Ends when the store has not acted for `limit`.
    pub(crate) async fn stalls_for(&self, limit: Duration) {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        loop {
            let since = self.since.load(Ordering::Relaxed);
            let held = match since {
                0 => 0,
                since => (self.elapsed() + 1).saturating_sub(since),
            };
            if held >= limit {
                return;
            }
            tokio::time::sleep(Duration::from_millis((limit - held).clamp(1, 1000))).await;
        }
    }

    /// Whether the connection has taken the whole body. The end of a body whose length is known is not asked for.
    pub(crate) fn took_all(&self, length: Option<u64>) -> bool {
        self.taken.ended.load(Ordering::Relaxed)
            || length == Some(self.taken.bytes.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}
