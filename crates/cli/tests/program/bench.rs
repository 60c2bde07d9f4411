//! Tests what `taploom bench` prints. It uses few rows, so the figures mean nothing.

use serde_json::Value;

use crate::common::{Folder, taploom};

#[test]
fn every_registered_format_is_measured_and_drawn() {
    let folder = Folder::new();
    let (json, plot) = (folder.path("bench.json"), folder.path("bench.svg"));
    let run =
        taploom(&["bench", "--rows", "50", "--rounds", "1", "--json", &json, "--plot", &plot]);
    run.succeeds();
    let table = String::from_utf8(run.stdout).unwrap();
    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let picture = std::fs::read_to_string(&plot).unwrap();
    assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));

    let formats = taploom(&["formats", "--json"]).stdout;
    let formats: Value = serde_json::from_slice(&formats).unwrap();
    let formats = formats.as_array().or_else(|| formats["formats"].as_array()).unwrap();
    let measured = report["formats"].as_array().unwrap();
    assert_eq!(measured.len(), formats.len());
    for format in formats {
        let id = format["id"].as_str().unwrap();
        assert!(table.lines().any(|line| line.split_whitespace().next() == Some(id)), "{table}");
        assert!(picture.contains(&format!(">{id}</text>")), "{id}");
        let figures = measured.iter().find(|figures| figures["format"] == id).unwrap();
        assert_eq!(figures["rows"], 50);
        assert_eq!(figures["columns"], 100);
        for name in ["bytes_in", "bytes_out", "peak_resident", "rows_per_second", "seconds"] {
            assert!(figures[name].as_f64().unwrap() > 0.0, "{id}: {name}");
        }
    }
    assert_eq!(report["threads"], 1);
}

#[test]
fn some_formats_of_a_source_of_ones_own() {
    let folder = Folder::new();
    let source = folder.write("rows.csv", "a,b\n1,x\n2,y\n3,z\n");
    let run = taploom(&[
        "bench",
        &source,
        "--rows",
        "2",
        "-f",
        "votable/td",
        "-f",
        "csv",
        "--threads",
        "2",
        "--rounds",
        "1",
    ]);
    run.succeeds();
    let table = String::from_utf8(run.stdout).unwrap();
    assert!(table.starts_with("2 rows x 2 columns, threads: 2"), "{table}");
    assert_eq!(table.lines().count(), 4, "{table}");
}

#[test]
fn what_is_wrong_is_said() {
    let folder = Folder::new();
    taploom(&["bench", "-f", "nosuch"]).fails_with(2, &["nosuch", "known:"]);
    taploom(&["bench", "nosuch.parquet"]).fails_with(2, &["nosuch.parquet", "no such file"]);
    taploom(&["bench", "--rows", "0"]).fails_with(2, &["--rows", "whole number from 1"]);
    let missing = folder.path("missing/bench.svg");
    taploom(&["bench", "--plot", &missing]).line_says(2, &["missing"]);
}
