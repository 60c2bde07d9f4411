//! Parses numbers in text.

use std::str::FromStr;

use atoi_simd::Parse;
use fast_float2::FastFloat;

pub(super) fn integer<I: Parse + FromStr>(text: &str) -> Option<I> {
    // The standard library's parser takes twice as long, and accepts a plus sign and any number of leading zeros.
    let fast = atoi_simd::parse::<I, false, false>(text.as_bytes()).ok();
    fast.or_else(|| text.parse().ok())
}

/// Parses decimals, and `NaN`, `Infinity` and `inf` in any case and with any sign. A number that is out of
/// range is an error instead of an infinity.
pub(super) fn float<F: FastFloat + Into<f64> + Copy>(text: &str) -> Option<F> {
    let value = fast_float2::parse::<F, _>(text).ok()?;
    let is_word = || text.contains(['n', 'N']);
    (!value.into().is_infinite() || is_word()).then_some(value)
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use proptest::prelude::*;

    use super::*;

    /// As the standard library parses it.
    fn plain<I: FromStr>(text: &str) -> Option<I> {
        text.parse().ok()
    }

    fn integers<I: Parse + FromStr + PartialEq + Debug>(text: &str) -> Result<(), TestCaseError> {
        prop_assert_eq!(integer::<I>(text), plain::<I>(text), "{:?}", text);
        Ok(())
    }

    fn floats<F: FastFloat + FromStr + Into<f64> + Copy>(text: &str) -> Result<(), TestCaseError> {
        let expected = plain::<F>(text).map(Into::into);
        let is_out_of_range = expected.is_some_and(f64::is_infinite) && !text.contains(['n', 'N']);
        let expected = expected.filter(|_| !is_out_of_range).map(f64::to_bits);
        prop_assert_eq!(
            float::<F>(text).map(|value| value.into().to_bits()),
            expected,
            "{:?}",
            text
        );
        Ok(())
    }

    fn number() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<f64>().prop_map(|value| value.to_string()),
            any::<f64>().prop_map(|value| format!("{value:e}")),
            any::<f32>().prop_map(|value| format!("{value:.3}")),
            any::<i64>().prop_map(|value| value.to_string()),
            any::<i16>().prop_map(|value| value.to_string()),
            (any::<i32>(), 0..1_000_000_000_u32, -330..330)
                .prop_map(|(whole, part, exponent)| { format!("{whole}.{part}E{exponent}") }),
            "[+-]?0{0,30}[0-9]{0,30}",
            "[-+.eE0-9 ]{0,8}",
            "[-+]?[0-9]{0,25}[.]?[0-9]{0,25}(e[-+]?[0-9]{0,4})?",
            "[-+]?(nan|NaN|inf|INFINITY|Infinity|infinit|in|na)[ n]?",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
        cases: 2000,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

        #[test]
        fn numbers_are_those_of_the_standard_library(text in number()) {
            integers::<i64>(&text)?;
            integers::<i32>(&text)?;
            integers::<i16>(&text)?;
            integers::<i8>(&text)?;
            integers::<u64>(&text)?;
            integers::<u32>(&text)?;
            integers::<u16>(&text)?;
            integers::<u8>(&text)?;
            floats::<f64>(&text)?;
            floats::<f32>(&text)?;
        }
    }
}
