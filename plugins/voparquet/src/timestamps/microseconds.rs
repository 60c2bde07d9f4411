//! Timestamps, dates and text as microseconds since 1970.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::timezone::Tz;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, PrimitiveArray};
use arrow_cast::cast;
use arrow_cast::parse::string_to_datetime;
use arrow_schema::{DataType, TimeUnit};

/// A cell that can't be counted in microseconds.
pub(super) struct Uncountable {
    pub(super) index: usize,
    pub(super) why: &'static str,
}

const TOO_FINE: &str = "it is finer than a microsecond";
const TOO_FAR: &str = "it is too far from 1970";

/// The cells of a column as microseconds since 1970.
pub(super) fn micros(array: &ArrayRef) -> Result<PrimitiveArray<Int64Type>, Uncountable> {
    let broken = |_| Uncountable { index: 0, why: "its type can't be converted" };
    let per_day = 86_400_000_000;
    match array.data_type() {
        DataType::Dictionary(_, _) | DataType::RunEndEncoded(_, _) => {
            micros(&cast(array, plain(array.data_type())).map_err(broken)?)
        }
        DataType::Timestamp(unit, _) => {
            let ticks = cast(array, &DataType::Int64).map_err(broken)?;
            let ticks = ticks.as_primitive();
            match unit {
                TimeUnit::Second => scaled(ticks, 1_000_000),
                TimeUnit::Millisecond => scaled(ticks, 1_000),
                TimeUnit::Microsecond => Ok(ticks.clone()),
                TimeUnit::Nanosecond => each(ticks, |nanos| match nanos % 1_000 {
                    0 => Ok(nanos / 1_000),
                    _ => Err(TOO_FINE),
                }),
            }
        }
        DataType::Date32 => {
            let days = cast(array, &DataType::Int32).and_then(|days| cast(&days, &DataType::Int64));
            scaled(days.map_err(broken)?.as_primitive(), per_day)
        }
        DataType::Date64 => {
            let millis = cast(array, &DataType::Int64).map_err(broken)?;
            scaled(millis.as_primitive(), 1_000)
        }
        _ => {
            let texts = cast(array, &DataType::Utf8).map_err(broken)?;
            let texts = texts.as_string::<i32>();
            let counts = texts.iter().enumerate().map(|(index, text)| {
                text.map(|text| parsed(text).map_err(|why| Uncountable { index, why })).transpose()
            });
            counts.collect()
        }
    }
}

fn scaled(
    ticks: &PrimitiveArray<Int64Type>,
    factor: i64,
) -> Result<PrimitiveArray<Int64Type>, Uncountable> {
    each(ticks, |tick| tick.checked_mul(factor).ok_or(TOO_FAR))
}

fn each(
    ticks: &PrimitiveArray<Int64Type>,
    count: impl Fn(i64) -> Result<i64, &'static str>,
) -> Result<PrimitiveArray<Int64Type>, Uncountable> {
    let counts = ticks.iter().enumerate().map(|(index, tick)| {
        tick.map(|tick| count(tick).map_err(|why| Uncountable { index, why })).transpose()
    });
    counts.collect()
}

/// Microseconds of a timestamp as in DALI 1.1, 3.3.3. An offset from UTC is applied.
fn parsed(text: &str) -> Result<i64, &'static str> {
    /// Decimals of a second beyond microseconds.
    const BEYOND: Range<usize> = 6..usize::MAX;
    let utc: Tz = "+00:00".parse().map_err(|_| "UTC is unknown")?;
    let text = text.trim();
    let time = string_to_datetime(&utc, text)
        .map_err(|_| "it is not a timestamp such as 2025-05-23T17:00:35.025")?;
    if let Some((_, decimals)) = text.split_once('.') {
        let digits = decimals.bytes().take_while(u8::is_ascii_digit).enumerate();
        if digits.filter(|(place, _)| BEYOND.contains(place)).any(|(_, digit)| digit != b'0') {
            return Err(TOO_FINE);
        }
    }
    Ok(time.timestamp_micros())
}

/// The type of the values of a dictionary or of runs; other types are returned unchanged.
pub(super) fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        Date32Array, Date64Array, StringArray, TimestampMillisecondArray, TimestampNanosecondArray,
        TimestampSecondArray,
    };

    use super::*;

    fn counts(array: &ArrayRef) -> Result<Vec<Option<i64>>, (usize, &'static str)> {
        let counts = micros(array).map_err(|unfit| (unfit.index, unfit.why))?;
        Ok(counts.iter().collect())
    }

    #[test]
    fn every_unit_is_counted_in_microseconds() {
        let expected = Ok(vec![Some(86_400_000_000), None]);
        for array in [
            Arc::new(TimestampSecondArray::from(vec![Some(86_400), None])) as ArrayRef,
            Arc::new(TimestampMillisecondArray::from(vec![Some(86_400_000), None])),
            Arc::new(TimestampNanosecondArray::from(vec![Some(86_400_000_000_000), None])),
            Arc::new(Date32Array::from(vec![Some(1), None])),
            Arc::new(Date64Array::from(vec![Some(86_400_000), None])),
            Arc::new(StringArray::from(vec![Some("1970-01-02"), None])),
            Arc::new(StringArray::from(vec![Some("1970-01-02T00:00:00Z"), None])),
            Arc::new(StringArray::from(vec![Some("1970-01-02T02:00:00+02:00"), None])),
        ] {
            assert_eq!(counts(&array), expected, "{}", array.data_type());
        }
    }

    #[test]
    fn what_has_no_count_is_named() {
        for (array, expected) in [
            (
                Arc::new(TimestampNanosecondArray::from(vec![1_000, 1_001])) as ArrayRef,
                (1, TOO_FINE),
            ),
            (Arc::new(TimestampSecondArray::from(vec![0, i64::MAX])), (1, TOO_FAR)),
            (Arc::new(StringArray::from(vec!["2025-05-23T17:00:35.0250001"])), (0, TOO_FINE)),
            (
                Arc::new(StringArray::from(vec!["2025-05-23", "yesterday"])),
                (1, "it is not a timestamp such as 2025-05-23T17:00:35.025"),
            ),
        ] {
            assert_eq!(counts(&array), Err(expected));
        }
        let zeros = StringArray::from(vec!["1970-01-01T00:00:00.000001000"]);
        let zeros = Arc::new(zeros) as ArrayRef;
        assert_eq!(counts(&zeros), Ok(vec![Some(1)]));
    }
}
