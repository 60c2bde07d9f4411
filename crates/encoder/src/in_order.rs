//! Pieces of work by several threads, results in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::error::{Error, ErrorKind, Result};

/// Results that may wait for one before them, and pieces that may wait for a thread: so many a thread.
const PIECES_A_THREAD: usize = 2;

/// Does pieces of work on several threads, and hands over what came of them in the order in which
/// they were given: blocks of rows that become bytes, for an encoder that may keep more than one
/// thread busy ([`EncodeContext::threads`](crate::EncodeContext)).
///
/// The caller's thread is one of them: where it would have to wait for a result, it does a piece
/// itself. With one thread nothing is queued: a piece is done and handed over at once, so that an
/// encoder needs no path of its own for that.
///
/// **Limits**: at most two pieces for each thread are under way or wait to be handed over; `push`
/// waits for the first of them before it takes more. What a piece holds (its rows, its bytes) is held
/// for as long, and an encoder counts it in `buffered_bytes`.
///
/// Dropped, it leaves the pieces that nobody has begun, and waits for those under way.
///
/// ```
/// use taploom_encoder::InOrder;
///
/// let mut sum_of_squares = 0;
/// let mut take = |square: u64| {
///     sum_of_squares += square;
///     Ok(())
/// };
/// let mut threads = InOrder::new(2, |number: u64| number * number);
/// for number in 0..100 {
///     threads.push(number, &mut take)?;
/// }
/// threads.drain(&mut take)?;
/// assert_eq!(sum_of_squares, 328_350);
/// # Ok::<(), taploom_encoder::Error>(())
/// ```
pub struct InOrder<P, R> {
    work: Arc<dyn Fn(P) -> R + Send + Sync>,
    /// None with one thread.
    others: Option<Others<P, R>>,
}

/// What the threads share.
struct Others<P, R> {
    give: Sender<Task<P, R>>,
    /// For the caller's thread, when it lends a hand.
    take: Receiver<Task<P, R>>,
    /// A result for every piece that was not handed over, the oldest first.
    results: VecDeque<mpsc::Receiver<R>>,
    most: usize,
    threads: Vec<JoinHandle<()>>,
}

struct Task<P, R> {
    piece: P,
    answer: mpsc::SyncSender<R>,
}

impl<P: Send + 'static, R: Send + 'static> InOrder<P, R> {
    /// Work on so many threads, the caller's included. Fewer are used where the system gives no more.
    pub fn new(threads: usize, work: impl Fn(P) -> R + Send + Sync + 'static) -> Self {
        let work: Arc<dyn Fn(P) -> R + Send + Sync> = Arc::new(work);
        let others = (threads > 1).then(|| Others::start(threads, &work));
        Self { work, others }
    }

    /// Takes a piece of work, and hands over results that are there, or that have to be waited for
    /// before there is room for the piece.
    ///
    /// # Errors
    /// That of `take`, which is not called again; [`ErrorKind::Internal`] where the work panicked.
    pub fn push(&mut self, piece: P, mut take: impl FnMut(R) -> Result<()>) -> Result<()> {
        let Some(others) = &mut self.others else { return take((self.work)(piece)) };
        while others.results.len() >= others.most {
            take(others.wait(&*self.work)?)?;
        }
        others.add(piece)?;
        while let Some(result) = others.first_if_done()? {
            take(result)?;
        }
        Ok(())
    }

    /// Waits for all pieces, and hands over what came of them.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn drain(&mut self, mut take: impl FnMut(R) -> Result<()>) -> Result<()> {
        let Some(others) = &mut self.others else { return Ok(()) };
        while !others.results.is_empty() {
            take(others.wait(&*self.work)?)?;
        }
        Ok(())
    }

    /// Pieces that are under way or wait: 0 with one thread.
    pub fn pending(&self) -> usize {
        self.others.as_ref().map_or(0, |others| others.results.len())
    }
}

impl<P: Send + 'static, R: Send + 'static> Others<P, R> {
    fn start(threads: usize, work: &Arc<dyn Fn(P) -> R + Send + Sync>) -> Self {
        // Bounded by the results that are waited for.
        let (give, take) = unbounded();
        let start = |_| {
            let (take, work): (Receiver<Task<P, R>>, _) = (take.clone(), Arc::clone(work));
            let thread = std::thread::Builder::new().name("taploom-encode".to_owned());
            thread.spawn(move || take.into_iter().for_each(|task| task.run(&*work))).ok()
        };
        let threads = (1..threads).map_while(start).collect::<Vec<_>>();
        let most = PIECES_A_THREAD * (threads.len() + 1);
        Self { give, take, results: VecDeque::with_capacity(most), most, threads }
    }

