//! Compares `docs/src/readers.md` with the results of all readers.
//!
//! `TAPLOOM_REWRITE=1 cargo test -p taploom-tests --test readers matrix::` rewrites the page.

use std::path::Path;

use taploom_tests::matrix;

const FROM: &str = "<!-- from here on written by the test `matrix` -->\n";

#[test]
fn the_page_says_who_reads_what() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/readers.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (head, said) = text.split_once(FROM).unwrap();
    let found = matrix();
    if std::env::var_os("TAPLOOM_REWRITE").is_some() {
        std::fs::write(&page, format!("{head}{FROM}{found}")).unwrap();
        return;
    }
    println!("{found}");
    let differ: Vec<String> = said
        .lines()
        .zip(found.lines())
        .filter(|(said, found)| said != found)
        .map(|(said, found)| format!("- {said}\n+ {found}"))
        .collect();
    assert!(
        said == found,
        "readers.md says otherwise; TAPLOOM_REWRITE=1 writes it anew:\n{}",
        differ.join("\n")
    );
}
