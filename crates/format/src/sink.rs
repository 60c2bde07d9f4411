//! The sink: encoded bytes are written to it.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use taploom_model::{Error, Result};

/// A place that takes bytes in order: a file, a pipe, a channel to an HTTP body.
///
/// An encoder only appends. It hands over chunks of about 100 KiB, so a sink need not buffer.
pub type ByteSink = Box<dyn Write + Send>;

/// Passes bytes from a plug-in to the sink of its result.
///
/// It counts the bytes that the sink takes and remembers the first error of the sink: after that
/// error, and after the end of the result, it refuses all bytes. The driver ([`Encoder`]) shares it,
/// and so learns of an error that a plug-in ignores.
///
/// [`Encoder`]: crate::Encoder
///
/// ```
/// use taploom_format::Output;
///
/// let mut output = Output::new(Box::new(std::io::sink()));
/// output.append(b"a,b\r\n")?;
/// assert_eq!(output.written(), 5);
/// # Ok::<(), taploom_format::Error>(())
/// ```
pub struct Output {
    // Locked once for each chunk of about 100 KiB, and never by two threads at the same time.
    shared: Arc<Mutex<Counted>>,
}

/// A sink, the bytes that it took, and whether it takes more.
struct Counted {
    sink: ByteSink,
    taken: u64,
    state: State,
}

enum State {
    Open,
    Failed(Error),
    Closed,
}

impl Output {
    /// Wraps a sink that has taken nothing yet. The driver does this for plug-ins. A plug-in may
    /// call it in its tests.
    pub fn new(sink: ByteSink) -> Self {
        let counted = Counted { sink, taken: 0, state: State::Open };
        Self { shared: Arc::new(Mutex::new(counted)) }
    }

    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink), or
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the reader went away.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let mut counted = self.lock();
        let appended = counted.write_all(bytes);
        appended.map_err(|error| counted.failure().unwrap_or_else(|| Error::sink(error)))
    }

    /// Bytes that the sink has taken so far.
    pub fn written(&self) -> u64 {
        self.lock().taken
    }

    /// A second handle to the same sink, for the driver.
    pub(crate) fn share(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }

    /// The first error of the sink.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.lock().failure()
    }

    /// Flushes the buffer of the sink.
    pub(crate) fn flush_sink(&self) -> Result<()> {
        let mut counted = self.lock();
        let flushed = counted.flush();
        flushed.map_err(|error| counted.failure().unwrap_or_else(|| Error::sink(error)))
    }

    /// Refuses all bytes from now on.
    pub(crate) fn close(&self) {
        let mut counted = self.lock();
        if matches!(counted.state, State::Open) {
            counted.state = State::Closed;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        // The lock is poisoned if the sink has panicked. The panic has already become an error.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("written", &self.written()).finish_non_exhaustive()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.lock().write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush()
    }
}

impl Counted {
    fn failure(&self) -> Option<Error> {
        match &self.state {
            State::Failed(error) => Some(error.clone()),
            State::Open | State::Closed => None,
        }
    }

    fn unless_ended(&self) -> io::Result<()> {
        match &self.state {
            State::Open => Ok(()),
            State::Failed(error) => Err(io::Error::other(error.clone())),
            State::Closed => Err(io::Error::other("the result has ended, and takes no more bytes")),
        }
    }

    /// Remembers an error, unless the call may be repeated.
    fn remember(&mut self, error: io::Error) -> io::Error {
        let kind = error.kind();
        if kind == io::ErrorKind::Interrupted {
            return error;
        }
        let error = Error::sink(error);
        self.state = State::Failed(error.clone());
        io::Error::new(kind, error)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_ended()?;
        match self.sink.write(bytes) {
            Ok(0) if !bytes.is_empty() => Err(self.remember(io::ErrorKind::WriteZero.into())),
            Ok(taken) => {
                self.taken += taken as u64;
                Ok(taken)
            }
            Err(error) => Err(self.remember(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_ended()?;
        loop {
            match self.sink.flush() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                flushed => return flushed.map_err(|error| self.remember(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use taploom_model::ErrorKind;

    use super::*;

    /// Answers each call with the next of its answers.
    struct Scripted(VecDeque<io::Result<usize>>);

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.pop_front().unwrap_or(Ok(bytes.len()))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(answers: impl IntoIterator<Item = io::Result<usize>>) -> Output {
        Output::new(Box::new(Scripted(answers.into_iter().collect())))
    }

    #[test]
    fn an_error_is_remembered_and_nothing_follows_it() {
        let mut output = output([Ok(2), Err(io::ErrorKind::StorageFull.into())]);
        assert_eq!(output.append(b"abcd").unwrap_err().kind(), ErrorKind::Sink);
        assert_eq!(output.written(), 2);
        assert!(output.write(b"cd").is_err(), "the sink would take it");
        assert_eq!(output.failure().unwrap().kind(), ErrorKind::Sink);
        assert_eq!(output.written(), 2);
    }

    #[test]
    fn an_interruption_is_not_an_error_and_no_byte_taken_is() {
        let mut repeated = output([Err(io::ErrorKind::Interrupted.into()), Ok(1)]);
        repeated.append(b"abc").unwrap();
        assert_eq!(repeated.written(), 3);
        let mut stuck = output([Ok(0)]);
        assert!(stuck.write_all(b"a").is_err());
        assert_eq!(stuck.failure().unwrap().kind(), ErrorKind::Sink);
    }

    #[test]
    fn a_result_that_has_ended_takes_nothing() {
        let mut output = output([]);
        output.append(b"a").unwrap();
        output.close();
        assert!(output.append(b"b").is_err());
        assert_eq!(output.written(), 1);
        assert!(output.failure().is_none(), "the sink is not at fault");
    }
}
