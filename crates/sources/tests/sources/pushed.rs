//! Conditions and select lists that SQLite evaluates itself (pushdown) give the rows that Taploom would choose from all rows.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::types::Value;
use taploom_sources::{Condition, SelectList};

use super::conditions::{conditions, integers, reals, texts, unordered};
use super::*;

/// A row: two integers, two reals, a boolean, two texts (one of which compares without case), and a time.
fn rows_of_a_table() -> impl Strategy<Value = Vec<Vec<Value>>> {
    let nullable =
        |value: BoxedStrategy<Value>| prop_oneof![1 => Just(Value::Null), 6 => value].boxed();
    let integer = || nullable(integers().prop_map(Value::Integer).boxed());
    let real = || nullable(reals().prop_map(Value::Real).boxed());
    let text = || nullable(texts().prop_map(Value::Text).boxed());
    let boolean = nullable(prop_oneof![Just(Value::Integer(0)), Just(Value::Integer(1))].boxed());
    let time = nullable(Just(Value::Text("2027-01-02 03:04:05".to_owned())).boxed());
    let row = (integer(), integer(), real(), real(), boolean, text(), text(), time);
    let row = row.prop_map(|(i, j, r, s, b, t, u, d)| vec![i, j, r, s, b, t, u, d]);
    prop::collection::vec(row, 0..12)
}

/// Whether a BLOB column is read, although it is not selected. BLOBs can't be read, so reading one is an error.
fn blob_is_read(sql: &str, select: &str, condition: Option<&str>) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "CREATE TABLE p (i INTEGER, t TEXT, x, bytes BLOB); INSERT INTO p VALUES (1, 'a', 2.5, x'00');
             CREATE VIEW seen AS SELECT i, t, bytes FROM p UNION ALL SELECT t, i, bytes FROM p;",
        )
        .unwrap();
    let location = format!("sqlite:{}", path.display());
    let condition = condition.map(|text| text.parse::<Condition>().unwrap());
    let request = query(&location, sql)
        .with_select(select.parse::<SelectList>().unwrap())
        .with_condition(condition);
    match rows(&request) {
        Ok(_) => false,
        Err(error) => {
            assert!(error.to_string().contains("BLOB is not supported"), "{error}");
            true
        }
    }
}

#[test]
fn only_plain_queries_of_declared_columns_become_subqueries() {
    for (sql, select, condition, read) in [
        ("SELECT * FROM p", "i", None, false),
        ("SELECT * FROM p;", "t AS text", Some("i < 5"), false),
        (
            "SELECT p.bytes, p.i AS \"a \"\" b\" FROM p JOIN p AS q ON p.i = q.i",
            "\"a \"\" b\"",
            None,
            false,
        ),
        ("SELECT * FROM p ORDER BY i", "i", None, true),
        ("SELECT * FROM p LIMIT 1", "i", None, true),
        ("SELECT * FROM (SELECT * FROM p)", "i", None, true),
        ("SELECT * FROM seen", "i", None, true),
        // The first rows decide the type of x, and of i + 1.
        ("SELECT * FROM p", "x", None, true),
        ("SELECT * FROM p", "i", Some("x < 5"), true),
        ("SELECT i + 1 AS k, bytes FROM p", "k", None, true),
        // Two columns have the name.
        ("SELECT i AS t, T, bytes FROM p", "\"T\"", None, true),
        ("SELECT * FROM p", "bytes", None, true),
    ] {
        assert_eq!(blob_is_read(sql, select, condition), read, "{sql}; {select}; {condition:?}");
    }
}

#[test]
fn the_schema_does_not_depend_on_pushdown() {
    let given: ColumnList = serde_json::from_str(
        r#"{"table": "mine", "columns": [{"name": "a", "datatype": "int", "unit": "m"}, {"ucd": "meta.id"}, {}]}"#,
    )
    .unwrap();
    let columns = [None, Some(given)];
    for columns in columns {
        let schema = |sql: &'static str| {
            let request = query("demo", sql)
                .with_columns(columns.clone())
                .with_select(
                    "name, vmag AS magnitude"
                        .parse::<SelectList>()
                        .ok()
                        .filter(|_| columns.is_none()),
                )
                .with_condition("name = 'Vega'".parse::<Condition>().unwrap());
            let source = block_on(open(&request)).unwrap();
            let described: Vec<_> =
                source.schema().columns().iter().map(|column| column.metadata().clone()).collect();
            (source.schema().arrow().clone(), described, source.schema().table().clone())
        };
        let pushed = schema("SELECT hip, name, vmag FROM stars");
        assert_eq!(pushed, schema("SELECT hip, name, vmag FROM stars LIMIT -1"));
        assert!(pushed.2.name.is_some());
    }
}

