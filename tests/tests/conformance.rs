//! Runs every case of the suite on every registered format, as separate tests.
//!
//! A case that does not apply, by the declarations of a variant, is listed as ignored, with the
//! reason.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

use std::sync::Mutex;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use taploom_testkit::{CASES, CountingAllocator, Verdict};
use taploom_tests::{ReaderOracle, Variant};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

/// The cases that do not apply, for the summary at the end.
static NOT_APPLICABLE: Mutex<Vec<String>> = Mutex::new(Vec::new());

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
                let (plugin, name) = (*plugin, format!("{}::{}", variant.name(), case.name));
                let trial = Trial::ignorable_test(name.clone(), move || {
                    let mut oracle = ReaderOracle::new(variant, variant.readers[0]);
                    let mut subject = variant.subject(plugin, &mut oracle)?;
                    match case.run(&mut subject).map_err(Failed::from)? {
                        Verdict::Passed { .. } => Ok(Completion::Completed),
                        Verdict::NotApplicable { reason } => {
                            let line = format!("{name}: {reason}");
                            NOT_APPLICABLE.lock().unwrap().push(line);
                            Ok(Completion::ignored_with(reason))
                        }
                    }
                });
                trials.push(trial);
            }
        }
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    let mut listed = std::mem::take(&mut *NOT_APPLICABLE.lock().unwrap());
    listed.sort_unstable();
    if !listed.is_empty() {
        println!("{} cases are not applicable:\n{}", listed.len(), listed.join("\n"));
    }
    conclusion.exit();
}
