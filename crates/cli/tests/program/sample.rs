//! `taploom sample`.

use crate::common::{Folder, taploom};

const ROWS: &str =
    "field,star,mag\na,1,1.5\na,2,\na,3,2.5\nb,3,1.0\n,7,9\na,1,1.25\n,,8\n,,7\n,9,6\nb,3,4\n";

fn sampled(source: &str, options: &[&str]) -> String {
    let run = taploom(&[&["sample", source, "-f", "csv"], options].concat());
    run.succeeds();
    String::from_utf8(run.stdout).unwrap().replace("\r\n", "\n")
}

#[test]
fn rows_of_the_first_ids_of_every_group_are_written_in_order() {
    let folder = Folder::new();
    let csv = folder.write("rows.csv", ROWS);
    for extension in ["csv", "parquet", "arrow"] {
        let source = folder.path(&format!("rows.{extension}"));
        if extension != "csv" {
            taploom(&["encode", &csv, "-o", &source]).succeeds();
        }
        let keys = ["-g", "field", "-i", "star"];
        let with = |options: &[&str]| sampled(&source, &[&keys, options].concat());
        assert_eq!(
            with(&["-n", "1", "--select", "star, mag"]),
            "star,mag\n1,1.5\n3,1.0\n7,9.0\n1,1.25\n3,4.0\n"
        );
        // Null is a group and an id.
        let two = with(&["-n", "2", "--select", "mag AS m"]);
        assert_eq!(two, "m\n1.5\n\"\"\n1.0\n9.0\n1.25\n8.0\n7.0\n4.0\n");
        // A number larger than the number of ids keeps all rows.
        assert_eq!(with(&["-n", "100"]).lines().count(), 11);
        // The condition applies before the sample, and the limit after it.
        assert_eq!(
            with(&["-n", "1", "--select", "mag", "--where", "star > 1"]).lines().next_back(),
            Some("4.0")
        );
        let run = taploom(&[
            "sample", &source, "-g", "field", "-i", "star", "-n", "1", "-f", "csv", "--maxrec", "2",
        ]);
        assert_eq!(String::from_utf8(run.stdout).unwrap().lines().count(), 3);
    }
}

#[test]
fn stats_say_what_was_kept() {
    let folder = Folder::new();
    let source = folder.write("rows.csv", ROWS);
    let sample =
        ["sample", &source, "-g", "field", "-i", "star", "-n", "1", "-f", "csv", "--stats"];
    for quiet in [&[][..], &["--quiet"]] {
        let run = taploom(&[&sample[..], quiet].concat());
        assert!(run.stderr.contains("5 of 10 rows kept: 3 ids of 3 groups"), "{}", run.stderr);
    }
}

#[test]
fn wrong_columns_and_numbers_are_refused() {
    let folder = Folder::new();
    let source = folder.write("rows.csv", ROWS);
    for (options, words) in [
        (&["-g", "feild", "-i", "star", "-n", "1"][..], &["\"feild\"", "did you mean field?"][..]),
        (&["-g", "field", "-i", "satr", "-n", "1"], &["\"satr\"", "star"]),
        (&["-g", "field", "-i", "star", "-n", "0"], &["-n", "from 1"]),
        (&["-g", "field", "-i", "star"], &["--number <N>"]),
    ] {
        taploom(&[&["sample", &source, "-f", "csv"], options].concat()).fails_with(2, words);
    }
}
