//! The commands for developers and CI.
//!
//! ```text
//! cargo xtask setup         install the programs that the tests read files with
//! cargo xtask test          everything that has to pass; `test --within 60m` leaves out steps that would end later
//! cargo xtask test quick    what every change has to pass: build, format, clippy, unit tests and the suite
//! cargo xtask instructions  the instructions of every encoder against those recorded; `instructions record` records;
//!                           `instructions report REV`: what has changed in the record since a revision
//! cargo xtask digests       files of every format against their recorded digests; `digests record REASON` records
//! cargo xtask fuzz 10       random inputs to every reader, for 10 seconds each
//! cargo xtask new-format NAME --out DIR  makes a crate for a new format
//! cargo xtask soak          jobs through three brokers of Kafka while workers, brokers, Qserv and the store go away;
//!                           `soak --jobs 500 --minutes 30 --longest 600 --outage 120`: the longest query and the
//!                           outages in seconds
//! cargo xtask english       counts phrases that make sentences hard to read; `english list PHRASE` says where
//! cargo xtask packages      the crates as they would be published, compiled from the packages
//! cargo xtask semver REV    breaking changes to the public API since a revision, by cargo-semver-checks
//! cargo xtask bench         all of docs/src/benchmarks.md: formats, peers, memory, scale, small, threads,
//!                           end-to-end
//! cargo xtask bench formats every format on the same rows, with a chart
//! cargo xtask bench encodings  Parquet files compared with other writers' files: bytes, CPU and memory; `encodings 10`
//!                           with a tenth of the rows
//! cargo xtask bench loom    memory and time of the Parquet writer, against ArrowWriter; `loom page-file`: only against
//!                           one whose pages are in a temporary file
//! cargo xtask bench loom-resident  resident memory of the Parquet writer for hard shapes
//! cargo xtask bench mysql   client CPU of a wide result from MariaDB, against its own client
//! cargo xtask bench postgres  the same for PostgreSQL, also of the encoded result
//! cargo xtask bench peers   other programs on the same rows: votable, text, parquet, reading and rewriting, with a chart
//!                           each; `peers text reading` only these; `peers 10 text` a tenth of the rows, to try it
//! cargo xtask bench memory  peak against rows, columns and row groups
//! cargo xtask bench scale   time of a row against the number of rows
//! cargo xtask bench small   time of a result of ten rows, by a spec of its own and by a kept one
//! cargo xtask bench threads every format with two threads against one
//! cargo xtask bench end-to-end  sources to files
//! cargo xtask bench bridge  what a job costs from MariaDB to HTTP, and many at once
//! cargo xtask bench worker  memory of a worker with a thousand queries, and with a thousand wide results
//! cargo xtask bench decimals  numbers as text by the kernels of crates/decimals, beside zmij and itoa
//! cargo xtask bench readers what readers pay for row groups of one size and another
//! cargo xtask bench sample  `taploom sample` beside other programs, 10^8 rows; `sample 1000000000` with that many rows
//! cargo xtask bench reading memory and time of reading wide Parquet files of other programs
//! ```

mod bench;
mod command;
mod digests;
mod english;
mod folders;
mod fuzz;
mod instructions;
mod new_format;
mod packages;
mod semver;
mod setup;
mod soak;
mod test;

use std::process::ExitCode;

use bench::whole;

/// A task that failed says why, and what to do.
type Outcome<T = ()> = Result<T, String>;

