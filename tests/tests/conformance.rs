//! Every registered format through every case of the suite, each a test of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

use libtest_mimic::{Arguments, Failed, Trial};
use taploom_testkit::{CASES, Subject};
use taploom_tests::ReaderOracle;

fn main() {
    let registry = taploom::registry().expect("no two formats claim the same name");
    let trials = registry.plugins().iter().flat_map(|plugin| {
        let id = plugin.info().id;
        CASES.iter().map(move |case| {
            let plugin = *plugin;
            Trial::test(format!("{id}::{}", case.name), move || {
                let Some(mut oracle) = ReaderOracle::of(id) else {
                    return Err(Failed::from(format!(
                        "format {id} has no oracle: give it an independent reader in oracle.rs"
                    )));
                };
                case.run(&mut Subject::new(plugin, &mut oracle)).map_err(Failed::from)
            })
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}
