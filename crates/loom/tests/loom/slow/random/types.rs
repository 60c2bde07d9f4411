//! Random types.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, IntervalUnit, TimeUnit};
use proptest::prelude::*;
use proptest::sample::select;

/// Fields whose names may be strange, and may occur twice.
pub(crate) fn fields(types: impl Strategy<Value = DataType>) -> impl Strategy<Value = Field> {
    let names = select(vec!["a", "b", "c", "d.e", "", "Größe \"x\""]);
    (names, types, any::<bool>()).prop_map(|(name, data_type, nullable)| {
        Field::new(name, data_type.clone(), nullable || data_type == DataType::Null)
    })
}

pub(crate) fn types() -> impl Strategy<Value = DataType> {
    let flat = prop_oneof![4 => leaves(), 1 => indirect(leaves())];
    flat.prop_recursive(3, 12, 3, |inner| {
        let item = || fields(inner.clone()).prop_map(Arc::new);
        let lists = prop_oneof![
            3 => item().prop_map(DataType::List),
            1 => item().prop_map(DataType::LargeList),
            1 => item().prop_map(DataType::ListView),
            1 => item().prop_map(DataType::LargeListView),
            1 => (item(), 1..4).prop_map(|(item, length)| DataType::FixedSizeList(item, length)),
        ];
        let structs = prop::collection::vec(item(), 1..4)
            .prop_map(|fields| DataType::Struct(fields.into_iter().collect()))
            .boxed();
        let keys = leaves().prop_filter("a key is not null", |keys| *keys != DataType::Null);
        let maps = (prop_oneof![keys.clone(), indirect(keys)], item(), any::<bool>()).prop_map(
            |(keys, values, sorted)| {
                let entries: Fields =
                    vec![Arc::new(Field::new("key", without_nulls(keys), false)), values].into();
                let entries = Field::new("key_value", DataType::Struct(entries), false);
                DataType::Map(Arc::new(entries), sorted)
            },
        );
        let indirect = indirect(prop_oneof![structs.clone(), indirect(leaves())].boxed());
        prop_oneof![4 => lists, 4 => structs, 2 => maps, 1 => indirect]
    })
}

/// Declares that values of runs are not null, because the keys of a map must not be null.
fn without_nulls(keys: DataType) -> DataType {
    match keys {
        DataType::RunEndEncoded(ends, values) => {
            let values = Field::clone(&values).with_nullable(false);
            DataType::RunEndEncoded(ends, Arc::new(values))
        }
        other => other,
    }
}

/// Dictionaries and runs of such values.
fn indirect(
    values: impl Strategy<Value = DataType> + Clone + 'static,
) -> impl Strategy<Value = DataType> {
    use DataType::*;
    let values = values.prop_filter("no nulls of nulls", |values| *values != Null);
    let keys = select(vec![Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64]);
    let known = |values: &DataType| is_read_of_a_dictionary(values) && !has_required_runs(values);
    let dictionaries = (keys, values.clone().prop_filter("not of a dictionary", known))
        .prop_map(|(keys, values)| Dictionary(Box::new(keys), Box::new(values)));
    // Int16 does not count the elements of all lists.
    let runs = (select(vec![Int32, Int64]), values, any::<bool>());
    let runs = runs.prop_map(|(ends, values, nullable)| {
        let ends = Field::new("run_ends", ends, false);
        RunEndEncoded(Arc::new(ends), Arc::new(Field::new("values", values, nullable)))
    });
    prop_oneof![dictionaries, runs]
}

/// Whether the Parquet crate can read a dictionary of such values that it has written itself. It can't read a
/// FixedSizeBinary if a struct around it is null and its pages are plain.
fn is_read_of_a_dictionary(values: &DataType) -> bool {
    match values {
        DataType::Dictionary(_, values) => is_read_of_a_dictionary(values),
        DataType::RunEndEncoded(_, values) => is_read_of_a_dictionary(values.data_type()),
        DataType::Boolean | DataType::Float16 | DataType::Interval(_) => false,
        DataType::FixedSizeBinary(_) => false,
        DataType::Decimal128(digits, _) | DataType::Decimal256(digits, _) => *digits <= 18,
        _ => true,
    }
}

/// Whether a type contains runs whose values are not nullable. Arrow's `take` fails on them for a null key,
/// and so does ArrowWriter.
fn has_required_runs(data_type: &DataType) -> bool {
    match data_type {
        DataType::RunEndEncoded(_, values) => {
            !values.is_nullable() || has_required_runs(values.data_type())
        }
        DataType::Dictionary(_, values) => has_required_runs(values),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => has_required_runs(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_required_runs(field.data_type())),
        _ => false,
    }
}

fn leaves() -> impl Strategy<Value = DataType> + Clone {
    use DataType::*;
    let mut types = vec![
        Null,
        Boolean,
        Int8,
        Int16,
        Int32,
        Int64,
        UInt8,
        UInt16,
        UInt32,
        UInt64,
        Float16,
        Float32,
        Float64,
        Date32,
        Date64,
        Time32(TimeUnit::Second),
        Time32(TimeUnit::Millisecond),
        Time64(TimeUnit::Microsecond),
        Time64(TimeUnit::Nanosecond),
        Interval(IntervalUnit::YearMonth),
        Interval(IntervalUnit::DayTime),
        FixedSizeBinary(1),
        FixedSizeBinary(17),
        Binary,
        LargeBinary,
        BinaryView,
        Utf8,
        LargeUtf8,
        Utf8View,
        Decimal32(9, 0),
        Decimal32(3, 2),
        Decimal64(18, 5),
        Decimal64(7, 7),
        Decimal128(38, 10),
        Decimal128(18, 1),
        Decimal128(9, 9),
        Decimal256(76, 38),
        Decimal256(20, 2),
        Decimal256(15, 2),
        Decimal256(5, 2),
    ];
    for unit in
        [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond]
    {
        types.push(Timestamp(unit, None));
        types.push(Timestamp(unit, Some("UTC".into())));
        types.push(Timestamp(unit, Some("+03:00".into())));
        types.push(Duration(unit));
    }
    select(types)
}
