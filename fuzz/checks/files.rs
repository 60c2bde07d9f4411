//! Any bytes, read as a file, must give rows or an error of one line: FITS, ECSV, JSON Lines, CSV, TSV, also
//! inside gzip and zstd.

use std::io::Write;

use futures::executor::block_on;
use taploom_format::{Error, Resources, Result};
use taploom_sources::{Request, open};

/// The largest number of rows that are read, because a few bytes of FITS can declare any number of
/// rows without columns.
const MOST_ROWS: usize = 10_000;

/// Reads the bytes in the format that is recognised, and as CSV and TSV.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(bytes).is_err() {
        return;
    }
    let Some(path) = file.path().to_str() else { return };
    for format in [None, Some("csv;comment=#;null=NA"), Some("tsv")] {
        if let Err(error) = drain(path, format) {
            assert_one_line(&error);
        }
    }
}

fn drain(path: &str, format: Option<&str>) -> Result<()> {
    let request = Request::new(path)
        .with_input_format(format)
        .with_batch_rows(100)
        .with_resources(Resources::default().with_memory_budget(1 << 20));
    let mut source = block_on(open(&request))?;
    let mut rows = 0;
    while let Some(batch) = block_on(source.next())?.rows() {
        assert!(batch.num_rows() <= 100);
        assert_eq!(batch.schema_ref(), source.schema().arrow());
        rows += batch.num_rows();
        if rows > MOST_ROWS {
            return Ok(());
        }
    }
    Ok(())
}

fn assert_one_line(error: &Error) {
    assert!(!error.to_string().contains('\n'), "{error}");
}
