//! Validators check the nasty table in every serialization of VOTable.
//!
//! If a validator wrongly rejects a column that follows the standard, a rule here leaves the column
//! out for that validator. Everything else has to be accepted.

use taploom::{Column, Completion, Datatype, EncodeContext, VoType, XmlId};
use taploom_testkit::{Failures, SharedSink, nasty};
use taploom_tests::{ReaderOracle, Validator, Variant, types_of};

#[test]
fn validators_find_nothing_but_what_is_known_of_them() {
    let registry = taploom::registry().unwrap();
    let plugin = registry.plugin("votable").unwrap();
    let mut failures = Failures::default();
    for variant in Variant::of("votable") {
        let mut oracle = ReaderOracle::new(variant, variant.readers[0]);
        let subject = variant.subject(*plugin, &mut oracle).unwrap();
        let table = subject.adapt(nasty()).unwrap();
        let names: Vec<_> = table.schema.columns().iter().map(Column::name).collect();
        let types = types_of(&table.schema);
        for validator in [Validator::Votlint, Validator::Validator, Validator::Schema] {
            let columns: Vec<usize> = (0..types.len())
                .filter(|&index| {
                    let is_again = names[..index].contains(&names[index]);
                    match validator {
                        // It warns of a duplicate name, which the result of a query may have.
                        Validator::Votlint => {
                            !is_again && !votlint_misreads(variant, &types[index])
                        }
                        // It also warns of names from which it can't make an ID.
                        Validator::Validator => {
                            !is_again
                                && names[index]
                                    .replace([' ', '[', ']', '*'], "")
                                    .parse::<XmlId>()
                                    .is_ok()
                                && !astropy_misreads(variant, &types[index])
                        }
                        Validator::Schema => true,
                    }
                })
                .collect();
            assert!(columns.len() * 2 > types.len(), "{} columns are left", columns.len());
            let table = table.project(&columns);
            let sink = SharedSink::default();
            let context = EncodeContext::default();
            let mut encoder =
                subject.start(&table.schema, &context, Box::new(sink.clone())).unwrap();
            encoder.write_batch(&table.given).unwrap();
            encoder.finish(Completion::Complete).unwrap();
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), sink.bytes()).unwrap();
            let name = variant.name();
            failures.check(format!("{name}, {validator:?}"), || validator.check(file.path()));
        }
    }
    failures.assert_none();
}

/// STILTS 3.4.7.
fn votlint_misreads(variant: &Variant, vo_type: &VoType) -> bool {
    if has(variant, "serialization", "TABLEDATA") {
        // For a null array of fixed length (also a bit or a complex number) and a null text of fixed length, votlint
        // expects elements or characters. By VOTable 1.4, 6, an empty TD is null.
        let is_pair_or_bit = vo_type.datatype.is_complex() || vo_type.datatype == Datatype::Bit;
        let shape = vo_type.arraysize.as_ref();
        return shape.map_or(is_pair_or_bit, |shape| shape.fixed().is_some());
    }
    // votlint takes a single bit for an array, a count of bits for a count of bytes, and a count of complex numbers for
    // a count of floats, and it knows only `array_count=primitives`.
    is_odd_bit(vo_type)
        || vo_type.datatype.is_complex() && is_variable(vo_type)
        || has(variant, "array_count", "outer") && is_variable_matrix(vo_type)
}

/// astropy 8.0.2.
fn astropy_misreads(variant: &Variant, vo_type: &VoType) -> bool {
    // It has no arrays of strings.
    if vo_type.datatype.is_text() && vo_type.is_list() {
        return true;
    }
    if has(variant, "serialization", "TABLEDATA") {
        // It wants the elements of a null array of complex numbers.
        return vo_type.datatype.is_complex() && !is_variable(vo_type);
    }
    // It takes a bit for a byte, the count of bits for one of bytes, and counts the last dimension.
    is_odd_bit(vo_type) || !has(variant, "array_count", "outer") && is_variable_matrix(vo_type)
}

fn has(variant: &Variant, option: &str, value: &str) -> bool {
    variant.options.contains(&(option, value))
}

fn is_variable(vo_type: &VoType) -> bool {
    vo_type.arraysize.as_ref().is_some_and(|shape| shape.fixed().is_none())
}

fn is_variable_matrix(vo_type: &VoType) -> bool {
    is_variable(vo_type)
        && vo_type.arraysize.as_ref().is_some_and(|shape| !shape.inner().is_empty())
}

fn is_odd_bit(vo_type: &VoType) -> bool {
    vo_type.datatype == Datatype::Bit && (vo_type.arraysize.is_none() || is_variable(vo_type))
}
