//! The loop of an encoding thread: it waits for rows, for the next flush, and for the reader to leave.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use taploom_format::{Error, ErrorKind, Result, RowSource, Step};

use crate::ahead::Ahead;
use crate::run::{Encoded, StartedResult};

/// Encodes a whole result on this thread, which may block.
///
/// With `flush_after`, the encoder is flushed when its oldest row has waited for this time; some formats
/// can't hand on rows that early. The result ends with [`ErrorKind::Cancelled`] once `abandoned` completes.
pub(crate) fn drive(
    mut source: Ahead,
    mut result: StartedResult,
    flush_after: Option<Duration>,
    abandoned: impl Future<Output = ()>,
) -> Result<Encoded> {
    let mut abandoned = pin!(abandoned);
    // When to flush the rows that the encoder has taken since the last flush.
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
        // Checked even if rows keep coming, so that no row waits longer than that.
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
    /// It is time to flush.
    Due,
}

/// Parks the thread until one of the three happens. A step that the source gives at the same moment as
/// another event is not lost: it waits in the channel of [`Ahead`].
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
