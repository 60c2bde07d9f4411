//! Rows that `synth:` generates.

use super::*;

fn columns_file(folder: &Path) -> String {
    let path = folder.join("columns.json");
    let json = r#"{"table": "t", "columns": [
        {"name": "id", "datatype": "long"}, {"name": "f", "datatype": "double", "unit": "deg"},
        {"name": "g", "datatype": "float"}, {"name": "flag", "datatype": "boolean"},
        {"name": "n", "datatype": "int"}, {"name": "w", "datatype": "char", "arraysize": "3"}]}"#;
    std::fs::write(&path, json).unwrap();
    path.display().to_string()
}

#[test]
fn synth_gives_the_same_cells_whatever_the_batch_size() {
    let folder = tempfile::tempdir().unwrap();
    let columns = columns_file(folder.path());
    let location = format!("synth:{columns}?rows=3000&seed=5&nulls=0.2");
    let whole = rows(&Request::new(&location).with_batch_rows(10_000)).unwrap();
    for batch_rows in [1, 7, 2000] {
        assert_eq!(rows(&Request::new(&location).with_batch_rows(batch_rows)).unwrap(), whole);
    }
    let other = location.replace("seed=5", "seed=6");
    assert_ne!(rows(&Request::new(&other)).unwrap().column(1), whole.column(1));

    let ids = whole.column(0).as_primitive::<Int64Type>();
    assert!(ids.values().is_sorted() && ids.null_count() == 0);
    for index in 1..whole.num_columns() {
        let nulls = whole.column(index).null_count();
        assert!((450..750).contains(&nulls), "a fifth of 3000 rows, not {nulls}");
    }
    let flags = whole.column(3).as_boolean();
    assert!(flags.true_count() < 300, "mostly false");
    let mut mantissas: Vec<u64> = whole
        .column(1)
        .as_primitive::<Float64Type>()
        .iter()
        .flatten()
        .map(|value| value.to_bits() & ((1 << 52) - 1))
        .collect();
    let all = mantissas.len();
    mantissas.sort_unstable();
    mantissas.dedup();
    assert_eq!(mantissas.len(), all, "mantissas do not repeat");
}

#[test]
fn synth_refuses_what_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let columns = columns_file(folder.path());
    for (parameters, words) in [
        ("row=5", "known: rows, seed, nulls"),
        ("rows=many", "a whole number"),
        ("nulls=7", "from 0 to 1"),
    ] {
        let error = refusal(&Request::new(&format!("synth:{columns}?{parameters}")));
        assert!(error.is_caller_fault() && error.to_string().contains(words), "{error}");
    }
    assert!(refusal(&Request::new("synth:nowhere.json")).to_string().contains("nowhere.json"));
    for no_list in ["synth:", "synth:?rows=5"] {
        let error = refusal(&Request::new(no_list)).to_string();
        assert!(error.contains("needs the file with the list of columns"), "{error}");
    }
    let array = folder.path().join("array.json");
    let json = r#"{"columns": [{"name": "a", "datatype": "double", "arraysize": "3"}]}"#;
    std::fs::write(&array, json).unwrap();
    let location = format!("synth:{}", array.display());
    assert_eq!(refusal(&Request::new(&location)).column(), Some("a"));
}
