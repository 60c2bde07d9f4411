//! Random values and conditions, for tests of databases that evaluate conditions themselves.

use arrow_array::{Array, RecordBatch};
use proptest::prelude::*;

pub(crate) fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[aAbB ]{0,3}",
        "[a%_'\"\\\\]{0,3}",
        Just("é".to_owned()),
        Just("É".to_owned()),
        Just("12".to_owned()),
        Just("\u{10ffff}a".to_owned()),
        Just("a\0b".to_owned()),
    ]
}

pub(crate) fn integers() -> impl Strategy<Value = i64> {
    prop_oneof![-3_i64..4, Just(i64::MAX), Just(i64::MIN), Just((1 << 53) + 1), Just(1 << 53)]
}

pub(crate) fn reals() -> impl Strategy<Value = f64> {
    let special =
        [0.0, -0.0, 0.1, 1e300, 5e-324, f64::INFINITY, f64::NEG_INFINITY, 9007199254740992.0];
    prop_oneof![
        prop::sample::select(special.to_vec()),
        (-4_i32..5).prop_map(|quarters| f64::from(quarters) / 4.0),
    ]
}

/// Conditions on the columns i, j, r and "s s" of numbers, b of booleans, t and u of text, and d of times. Some of their
/// comparisons come from `given`.
pub(crate) fn conditions(
    given: impl Strategy<Value = String> + 'static,
) -> impl Strategy<Value = String> {
    let text =
        || texts().prop_map(|text| format!("'{}'", text.replace('\0', "").replace('\'', "''")));
    let number = || {
        prop_oneof![
            integers().prop_map(|integer| integer.to_string()),
            (-4_i32..5).prop_map(|quarters| (f64::from(quarters) / 4.0).to_string()),
            Just("1e300".to_owned()),
            Just("9007199254740993".to_owned()),
            Just("NULL".to_owned()),
        ]
    };
    let numeric = || prop::sample::select(vec!["i", "j", "r", "\"s s\""]);
    let textual = || prop::sample::select(vec!["t", "u"]);
    let any = prop::sample::select(vec!["i", "r", "b", "t", "d"]);
    let leaf = prop_oneof![
        2 => given,
        1 => (numeric(), operator(), number()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
        1 => (number(), operator(), numeric()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
        1 => (numeric(), operator(), numeric()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
        1 => (textual(), operator(), text()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
        1 => operator().prop_map(|o| format!("t {o} u")),
        1 => (textual(), text()).prop_map(|(a, b)| format!("{a} LIKE {b}")),
        1 => (textual(), "[aA%_]{0,3}").prop_map(|(a, b)| format!("{a} LIKE '{b}'")),
        1 => (numeric(), prop::collection::vec(number(), 1..4), optional_not())
            .prop_map(|(a, list, not)| format!("{a} {not}IN ({})", list.join(", "))),
        1 => (textual(), prop::collection::vec(text(), 1..4), optional_not())
            .prop_map(|(a, list, not)| format!("{a} {not}IN ({})", list.join(", "))),
        1 => (numeric(), number(), number(), optional_not())
            .prop_map(|(a, low, high, not)| format!("{a} {not}BETWEEN {low} AND {high}")),
        1 => any.prop_map(|a| format!("{a} IS NULL")),
        1 => prop::sample::select(vec![
            "b",
            "b = TRUE",
            "b <> TRUE",
            "b < TRUE",
            "d < '2028-01-01'",
            "FALSE",
            "r * 0 < 1"
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let truth = prop::sample::select(vec![
            "TRUE",
            "NOT TRUE",
            "FALSE",
            "NOT FALSE",
            "NULL",
            "NOT NULL",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|all| format!("({})", all.join(" AND "))),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|all| format!("({})", all.join(" OR "))),
            inner.clone().prop_map(|one| format!("NOT ({one})")),
            (inner, truth).prop_map(|(one, truth)| format!("({one}) IS {truth}")),
        ]
    })
}

pub(crate) fn operator() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "=",
        "<>",
        "<",
        "<=",
        ">",
        ">=",
        "IS DISTINCT FROM",
        "IS NOT DISTINCT FROM",
    ])
}

fn optional_not() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "NOT "])
}

/// The rows as sorted text, to compare results whose order is not defined.
pub(crate) fn unordered(rows: &RecordBatch) -> Vec<String> {
    let mut lines: Vec<_> = (0..rows.num_rows())
        .map(|row| {
            rows.columns()
                .iter()
                .map(|column| format!("{:?};", column.slice(row, 1)))
                .collect::<String>()
        })
        .collect();
    lines.sort();
    lines
}
