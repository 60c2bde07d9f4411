//! Every kernel against zmij and the standard library.
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "../examples/random/mod.rs"]
mod random;

use random::Random;
use taploom_decimals::{Decimals, Kernel, Number, Rows, Validity, Values, Words};

const WORDS: Words<'_> = Words { null: "", nan: "NaN", infinity: "inf", negative_infinity: "-inf" };

/// A type with an independent text.
trait Expected: Number {
    fn expected(self, words: &Words<'_>) -> String;
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl Expected for $integer {
            fn expected(self, _: &Words<'_>) -> String {
                self.to_string()
            }
        }
    )*};
}

integers! { i8 u8 i16 u16 i32 u32 i64 u64 }

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl Expected for $float {
            fn expected(self, words: &Words<'_>) -> String {
                match self {
                    value if value.is_nan() => words.nan.to_owned(),
                    <$float>::INFINITY => words.infinity.to_owned(),
                    <$float>::NEG_INFINITY => words.negative_infinity.to_owned(),
                    value => zmij::Buffer::new().format_finite(value).to_owned(),
                }
            }
        }
    )*};
}

floats! { f32 f64 }

/// Compares every kernel's text of these values, one after the other and in rows.
fn check<N: Expected>(values: &[N]) {
    let expected: Vec<String> = values.iter().map(|value| value.expected(&WORDS)).collect();
    for kernel in Kernel::available() {
        let decimals = Decimals::with_kernel(WORDS, kernel).unwrap();
        let (mut text, mut ends) = (b"before".to_vec(), vec![6]);
        decimals.append(Values::new(values), &mut text, &mut ends);
        assert_eq!(ends.len(), values.len() + 1);
        assert_eq!(*ends.last().unwrap(), text.len());
        for (at, expected) in expected.iter().enumerate() {
            let written = text.get(ends[at]..ends[at + 1]).map(String::from_utf8_lossy);
            assert_eq!(written.as_deref(), Some(expected.as_str()), "{kernel:?}, value {at}");
        }
        let mut rows = Rows::default();
        rows.start(values.len(), 32);
        decimals.append_to_rows(Values::new(values), b",", &mut rows);
        for (row, (text, expected)) in rows.iter().zip(&expected).enumerate() {
            let text = String::from_utf8_lossy(text);
            assert_eq!(text.strip_prefix(','), Some(expected.as_str()), "{kernel:?}, row {row}");
        }
    }
}

/// Checks values in this order, and in one where neighbours are far from each other.
fn check_mixed<N: Expected>(mut values: Vec<N>, random: &mut Random) {
    check(&values);
    for at in (1..values.len()).rev() {
        values.swap(at, (random.bits() % (at as u64 + 1)) as usize);
    }
    check(&values);
}

fn f64s_at_the_edge() -> Vec<f64> {
    let mut bits: Vec<u64> = vec![0, 1, 2, 3];
    for exponent in 0..2047_u64 {
        bits.extend(
            [0, 1, 2, 3, 1 << 51, (1 << 52) - 2, (1 << 52) - 1].map(|low| exponent << 52 | low),
        );
    }
    for exponent in -340..310 {
        for digits in
            ["1", "2", "5", "9", "25", "125", "9.5", "9999999999999999", "12345678901234567"]
        {
            let value: f64 = format!("{digits}e{exponent}").parse().unwrap();
            bits.extend((0..5).map(|step| (value.to_bits() + 2).saturating_sub(step)));
        }
    }
    for whole in
        [1_u64 << 52, 1 << 53, 1 << 54, 1 << 63, 1_000_000_000_000_000, 10_000_000_000_000_000]
    {
        bits.extend((0..64).map(|step| ((whole + step - 32) as f64).to_bits()));
        // Halfway between two decimals of 16 or 17 digits.
        bits.extend((0..64).map(|step| ((whole / 8 + step) as f64 + 0.5).to_bits()));
        bits.extend((0..64).map(|step| ((whole / 16 + step) as f64 + 0.25).to_bits()));
    }
    bits.extend((0..3000).map(|whole| f64::from(whole).to_bits()));
    let signs = bits.into_iter().flat_map(|bits| [bits, bits | 1 << 63]);
    signs
        .map(f64::from_bits)
        .chain([f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY])
        .collect()
}

#[test]
fn f64s_at_the_edge_have_the_text_of_zmij() {
    check_mixed(f64s_at_the_edge(), &mut Random(1));
}

#[test]
fn random_f64s_have_the_text_of_zmij() {
    let mut random = Random(2);
    check_kinds(
        &mut random,
        &[
            |random| f64::from_bits(random.bits()),
            |random| (random.unit() - 0.5) * 2e4,
            Random::unit,
            |random| (random.unit() * 1e6).round() / 100.0,
            |random| (random.bits() % 200_000) as f64,
            |random| if random.bits() & 1 == 0 { 0.0 } else { random.unit() },
            |random| (random.bits() >> (random.bits() % 64)) as f64,
            |random| 10_f64.powf(random.unit() * 50.0 - 25.0),
            |random| f64::from(random.unit() as f32),
            |random| f64::from_bits(random.bits() >> 12),
        ],
    );
}

