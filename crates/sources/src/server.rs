//! What the clients of database servers have in common.

mod background;
mod batch;
pub(crate) mod block;
pub(crate) mod cells;
mod columns;
mod failure;
pub(crate) mod lists;
mod retries;
mod rows;
mod stream;
pub(crate) mod text_cells;
pub(crate) mod tls;
pub(crate) mod url;

pub(crate) use self::background::run_in_background;
pub use self::batch::BatchLimits;
pub(crate) use self::columns::{PlannedColumn, ResultColumns, no_list_of_strings};
pub(crate) use self::failure::{Failure, Reported, cause, reported_text};
pub(crate) use self::retries::{check_runtime, retried};
pub(crate) use self::rows::{QueryRows, RowConnection};
pub(crate) use self::stream::{ByteStream, Transport};
