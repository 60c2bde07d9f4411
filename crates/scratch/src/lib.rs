#![doc = include_str!("../README.md")]

mod account;
mod error;
mod file;
mod space;
mod spool;
mod storage;

pub use crate::error::{Result, ScratchAction, ScratchError};
pub use crate::file::{ScratchFile, ScratchReader};
pub use crate::space::ScratchSpace;
pub use crate::spool::{Spool, SpoolReader};
pub use crate::storage::{ReadPattern, ScratchStorage, StorageFile};
