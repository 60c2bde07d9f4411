//! Checks that the program writes the same files, byte for byte, as recorded.
//!
//! `tests/data/digests.json` has the SHA-256 of the output of every format, with its main options, on standard
//! tables: generated columns with 7 % nulls, the demo catalogue, and the tables under `tests/data/tables`. An
//! intended change is recorded with its reason: `cargo xtask digests record "the reason"`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Outcome;
use crate::bench::json;
use crate::command::{cargo, command, run};
use crate::folders::{entries, root, target};
use crate::test::ALL_FEATURES;

const RECORDED: &str = "tests/data/digests.json";
const TABLES: &str = "tests/data/tables";
/// Recorded in place of a digest if a format refuses a table.
const REFUSED: &str = "refused";

/// Tables on which every option and two threads are tested.
const LARGE: [(&str, &str); 5] = [
    ("10 columns", "synth:benches/data/source_columns.json?rows=20000&seed=1&nulls=0.07"),
    ("100 columns", "synth:crates/cli/data/bench_columns.json?rows=3000&seed=1&nulls=0.07"),
    ("991 columns", "synth:tests/data/dp02_object_columns.json?rows=300&seed=1&nulls=0.07"),
    ("the demo catalogue", "demo"),
    ("the nasty table", "tests/data/tables/the-nasty-table.arrow"),
];

/// The options of a format that change its bytes, in addition to the defaults. gzip is not among them: its
/// bytes depend on the instructions that the processor offers.
fn options_of(format: &str) -> &'static [&'static str] {
    match format {
        "arrow" => &["compression=lz4", "compression=zstd"],
        "csv" | "tsv" => &["header=absent"],
        "json" | "jsonl" => &["nonfinite=null"],
        "voparquet" => &[
            "compression=zstd",
            "compression=lz4_raw",
            "compression=none",
            "encoding=smallest",
            "encoding=compatible",
            "encoding=plain",
            "encoding=dictionary",
            "encoding=delta",
            "encoding=byte_stream_split",
            "statistics=chunk",
            "statistics=none",
            "text_arraysize=declared",
            "timestamp=text",
            "timestamp=micros",
            "astropy_lengths=false",
            "row_group_rows=1000",
        ],
        "votable" => &[
            "serialization=BINARY",
            "serialization=TABLEDATA",
            "array_count=outer",
            "line_length=76",
            "version=1.5",
        ],
        _ => &[],
    }
}

/// The options with which every table is written.
fn options_of_every_table(format: &str) -> &'static [&'static str] {
    match format {
        "votable" => &["serialization=BINARY", "serialization=TABLEDATA"],
        _ => &[],
    }
}

/// Digests by what was written: format and option, then the table.
type Digests = BTreeMap<String, BTreeMap<String, String>>;

#[derive(Default, Serialize, Deserialize)]
struct Recorded {
    /// The digests of the first recorded program.
    digests: Digests,
    /// The intended changes since then, the oldest first.
    changes: Vec<Change>,
}

#[derive(Serialize, Deserialize)]
struct Change {
    reason: String,
    digests: Digests,
}

