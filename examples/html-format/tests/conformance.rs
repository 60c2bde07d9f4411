//! The conformance suite, with an HTML parser as the oracle.

mod oracle;

use html_format::PLUGIN;
use taploom_testkit::{CountingAllocator, KeptMetadata, Subject, run};

use crate::oracle::HtmlOracle;

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

// ANCHOR: suite
#[test]
fn the_format_passes_the_suite() {
    let mut oracle = HtmlOracle;
    let mut subject = Subject::new(PLUGIN, &mut oracle).keeping(KeptMetadata {
        columns: &["unit", "ucd", "description"],
        table: &["name", "description"],
    });
    let report = run(&mut subject);
    println!("{report}");
    report.assert_passed();
}
// ANCHOR_END: suite
