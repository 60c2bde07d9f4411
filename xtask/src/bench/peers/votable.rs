//! VOTable and FITS, written by Taploom, STILTS and astropy.

use super::contest::{Contest, Figure, Results};
use super::targets::Targets;
use super::{Bench, Section, stilts};
use crate::Outcome;
use crate::bench::bench_file;
use crate::bench::wide_table::COLUMNS as WIDE;

pub(super) const SECTION: Section = Section {
    name: "votable",
    title: "Beside other programs: VOTable and FITS",
    chart: "Writing VOTable and FITS",
    text: "For taploom, which reads Arrow, and STILTS, which reads FITS, the whole process is measured, from file to \
           file. For astropy, reading FITS and writing are measured, without the start of the interpreter and the \
           imports; it gets fewer rows, and its CPU seconds are those for all rows at the same speed.",
    measure,
};

const ROWS: u64 = 50_000;
/// The number of rows for astropy, which would take minutes for all of them.
const ROWS_OF_ASTROPY: u64 = 500;

/// The name of a format, and its names in Taploom, STILTS and `peers.py`.
const KINDS: [[&str; 4]; 3] = [
    ["BINARY2", "votable/b2", "votable-binary2-inline", "binary2"],
    ["TABLEDATA", "votable/td", "votable-tabledata", "tabledata"],
    ["FITS", "fits", "fits-basic", "fits"],
];

const STAGE: (&str, Figure) =
    ("encode stage only: from Arrow in memory, output discarded", |figure| figure("cpu_seconds"));
const FLOOR: (&str, Figure) =
    ("lower bound: a copy of the rows, and base64 of the same number of bytes", |figure| {
        figure("memcpy_seconds") + figure("base64_seconds")
    });

fn measure(bench: &Bench, targets: &mut Targets) -> Outcome<Vec<Results>> {
    let (rows, few) = (bench.rows(ROWS), ROWS_OF_ASTROPY);
    let arrow = bench.input(WIDE, rows, "arrow", "arrow")?;
    let fits = bench.input(WIDE, rows, "fits", "fits")?;
    let few_rows = bench.input(WIDE, few, "fits", "fits")?;
    let mut all = Vec::new();
    for [title, format, of_stilts, of_astropy] in KINDS {
        let out = bench_file("out");
        let arguments = [format!("out={out}"), format!("ofmt={of_stilts}")];
        let stage = if title == "BINARY2" { vec![STAGE, FLOOR] } else { vec![STAGE] };
        let results = Contest::new(format!("{title}, {rows} x 991"), rows, |taken| {
            bench.encode(&arrow, format, &[], taken)
        })
        .with("STILTS", |taken| {
            stilts(&fits, &arguments.each_ref().map(String::as_str), &out, taken)
        })
        .with_rows("astropy", few, |taken| {
            bench.peer(["write", "astropy", of_astropy], &few_rows, taken)
        })
        .with_stage(format, &arrow, stage)
        .run()?;
        if title == "BINARY2" {
            let goal = |what: &str| format!("BINARY2, 50,000 x 991, {what}");
            let (stage, floor) = (results.rate(STAGE.0), results.rate(FLOOR.0));
            targets.at_least(&goal("encode stage, rows/CPU s"), 600_000.0, stage, 0);
            targets.at_least(
                &goal("encode stage, rate relative to the bound"),
                0.45,
                stage / floor,
                2,
            );
            let ours = rows as f64 / results.ours();
            targets.at_least(&goal("whole process, rows/CPU s"), 200_000.0, ours, 0);
            let of_stilts = results.seconds("STILTS") / results.ours();
            targets.at_least(&goal("whole process, rate relative to STILTS"), 10.0, of_stilts, 1);
        }
        all.push(results);
    }
    Ok(all)
}
