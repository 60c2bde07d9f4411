//! Formats numbers for terminals.

/// Formats a float with this number of significant digits, without trailing zeros. Very small and very
/// large numbers get an exponent; integers below 10^15 keep all their digits.
pub(crate) fn rounded(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-5..15).contains(&exponent) {
        return format!("{}e{exponent}", without_zeros(mantissa));
    }
    let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
    without_zeros(&format!("{value:.decimals$}")).to_owned()
}

/// Removes zeros at the end of a fraction.
fn without_zeros(number: &str) -> &str {
    match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    }
}

/// A number with commas between groups of three digits.
pub(crate) fn grouped(number: u64) -> String {
    grouped_by(',', number)
}

/// A number with a separator between groups of three digits.
pub(crate) fn grouped_by(sign: char, number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(sign);
        }
        text.push(digit);
    }
    text
}

/// A size in bytes with three digits and a decimal unit.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    // 999.95 would be rounded to 1000.0.
    while value >= 999.5 {
        let Some(next) = units.next() else { break };
        value /= 1000.0;
        unit = next;
    }
    let decimals = match value {
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_rounded_to_what_a_person_reads() {
        for (value, text) in [
            (0.1 + 0.2, "0.3"),
            (266.416_816_666_667, "266.41682"),
            (-29.007_824_97, "-29.007825"),
            (59_000.123_456_789, "59000.123"),
            (123_456_789_012.0, "123456789012"),
            (1e15, "1e15"),
            (-1.5e-7, "-1.5e-7"),
            (0.000_012_5, "0.0000125"),
            (99_999_999.9, "100000000"),
            (f64::MAX, "1.7976931e308"),
            (f64::MIN_POSITIVE, "2.2250739e-308"),
            (-0.0, "-0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(rounded(value, 8), text);
        }
        assert_eq!(rounded(f64::from(0.45_f32), 7), "0.45");
    }

    #[test]
    fn sizes_have_three_digits() {
        for (count, text) in [
            (999, "999 B"),
            (1000, "1.00 kB"),
            (9_996, "10.0 kB"),
            (99_960, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped_by('\u{202f}', 1000), "1\u{202f}000");
    }
}
