//! Writers that are dropped before they are closed, and calls that change nothing.

use taploom_loom::{LoomOptions, LoomWriter, ScratchSpace};

use super::scratch::Faulty;
use super::{Case, is_readable};

use crate::common::{every_type, loom};

#[test]
fn a_writer_that_is_dropped_leaves_no_file() {
    let case = Case::wide();
    for (threads, flush) in [(1, false), (3, true)] {
        for count in 0..=case.batches.len() {
            let mut file = Vec::new();
            let options = case.options(threads).with_scratch(ScratchSpace::on(Faulty::default()));
            let schema = case.batches[0].schema();
            let mut writer = LoomWriter::try_new(&mut file, schema, options).unwrap();
            case.batches[..count].iter().for_each(|batch| writer.write(batch).unwrap());
            if flush {
                writer.flush().unwrap();
            }
            drop(writer);
            assert!(!is_readable(&file));
        }
    }
}

#[test]
fn a_flush_of_nothing_changes_nothing() {
    let batch = every_type(0, 10);
    let (whole, _) = loom(&[batch.slice(0, 0)], LoomOptions::new());
    let mut file = Vec::new();
    let mut writer = LoomWriter::try_new(&mut file, batch.schema(), LoomOptions::new()).unwrap();
    writer.flush().unwrap();
    writer.write(&batch.slice(0, 0)).unwrap();
    writer.flush().unwrap();
    let written = writer.close().unwrap();
    assert_eq!((written.rows, written.row_groups), (0, 0));
    assert!(file == whole);

    let mut file = Vec::new();
    let mut writer = LoomWriter::try_new(&mut file, batch.schema(), LoomOptions::new()).unwrap();
    writer.write(&batch).unwrap();
    writer.flush().unwrap();
    writer.flush().unwrap();
    assert_eq!(writer.close().unwrap().row_groups, 1);
    assert!(is_readable(&file));
}
