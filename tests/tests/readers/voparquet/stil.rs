//! STIL, TOPCAT's library, reads the same table from VOParquet as from VOTable with BINARY2.

use std::path::{Path, PathBuf};

use taploom::{Column, Completion, Datatype, EncodeContext, Options, VoType};
use taploom_testkit::{SharedSink, Table, nasty};
use taploom_tests::{Readers, check_same_by_stil, types_of};

use super::run_taploom;

#[test]
fn the_catalogue_is_the_same_in_voparquet_and_binary2() {
    same_in_both(|format, file| run_taploom(&["encode", "demo", "-f", format], file));
}

#[test]
fn the_wide_table_is_the_same_in_voparquet_and_binary2() {
    let columns = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dp02_object_columns.json");
    let source = format!("synth:{}?rows=300&seed=11", columns.display());
    same_in_both(|format, file| run_taploom(&["encode", &source, "-f", format], file));
}

#[test]
fn every_type_is_the_same_in_voparquet_and_binary2() {
    let table = nasty();
    let types = types_of(&table.schema);
    let names: Vec<_> = table.schema.columns().iter().map(Column::name).collect();
    // A duplicate name gets a number in VOParquet.
    let columns: Vec<usize> = (0..types.len())
        .filter(|&index| !names[..index].contains(&names[index]))
        .filter(|&index| !is_misread_in_binary2(&types[index]))
        .collect();
    let table = table.project(&columns);
    same_in_both(|format, file| std::fs::write(file, encoded(&table, format)).unwrap());
}

/// Whether STIL misreads a type in BINARY2: it takes the length of an array of complex numbers for the number of
/// floats, and a single bit for an array.
fn is_misread_in_binary2(vo_type: &VoType) -> bool {
    let is_variable = vo_type.is_list() && vo_type.fixed_elements().is_none();
    let is_one = !vo_type.is_list();
    vo_type.datatype.is_complex() && is_variable || vo_type.datatype == Datatype::Bit && is_one
}

fn encoded(table: &Table, format: &str) -> Vec<u8> {
    let registry = taploom::registry().unwrap();
    let plugin = registry.plugin(format).unwrap();
    let sink = SharedSink::default();
    let context = EncodeContext::default();
    let options = Options::default();
    let mut encoder =
        plugin.start(&options, &table.schema, &context, Box::new(sink.clone())).unwrap();
    encoder.write_batch(&table.given).unwrap();
    encoder.finish(Completion::Complete).unwrap();
    sink.bytes()
}

/// Writes a table in both formats, and compares what STIL reads.
#[track_caller]
fn same_in_both(write: impl Fn(&str, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    let [parquet, votable] = [("voparquet", "parquet"), ("votable", "votable")].map(
        |(format, name_of_stil)| -> PathBuf {
            let (file, copy) = (folder.path().join(format), folder.path().join(name_of_stil));
            write(format, &file);
            Readers::with(|readers| readers.copy_by_stil(&file, name_of_stil, &copy))
                .unwrap_or_else(|error| panic!("STIL refuses {format}: {error}"));
            copy
        },
    );
    check_same_by_stil(&parquet, &votable).unwrap_or_else(|differences| panic!("{differences}"));
}