/// Checks columns of each kind, and one in which the kinds take turns.
fn check_kinds<N: Expected>(random: &mut Random, kinds: &[fn(&mut Random) -> N]) {
    for kind in kinds {
        check(&(0..12_000).map(|_| kind(random)).collect::<Vec<_>>());
    }
    check(&kinds.iter().cycle().take(12_000).map(|kind| kind(random)).collect::<Vec<_>>());
}

#[test]
fn f32s_at_the_edge_have_the_text_of_zmij() {
    let mut bits: Vec<u32> = vec![0, 1, 2, 3];
    for exponent in 0..255_u32 {
        bits.extend(
            [0, 1, 2, 3, 1 << 22, (1 << 23) - 2, (1 << 23) - 1].map(|low| exponent << 23 | low),
        );
        bits.extend((0..60).map(|step| exponent << 23 | (step * 139_810)));
    }
    for exponent in -50..40 {
        for digits in ["1", "2", "5", "9", "25", "125", "9.5", "9999999", "12345678", "123456789"] {
            let value: f32 = format!("{digits}e{exponent}").parse().unwrap();
            bits.extend((0..5).map(|step| (value.to_bits() + 2).saturating_sub(step)));
        }
    }
    for whole in [1_u32 << 23, 1 << 24, 1 << 25, 1_000_000, 10_000_000] {
        bits.extend((0..64).map(|step| ((whole + step - 32) as f32).to_bits()));
        bits.extend((0..64).map(|step| ((whole / 8 + step) as f32 + 0.5).to_bits()));
        bits.extend((0..64).map(|step| ((whole / 16 + step) as f32 + 0.25).to_bits()));
    }
    bits.extend((0..3000_u16).map(|whole| f32::from(whole).to_bits()));
    let signs = bits.into_iter().flat_map(|bits| [bits, bits | 1 << 31]);
    let special = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    check_mixed(signs.map(f32::from_bits).chain(special).collect(), &mut Random(4));
}

#[test]
fn random_f32s_have_the_text_of_zmij() {
    check_kinds(
        &mut Random(5),
        &[
            |random| f32::from_bits(random.bits() as u32),
            |random| f32::from_bits(random.bits() as u32),
            |random| (random.unit() as f32 - 0.5) * 2e4,
            |random| random.unit() as f32,
            |random| (random.unit() * 1e6).round() as f32 / 100.0,
            |random| (random.bits() % 200_000) as f32,
            |random| if random.bits() & 1 == 0 { 0.0 } else { random.unit() as f32 },
            |random| 10_f32.powf(random.unit() as f32 * 30.0 - 15.0),
            |random| f32::from_bits(random.bits() as u32 >> 10),
        ],
    );
}

/// All numbers of 16 bits, and numbers near powers of two and ten, cut to the type.
#[test]
fn integers_have_the_text_of_the_standard_library() {
    let mut values: Vec<u64> = (0..=65_536).collect();
    let powers = (0..64).map(|power| 1_u64 << power).chain((0..20).map(|power| 10_u64.pow(power)));
    for power in powers {
        for factor in 1..=9 {
            let near = |step: u64| power.wrapping_mul(factor).wrapping_add(step).wrapping_sub(2);
            values.extend((0..5).map(near));
        }
    }
    let mut random = Random(6);
    values.extend((0..12_000).map(|_| random.bits() >> (random.bits() % 64)));
    values.extend(values.clone().into_iter().map(u64::wrapping_neg));
    fn cut<N: Expected>(values: &[u64], cut: fn(u64) -> N, random: &mut Random) {
        check_mixed(values.iter().copied().map(cut).collect(), random);
    }
    cut(&values, |value| value as i8, &mut random);
    cut(&values, |value| value as u8, &mut random);
    cut(&values, |value| value as i16, &mut random);
    cut(&values, |value| value as u16, &mut random);
    cut(&values, |value| value as i32, &mut random);
    cut(&values, |value| value as u32, &mut random);
    cut(&values, |value| value as i64, &mut random);
    cut(&values, |value| value, &mut random);
}

const LONG_WORDS: Words<'_> = Words {
    null: "nothing at all is known about this value",
    nan: "\"NaN\"",
    infinity: "\"Infinity\"",
    negative_infinity: "\"-Infinity\"",
};
const LONG_INFINITIES: Words<'_> = Words { null: "null", ..LONG_WORDS };
const EIGHT_BYTES: Words<'_> = Words { null: "12345678", ..WORDS };
const SEVEN_BYTES: Words<'_> = Words { null: "1234567", ..WORDS };

