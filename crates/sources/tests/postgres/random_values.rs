//! Random values of every type are the values that psql shows.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::psql::assert_shown_by_psql;
use super::*;

/// A literal of PostgreSQL.
fn literal(text: &str, type_name: &str) -> String {
    format!("E'{}'::{type_name}", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn literals<T: std::fmt::Debug>(
    values: impl Strategy<Value = T> + 'static,
    type_name: &'static str,
    text: impl Fn(T) -> String + 'static,
) -> BoxedStrategy<String> {
    let value = values.prop_map(move |value| literal(&text(value), type_name));
    prop_oneof![1 => Just(format!("NULL::{type_name}")), 6 => value].boxed()
}

fn float(number: f64) -> String {
    match number {
        number if number.is_nan() => "NaN".to_owned(),
        number if number.is_infinite() => {
            if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
        }
        number => format!("{number:e}"),
    }
}

fn array<T: std::fmt::Debug>(
    elements: impl Strategy<Value = T>,
    text: impl Fn(T) -> String + Copy,
) -> impl Strategy<Value = String> {
    let elements = prop::collection::vec(prop::option::weighted(0.8, elements), 0..6);
    elements.prop_map(move |elements| {
        let words: Vec<String> = elements
            .into_iter()
            .map(|element| element.map_or_else(|| "NULL".to_owned(), text))
            .collect();
        format!("{{{}}}", words.join(","))
    })
}

/// Times of the years 2 to 9999, with microseconds.
fn instants() -> impl Strategy<Value = String> {
    (-62_104_060_800_i64..253_402_300_800, 0..1_000_000_u32).prop_map(|(seconds, micros)| {
        let instant = arrow_array::temporal_conversions::timestamp_s_to_datetime(seconds).unwrap();
        format!("{}.{micros:06}", instant.format("%Y-%m-%d %H:%M:%S"))
    })
}

fn rows_of_a_table() -> impl Strategy<Value = Vec<String>> {
    let text = |text: String| text;
    let number = |digits: &'static str| digits.prop_map(|digits: String| digits);
    // Any character but zero and the separators of psql's output.
    let any_text = "[^\u{0}\u{1d}-\u{1f}]{0,12}";
    let columns = vec![
        literals(any::<bool>(), "bool", |value| value.to_string()),
        literals(any::<i16>(), "int2", |value| value.to_string()),
        literals(any::<i32>(), "int4", |value| value.to_string()),
        literals(any::<i64>(), "int8", |value| value.to_string()),
        literals(any::<u32>(), "oid", |value| value.to_string()),
        literals(any::<f32>(), "float4", |value| match value.is_finite() {
            true => format!("{value:e}"),
            false => float(value.into()),
        }),
        literals(prop::num::f64::ANY, "float8", float),
        literals(number("-?[0-9]{1,12}\\.[0-9]{0,7}"), "numeric(20, 6)", text),
        literals(number("-?[0-9]{1,60}\\.[0-9]{0,40}"), "numeric", text),
        literals(any_text, "text", text),
        literals(any_text, "varchar(20)", text),
        literals(prop::collection::vec(any::<u8>(), 0..20), "bytea", |bytes| {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\\x{digits}")
        }),
        literals(instants(), "timestamp", text),
        literals(instants(), "timestamp(2)", text),
        literals(instants(), "timestamptz", |instant| format!("{instant}+03")),
        literals(instants(), "date", text),
        literals(any::<i32>(), "interval", |seconds| format!("{seconds} seconds")),
        literals(any::<u128>(), "uuid", |bits| format!("{bits:032x}")),
        literals("[01]{1,20}", "varbit", text),
        literals(array(any::<i16>(), |value| value.to_string()), "int2[]", text),
        literals(array(any::<i64>(), |value| value.to_string()), "int8[]", text),
        literals(array(prop::num::f64::ANY, float), "float8[]", text),
        literals(array(any::<bool>(), |value| value.to_string()), "bool[]", text),
        literals(array("[a-z\" ]{1,5}", |word: String| format!("{word:?}")), "text[]", text),
    ];
    let row = columns.prop_map(|cells| format!("({})", cells.join(", ")));
    prop::collection::vec(row, 1..12)
}

#[test]
fn random_values_are_read_as_psql_shows_them() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config {
        cases: 24,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&rows_of_a_table(), |rows_of_table| {
        let query = format!("SELECT * FROM (VALUES {}) AS t", rows_of_table.join(", "));
        assert_shown_by_psql(&runtime.block_on(rows(&query)), &query);
        Ok(())
    });
    outcome.unwrap();
}
