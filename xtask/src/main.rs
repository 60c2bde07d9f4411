//! What people and CI run.
//!
//! ```text
//! cargo xtask setup         install the programs that the tests read files with
//! cargo xtask test          everything that has to pass
//! cargo xtask instructions  what encoders take, against what is recorded; `instructions record` records
//! cargo xtask fuzz 10       inputs that nobody thought of, at every reader, for so many seconds each
//! cargo xtask bench         all of docs/src/benchmarks.md: formats, peers, memory, scale, threads, end-to-end
//! cargo xtask bench formats every format on the same rows, with a picture
//! cargo xtask bench loom    memory and time of the Parquet writer, against ArrowWriter
//! cargo xtask bench mysql   client CPU of a wide result from MariaDB, against its own client
//! cargo xtask bench peers   the same rows by other programs; `peers 10` with a tenth of them
//! cargo xtask bench memory  peak against rows, columns and row groups
//! cargo xtask bench scale   time of a row against the number of rows
//! cargo xtask bench threads every format with two threads against one
//! cargo xtask bench end-to-end  sources to files
//! cargo xtask bench bridge  what a job costs from MariaDB to HTTP, and many at once
//! cargo xtask bench readers what readers pay for row groups of one size and another
//! ```

mod bench;
mod bench_bridge;
mod bench_loom;
mod bench_mysql;
mod bench_page;
mod bench_peers;
mod bench_readers;
mod bench_whole;
mod formats;
mod fuzz;
mod instructions;
mod narrow_table;
mod run;
mod setup;
mod test;
mod wide_table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A task that failed says why, and what to do.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["setup"] => setup::run(),
        ["test"] => test::run(),
        ["fuzz"] => fuzz::run("10"),
        ["fuzz", seconds] => fuzz::run(seconds),
        ["instructions"] => instructions::run(false),
        ["instructions", "record"] => instructions::run(true),
        ["bench"] => bench_whole::side_by_side()
            .and_then(|()| bench_peers::run(1))
            .and_then(|()| bench_whole::memory())
            .and_then(|()| bench_whole::scale())
            .and_then(|()| bench_whole::threads())
            .and_then(|()| bench_whole::end_to_end()),
        ["bench", "loom"] => bench_loom::run(),
        ["bench", "mysql"] => bench_mysql::run(),
        ["bench", "bridge"] => bench_bridge::run(),
        ["bench", "peers"] => bench_peers::run(1),
        ["bench", "peers", part] => match part.parse() {
            Ok(part) if part > 0 => bench_peers::run(part),
            _ => Err(format!("{part:?} is no part of the rows: 10 measures a tenth")),
        },
        ["bench", "memory"] => bench_whole::memory(),
        ["bench", "scale"] => bench_whole::scale(),
        ["bench", "threads"] => bench_whole::threads(),
        ["bench", "end-to-end"] => bench_whole::end_to_end(),
        ["bench", "formats"] => bench_whole::side_by_side(),
        ["bench", "readers"] => bench_readers::run(),
        _ => Err(
            "usage: cargo xtask setup | test | instructions [record] | fuzz [SECONDS] | bench [formats|peers|memory|scale|threads|end-to-end|bridge|loom|mysql|readers]"
                .to_owned(),
        ),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace.
fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}
