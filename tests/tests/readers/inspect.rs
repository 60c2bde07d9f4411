//! Compares the facts that `taploom inspect` reports on Parquet files with pyarrow's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use taploom::pipeline::run;
use taploom::sources::Request;
use taploom_inspect::{InspectOptions, inspect};
use taploom_testkit::Failures;
use taploom_tests::{Readers, write_every_type};

/// The demo catalogue in a VOParquet file.
fn demo(folder: &Path, name: &str, options: &[(&str, &str)]) -> PathBuf {
    let path = folder.join(name);
    let mut spec = taploom::registry().unwrap().request("voparquet").unwrap();
    for (option, value) in options {
        spec = spec.with_option(option, value).unwrap();
    }
    let sink = Box::new(std::fs::File::create(&path).unwrap());
    futures::executor::block_on(async {
        let mut source = taploom::sources::open(&Request::new("demo")).await.unwrap();
        run(&mut source, &spec, sink, &mut |_| ()).await.unwrap();
    });
    path
}

/// The inspection, reduced to the facts that pyarrow reports as well.
fn ours(path: &Path) -> Value {
    let options = InspectOptions::default();
    let found = futures::executor::block_on(inspect(path.to_str().unwrap(), &options)).unwrap();
    assert!(found.is_sound(), "{:?}", found.problems);
    let found = serde_json::to_value(&found).unwrap();
    let parquet = &found["parquet"];
    let names = |counts: &Value| {
        let mut names: Vec<String> = counts
            .as_array()
            .unwrap()
            .iter()
            .map(|count| count["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let columns = found["columns"].as_array().unwrap().iter().map(|column| {
        let chunks = &column["chunks"];
        json!({
            "name": column["name"],
            "physical_type": chunks["physical_type"],
            "compressed_bytes": chunks["compressed_bytes"],
            "uncompressed_bytes": chunks["uncompressed_bytes"],
            "values": chunks["values"],
            "encodings": names(&chunks["encodings"]),
            "codecs": names(&chunks["codecs"]),
            "with_statistics": chunks["with_statistics"],
            "nulls": chunks["nulls"],
            "with_bounds": chunks["with_bounds"],
            "min": chunks["min"],
            "max": chunks["max"],
            "dictionaries": chunks["dictionaries"],
        })
    });
    let keys = parquet["keys"].as_array().unwrap().iter();
    let keys: BTreeMap<&str, &Value> =
        keys.map(|key| (key["key"].as_str().unwrap(), &key["bytes"])).collect();
    json!({
        "rows": found["rows"],
        "created_by": parquet["created_by"],
        "footer_bytes": parquet["footer_bytes"],
        "keys": keys,
        "columns": columns.collect::<Vec<_>>(),
    })
}

/// Compares the inspection with pyarrow, except for facts that pyarrow does not report.
fn compare(path: &Path) {
    let mut theirs = Readers::with(|readers| readers.footer(path)).unwrap();
    let mut ours = ours(path);
    let groups = theirs["row_group_rows"].take();
    theirs.as_object_mut().unwrap().remove("row_group_rows");
    assert!(groups.as_array().is_some());
    let columns = theirs["columns"].as_array_mut().unwrap();
    for (theirs, ours) in columns.iter_mut().zip(ours["columns"].as_array_mut().unwrap()) {
        // pyarrow calls both dictionaries of the format RLE_DICTIONARY and both LZ4 codecs LZ4.
        for codec in ours["codecs"].as_array_mut().unwrap() {
            if *codec == "LZ4_RAW" {
                *codec = "LZ4".into();
            }
        }
        for bound in ["min", "max"] {
            // A float of four bytes is a double in Python.
            let narrow = |value: &Value| value.as_f64().map(|value| value as f32);
            if theirs["physical_type"] == "FLOAT" && narrow(&theirs[bound]) == narrow(&ours[bound])
            {
                theirs[bound] = ours[bound].clone();
            }
            // pyarrow has no bounds for types whose order it does not know.
            if theirs["with_bounds"] == 0 {
                ours[bound] = Value::Null;
            }
        }
        if theirs["with_bounds"] == 0 {
            ours["with_bounds"] = 0.into();
        }
        assert_eq!(ours, theirs, "{}", path.display());
    }
    assert_eq!(ours, theirs, "{}", path.display());
}

#[test]
fn figures_are_those_of_pyarrow() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut failures = Failures::default();
    failures.row("the demo", || compare(&demo(folder.path(), "demo.parquet", &[])));
    failures.row("the demo in row groups", || {
        let options =
            [("row_group_rows", "100"), ("compression", "zstd"), ("bloom_filters", "name")];
        compare(&demo(folder.path(), "groups.parquet", &options));
    });
    failures.row("the demo without statistics", || {
        let options = [("statistics", "none"), ("encoding", "smallest"), ("compression", "none")];
        compare(&demo(folder.path(), "none.parquet", &options));
    });
    failures.row("every type, by pyarrow", || {
        let path = path("every.parquet");
        write_every_type(&path).unwrap();
        compare(&path);
    });
    failures.assert_none();
}