impl Recorded {
    fn read() -> Outcome<Self> {
        let path = root().join(RECORDED);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("can't read {}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn write(&self) -> Outcome {
        let path = root().join(RECORDED);
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        fs::write(&path, text + "\n")
            .map_err(|error| format!("can't write {}: {error}", path.display()))
    }

    /// The digests with all changes.
    fn now(&self) -> Digests {
        let mut now = self.digests.clone();
        for (written, tables) in self.changes.iter().flat_map(|change| &change.digests) {
            now.entry(written.clone()).or_default().extend(tables.clone());
        }
        now
    }
}

/// Compares the output of the program of this workspace with the record.
pub(crate) fn compare() -> Outcome {
    let now = digests(&built()?)?;
    let recorded = Recorded::read()?;
    let differences = differences(&recorded.now(), &now);
    let count: usize = now.values().map(BTreeMap::len).sum();
    let faults: Vec<&str> = recorded.changes.iter().map(|change| change.reason.as_str()).collect();
    println!("{count} files; {} changes since the first record: {faults:?}", faults.len());
    if differences.is_empty() {
        return Ok(());
    }
    let mut message = format!("{} of {count} files are not as recorded:", count_of(&differences));
    for (written, tables) in &differences {
        let names: Vec<&str> = tables.keys().map(String::as_str).collect();
        message += &format!("\n  {written}: {}", names.join(", "));
    }
    Err(message + "\nWhere that is on purpose: cargo xtask digests record REASON")
}

/// Records the output of a program as a change with its reason. The program is the one of this workspace unless
/// another is named.
pub(crate) fn record(reason: &str, program: Option<&str>) -> Outcome {
    let program = match program {
        Some(program) => PathBuf::from(program),
        None => built()?,
    };
    let now = digests(&program)?;
    let mut recorded = Recorded::read()?;
    if recorded.digests.is_empty() {
        recorded.digests = now;
        return recorded.write();
    }
    let differences = differences(&recorded.now(), &now);
    println!("{} files recorded anew: {reason}", count_of(&differences));
    if !differences.is_empty() {
        recorded.changes.push(Change { reason: reason.to_owned(), digests: differences });
    }
    recorded.write()
}

/// The present digests that differ from the record or are not in it.
fn differences(recorded: &Digests, now: &Digests) -> Digests {
    let mut differences = Digests::new();
    for (written, tables) in now {
        for (table, digest) in tables {
            if recorded.get(written).and_then(|tables| tables.get(table)) != Some(digest) {
                let tables = differences.entry(written.clone()).or_default();
                tables.insert(table.clone(), digest.clone());
            }
        }
    }
    differences
}

fn count_of(digests: &Digests) -> usize {
    digests.values().map(BTreeMap::len).sum()
}

/// The program as the tests build it. A test program that starts it makes Cargo build both; `cargo build` would compile
/// some crates again, without the features that tests add to them.
fn built() -> Outcome<PathBuf> {
    let build = ["test", "--workspace", "--features", ALL_FEATURES, "--test", "program"];
    run(cargo(&[&build[..], &["--no-run"]].concat()))?;
    Ok(target().join("debug/taploom"))
}

/// Digests of all outputs of a program.
fn digests(program: &Path) -> Outcome<Digests> {
    let name = program.display().to_string();
    let formats = json(&[&name, "formats", "--json"])?;
    let formats = formats.as_array().ok_or("taploom formats --json prints no list")?;
    let formats: Vec<&str> = formats.iter().filter_map(|format| format["id"].as_str()).collect();
    let small = small_tables()?;
    let mut digests = Digests::new();
    for format in formats {
        let mut add = |option: Option<&str>, table: &str, digest: String| {
            let written =
                option.map_or_else(|| format.to_owned(), |option| format!("{format} {option}"));
            digests.entry(written).or_default().insert(table.to_owned(), digest);
        };
        let with_default = |options: &'static [&'static str]| {
            std::iter::once(None).chain(options.iter().copied().map(Some))
        };
        for (table, source) in LARGE {
            for option in with_default(options_of(format)) {
                let [one, two] =
                    ["1", "2"].map(|threads| digest(&name, source, format, option, threads));
                let one = one?;
                if one != two? {
                    return Err(format!(
                        "{format} {option:?}, {table}: two threads write other bytes than one"
                    ));
                }
                add(option, table, one);
            }
        }
        for (table, source) in &small {
            for option in with_default(options_of_every_table(format)) {
                add(option, table, digest(&name, source, format, option, "1")?);
            }
        }
    }
    Ok(digests)
}

/// Names and paths of the files in `tests/data/tables` that are not among the large ones.
fn small_tables() -> Outcome<Vec<(String, String)>> {
    let mut tables = Vec::new();
    for path in entries(&root().join(TABLES))? {
        let (Some(stem), Some("arrow")) = (
            path.file_stem().and_then(|stem| stem.to_str()),
            path.extension().and_then(|extension| extension.to_str()),
        ) else {
            continue;
        };
        let source = format!("{TABLES}/{stem}.arrow");
        if LARGE.iter().all(|(_, large)| *large != source) {
            tables.push((stem.replace('-', " "), source));
        }
    }
    tables.sort();
    Ok(tables)
}

/// SHA-256 of the program's standard output.
fn digest(
    program: &str,
    source: &str,
    format: &str,
    option: Option<&str>,
    threads: &str,
) -> Outcome<String> {
    let mut encode = command(program, &["encode", source, "-f", format, "--threads", threads]);
    if let Some(option) = option {
        encode.args(["--option", option]);
    }
    let output = encode
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("can't run {program}: {error}"))?;
    match output.status.code() {
        Some(0) => {
            Ok(Sha256::digest(&output.stdout).iter().map(|byte| format!("{byte:02x}")).collect())
        }
        // The format can't hold a column of the table.
        Some(1 | 2) => Ok(REFUSED.to_owned()),
        _ => Err(format!(
            "taploom encode {source} -f {format} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}
