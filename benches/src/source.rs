//! Reads all rows of a query in a database and discards them, to measure the source alone.
//!
//! ```text
//! bench-source URL COLUMNS.json SQL
//! ```
//!
//! It prints rows, cells that are not null, and batches.

use std::path::Path;
use std::process::ExitCode;

use arrow_array::Array;
use taploom_pipeline::{RowSource, Step};
use taploom_sources::{ColumnList, Request, open};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, columns, sql] = arguments.as_slice() else {
        eprintln!("usage: bench-source URL COLUMNS.json SQL");
        return ExitCode::FAILURE;
    };
    match drain(url, columns, sql) {
        Ok(counted) => {
            println!("{counted}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("bench-source: {why}");
            ExitCode::FAILURE
        }
    }
}

fn drain(url: &str, columns: &str, sql: &str) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let drained = runtime.block_on(async {
        let columns = ColumnList::read(Path::new(columns))?;
        let request = Request::new(url).with_query(sql).with_columns(columns);
        let mut source = open(&request).await?;
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
