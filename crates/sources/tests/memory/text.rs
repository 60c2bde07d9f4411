//! Memory for text without line breaks, such as a file of another kind that is called `.csv`.

use std::io::Write;

use futures::executor::block_on;
use taploom_heap_meter::HeapMeter;
use taploom_model::ErrorKind;
use taploom_sources::{Request, open};

/// Bytes of the only line.
const LINE: usize = 128 << 20;

#[test]
fn a_line_without_an_end_is_refused_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let ecsv = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\n";
    for (name, beginning, piece, words) in [
        (
            "names.csv",
            "",
            "a long name of a column",
            "the names of the columns have more than 16777216 bytes",
        ),
        ("values.csv", "", "1,", "more than 100000 values"),
        ("names.tsv", "", "name", "the names of the columns have more than 16777216 bytes"),
        ("values.tsv", "", "1\t", "more than 100000 values"),
        ("names.ecsv", ecsv, "aaaaaaaa", "the names of the columns have more than 16777216 bytes"),
        ("values.ecsv", ecsv, "a ", "more than 100000 values"),
        ("header.ecsv", "# %ECSV 1.0\n# ", "a", "a header of more than 16777216 bytes"),
        ("rows.jsonl", "{\"rows\": [", "[1, 2.5], ", "a line has more than 16777216 bytes"),
        ("text.jsonl", "{\"text\": \"", "text ", "a line has more than 16777216 bytes"),
    ] {
        let path = folder.path().join(name);
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        file.write_all(beginning.as_bytes()).unwrap();
        for _ in 0..LINE / piece.len() {
            file.write_all(piece.as_bytes()).unwrap();
        }
        drop(file);
        let meter = HeapMeter::start().unwrap();
        let Err(error) = block_on(open(&Request::new(path.to_str().unwrap()))) else {
            panic!("{name} is read")
        };
        let peak = meter.peak() >> 20;
        let text = format!("{error:#}");
        assert!(text.contains(words) && text.contains(name), "{name}: {text}");
        assert_eq!(error.kind(), ErrorKind::Source, "{text}");
        assert!(peak <= 64, "{name}: {peak} MiB");
        std::fs::remove_file(&path).unwrap();
    }
}
