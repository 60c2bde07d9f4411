//! The page "Adding a format" shows code that is compiled: each of its Rust blocks is included from a file.

use std::fs;
use std::path::Path;

#[test]
fn every_rust_block_of_the_guide_is_included_from_compiled_code() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src");
    let page = fs::read_to_string(pages.join("adding-a-format.md")).unwrap();
    let mut lines = page.lines();
    let mut blocks = 0;
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```").filter(|_| line.starts_with("```rust"))
        else {
            continue;
        };
        assert_eq!(language, "rust", "no block is ignored");
        let include = lines.next().unwrap();
        let path = include.strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}"));
        let path = path.unwrap_or_else(|| panic!("{include:?} is not an include"));
        let (path, anchor) = path.rsplit_once(".rs").unwrap();
        let code = fs::read_to_string(pages.join(format!("{path}.rs"))).unwrap();
        if let Some(anchor) = anchor.strip_prefix(':') {
            for mark in ["ANCHOR", "ANCHOR_END"] {
                let mark = format!("// {mark}: {anchor}");
                assert_eq!(code.matches(&mark).count(), 1, "{path}.rs has {mark:?} once");
            }
        }
        assert_eq!(lines.next(), Some("```"), "a block holds the include alone");
        blocks += 1;
    }
    assert!(blocks >= 7, "the guide has code: {blocks}");
}
