//! The loop of a thread that encodes: it waits for rows, for a moment to flush, and for the news that
//! nobody wants the result any more.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use taploom_format::{Error, ErrorKind, Result, RowSource, Step};

use crate::ahead::Ahead;
use crate::run::{Encoded, StartedResult};

/// Takes a result to its end on this thread, which may block.
///
/// With `flush_after`, no row stays in the encoder for longer than that once it was taken, as far as the
/// format can hand on rows before it has more. The result ends with [`ErrorKind::Cancelled`] once
/// `abandoned` is ready.
pub(crate) fn drive(
    mut source: Ahead,
    mut result: StartedResult,
    flush_after: Option<Duration>,
    abandoned: impl Future<Output = ()>,
) -> Result<Encoded> {
    let mut abandoned = pin!(abandoned);
    // When the rows that were taken since the last flush have to leave.
    let mut due: Option<Instant> = None;
    if flush_after.is_some()
        && let Err(error) = result.flush()
    {
        return Err(result.fail(error));
    }
    loop {
        match wait(abandoned.as_mut(), source.next(), due) {
            Event::Abandoned => {
                let message = "nobody waits for the result any more";
                return Err(Error::new(ErrorKind::Cancelled, message));
            }
            Event::Step(Ok(Step::Rows(batch))) => {
                if let Err(error) = result.write(&batch) {
                    return Err(result.fail(error));
                }
                due = due.or_else(|| Some(Instant::now() + flush_after?));
            }
            Event::Step(Ok(Step::End(ending))) => return result.finish(ending),
            Event::Step(Err(error)) => return Err(result.fail(error)),
            Event::Due => {}
        }
        // Also where rows keep coming: each flush is for rows that have waited long enough.
        if due.is_some_and(|due| due <= Instant::now()) {
            due = None;
            if let Err(error) = result.flush() {
                return Err(result.fail(error));
            }
        }
    }
}

enum Event {
    Abandoned,
    Step(Result<Step>),
    /// The time has come.
    Due,
}

/// Parks the thread until one of the three happens. An answer of the source that is under way when the
/// time comes is not lost: it waits in the channel of [`Ahead`].
fn wait(
    mut abandoned: Pin<&mut impl Future<Output = ()>>,
    step: impl Future<Output = Result<Step>>,
    due: Option<Instant>,
) -> Event {
    let mut step = pin!(step);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if abandoned.as_mut().poll(&mut context).is_ready() {
            return Event::Abandoned;
        }
        if let Poll::Ready(step) = step.as_mut().poll(&mut context) {
            return Event::Step(step);
        }
        match due.map(|due| due.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(Duration::ZERO) => return Event::Due,
            Some(left) => thread::park_timeout(left),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
