//! Converts one column to the Arrow type that carries its VOTable datatype.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, ListArray, UInt8Array, make_array};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_cast::display::FormatOptions;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_data::transform::MutableArrayData;
use arrow_schema::{ArrowError, DataType, TimeUnit};

use crate::arraysize::Arraysize;
use crate::error::{Error, ErrorKind, Result};
use crate::vo_type::{VoType, list_item};

/// Whether [`convert`] would give the same array.
pub(crate) fn is_carried(array: &ArrayRef, vo_type: &VoType) -> bool {
    if *array.data_type() != vo_type.carrier() {
        return false;
    }
    vo_type.cell().dimensions().is_none_or(|dimensions| {
        let lists = array.as_list::<i32>();
        !has_hidden_elements(lists) && check_lengths(lists, dimensions).is_ok()
    })
}

/// Converts a column. One cell that can't be converted makes the whole column an error.
pub(crate) fn convert(array: &ArrayRef, vo_type: &VoType) -> Result<ArrayRef> {
    let element = vo_type.datatype.element();
    let cell = vo_type.cell();
    let Some(dimensions) = cell.dimensions() else {
        return convert_elements(array, &element);
    };
    let lists = flat_lists(array, dimensions.inner())?;
    check_lengths(&lists, dimensions)?;
    let (_, offsets, values, nulls) = lists.into_parts();
    let values = convert_elements(&values, &element)?;
    let lists = ListArray::try_new(list_item(element), offsets, values, nulls);
    Ok(Arc::new(lists.map_err(broken)?))
}

/// Whether [`keep`] would give the same array.
pub(crate) fn is_kept(array: &ArrayRef, to: &DataType) -> bool {
    array.data_type() == to && !array.as_list_opt::<i32>().is_some_and(has_hidden_elements)
}

/// Converts a column to an Arrow type that holds the same values. Lists with 32-bit offsets have no elements
/// outside of them.
pub(crate) fn keep(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let kept = if array.data_type() == to { Arc::clone(array) } else { cast(array, to)? };
    if let Some(lists) = kept.as_list_opt::<i32>() {
        return Ok(Arc::new(compact(lists)?));
    }
    // Arrow's cast drops the time of day.
    if array.data_type() == &DataType::Date64 {
        let back = cast(&kept, &DataType::Date64)?;
        if back.to_data() != array.to_data() {
            return Err(unfit("it has a time of day".to_owned()));
        }
    }
    Ok(kept)
}

/// Checks that every list has the shape of its column, at every level.
pub(crate) fn check_shape(array: &ArrayRef, vo_type: &VoType) -> Result<()> {
    let cell = vo_type.cell();
    let Some(dimensions) = cell.dimensions() else { return Ok(()) };
    match flat_lists(array, dimensions.inner()) {
        Ok(lists) => check_lengths(&lists, dimensions),
        // The elements of all rows may be more than offsets of 32 bits can count.
        Err(_) if array.len() > 1 => {
            let half = array.len() / 2;
            check_shape(&array.slice(0, half), vo_type)?;
            check_shape(&array.slice(half, array.len() - half), vo_type)
        }
        Err(error) => Err(error),
    }
}

/// Flattens nested lists to lists of elements. Inner dimensions are checked (the first varies fastest),
/// and a null list has no elements.
fn flat_lists(array: &ArrayRef, inner: &[u32]) -> Result<ListArray> {
    let mut lists = compact(&one_level(array)?)?;
    // The inner dimensions that are still nested, outermost last. Lists can be flat already, and then
    // have fewer levels than the declared shape has dimensions.
    let mut left = inner;
    loop {
        let values = lists.values();
        let mut leaf = Arc::clone(values);
        while let Some(packed) = packed(leaf.data_type()) {
            leaf = cast(&leaf, packed)?;
        }
        if !is_list(leaf.data_type()) {
            return Ok(lists);
        }
        let below = compact(&one_level(&leaf)?)?;
        let extent = left.split_last().map(|(last, rest)| {
            left = rest;
            *last as usize
        });
        let offsets = below.offsets();
        for (index, pair) in offsets.windows(2).enumerate() {
            let length = (pair[1] - pair[0]) as usize;
            if below.is_null(index) {
                return Err(unfit("a list inside a list is null".to_owned()));
            }
            if let Some(extent) = extent.filter(|extent| *extent != length) {
                return Err(unfit(format!(
                    "a list inside a list has {length} elements, and {extent} are declared"
                )));
            }
        }
        let outer = lists.offsets().iter().map(|offset| offsets[*offset as usize]);
        let outer = OffsetBuffer::new(ScalarBuffer::from_iter(outer));
        let (_, _, values, _) = below.into_parts();
        let item = list_item(values.data_type().clone());
        let nulls = lists.nulls().cloned();
        lists = ListArray::try_new(item, outer, values, nulls).map_err(broken)?;
    }
}

