//! Where the digits of a number stand in its text, for each of the forms that a text can have.

/// What a text consists of: each of its bytes is one of these.
#[derive(Clone, Copy)]
pub(crate) enum Piece {
    /// A digit of the significand, the first of them 0.
    Digit(usize),
    /// The last digit of the significand, which has a place of its own.
    Last,
    Point,
    Zero,
    Minus,
    /// The byte before the cell.
    Lead,
}

/// The texts of a float type: its significand has `digits` digits, the first of which may be 0, and a last digit.
/// A decimal exponent (that of the first digit) from `least` to `greatest` is written out.
pub(crate) struct Floats {
    pub(crate) digits: usize,
    pub(crate) least: i64,
    pub(crate) greatest: i64,
}

pub(crate) const F64: Floats = Floats { digits: 16, least: -5, greatest: 15 };
pub(crate) const F32: Floats = Floats { digits: 8, least: -6, greatest: 12 };

impl Floats {
    /// The number of exponents that are written out, which is also the class of the numbers in scientific notation.
    pub(crate) const fn scientific(&self) -> usize {
        (self.greatest - self.least + 1) as usize
    }

    /// The pieces of the text of one form. A form is four times the class (the exponent minus `least`), plus 2 if the
    /// first digit is not 0, plus 1 if the number is negative.
    pub(crate) const fn pieces(&self, form: usize, lead: bool) -> [Piece; 32] {
        let (class, full, negative) = (form / 4, form / 2 % 2 == 1, form % 2 == 1);
        let (mut pieces, mut at) = beginning(lead, negative);
        // Digits before the point; scientific notation has one.
        let mut before_point =
            if class >= self.scientific() { 1 } else { class as i64 + self.least + 1 };
        if before_point <= 0 {
            // Zeros before the first digit, with the point after the first of them.
            pieces[at + 1] = Piece::Point;
            at += (2 - before_point) as usize;
            before_point = -1;
        }
        let mut digit = if full { 0 } else { 1 };
        let mut written = 0;
        while written < 32 && at < 32 {
            if written == before_point {
                pieces[at] = Piece::Point;
                at += 1;
                before_point = -1;
                continue;
            }
            if digit < self.digits {
                pieces[at] = Piece::Digit(digit);
            } else if digit == self.digits {
                pieces[at] = Piece::Last;
            }
            digit += 1;
            written += 1;
            at += 1;
        }
        pieces
    }
}

/// Pieces that begin a text, and their number.
const fn beginning(lead: bool, negative: bool) -> ([Piece; 32], usize) {
    let mut pieces = [Piece::Zero; 32];
    let mut at = 0;
    if lead {
        pieces[at] = Piece::Lead;
        at += 1;
    }
    if negative {
        pieces[at] = Piece::Minus;
        at += 1;
    }
    (pieces, at)
}

/// The most digits that an integer has.
pub(crate) const INTEGER_DIGITS: usize = 20;

/// The pieces of the text of an integer: the last ones of 20 digits. A form is two times the number of digits, plus 1
/// if the number is negative.
pub(crate) const fn integer(form: usize, lead: bool) -> [Piece; 32] {
    let (digits, negative) = (form / 2, form % 2 == 1);
    let (mut pieces, mut at) = beginning(lead, negative);
    let mut digit = INTEGER_DIGITS - digits;
    while digit < INTEGER_DIGITS {
        pieces[at] = Piece::Digit(digit);
        at += 1;
        digit += 1;
    }
    pieces
}
