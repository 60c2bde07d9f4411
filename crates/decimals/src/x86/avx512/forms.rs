//! Indexes for the permutation that makes a text.

use crate::x86::layout::{self, Floats, Piece};

/// The form of a null, NaN or infinity: the bytes of its tail.
pub(super) const WORD: usize = 127;

/// For each form of a text an index: which byte of its source each of its bytes is.
pub(super) struct Forms {
    without_lead: [[u8; 32]; 128],
    with_lead: [[u8; 32]; 128],
}

pub(super) static F64: Forms = Forms::of_floats(&layout::F64);
pub(super) static F32: Forms = Forms::of_floats(&layout::F32);
pub(super) static INTEGERS: Forms =
    Forms { without_lead: integer_rows(false), with_lead: integer_rows(true) };

/// The bytes of the tail of a float: the last digit, and constants.
pub(super) const fn tail(lead: u8) -> i64 {
    i64::from_le_bytes([b'0', b'.', b'0', b'-', lead, 0, 0, 0])
}

/// The bytes of the tail of an integer: the first 4 of its 20 digits, and constants.
pub(super) const fn integer_tail(lead: u8) -> i64 {
    i64::from_le_bytes([b'0', b'0', b'0', b'0', b'-', lead, 0, 0])
}

impl Forms {
    const fn of_floats(floats: &Floats) -> Self {
        Self { without_lead: float_rows(floats, false), with_lead: float_rows(floats, true) }
    }

    pub(super) fn with_lead(&'static self, lead: usize) -> &'static [[u8; 32]; 128] {
        if lead == 0 { &self.without_lead } else { &self.with_lead }
    }
}

const fn float_rows(floats: &Floats, lead: bool) -> [[u8; 32]; 128] {
    let mut rows = [word(); 128];
    let mut form = 0;
    while form < 4 * (floats.scientific() + 1) {
        rows[form] = index(&floats.pieces(form, lead), 16 - floats.digits);
        form += 1;
    }
    rows
}

const fn integer_rows(lead: bool) -> [[u8; 32]; 128] {
    let mut rows = [word(); 128];
    let mut form = 0;
    while form < 2 * (layout::INTEGER_DIGITS + 1) {
        rows[form] = integer_index(&layout::integer(form, lead));
        form += 1;
    }
    rows
}

/// The bytes of the tail.
const fn word() -> [u8; 32] {
    let mut row = [16; 32];
    let mut at = 0;
    while at < 8 {
        row[at] = 16 + at as u8;
        at += 1;
    }
    row
}

/// Positions in the source of a float, the digits of which begin at `first`.
const fn index(pieces: &[Piece; 32], first: usize) -> [u8; 32] {
    let mut row = [0; 32];
    let mut at = 0;
    while at < 32 {
        row[at] = match pieces[at] {
            Piece::Digit(digit) => position(first + digit),
            Piece::Last => 16,
            Piece::Point => 17,
            Piece::Zero => 18,
            Piece::Minus => 19,
            Piece::Lead => 20,
        };
        at += 1;
    }
    row
}

/// Positions in the source of an integer.
const fn integer_index(pieces: &[Piece; 32]) -> [u8; 32] {
    let mut row = [0; 32];
    let mut at = 0;
    while at < 32 {
        row[at] = match pieces[at] {
            Piece::Digit(digit) if digit < 4 => 16 + digit as u8,
            Piece::Digit(digit) => position(digit - 4),
            Piece::Minus => 20,
            Piece::Lead => 21,
            Piece::Last | Piece::Point | Piece::Zero => 16,
        };
        at += 1;
    }
    row
}

/// The position of one of 16 digits: first the tens, then the ones.
const fn position(digit: usize) -> u8 {
    (digit % 2 * 8 + digit / 2) as u8
}