fn is_list(data_type: &DataType) -> bool {
    use DataType::{
        Binary, BinaryView, FixedSizeBinary, FixedSizeList, LargeBinary, LargeList, LargeListView,
        List, ListView,
    };
    matches!(
        data_type,
        List(_)
            | LargeList(_)
            | ListView(_)
            | LargeListView(_)
            | FixedSizeList(_, _)
            | Binary
            | LargeBinary
            | BinaryView
            | FixedSizeBinary(_)
    )
}

/// The outermost level of any list type, or of bytes, as a list with 32-bit offsets.
fn one_level(array: &ArrayRef) -> Result<ListArray> {
    use DataType::{
        Binary, BinaryView, FixedSizeBinary, FixedSizeList, LargeBinary, LargeList, LargeListView,
        List, ListView,
    };
    match array.data_type() {
        List(_) => Ok(array.as_list::<i32>().clone()),
        LargeList(item) | ListView(item) | LargeListView(item) | FixedSizeList(item, _) => {
            let lists = cast(array, &List(list_item(item.data_type().clone())))?;
            Ok(lists.as_list::<i32>().clone())
        }
        Binary => {
            let (offsets, bytes, nulls) = array.as_binary::<i32>().clone().into_parts();
            let bytes = Arc::new(UInt8Array::new(bytes.into(), None));
            ListArray::try_new(list_item(DataType::UInt8), offsets, bytes, nulls).map_err(broken)
        }
        LargeBinary | BinaryView | FixedSizeBinary(_) => one_level(&cast(array, &Binary)?),
        other => match packed(other) {
            Some(values) => one_level(&cast(array, values)?),
            None => Err(unfit(format!("Arrow type {other} is not a list"))),
        },
    }
}

/// The type of the values that a dictionary or run-end encoding stands for.
fn packed(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::Dictionary(_, values) => Some(values),
        DataType::RunEndEncoded(_, values) => Some(values.data_type()),
        _ => None,
    }
}

/// Whether there are elements outside of all lists, or inside null lists.
fn has_hidden_elements(lists: &ListArray) -> bool {
    let offsets = lists.offsets();
    let null_with_elements = || {
        let nulls = lists.nulls().filter(|nulls| nulls.null_count() > 0);
        nulls.is_some_and(|nulls| {
            nulls.iter().zip(offsets.lengths()).any(|(valid, length)| !valid && length > 0)
        })
    };
    (offsets.first(), offsets.last() as usize) != (0, lists.values().len()) || null_with_elements()
}

/// The same lists without elements outside of them. Such elements can have any value, and must not be
/// converted.
fn compact(lists: &ListArray) -> Result<ListArray> {
    if !has_hidden_elements(lists) {
        return Ok(lists.clone());
    }
    let data = lists.values().to_data();
    let offsets = lists.offsets();
    let mut values = MutableArrayData::new(vec![&data], false, data.len());
    let mut lengths = Vec::with_capacity(lists.len());
    for (index, pair) in offsets.windows(2).enumerate() {
        let (from, to) = match lists.is_valid(index) {
            true => (pair[0] as usize, pair[1] as usize),
            false => (0, 0),
        };
        if from < to {
            values.try_extend(0, from, to).map_err(broken)?;
        }
        lengths.push(to - from);
    }
    let values = make_array(values.freeze());
    let (item, _, _, _) = lists.clone().into_parts();
    let offsets = OffsetBuffer::from_lengths(lengths);
    ListArray::try_new(item, offsets, values, lists.nulls().cloned()).map_err(broken)
}

/// Checks that every list has as many elements as the dimensions say.
fn check_lengths(lists: &ListArray, dimensions: &Arraysize) -> Result<()> {
    for (index, length) in lists.offsets().lengths().enumerate() {
        if lists.is_valid(index) && !dimensions.takes(length as u64) {
            return Err(unfit(match dimensions.fixed() {
                Some(right) => format!("it has {length} elements, and {right} are declared"),
                None => format!("it has {length} elements"),
            }));
        }
    }
    Ok(())
}

fn unfit(message: String) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}

fn broken(cause: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "a converted list contradicts its type").with_source(cause)
}

