#![doc = include_str!("../README.md")]

mod layout;
mod piece;
mod plain;
mod reader;
mod size;

pub use crate::piece::{PieceSlices, PieceWriter};
pub use crate::plain::{plain, plain_field, plain_type};
pub use crate::reader::{Piece, PieceReader, piece_length};
pub use crate::size::{elements, entries, row_bytes};
