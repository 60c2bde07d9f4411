//! Powers of ten for the binary exponents of floats, and the text of decimal exponents.
//!
//! A float x of the binary exponent e is scaled to an integral part of 15 or 16 digits (f32: 6 to 8) and a fraction:
//! x · 10^(323 - k) for the k of [`scale`]. The tables hold the power that belongs to each e, as zmij has it: its first
//! 128 bits, rounded down (f32: its first 64 bits, plus 1).

const LIMBS: usize = 14;

/// A table by rows, for exponents that are far from each other, and the first three columns of the same table.
pub(crate) struct Table<const ROWS: usize> {
    pub(crate) rows: [[u64; 4]; ROWS],
    pub(crate) columns: [[u64; ROWS]; 3],
}

impl<const ROWS: usize> Table<ROWS> {
    const fn new(rows: [[u64; 4]; ROWS]) -> Self {
        let mut columns = [[0; ROWS]; 3];
        let mut row = 0;
        while row < ROWS {
            columns[0][row] = rows[row][0];
            columns[1][row] = rows[row][1];
            columns[2][row] = rows[row][2];
            row += 1;
        }
        Self { rows, columns }
    }
}

/// Rows for the 11 bits of the exponent of an f64: three limbs of 52 bits, lowest first, of the power of ten times
/// 2^(shift + 20).
pub(crate) static F64: Table<2048> = Table::new(f64_rows());

/// Rows for the 8 bits of the exponent of an f32: two limbs of 52 bits, lowest first, of the power of ten times
/// 2^shift; and half of the distance between two floats, where an integral part of 1 is 2^34.
pub(crate) static F32: Table<256> = Table::new(f32_rows());

/// Rows for the exponent of an f64, for products of 64 bits: the upper and the lower half of the power of ten, half of
/// the distance between two floats, where an integral part of 1 is 2^64, and the shift of the significand.
pub(crate) static F64_HALVES: [[u64; 4]; 2048] = {
    let powers = powers();
    let mut rows = [[0; 4]; 2048];
    let mut e = 0;
    while e < 2048 {
        let (k, shift) = scale(e);
        let (high, low) = ((powers[k] >> 64) as u64, powers[k] as u64);
        rows[e] = [high, low, high >> (7 - shift), shift as u64];
        e += 1;
    }
    rows
};

/// Rows for the exponent of an f32, for products of 64 bits: the power of ten, half of the distance between two floats,
/// where an integral part of 1 is 2^34, and the shift of the significand.
pub(crate) static F32_HALVES: [[u64; 4]; 256] = {
    let powers = powers();
    let mut rows = [[0; 4]; 256];
    let mut e = 0;
    while e < 256 {
        let (k, shift) = scale(e + 925);
        let high = (powers[k] >> 64) as u64;
        rows[e] = [high + 1, 0, high >> (37 - shift), shift as u64 + 28];
        e += 1;
    }
    rows
};

/// The text of decimal exponents for scientific notation, in rows of 8 bytes: `e-5`, for example, in row
/// `EXPONENT_ZERO - 5`.
pub(crate) static EXPONENTS: [[u8; 8]; 1024] = exponents();

/// The row of the exponent 0 in [`EXPONENTS`].
pub(crate) const EXPONENT_ZERO: i64 = 512;

/// For an exponent e of an f64: the decimal exponent plus 324, and the bits that its product has to be shifted by.
const fn scale(e: usize) -> (usize, u32) {
    let k = (315_653 * e + 411_649) >> 20;
    (k, (((e << 16) + 326_913 - 217_707 * k) >> 16) as u32)
}

const fn f64_rows() -> [[u64; 4]; 2048] {
    let powers = powers();
    let mut rows = [[0; 4]; 2048];
    let mut e = 0;
    while e < 2048 {
        let (k, shift) = scale(e);
        let power = powers[k];
        let by = shift + 20;
        let low_bits = (1 << 52) - 1;
        rows[e][0] = (power << by) as u64 & low_bits;
        rows[e][1] = (power >> (52 - by)) as u64 & low_bits;
        rows[e][2] = (power >> (104 - by)) as u64;
        e += 1;
    }
    rows
}

const fn f32_rows() -> [[u64; 4]; 256] {
    let powers = powers();
    let mut rows = [[0; 4]; 256];
    let mut e = 0;
    while e < 256 {
        let (k, shift) = scale(e + 925);
        let power = (powers[k] >> 64) + 1;
        rows[e][0] = (power << shift) as u64 & ((1 << 52) - 1);
        rows[e][1] = (power >> (52 - shift)) as u64;
        rows[e][2] = (power - 1) as u64 >> (37 - shift);
        e += 1;
    }
    rows
}

/// The first 128 bits of 10^(323 - k) for each k, rounded down.
const fn powers() -> [u128; 617] {
    let mut powers = [0; 617];
    // A power of ten has the bits of the power of five.
    let mut five = [0; LIMBS];
    five[0] = 1;
    let mut k = 323;
    loop {
        powers[k] = first_bits(&five);
        if k == 0 {
            break;
        }
        let mut limb = 0;
        let mut carry = 0;
        while limb < LIMBS {
            let product = five[limb] as u128 * 5 + carry;
            five[limb] = product as u64;
            carry = product >> 64;
            limb += 1;
        }
        k -= 1;
    }
    // Quotients of a large power of two: dividing what was rounded down rounds the whole quotient down.
    let mut fifth = [0; LIMBS];
    fifth[LIMBS - 1] = 1 << 63;
    k = 324;
    while k < 617 {
        let mut limb = LIMBS;
        let mut rest = 0;
        while limb > 0 {
            limb -= 1;
            let dividend = (rest << 64) | fifth[limb] as u128;
            fifth[limb] = (dividend / 5) as u64;
            rest = dividend % 5;
        }
        powers[k] = first_bits(&fifth);
        k += 1;
    }
    powers
}

/// The first 128 bits of a number that is not 0, from its highest set bit.
const fn first_bits(limbs: &[u64; LIMBS]) -> u128 {
    let mut top = LIMBS - 1;
    while limbs[top] == 0 {
        top -= 1;
    }
    let second = if top >= 1 { limbs[top - 1] } else { 0 };
    let third = if top >= 2 { limbs[top - 2] } else { 0 };
    let shift = limbs[top].leading_zeros();
    let bits = ((limbs[top] as u128) << 64) | second as u128;
    if shift == 0 { bits } else { (bits << shift) | (third >> (64 - shift)) as u128 }
}

const fn exponents() -> [[u8; 8]; 1024] {
    let mut rows = [[0; 8]; 1024];
    let mut row = 0;
    while row < 1024 {
        let exponent = row as i64 - EXPONENT_ZERO;
        let (sign, size) = if exponent < 0 { (b'-', -exponent) } else { (b'+', exponent) };
        rows[row][0] = b'e';
        rows[row][1] = sign;
        let mut at = 2;
        let mut unit = if size >= 100 {
            100
        } else if size >= 10 {
            10
        } else {
            1
        };
        while unit > 0 {
            rows[row][at] = b'0' + (size / unit % 10) as u8;
            at += 1;
            unit /= 10;
        }
        row += 1;
    }
    rows
}