/// Converts elements: numbers, booleans and strings.
fn convert_elements(array: &ArrayRef, carrier: &DataType) -> Result<ArrayRef> {
    if let Some(values) = packed(array.data_type()) {
        return convert_elements(&cast(array, values)?, carrier);
    }
    if array.data_type() == carrier {
        return Ok(Arc::clone(array));
    }
    if carrier == &DataType::Utf8 {
        check_years(array)?;
    }
    let converted = match (array.data_type(), carrier) {
        (DataType::Timestamp(unit, zone), DataType::Utf8) => {
            let format = match unit {
                TimeUnit::Second => "%Y-%m-%dT%H:%M:%S",
                TimeUnit::Millisecond => "%Y-%m-%dT%H:%M:%S%.3f",
                TimeUnit::Microsecond => "%Y-%m-%dT%H:%M:%S%.6f",
                TimeUnit::Nanosecond => "%Y-%m-%dT%H:%M:%S%.9f",
            };
            let options = CastOptions {
                safe: false,
                format_options: FormatOptions::new()
                    .with_timestamp_format(Some(format))
                    .with_timestamp_tz_format(Some(format)),
            };
            match zone {
                None => cast_with_options(array, carrier, &options),
                // An instant is written in UTC; DALI 1.1, 3.3.3 has no suffix for it.
                Some(_) => {
                    let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
                    cast_with_options(array, &utc, &options)
                        .and_then(|array| cast_with_options(&array, carrier, &options))
                }
            }
        }
        _ => return checked(array, cast(array, carrier)?),
    };
    converted.map_err(|cause| not_converted(array, carrier, cause))
}

fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..Default::default() };
    cast_with_options(array, to, &options).map_err(|cause| not_converted(array, to, cause))
}

fn not_converted(array: &ArrayRef, to: &DataType, cause: ArrowError) -> Error {
    let message = format!("can't convert Arrow type {} to {to}", array.data_type());
    Error::new(ErrorKind::InvalidValue, message).with_source(cause)
}

/// Finds losses that Arrow's cast does not report.
fn checked(array: &ArrayRef, converted: ArrayRef) -> Result<ArrayRef> {
    let carrier = converted.data_type();
    if (array.data_type(), carrier) == (&DataType::Float64, &DataType::Float32) {
        check_single(array, &converted)?;
    }
    if array.data_type().is_integer() && carrier.is_floating() {
        check_digits(array, &converted)?;
    }
    Ok(converted)
}

/// Checks that the years of timestamps and dates have four digits; DALI 1.1, 3.3.3.
fn check_years(array: &ArrayRef) -> Result<()> {
    /// 0000-01-01 and the day after 9999-12-31, in days since 1970-01-01.
    const DAYS: std::ops::Range<i64> = -719_528..2_932_897;
    let ticks_of_a_day = match array.data_type() {
        DataType::Date32 => 1,
        DataType::Timestamp(TimeUnit::Second, _) => 86_400,
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => 86_400_000,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 86_400_000_000,
        // 64 bits of nanoseconds span the years 1677 to 2262. Other types have no years.
        _ => return Ok(()),
    };
    let ticks = match array.data_type() {
        DataType::Date32 => cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?,
        _ => cast(array, &DataType::Int64)?,
    };
    let mut days = ticks.as_primitive::<Int64Type>().iter().flatten();
    if days.all(|tick| DAYS.contains(&tick.div_euclid(ticks_of_a_day))) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidValue, "its year does not have four digits"))
}

/// Refuses integers with more digits than the float has, which Arrow's cast rounds.
fn check_digits(integers: &ArrayRef, floats: &ArrayRef) -> Result<()> {
    let back = cast_with_options(floats, integers.data_type(), &CastOptions::default());
    match back {
        Ok(back) if back.to_data() == integers.to_data() => Ok(()),
        _ => Err(Error::new(ErrorKind::InvalidValue, "a float does not have enough digits for it")),
    }
}

/// Refuses doubles beyond the range of a float, which Arrow's cast makes infinite.
fn check_single(doubles: &ArrayRef, floats: &ArrayRef) -> Result<()> {
    let doubles = doubles.as_primitive::<Float64Type>();
    let floats = floats.as_primitive::<Float32Type>();
    let lost = doubles
        .iter()
        .zip(floats.iter())
        .any(|pair| matches!(pair, (Some(d), Some(f)) if d.is_finite() && f.is_infinite()));
    if lost {
        return Err(Error::new(ErrorKind::InvalidValue, "beyond the range of single precision"));
    }
    Ok(())
}
