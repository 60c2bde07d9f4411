//! Every registered format through every case of the suite, each a test of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

use libtest_mimic::{Arguments, Failed, Trial};
use taploom_testkit::CASES;
use taploom_tests::{ReaderOracle, Variant};

fn main() {
    let registry = taploom::registry().expect("no two formats claim the same name");
    let mut trials = Vec::new();
    for plugin in registry.plugins() {
        let id = plugin.info().id;
        if Variant::of(id).next().is_none() {
            let why =
                format!("format {id} has no variant: give it one, with readers, in variants.rs");
            trials.push(Trial::test(id, || Err(Failed::from(why))));
        }
        for variant in Variant::of(id) {
            for case in CASES {
                let plugin = *plugin;
                trials.push(Trial::test(format!("{}::{}", variant.name(), case.name), move || {
                    let mut oracle = ReaderOracle::new(variant, variant.readers[0]);
                    let mut subject = variant.subject(plugin, &mut oracle)?;
                    case.run(&mut subject).map_err(Failed::from)
                }));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
