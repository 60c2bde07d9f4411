//! Any bytes, inspected as a file, must give a report or an error of one line.

use std::io::Write;

use futures::executor::block_on;
use taploom_inspect::{InspectOptions, inspect};

/// Inspects the metadata, and then the whole file.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(bytes).is_err() {
        return;
    }
    let Some(path) = file.path().to_str() else { return };
    for options in [
        InspectOptions::default(),
        InspectOptions::default().with_verify(true).with_chunk_bytes(true),
    ] {
        match block_on(inspect(path, &options)) {
            Ok(inspection) => {
                assert_eq!(inspection.bytes, bytes.len() as u64);
                for problem in &inspection.problems {
                    assert!(!problem.contains('\n'), "{problem}");
                }
            }
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        }
    }
}
