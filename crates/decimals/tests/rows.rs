//! Rows that are written column by column.

use proptest::prelude::*;
use taploom_decimals::{Cell, Decimals, Rows, Values, Words};

const WORDS: Words<'static> =
    Words { null: "", nan: "NaN", infinity: "inf", negative_infinity: "-inf" };

/// A column of a table of three rows.
#[derive(Debug, Clone)]
enum Column {
    Texts([String; 3], bool),
    OneByOne([String; 3]),
    Numbers([f64; 3]),
}

fn column() -> impl Strategy<Value = Column> {
    let text = || "[a-z]{0,70}";
    prop_oneof![
        ([text(), text(), text()], any::<bool>())
            .prop_map(|(texts, quoted)| Column::Texts(texts, quoted)),
        [text(), text(), text()].prop_map(Column::OneByOne),
        any::<[f64; 3]>().prop_map(Column::Numbers),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn rows_are_those_of_a_loop_over_rows(
        tables in prop::collection::vec(
            (prop::collection::vec(column(), 0..12), 0..200_usize, "[;<]{0,40}"), 1..4)
    ) {
        // One buffer for all tables, as in an encoder.
        let mut rows = Rows::default();
        for (columns, width, before) in tables {
            let mut expected = [const { String::new() }; 3];
            rows.start(3, width);
            for column in &columns {
                match column {
                    Column::Texts(texts, is_quoted) => rows.append_all(before.as_bytes(), b"''", |row| Cell {
                        bytes: texts[row].as_bytes(),
                        length: texts[row].len(),
                        is_quoted: *is_quoted,
                    }),
                    Column::OneByOne(texts) => for (row, text) in texts.iter().enumerate() {
                        rows.append(row, before.as_bytes());
                        rows.append(row, text.as_bytes());
                    },
                    Column::Numbers(numbers) => {
                        Decimals::new(WORDS).append_to_rows(Values::new(numbers), before.as_bytes(), &mut rows);
                    }
                }
                for (row, text) in expected.iter_mut().enumerate() {
                    text.push_str(&before);
                    match column {
                        Column::Texts(texts, true) => text.push_str(&format!("''{}''", texts[row])),
                        Column::Texts(texts, false) | Column::OneByOne(texts) => text.push_str(&texts[row]),
                        Column::Numbers(numbers) if numbers[row].is_nan() => text.push_str("NaN"),
                        Column::Numbers(numbers) if numbers[row].is_infinite() =>
                            text.push_str(if numbers[row] > 0.0 { "inf" } else { "-inf" }),
                        Column::Numbers(numbers) =>
                            text.push_str(zmij::Buffer::new().format_finite(numbers[row])),
                    }
                }
            }
            let rows: Vec<&[u8]> = rows.iter().collect();
            prop_assert_eq!(rows, expected.each_ref().map(String::as_bytes));
        }
    }
}

#[test]
fn memory_is_used_again() {
    let mut rows = Rows::default();
    let text = "x".repeat(10_000);
    let mut held = None;
    for _ in 0..10 {
        rows.start(50, 1_000);
        (0..50).for_each(|row| rows.append(row, text.as_bytes()));
        let bytes = rows.heap_bytes();
        assert!(bytes >= 500_000 && bytes <= *held.get_or_insert(bytes), "{bytes} of {held:?}");
    }
}
