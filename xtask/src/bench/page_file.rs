//! Compares the loom with `ArrowWriter` and a page store that keeps the encoded pages of a row group in a
//! temporary file. The page store saves the memory of encoded pages, but not the memory of the encoders and
//! of the footer.

use crate::Outcome;
use crate::bench::figures::Figures;
use crate::bench::loom::{MIB, PAGE, bench, number};
use crate::bench::page::write_section_of;
use crate::command::{cargo, run as start};
use crate::folders::SHIPPED;

const ROWS: usize = 200_000;
const ROW_GROUPS: [usize; 3] = [1, 100, 1_000];
/// The writers, each with its name in `bench-loom`.
const WRITERS: [(&str, &str); 3] = [
    ("ArrowWriter, pages in memory", "arrow"),
    ("ArrowWriter, pages in a temporary file", "arrow-page-file"),
    ("loom, 32 MiB granted", "loom"),
];
/// With and without dictionaries, with the option of `bench-loom`.
const DICTIONARIES: [(&str, &str); 2] =
    [("off", "encodings=plain"), ("each writer's default", "encodings=auto")];

/// Measures, and replaces the section of the loom's page.
pub(crate) fn run() -> Outcome {
    let programs = ["-p", "taploom-cli", "-p", "taploom-benches", "--bin", "bench-loom"];
    start(cargo(&[&["build", "--profile", SHIPPED], &programs[..]].concat()))?;
    let mut figures = Figures::default();
    compare(&mut figures)?;
    write_section_of(
        PAGE,
        "Beside ArrowWriter with pages in a temporary file",
        "cargo xtask bench loom page-file",
        &format!(
            "991 columns and {ROWS} rows, Snappy. The heap is the writer's peak, without the caller's batch; the \
             resident set is the process's largest; the CPU seconds of the writer's calls were measured in one run. \
             The page store of `ArrowWriter` is `benches/src/page_file.rs`.\n{}",
            figures.text()
        ),
    )?;
    figures.verdict()
}

fn compare(figures: &mut Figures) -> Outcome {
    figures.add(
        "\n| dictionaries | row groups | | heap, MiB | resident, MiB | CPU s |\n|---|---:|---|---:|---:|---:|"
            .to_owned(),
    );
    let mut relative = Vec::new();
    for (dictionaries, option) in DICTIONARIES {
        for groups in ROW_GROUPS {
            let (rows, group) =
                (format!("rows={ROWS}"), format!("row_group_rows={}", ROWS / groups));
            let mut taken = Vec::new();
            for (name, writer) in WRITERS {
                let line = bench(&["wide", writer, &rows, &group, option])?;
                let heap = number(&line, "peak_heap") / MIB;
                let (resident, cpu) =
                    (number(&line, "resident") / MIB, number(&line, "cpu_seconds"));
                figures.add(format!(
                    "| {dictionaries} | {groups} | {name} | {heap:.1} | {resident:.1} | {cpu:.2} |"
                ));
                taken.push((heap, cpu));
            }
            let [_, page_file, loom] = taken[..] else { continue };
            let case = format!("dictionaries: {dictionaries}; row groups: {groups}");
            relative.push((format!("{case}: heap"), loom.0 / page_file.0));
            relative.push((format!("{case}: CPU time"), loom.1 / page_file.1));
        }
    }
    figures.section("The loom relative to ArrowWriter with pages in a temporary file");
    for (what, ratio) in relative {
        figures.at_most(&what, ratio, 1.0);
    }
    Ok(())
}
