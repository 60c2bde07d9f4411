//! Any bytes, read as a VOTable, must give rows or an error of one line.

use taploom_format::{Error, Result};
use taploom_votable::{Charset, CountOf, ReadOptions, TableChoice, VotableReader};

/// Reads the bytes with two sets of options.
pub(crate) fn check(bytes: &[u8]) {
    for options in [
        ReadOptions::default().with_memory_limit(1 << 20),
        ReadOptions::default()
            .with_table(TableChoice::First)
            .with_count_of(CountOf::Outer)
            .with_charset(Charset::Latin1)
            .with_memory_limit(1 << 16),
    ] {
        if let Err(error) = drain(bytes, &options) {
            assert_one_line(&error);
        }
    }
}

/// Reads a document twice, in batches of one row and of a thousand rows. Both must have the same number of
/// rows.
fn drain(bytes: &[u8], options: &ReadOptions) -> Result<()> {
    let mut rows = [0, 0];
    for (count, most) in rows.iter_mut().zip([1, 1000]) {
        let mut reader = VotableReader::with_options(bytes, options.clone())?;
        while let Some(batch) = reader.next_batch(most)? {
            assert!(batch.num_rows() > 0 && batch.num_rows() <= most);
            assert_eq!(batch.schema_ref(), reader.schema().arrow());
            *count += batch.num_rows();
        }
        assert!(reader.late().is_some());
        reader.passed_over();
    }
    assert_eq!(rows[0], rows[1]);
    Ok(())
}

fn assert_one_line(error: &Error) {
    assert!(!error.to_string().contains('\n'), "{error}");
}
