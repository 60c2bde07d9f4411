//! Reads all rows of a query and discards them, to measure the source alone.
//!
//! ```text
//! bench-mysql URL COLUMNS.json SQL
//! ```
//!
//! It prints rows, cells that are not null, and batches.

use std::path::Path;
use std::process::ExitCode;

use arrow_array::Array;
use taploom_pipeline::{RowSource, Step};
use taploom_sources::ColumnList;
use taploom_sources::mysql::{self, BatchLimits};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, columns, sql] = arguments.as_slice() else {
        eprintln!("usage: bench-mysql URL COLUMNS.json SQL");
        return ExitCode::FAILURE;
    };
    match drain(url, columns, sql) {
        Ok(counted) => {
            println!("{counted}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("bench-mysql: {why}");
            ExitCode::FAILURE
        }
    }
}

fn drain(url: &str, columns: &str, sql: &str) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let drained = runtime.block_on(async {
        let columns = ColumnList::read(Path::new(columns))?;
        let limits = BatchLimits::default();
        let mut source = mysql::query(&url.parse()?, sql, Some(&columns), limits).await?;
        let (mut rows, mut cells, mut batches) = (0, 0, 0);
        while let Step::Rows(batch) = source.next().await? {
            rows += batch.num_rows();
            cells += batch
                .columns()
                .iter()
                .map(|column| column.len() - column.null_count())
                .sum::<usize>();
            batches += 1;
        }
        Ok(format!("{rows} {cells} {batches}"))
    });
    drained.map_err(|error: taploom_format::Error| format!("{error:#}"))
}
