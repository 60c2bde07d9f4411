#![doc = include_str!("../README.md")]

mod error;
mod input;
mod reader;
mod writer;

pub use error::{Error, Result};
pub use input::{Input, Slice, Stream};
pub use reader::{Reader, Taken};
pub use writer::{put_field, put_integer, put_length, put_list, put_varint};

/// The byte that ends a struct.
pub const STOP: u8 = 0;

/// Types of values, as encoded in the headers of fields and lists; Thrift compact protocol, "Struct
/// encoding".
pub mod kind {
    /// The boolean `true` as a field of a struct: the type is the value.
    pub const TRUE: u8 = 1;
    /// The boolean `false` as a field of a struct.
    pub const FALSE: u8 = 2;
    /// An integer of 8 bits.
    pub const I8: u8 = 3;
    /// An integer of 16 bits.
    pub const I16: u8 = 4;
    /// An integer of 32 bits.
    pub const I32: u8 = 5;
    /// An integer of 64 bits.
    pub const I64: u8 = 6;
    /// A double.
    pub const DOUBLE: u8 = 7;
    /// Bytes or text.
    pub const BINARY: u8 = 8;
    /// A list.
    pub const LIST: u8 = 9;
    /// A set.
    pub const SET: u8 = 10;
    /// A map.
    pub const MAP: u8 = 11;
    /// A struct.
    pub const STRUCT: u8 = 12;
    /// A UUID.
    pub const UUID: u8 = 13;
}
