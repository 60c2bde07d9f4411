//! Wrong numbers in the summary, and losses that are not counted.

use std::borrow::Cow;

use taploom_format::{CellLosses, Datatype, Extent};

use super::{Fault, Planted, planted};
use crate::cells::Cell;
use crate::encoder::PlantedEncoder;

const DATA: &str = "data_bytes_are_those_of_the_rows";
const CUT: &str = "cells_that_were_cut_are_counted";
const ALTERED: &str = "cells_that_were_altered_are_counted";

pub(super) const FAULTS: &[Planted] = &[
    planted(Fault::DataBytesNothing, "says 0 data_bytes", DATA, "no bytes for"),
    planted(Fault::DataBytesAll, "counts header and trailer as data_bytes", DATA, "data_bytes"),
    planted(
        Fault::DataBytesOfLastBatch,
        "counts the last rows alone as data_bytes",
        DATA,
        "too little",
    ),
    planted(
        Fault::DataBytesTooMany,
        "says more data_bytes than it wrote",
        "every_table_reads_back",
        "in all",
    ),
    planted(
        Fault::AlteredNotCounted,
        "replaces characters, and counts no cell",
        ALTERED,
        "altered cells of column",
    ),
    planted(
        Fault::AlteredCharactersCounted,
        "counts the characters that it replaces, not the cells",
        ALTERED,
        "altered cells of column",
    ),
    planted(Fault::TruncatedNotCounted, "cuts texts, and counts no cell", CUT, "truncated cells"),
    planted(Fault::TruncatedTwice, "counts a cell that it cuts twice", CUT, "truncated cells"),
    planted(
        Fault::LossesInNextColumn,
        "counts losses for the column after the one that has them",
        ALTERED,
        "column",
    ),
    planted(
        Fault::CutSilentlyBelowSize,
        "cuts texts one character earlier than it has to",
        "every_table_reads_back",
        "read",
    ),
];

pub(crate) fn data_bytes(encoder: &PlantedEncoder, trailer: u64) -> u64 {
    let data = encoder.gathered.data_bytes;
    match encoder.layout.fault {
        Fault::DataBytesNothing => 0,
        Fault::DataBytesAll if data > 0 => data + encoder.header_bytes + trailer,
        Fault::DataBytesOfLastBatch if data > 0 => 1 + data % 1_000,
        Fault::DataBytesTooMany => data + encoder.header_bytes + trailer + 1,
        _ => data,
    }
}

pub(crate) fn losses(fault: Fault, losses: &[CellLosses]) -> Vec<CellLosses> {
    let mut losses = losses.to_vec();
    match fault {
        Fault::AlteredNotCounted => losses.iter_mut().for_each(|column| column.altered = 0),
        Fault::TruncatedNotCounted => losses.iter_mut().for_each(|column| column.truncated = 0),
        Fault::TruncatedTwice => losses.iter_mut().for_each(|column| column.truncated *= 2),
        Fault::LossesInNextColumn => losses.rotate_right(1),
        _ => {}
    }
    losses
}

/// The text in the characters that `char` allows.
pub(crate) fn ascii<'a>(cell: &mut Cell<'_>, text: &'a str) -> Cow<'a, str> {
    if cell.column.vo_type.datatype != Datatype::Char || text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let replaced = text.chars().filter(|c| !c.is_ascii()).count() as u64;
    cell.losses.altered += match cell.fault {
        Fault::AlteredCharactersCounted => replaced,
        _ => 1,
    };
    Cow::Owned(text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect())
}

/// The text cut to the arraysize, which counts bytes for `char` and UTF-16 units for `unicodeChar`.
pub(crate) fn cut<'a>(cell: &mut Cell<'_>, text: &'a str) -> Cow<'a, str> {
    let vo_type = &cell.column.vo_type;
    let Some(shape) = &vo_type.arraysize else { return Cow::Borrowed(text) };
    let most = match (shape.inner().first().copied(), shape.last()) {
        (Some(most), _) | (None, Extent::Fixed(most) | Extent::Bounded(most)) => most as usize,
        (None, Extent::Free) => return Cow::Borrowed(text),
    };
    let most = match cell.fault {
        Fault::CutSilentlyBelowSize => most - 1,
        _ => most,
    };
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += if vo_type.datatype == Datatype::Char { c.len_utf8() } else { c.len_utf16() };
        units > most
    });
    let Some((end, _)) = end else { return Cow::Borrowed(text) };
    if cell.fault != Fault::CutSilentlyBelowSize {
        cell.losses.truncated += 1;
    }
    Cow::Owned(text[..end].to_owned())
}
