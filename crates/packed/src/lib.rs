#![doc = include_str!("../README.md")]

mod piece;
mod plain;
mod size;

pub use crate::piece::{PieceReader, PieceWriter, piece_length};
pub use crate::plain::{plain, plain_field, plain_type};
pub use crate::size::{elements, entries, row_bytes};
