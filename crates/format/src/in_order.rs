//! Work on several threads whose results keep their order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};

use taploom_model::{Error, ErrorKind, Result};

use crate::kept::Spare;

/// Threads beyond this number are not started. Some systems report too late that a process can have no more
/// threads, and then end the process.
const MOST_THREADS: usize = 256;

/// Pieces in flight per thread: queued, or finished and waiting for an earlier one.
const PIECES_PER_THREAD: usize = 2;

/// Does pieces of work on several threads and hands the results over in the order of the pieces. An encoder
/// uses it to turn blocks of rows into bytes on the threads that its [`EncodeContext`](crate::EncodeContext)
/// grants. [`RowBlocks`](crate::RowBlocks) cuts batches into such blocks.
///
/// A piece carries the input and the output of its work: the rows, and the memory for their bytes. A piece that
/// was handed over can be used again ([`spare`](Self::spare)), so memory is allocated once for each piece in
/// flight.
///
/// The caller's thread is one of the threads: if it has to wait for a piece, it works on another one itself.
/// With one thread nothing is queued. Each piece is finished and handed over at once, so an encoder needs no
/// separate code for that case. With several, threads are started when there is a second piece, or with the
/// first if only one may be in flight: the caller works on the only piece of a small result itself.
///
/// **Limits.** At most two pieces per thread are in flight, or fewer ([`at_most`](Self::at_most)). `push`
/// waits for the oldest of them before it takes another. An encoder counts the memory of pieces in
/// `buffered_bytes` ([`heap_bytes`](Self::heap_bytes)).
///
/// **Errors.** After an error no work is begun and nothing is handed over, not even finished pieces.
///
/// **Drop** abandons the pieces that no thread has begun, and waits for the others.
///
/// ```
/// use taploom_format::InOrder;
///
/// #[derive(Default)]
/// struct Piece {
///     number: u64,
///     text: String,
/// }
///
/// let mut threads = InOrder::new(2, |piece: &mut Piece| {
///     piece.text = piece.number.to_string();
///     Ok(())
/// });
/// let mut all = String::new();
/// for number in 0..10 {
///     let piece = Piece { number, ..threads.spare().unwrap_or_default() };
///     threads.push(piece, |piece| Ok(all += &piece.text))?;
/// }
/// threads.drain(|piece| Ok(all += &piece.text))?;
/// assert_eq!(all, "0123456789");
/// # Ok::<(), taploom_format::Error>(())
/// ```
pub struct InOrder<P> {
    work: Arc<Work<P>>,
    /// None with one thread.
    others: Option<Others<P>>,
    /// Pieces that were handed over and can be used again.
    spare: Vec<P>,
    /// Pieces of other results.
    left: Option<Arc<Spare<P>>>,
    broken: bool,
}

type Work<P> = dyn Fn(&mut P) -> Result<()> + Send + Sync;

/// The other threads, and the channels to them.
struct Others<P> {
    give: Sender<Task<P>>,
    /// The caller's thread takes pieces from here while it waits.
    take: Receiver<Task<P>>,
    /// Results of the pieces in flight, the oldest first.
    results: VecDeque<mpsc::Receiver<Result<P>>>,
    most: usize,
    /// The number of threads that are still to be started.
    wanted: usize,
    threads: Vec<JoinHandle<()>>,
}

struct Task<P> {
    piece: P,
    answer: mpsc::SyncSender<Result<P>>,
}