/// The database of `demo` stores magnitudes as doubles, which are declared as floats.
#[test]
fn a_column_that_is_declared_as_float_is_compared_as_floats() {
    let demo = Request::new("demo");
    let (_folder, written) = encoded(&demo, taploom_format_arrow::PLUGIN);
    let (numbers, floats) = ([0.1, -1.44, 1e300, 0.1_f32.into()], "n = 0.1");
    let column: ArrayRef = Arc::new(arrow_array::Float64Array::from(numbers.to_vec()));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doubles.parquet");
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let chosen = |request: &Request<'_>, condition: &str, column: &str| {
        let condition = condition.parse::<Condition>().unwrap();
        shown(&rows(&request.clone().with_condition(condition)).unwrap(), column)
    };
    for condition in [
        "vmag > -1.44000001",
        "vmag >= -1.44",
        "vmag IN (-1.44, 0.03)",
        "vmag = -0.62 OR bv = 0.009",
        "NOT vmag > -0.62",
        "vmag + 0 < -0.62",
        "bv < vmag AND vmag < 1",
        "vmag IS NULL OR hip < 3000",
    ] {
        let expected = chosen(&Request::new(&written), condition, "hip");
        assert_eq!(chosen(&demo, condition, "hip"), expected, "{condition}");
    }
    assert_eq!(chosen(&demo, "vmag <= -1.44000001", "vmag"), "-1.44", "the float nearest to both");
    let request = Request::new(path.to_str().unwrap());
    assert_eq!(chosen(&request, floats, "n"), "0.1");
    let list = serde_json::json!({"columns": [{"name": "n", "datatype": "float"}]});
    let request = request.with_columns(serde_json::from_value::<ColumnList>(list).unwrap());
    assert_eq!(chosen(&request, floats, "n"), "0.1|0.10000000149011612");
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    #[test]
    fn a_condition_gives_the_same_rows_in_sqlite_and_here() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA synchronous = off;
                 CREATE TABLE p (i INTEGER, j BIGINT, r REAL, \"s s\" NUMERIC, b BOOLEAN, t TEXT,
                     u VARCHAR(9) COLLATE NOCASE, d TIMESTAMP);
                 CREATE INDEX p_i ON p (i); CREATE INDEX p_t ON p (t); CREATE INDEX p_u ON p (u);",
            )
            .unwrap();
        let location = format!("sqlite:{}", path.display());
        let cases =
            (rows_of_a_table(), prop::collection::vec(conditions(Just("TRUE".to_owned())), 8));
        let mut runner =
            TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&cases, |(table, conditions)| {
            connection.execute("DELETE FROM p", []).unwrap();
            for row in &table {
                let insert = "INSERT INTO p VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
                // Integers beyond 2^53 are errors in a column of reals, as they are without a condition.
                connection.execute(insert, rusqlite::params_from_iter(row)).unwrap();
            }
            for text in &conditions {
                let condition: Condition = text.parse().unwrap();
                let list: SelectList = "t, i, r AS x".parse().unwrap();
                for select in [None, Some(list)] {
                    let request = |sql| {
                        query(&location, sql)
                            .with_condition(condition.clone())
                            .with_select(select.clone())
                    };
                    // A query with LIMIT is not changed, so all rows are read.
                    let (pushed, all) = (
                        rows(&request("SELECT * FROM p")),
                        rows(&request("SELECT * FROM p LIMIT -1")),
                    );
                    match (pushed, all) {
                        (Ok(pushed), Ok(all)) => {
                            prop_assert_eq!(unordered(&pushed), unordered(&all), "{}", text);
                            prop_assert_eq!(pushed.schema(), all.schema());
                        }
                        (Err(pushed), Err(all)) => prop_assert_eq!(pushed.kind(), all.kind()),
                        // The cell that does not fit may be in a row that is not selected.
                        (Ok(_), Err(all)) => prop_assert_eq!(all.kind(), ErrorKind::InvalidValue),
                        (Err(error), Ok(_)) => panic!("{text}: {error}"),
                    }
                }
            }
            Ok(())
        });
        outcome.unwrap();
    }
}
