//! Random tables and conditions: the rows that the server selects are those that Taploom selects from all rows.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::conditions::{conditions, integers, operator, reals, texts, unordered};
use super::pushed::{Selection, selected_rows};
use super::*;

/// A literal of MySQL for any text.
fn quoted(text: &str) -> String {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("_utf8mb4 X'{digits}'")
}

const TIMES: [&str; 8] = [
    "2027-01-02",
    "2027-01-02 03:04:05",
    "2027-01-02 03:04:05.5",
    "2027-01-02 03:04:05.000001",
    "1960-01-01",
    "0999-12-31",
    "2050-01-01",
    "9999-12-31 23:59:59.9999999",
];

/// Rows of a table, as lists of literals.
fn rows_of_a_table() -> impl Strategy<Value = Vec<String>> {
    let nullable = |value: BoxedStrategy<String>| {
        prop_oneof![1 => Just("NULL".to_owned()), 6 => value].boxed()
    };
    let select = |values: &[&str]| {
        nullable(
            prop::sample::select(values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>())
                .boxed(),
        )
    };
    let columns = vec![
        nullable(integers().prop_map(|integer| integer.to_string()).boxed()),
        nullable(integers().prop_map(|integer| (integer as u64).to_string()).boxed()),
        nullable(
            reals()
                .prop_filter("MySQL has no infinity", |real| real.is_finite())
                .prop_map(|real| format!("{real:e}"))
                .boxed(),
        ),
        select(&[
            "0",
            "0.1",
            "0.3333333",
            "0.25",
            "-1",
            "2",
            "16777217",
            "1234567",
            "1e-38",
            "1e-42",
            "3.4e38",
        ]),
        select(&["0", "1"]),
        nullable(texts().prop_map(|text| quoted(&text)).boxed()),
        nullable("[aAbBé ]{0,3}".prop_map(|text| quoted(&text)).boxed()),
        select(&[
            "'2027-01-02'",
            "'2027-01-02 03:04:05.5'",
            "'1000-01-01'",
            "'9999-12-31 23:59:59.999'",
        ]),
        select(&["'a'", "'A'", "'1'", "'12'"]),
        select(&[
            "'2027-01-02'",
            "'2027-01-02 03:04:05.000001'",
            "'1970-01-01 00:00:01'",
            "'2038-01-19 03:14:07.999999'",
        ]),
        select(&["'2027-01-02'", "'2027-01-03'", "'1000-01-01'", "'9999-12-31'"]),
        select(&["0", "1"]),
    ];
    let row = columns.prop_map(|cells| format!("({})", cells.join(", ")));
    prop::collection::vec(row, 0..12)
}

/// Conditions on the columns that only this table has.
fn own_conditions() -> impl Strategy<Value = String> {
    let times = || prop::sample::select(vec!["d", "ts", "da"]);
    // The server sends some of these numbers for other stored numbers, such as 16777200 for 16777216.
    let floats = vec!["0.1", "0.333333", "1234570", "16777200", "1e-42", "3.4e38"];
    prop_oneof![
        1 => (times(), operator(), prop::sample::select(TIMES.to_vec()))
            .prop_map(|(a, o, time)| format!("{a} {o} '{time}'")),
        1 => (times(), operator(), times()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
        3 => (operator(), prop::sample::select(floats)).prop_map(|(o, b)| format!("\"s s\" {o} {b}")),
        1 => (operator(), prop::sample::select(vec!["a", "A", "1", "12", "", "a "]))
            .prop_map(|(o, b)| format!("e {o} '{b}'")),
        1 => prop::sample::select(vec!["bi", "bi IS NOT FALSE", "bi < b"]).prop_map(str::to_owned),
    ]
}

#[test]
fn a_condition_gives_the_same_rows_in_mariadb_and_here() {
    SERVER
        .sql(
            "CREATE TABLE p (i BIGINT, j BIGINT UNSIGNED, r DOUBLE, `s s` FLOAT, b BOOLEAN,
                 t VARCHAR(9) COLLATE utf8mb4_general_ci, u CHAR(9) CHARACTER SET latin1, d DATETIME(3),
                 e ENUM('a', 'A', '1', '12') COLLATE utf8mb4_bin, ts TIMESTAMP(6) NULL, da DATE, bi BIT(1),
                 KEY (i), KEY (j), KEY (r), KEY (`s s`), KEY (t), KEY (u), KEY (d), KEY (e), KEY (ts), KEY (da))",
        )
        .unwrap();
    let url = SERVER.url();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let writer = MysqlOptions { session: Session::Unchanged, ..options() };
    let writer = runtime.block_on(MysqlConnection::connect(&writer)).unwrap();
    let writer = std::cell::RefCell::new(writer);
    let write = |sql: &str| runtime.block_on(writer.borrow_mut().execute(sql)).unwrap();
    write("SET time_zone = '+00:00'");
    let cases = (rows_of_a_table(), prop::collection::vec(conditions(own_conditions()), 8));
    let mut runner =
        TestRunner::new(Config { cases: 80, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&cases, |(table, conditions)| {
        write("DELETE FROM p");
        if !table.is_empty() {
            write(&format!("INSERT INTO p VALUES {}", table.join(", ")));
        }
        for text in &conditions {
            for select in [None, Some("t, i, r AS x")] {
                let selection = Selection { select, condition: Some(text), ..Selection::default() };
                let selected_rows = |sql| runtime.block_on(selected_rows(&url, sql, selection));
                // A query with LIMIT is not changed, so all rows are read.
                let (pushed, all) =
                    (selected_rows("SELECT * FROM p"), selected_rows("SELECT * FROM p LIMIT 100"));
                match (pushed, all) {
                    (Ok(pushed), Ok(all)) => {
                        prop_assert_eq!(unordered(&pushed), unordered(&all), "{}", text);
                        prop_assert_eq!(pushed.schema(), all.schema());
                    }
                    (Err(pushed), Err(all)) => {
                        prop_assert_eq!(pushed.to_string(), all.to_string());
                    }
                    (pushed, all) => panic!("{text}: {pushed:?}, {all:?}"),
                }
            }
        }
        Ok(())
    });
    outcome.unwrap();
}
