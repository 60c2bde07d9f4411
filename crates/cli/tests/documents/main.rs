//! Checks README.md and the pages of `docs/src`: their commands run, their data parse, and their links have
//! targets.
//!
//! Each `sh` block of a page is pasted into a shell, in order, in a temporary folder per page, with the
//! program on the `PATH`. A `text` block between such a command and the next heading is the expected
//! output. `python` blocks run with the interpreter of `cargo xtask setup`. HTML comments, which readers do
//! not see, mark the exceptions:
//!
//! - `<!-- not pasted: REASON -->` before a block that needs a server or takes minutes,
//! - `<!-- exit status N -->` before a command that fails.
//!
//! `rust` blocks are compiled as documentation tests of `taploom-tests`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that fails panics, and prints what it left out"
)]

mod links;
mod page;
mod paste;

use page::{Block, Page};

/// The allowed languages of blocks: a misspelled language would hide a block from the tests.
const LANGUAGES: &[&str] = &["json", "python", "rust", "sh", "sql", "text", "toml", "yaml"];

#[test]
fn commands_run_and_print_what_the_page_says() {
    let (mut pasted, mut left_out, mut wrong) = (0, Vec::new(), Vec::new());
    for page in Page::all() {
        let ran = paste::all(&page);
        pasted += ran.pasted;
        left_out.extend(ran.left_out);
        wrong.extend(ran.wrong);
    }
    println!("{pasted} blocks pasted, {} not:", left_out.len());
    left_out.iter().for_each(|line| println!("  {line}"));
    assert!(pasted > 0, "no block was found");
    none(&wrong);
}

#[test]
fn data_parse() {
    let mut wrong = Vec::new();
    for page in Page::all() {
        for block in &page.blocks {
            let parsed = match block.language.as_str() {
                "json" => serde_json::from_str::<serde_json::Value>(&block.text)
                    .map(|_| ())
                    .map_err(|error| error.to_string()),
                "toml" => toml(&block.text),
                _ => Ok(()),
            };
            if let Err(why) = parsed {
                wrong.push(format!("{}: {why}", block.place(&page)));
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_block_names_its_language() {
    let mut wrong = Vec::new();
    for page in Page::all() {
        let indented = page.prose.iter().filter(|line| line.text.trim_start().starts_with("```"));
        wrong.extend(indented.map(|line| {
            format!("{}:{}: an indented block is not tested", page.name(), line.number)
        }));
        for block in &page.blocks {
            if !LANGUAGES.contains(&block.language.as_str()) {
                let place = block.place(&page);
                wrong.push(format!("{place}: {:?} is not one of {LANGUAGES:?}", block.language));
            }
            if let Some(unknown) = block.unknown_mark() {
                wrong.push(format!("{}: no mark is {unknown:?}", block.place(&page)));
            }
        }
    }
    none(&wrong);
}

#[test]
fn links_lead_to_a_page_and_a_heading() {
    none(&links::broken(&Page::all()));
}

#[test]
fn the_summary_lists_every_page() {
    none(&links::missing_from_the_summary(&Page::all()));
}

fn toml(text: &str) -> Result<(), String> {
    use figment::providers::{Format, Toml};
    let parsed = figment::Figment::from(Toml::string(text)).extract::<figment::value::Value>();
    parsed.map(|_| ()).map_err(|error| error.to_string())
}

#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
