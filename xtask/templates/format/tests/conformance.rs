//! The conformance suite of Taploom.

use taploom_format::{EncoderRegistry, ResultSchema};
use taploom_testkit::{CountingAllocator, Decoded, KeptMetadata, Oracle, Subject, run};
use {{crate}}::PLUGIN;

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

/// A reader of the format that is not the writer's own.
struct {{Type}}Oracle;

impl Oracle for {{Type}}Oracle {
    fn decode(&mut self, _bytes: &[u8], _schema: &ResultSchema) -> Result<Decoded, String> {
        // Return the names and rows of a whole file, and an error for one that was cut short.
        Err("not filled in: the oracle decodes nothing (tests/conformance.rs)".to_owned())
    }
}

#[test]
fn the_format_is_registered() {
    let registry = EncoderRegistry::collected().expect("sound names");
    assert_eq!(registry.request("{{name}}").expect("a format").plugin().info(), PLUGIN.info());
}

#[test]
fn the_format_passes_the_suite() {
    let mut oracle = {{Type}}Oracle;
    // Other methods of Subject say which types and how many columns the format refuses.
    let mut subject = Subject::new(PLUGIN, &mut oracle).keeping(KeptMetadata::NONE);
    let report = run(&mut subject);
    println!("{report}");
    report.assert_passed();
}
