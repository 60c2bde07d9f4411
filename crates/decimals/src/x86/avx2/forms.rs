//! How texts are made from 16 digits.

use crate::x86::layout::{self, Floats, INTEGER_DIGITS, Piece};

/// How one form of a text is made: two permutations of the digits, and the other bytes.
#[repr(align(16))]
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) low: [u8; 16],
    pub(super) high: [u8; 16],
    pub(super) template_low: [u8; 16],
    pub(super) template_high: [u8; 16],
    /// The position of the last digit.
    pub(super) last: u8,
}

pub(super) static F64: [Form; 128] = floats(&layout::F64);
pub(super) static F32: [Form; 128] = floats(&layout::F32);
pub(super) static INTEGERS: [Form; 128] = integers();

/// A byte that a permutation fills with zeros.
const NO_DIGIT: u8 = 0x80;
/// A text without digits.
const EMPTY: Form = form(&[Piece::Zero; 32], 0);

const fn floats(floats: &Floats) -> [Form; 128] {
    let mut forms = [EMPTY; 128];
    let mut at = 0;
    while at < 4 * (floats.scientific() + 1) {
        forms[at] = form(&floats.pieces(at, false), 16 - floats.digits);
        at += 1;
    }
    forms
}

const fn integers() -> [Form; 128] {
    let mut forms = [EMPTY; 128];
    let mut at = 0;
    while at < 2 * (16 + 1) {
        // Only the last 16 of the digits that an integer can have.
        forms[at] = form(&layout::integer(at, false), 16_usize.wrapping_sub(INTEGER_DIGITS));
        at += 1;
    }
    forms
}

/// The form of a text whose first digit is the digit `first` of 16.
const fn form(pieces: &[Piece; 32], first: usize) -> Form {
    let mut index = [[NO_DIGIT; 16]; 2];
    let mut template = [[0; 16]; 2];
    // For integers the last digit is written after their end.
    let mut last = 31;
    let mut at = 0;
    while at < 32 {
        let (half, position) = (at / 16, at % 16);
        match pieces[at] {
            Piece::Digit(digit) => index[half][position] = digit.wrapping_add(first) as u8,
            Piece::Last => last = at as u8,
            Piece::Point => template[half][position] = b'.',
            Piece::Zero => template[half][position] = b'0',
            Piece::Minus => template[half][position] = b'-',
            Piece::Lead => {}
        }
        at += 1;
    }
    let [low, high] = index;
    let [template_low, template_high] = template;
    Form { low, high, template_low, template_high, last }
}