    fn add(&mut self, piece: P) -> Result<()> {
        let (answer, result) = mpsc::sync_channel(1);
        self.results.push_back(result);
        self.give.send(Task { piece, answer }).map_err(|_| panicked())
    }

    /// The oldest result; until it is there, the caller's thread does other pieces.
    fn wait(&mut self, work: &(dyn Fn(P) -> R + Send + Sync)) -> Result<R> {
        loop {
            if let Some(result) = self.first_if_done()? {
                return Ok(result);
            }
            match self.take.try_recv() {
                Ok(task) => task.run(work),
                Err(_) => {
                    let result = self.results.pop_front().ok_or_else(panicked)?;
                    return result.recv().map_err(|_| panicked());
                }
            }
        }
    }

    fn first_if_done(&mut self) -> Result<Option<R>> {
        match self.results.front().map(mpsc::Receiver::try_recv) {
            None | Some(Err(mpsc::TryRecvError::Empty)) => Ok(None),
            Some(Err(mpsc::TryRecvError::Disconnected)) => Err(panicked()),
            Some(Ok(result)) => {
                self.results.pop_front();
                Ok(Some(result))
            }
        }
    }
}

impl<P, R> Task<P, R> {
    fn run(self, work: &(dyn Fn(P) -> R + Send + Sync)) {
        // Nobody listens where an error came before this piece.
        let _ = self.answer.send(work(self.piece));
    }
}

impl<P, R> Drop for Others<P, R> {
    fn drop(&mut self) {
        // Nobody waits for these any more; without a sender the threads come to their end.
        while self.take.try_recv().is_ok() {}
        self.give = unbounded().0;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "a thread of the encoder ended without a word")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// The first pieces take longest, so that later ones are done before them.
    fn slow_at_first(piece: usize) -> usize {
        std::thread::sleep(Duration::from_millis(if piece.is_multiple_of(5) { 5 } else { 0 }));
        piece
    }

    fn keep(result: usize, taken: &mut Vec<usize>) -> Result<()> {
        taken.push(result);
        Ok(())
    }

    #[test]
    fn results_come_in_order_and_a_bounded_number_waits() {
        for threads in [1, 2, 3, 8] {
            let mut taken = Vec::new();
            let mut in_order = InOrder::new(threads, slow_at_first);
            for piece in 0..50 {
                in_order.push(piece, |result| keep(result, &mut taken)).unwrap();
                assert!(in_order.pending() <= if threads == 1 { 0 } else { 2 * threads });
            }
            in_order.drain(|result| keep(result, &mut taken)).unwrap();
            assert_eq!(taken, (0..50).collect::<Vec<_>>(), "{threads} threads");
            assert_eq!(in_order.pending(), 0);
        }
    }

    #[test]
    fn an_error_of_the_taker_comes_back_and_nothing_is_left_running() {
        let begun = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&begun);
        let mut in_order = InOrder::new(2, move |piece: usize| {
            counter.fetch_add(1, Ordering::SeqCst);
            piece
        });
        let refuse = |_| Err(Error::new(ErrorKind::Sink, "full"));
        let failed = (0..100).find_map(|piece| in_order.push(piece, refuse).err());
        assert_eq!(failed.unwrap().kind(), ErrorKind::Sink);
        drop(in_order);
        assert_eq!(Arc::strong_count(&begun), 1, "threads are gone");
        assert!(begun.load(Ordering::SeqCst) < 100);
    }

    #[test]
    #[allow(clippy::panic, reason = "it is what is tested")]
    fn work_that_panics_is_an_error() {
        // Not on the caller's thread, which lends a hand, and is slow enough for the other to have begun.
        let mut in_order = InOrder::new(2, |piece: usize| match std::thread::current().name() {
            Some("taploom-encode") => panic!("a defect"),
            _ => slow_at_first(piece),
        });
        let pushed = (0..1000).find_map(|piece| in_order.push(piece, |_| Ok(())).err());
        let failed = pushed.or_else(|| in_order.drain(|_| Ok(())).err());
        assert_eq!(failed.unwrap().kind(), ErrorKind::Internal);
    }
}