impl<P: Send + 'static> InOrder<P> {
    /// Does `work` on this number of threads, the caller's included, or on fewer if the system refuses to
    /// start more.
    pub fn new(
        threads: usize,
        work: impl Fn(&mut P) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        let work: Arc<Work<P>> = Arc::new(work);
        let others = (threads > 1).then(|| Others::new(threads.min(MOST_THREADS)));
        Self { work, others, spare: Vec::new(), left: None, broken: false }
    }

    /// Takes pieces that earlier results have left, and leaves its own when it is dropped, unless there was an error.
    #[must_use]
    pub fn with_spare(mut self, left: Arc<Spare<P>>) -> Self {
        self.left = Some(left);
        self
    }

    /// Limits the pieces in flight to this number (at least one). An encoder does so if its memory budget has
    /// no room for two pieces per thread.
    #[must_use]
    pub fn at_most(mut self, pieces: usize) -> Self {
        if let Some(others) = &mut self.others {
            others.most = others.most.min(pieces).max(1);
        }
        self
    }

    /// A piece that was handed over, in the state that `take` left it in; maybe of an earlier result
    /// ([`with_spare`](Self::with_spare)).
    pub fn spare(&mut self) -> Option<P> {
        self.spare.pop().or_else(|| self.left.as_ref()?.take())
    }

    /// Queues a piece. Hands over pieces that are finished, and waits for the oldest ones until there is room for
    /// this one.
    ///
    /// # Errors
    /// The error of the work, or an error of `take`, which is not called again after it. [`ErrorKind::Internal`]
    /// if the work panicked on another thread.
    pub fn push(&mut self, piece: P, mut take: impl FnMut(&mut P) -> Result<()>) -> Result<()> {
        self.unless_broken(|this| {
            let Some(others) = &mut this.others else {
                let done = done(&*this.work, piece)?;
                return hand_over(done, &mut this.spare, &mut take);
            };
            while others.results.len() >= others.most {
                hand_over(others.wait(&*this.work)?, &mut this.spare, &mut take)?;
            }
            others.add(piece, &this.work)?;
            while let Some(done) = others.first_if_done()? {
                hand_over(done, &mut this.spare, &mut take)?;
            }
            Ok(())
        })
    }

    /// Waits for all pieces, and hands them over. After an error it does nothing.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn drain(&mut self, mut take: impl FnMut(&mut P) -> Result<()>) -> Result<()> {
        self.unless_broken(|this| {
            let Some(others) = &mut this.others else { return Ok(()) };
            while !others.results.is_empty() {
                hand_over(others.wait(&*this.work)?, &mut this.spare, &mut take)?;
            }
            Ok(())
        })
    }

    /// Pieces in flight; 0 with one thread.
    pub fn pending(&self) -> usize {
        self.others.as_ref().map_or(0, |others| others.results.len())
    }

    /// Estimated heap in use, where `of` tells the heap of one piece. A piece on another thread can't be
    /// inspected and counts as the largest idle one, and as nothing while none is idle.
    pub fn heap_bytes(&self, of: impl Fn(&P) -> usize) -> usize {
        let spare: Vec<usize> = self.spare.iter().map(of).collect();
        let largest = spare.iter().copied().max().unwrap_or_default();
        spare.iter().sum::<usize>() + self.pending() * largest
    }

    fn unless_broken(&mut self, action: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.broken {
            return Ok(());
        }
        // And after a panic.
        self.broken = true;
        let done = action(self);
        self.broken = done.is_err();
        done
    }
}

impl<P> Drop for InOrder<P> {
    fn drop(&mut self) {
        if let Some(left) = self.left.as_ref().filter(|_| !self.broken) {
            self.spare.drain(..).for_each(|piece| left.put(piece));
        }
    }
}

fn done<P>(work: &Work<P>, mut piece: P) -> Result<P> {
    work(&mut piece).map(|()| piece)
}

fn hand_over<P>(
    mut piece: P,
    spare: &mut Vec<P>,
    take: &mut impl FnMut(&mut P) -> Result<()>,
) -> Result<()> {
    take(&mut piece)?;
    spare.push(piece);
    Ok(())
}

impl<P: Send + 'static> Others<P> {
    fn new(threads: usize) -> Self {
        // The number of results in flight bounds this channel.
        let (give, take) = unbounded();
        let most = PIECES_PER_THREAD * threads;
        Self {
            give,
            take,
            results: VecDeque::new(),
            most,
            wanted: threads - 1,
            threads: Vec::new(),
        }
    }

    fn add(&mut self, piece: P, work: &Arc<Work<P>>) -> Result<()> {
        if self.wanted > 0 && (self.most == 1 || !self.results.is_empty()) {
            self.start(work);
        }
        let (answer, result) = mpsc::sync_channel(1);
        self.results.push_back(result);
        self.give.send(Task { piece, answer }).map_err(|_| panicked())
    }

    fn start(&mut self, work: &Arc<Work<P>>) {
        let start = |_| {
            let (take, work): (Receiver<Task<P>>, _) = (self.take.clone(), Arc::clone(work));
            let thread = thread::Builder::new().name("taploom-encode".to_owned());
            thread.spawn(move || take.into_iter().for_each(|task| task.run(&*work))).ok()
        };
        self.threads = (0..self.wanted).map_while(start).collect();
        self.most = self.most.min(PIECES_PER_THREAD * (self.threads.len() + 1));
        self.wanted = 0;
    }

    /// Waits for the oldest piece. Until it is finished, the caller's thread works on others.
    fn wait(&mut self, work: &Work<P>) -> Result<P> {
        loop {
            if let Some(piece) = self.first_if_done()? {
                return Ok(piece);
            }
            match self.take.try_recv() {
                Ok(task) => task.run(work),
                Err(_) => {
                    let result = self.results.pop_front().ok_or_else(panicked)?;
                    return result.recv().map_err(|_| panicked())?;
                }
            }
        }
    }

    fn first_if_done(&mut self) -> Result<Option<P>> {
        match self.results.front().map(mpsc::Receiver::try_recv) {
            None | Some(Err(mpsc::TryRecvError::Empty)) => Ok(None),
            Some(Err(mpsc::TryRecvError::Disconnected)) => Err(panicked()),
            Some(Ok(piece)) => {
                self.results.pop_front();
                piece.map(Some)
            }
        }
    }
}

impl<P> Task<P> {
    fn run(self, work: &Work<P>) {
        // Sending fails if an earlier piece has failed, because then the receiver is gone.
        let _ = self.answer.send(done(work, self.piece));
    }
}

impl<P> Drop for Others<P> {
    fn drop(&mut self) {
        // Discards the queued pieces. The threads end when the sender is gone.
        while self.take.try_recv().is_ok() {}
        self.give = unbounded().0;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "a thread of the encoder panicked")
}

#[cfg(test)]
mod tests;
