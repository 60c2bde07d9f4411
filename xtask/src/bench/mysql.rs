//! The client CPU time to read a wide result from MariaDB: `mysql://` as a source, compared with `mariadb --quick`,
//! which prints the same rows to `/dev/null`.

use taploom_test_servers::{MariaDb, Settings};

use crate::Outcome;
use crate::bench::turns;
use crate::bench::wide_table::{self, COLUMNS, QUERY};
use crate::command::{cargo, run as start};
use crate::folders::{SHIPPED, program};

const ROWS: u64 = 50_000;
/// Limit for the CPU time of the source, as a multiple of the time that `mariadb --quick` takes.
const AT_MOST: f64 = 0.8;

pub(crate) fn run() -> Outcome {
    start(cargo(&["build", "--profile", SHIPPED, "-p", "taploom-cli", "-p", "taploom-benches"]))?;
    let server = MariaDb::start_with(&Settings::default())?;
    wide_table::make(&server, ROWS)?;

    let ours = program("bench-source");
    let url = server.url();
    let ours = [ours.as_str(), &url, COLUMNS, QUERY];
    let client = wide_table::client(&server);
    let client: Vec<&str> = client.iter().map(String::as_str).collect();

    println!("{ROWS} rows x 991 columns of MariaDB, VARCHAR in MyISAM, read and thrown away");
    let [theirs, ours] = turns(ROWS, [("mariadb --quick", &client), ("mysql:// source", &ours)])?;
    let ratio = ours.cpu_seconds / theirs.cpu_seconds;
    println!("the source takes {ratio:.2} of the client's CPU; at most {AT_MOST}");
    if ratio <= AT_MOST { Ok(()) } else { Err(format!("missed: {ratio:.2}, at most {AT_MOST}")) }
}