/// Compares every kernel's columns and rows of these values with nulls.
fn check_cells<N: Expected>(
    values: &[N],
    validity: Option<Validity<'_>>,
    words: Words<'_>,
    before: &str,
) {
    let valid = |at: usize| match validity {
        Some(Validity { bits, offset }) => {
            bits.get((offset + at) / 8).is_some_and(|byte| byte >> ((offset + at) % 8) & 1 == 1)
        }
        None => true,
    };
    let expected: Vec<String> = (values.iter().enumerate())
        .map(|(at, value)| if valid(at) { value.expected(&words) } else { words.null.to_owned() })
        .collect();
    let column = match validity {
        Some(validity) => Values::new(values).with_validity(validity),
        None => Values::new(values),
    };
    for kernel in Kernel::available() {
        let decimals = Decimals::with_kernel(words, kernel).unwrap();
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        decimals.append(column, &mut text, &mut ends);
        assert_eq!(String::from_utf8(text).unwrap(), expected.concat(), "{kernel:?}");
        let sums = expected.iter().scan(0, |sum, text| {
            *sum += text.len();
            Some(*sum)
        });
        assert_eq!(ends, sums.collect::<Vec<_>>(), "{kernel:?}");

        // Rows of different lengths; one row has no value.
        let mut rows = Rows::default();
        rows.start(values.len() + 1, 32);
        for (row, text) in expected.iter().enumerate() {
            rows.append(row, &text.repeat(row % 3).into_bytes());
        }
        for _ in 0..3 {
            decimals.append_to_rows(column, before.as_bytes(), &mut rows);
        }
        assert_eq!(rows.len(), values.len() + 1);
        for (row, text) in rows.iter().enumerate() {
            let expected = expected.get(row).map_or(String::new(), |expected| {
                expected.repeat(row % 3) + &format!("{before}{expected}").repeat(3)
            });
            assert_eq!(String::from_utf8_lossy(text), expected, "{kernel:?}, row {row}");
        }
    }
}

/// Values of all lengths and notations, with all that has no digits.
fn mixed_f64s(count: usize) -> Vec<f64> {
    let all = [
        0.5,
        -123.25,
        f64::NAN,
        1e300,
        7.0,
        -0.0,
        f64::INFINITY,
        5e-324,
        -1.7976931348623157e308,
        0.1 + 0.2,
        f64::NEG_INFINITY,
        9007199254740993.0,
        -0.000012345678901234567,
        1e15,
        2_f64.powi(-60),
        3e-7,
    ];
    all.into_iter().cycle().take(count).collect()
}

fn mixed_i64s(count: usize) -> Vec<i64> {
    let all =
        [0, -1, i64::MIN, 7, 123_456, i64::MAX, -9_999_999_999_999_999, 10_000_000_000_000_000];
    all.into_iter().cycle().take(count).collect()
}

#[test]
fn columns_of_every_length_and_rows() {
    for count in 0..=70 {
        check_cells(&mixed_f64s(count), None, WORDS, ",");
        check_cells(&vec![1.5; count], None, WORDS, "");
        check_cells(&mixed_i64s(count), None, WORDS, ",");
        let floats: Vec<f32> = mixed_f64s(count).iter().map(|value| *value as f32).collect();
        check_cells(&floats, None, WORDS, ",");
        check_cells(&floats, None, WORDS, "");
    }
    for before in ["", ",", "</TD><TD>", &"long ".repeat(9)] {
        for words in [WORDS, LONG_WORDS, LONG_INFINITIES, EIGHT_BYTES, SEVEN_BYTES] {
            check_cells(&mixed_f64s(70), None, words, before);
            check_cells(&mixed_i64s(70), None, words, before);
        }
    }
}

#[test]
fn every_pattern_of_nulls() {
    for pattern in 0..=255_u8 {
        for words in [WORDS, LONG_WORDS, LONG_INFINITIES, EIGHT_BYTES, SEVEN_BYTES] {
            let bits = [pattern, !pattern, 0xa5];
            check_cells(&mixed_f64s(24), Some(Validity { bits: &bits, offset: 0 }), words, ",");
            check_cells(&mixed_i64s(24), Some(Validity { bits: &bits, offset: 0 }), words, ",");
            check_cells(&[0.25_f32; 8], Some(Validity { bits: &bits, offset: 0 }), words, ",");
        }
    }
    let mut random = Random(3);
    let bits: Vec<u8> = (0..8).map(|_| random.bits() as u8).collect();
    for offset in 0..=70 {
        // The bitmap ends before the last values.
        check_cells(&mixed_f64s(60), Some(Validity { bits: &bits, offset }), WORDS, ",");
        check_cells(
            &mixed_f64s(offset),
            Some(Validity { bits: &bits, offset: 70 - offset }),
            WORDS,
            ",",
        );
    }
}
