//! Bounds the number of jobs that read rows at the same time.

use async_trait::async_trait;

/// A job passes the gate when its query has ended and its rows can be read. Before that it takes next to no memory; from
/// then on it holds the memory of an encoder, a connection and a file.
///
/// The default of a runner lets every job pass at once.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Waits until there is room for one more job. The job leaves the room when the value is dropped.
    async fn pass(&self) -> Pass;
}

/// The room of one job.
pub type Pass = Box<dyn Send>;

/// Lets everybody pass.
pub(crate) struct Open;

#[async_trait]
impl Gate for Open {
    async fn pass(&self) -> Pass {
        Box::new(())
    }
}
