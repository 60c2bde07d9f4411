//! The client CPU time to read a wide result from MariaDB: `mysql://` as a source, compared with `mariadb --quick`,
//! which prints the same rows to `/dev/null`.

use taploom_test_servers::{MariaDb, Settings};

use crate::Outcome;
use crate::bench::wide_table::{self, COLUMNS, QUERY};
use crate::bench::{median, usage};
use crate::command::{cargo, run as start};
use crate::folders::{SHIPPED, program};

const ROWS: u64 = 50_000;
const TURNS: usize = 5;
/// Limit for the CPU time of the source, as a multiple of the time that `mariadb --quick` takes.
const AT_MOST: f64 = 0.8;

pub(crate) fn run() -> Outcome {
    start(cargo(&["build", "--profile", SHIPPED, "-p", "taploom-cli", "-p", "taploom-benches"]))?;
    let server = MariaDb::start_with(&Settings::default())?;
    wide_table::make(&server, ROWS)?;

    let ours = program("bench-mysql");
    let url = server.url();
    let ours = [ours.as_str(), &url, COLUMNS, QUERY];
    let client = wide_table::client(&server);
    let client: Vec<&str> = client.iter().map(String::as_str).collect();

    println!("{ROWS} rows x 991 columns of MariaDB, VARCHAR in MyISAM, read and thrown away");
    println!("{:<20}{:>14}{:>12}{:>12}", "client", "rows/CPU s", "CPU s", "peak MiB");
    // The two run in turn, so that other load on the machine affects both.
    let mut seconds = [Vec::new(), Vec::new()];
    let mut peaks = [0, 0];
    for _ in 0..TURNS {
        for (index, arguments) in [&client[..], &ours].into_iter().enumerate() {
            let usage = usage(arguments)?;
            seconds[index].push(usage.cpu.as_secs_f64());
            peaks[index] = peaks[index].max(usage.peak_kib);
        }
    }
    let medians = seconds.map(median);
    for ((name, seconds), peak) in
        ["mariadb --quick", "mysql:// source"].iter().zip(medians).zip(peaks)
    {
        let (rate, peak) = (ROWS as f64 / seconds, peak as f64 / 1024.0);
        println!("{name:<20}{rate:>14.0}{seconds:>12.2}{peak:>12.1}");
    }
    let ratio = medians[1] / medians[0];
    println!("the source takes {ratio:.2} of the client's CPU; at most {AT_MOST}");
    if ratio <= AT_MOST { Ok(()) } else { Err(format!("missed: {ratio:.2}, at most {AT_MOST}")) }
}