const USAGE: &str = "usage: cargo xtask setup | test [quick | STEP ... | --within TIME | --record] \
    | instructions [record | report REVISION] | digests [record REASON [PROGRAM]] | fuzz [SECONDS] | new-format NAME --out DIR \
    | soak [--jobs NUMBER] [--minutes MINUTES] [--longest SECONDS] [--outage SECONDS] \
    | english [list PHRASE | CHECKOUT] | packages | semver REVISION \
    | bench [formats|peers|memory|scale|small|threads|end-to-end|bridge|decimals|encodings|loom|loom-resident|mysql|\
    postgres|readers|reading|sample|worker]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["setup"] => setup::run(),
        ["test"] => test::run(None, false),
        ["test", "quick"] => test::quick(),
        ["test", "--within", time] => {
            test::duration(time).and_then(|time| test::run(Some(time), false))
        }
        ["test", "--record"] => test::run(None, true),
        ["test", steps @ ..] => test::only(steps),
        ["fuzz"] => fuzz::explore("10"),
        ["fuzz", seconds] => fuzz::explore(seconds),
        ["instructions"] => instructions_compared(),
        ["instructions", "record"] => instructions::record(),
        ["instructions", "report", revision] => instructions::report(revision),
        ["digests"] => digests::compare(),
        ["digests", "record", reason] => digests::record(reason, None),
        ["digests", "record", reason, program] => digests::record(reason, Some(program)),
        ["new-format", name, "--out", out] => new_format::run(name, out),
        ["soak", arguments @ ..] => soak::run(arguments),
        ["english"] => english::count(None),
        ["english", "list", phrase] => english::list(phrase),
        ["english", checkout] => english::count(Some(checkout)),
        ["semver", revision] => semver::check(revision),
        ["packages"] => packages::check(),
        ["bench", which @ ..] => benches(which),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// By hand, a comparison that can't be made is a failure.
fn instructions_compared() -> Outcome {
    match instructions::compare_and_note()? {
        instructions::Comparison::Passed => Ok(()),
        instructions::Comparison::OtherProcessor(reason) => Err(reason),
    }
}

fn benches(which: &[&str]) -> Outcome {
    match which {
        [] => {
            whole::side_by_side()?;
            bench::peers::run(&[], 1)?;
            whole::memory()?;
            whole::scale()?;
            whole::small()?;
            whole::threads()?;
            whole::end_to_end()
        }
        ["loom"] => bench::loom::run(),
        ["loom", "page-file"] => bench::page_file::run(),
        ["loom-resident"] => bench::resident::run(),
        ["mysql"] => bench::mysql::run(),
        ["postgres"] => bench::postgres::run(),
        ["bridge"] => bench::bridge::run(),
        ["worker"] => soak::memory(),
        ["peers", names @ ..] => peers(names),
        ["encodings"] => bench::encodings::run(1),
        ["encodings", part] => bench::encodings::run(divisor(part)?),
        ["memory"] => whole::memory(),
        ["scale"] => whole::scale(),
        ["small"] => whole::small(),
        ["threads"] => whole::threads(),
        ["end-to-end"] => whole::end_to_end(),
        ["formats"] => whole::side_by_side(),
        ["decimals"] => bench::decimals::run(),
        ["readers"] => bench::readers::run(),
        ["reading"] => bench::reading::run(),
        ["sample"] => bench::sample::run(bench::sample::ALL),
        ["sample", rows] => bench::sample::run(divisor(rows)?),
        _ => Err(USAGE.to_owned()),
    }
}

/// The sections of `bench peers` that are named; a number before them divides the rows.
fn peers(names: &[&str]) -> Outcome {
    let (part, names) = match names {
        [part, names @ ..] if part.starts_with(|c: char| c.is_ascii_digit()) => {
            (divisor(part)?, names)
        }
        names => (1, names),
    };
    let known = bench::peers::SECTIONS.map(|section| section.name);
    match names.iter().find(|name| !known.contains(name)) {
        Some(name) => Err(format!("{name:?} is not a section; known: {}", known.join(", "))),
        None => bench::peers::run(names, part),
    }
}

/// A number by which the rows of a measurement are divided.
fn divisor(text: &str) -> Outcome<u64> {
    match text.parse() {
        Ok(divisor) if divisor > 0 => Ok(divisor),
        _ => Err(format!("{text:?} is not a divisor of the rows: 10 measures a tenth")),
    }
}
