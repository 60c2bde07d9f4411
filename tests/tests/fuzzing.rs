//! Runs the checks of `fuzz` on its seeds and on inputs derived from them, the same in every run.
//!
//! `cargo xtask fuzz SECONDS` searches for new inputs with a coverage-guided fuzzer, which needs a separate build. An
//! input that it finds becomes a seed under `fuzz/corpus-seed`, and is then tested here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

#[path = "../../fuzz/checks/expressions.rs"]
mod expressions;
#[path = "../../fuzz/checks/files.rs"]
mod files;
#[path = "../../fuzz/checks/inspect.rs"]
mod inspect;
#[path = "../../fuzz/checks/media_type.rs"]
mod media_type;
#[path = "../../fuzz/checks/options.rs"]
mod options;
#[path = "../../fuzz/checks/registry.rs"]
mod registry;
#[path = "../../fuzz/checks/sample.rs"]
mod sample;
#[path = "../../fuzz/checks/votable_reader.rs"]
mod votable_reader;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use taploom_tests::Random;

/// Bytes with a meaning in one of the grammars, and some without.
const SIGNS: &[u8] = b"\"\\;=,/<>&'\r\n\t\0 *[]{}0129-+.:#\x7f\x80\xc3\xff";

#[test]
fn a_media_type_is_read_as_written_or_refused() {
    run("media_type", 20_000, |bytes| media_type::check(&String::from_utf8_lossy(bytes)));
}

#[test]
fn options_are_taken_or_refused() {
    run("options", 5_000, |bytes| options::check(&String::from_utf8_lossy(bytes)));
}

#[test]
fn a_votable_is_read_or_refused() {
    run("votable_reader", 3_000, votable_reader::check);
}

#[test]
fn a_file_is_read_or_refused() {
    run("files", 3_000, files::check);
}

#[test]
fn a_file_is_looked_into_or_refused() {
    run("inspect", 1_000, inspect::check);
}

#[test]
fn a_sample_of_damaged_keys_has_rows_of_the_file_or_is_refused() {
    run("sample", 1_000, sample::check);
}

#[test]
fn an_expression_is_evaluated_or_refused() {
    run("expressions", 20_000, |bytes| expressions::check(&String::from_utf8_lossy(bytes)));
}

/// Checks every seed of a target, and then inputs derived from the seeds.
fn run(target: &str, inputs: usize, check: fn(&[u8])) {
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| one(target, seed, check));
    let mut mutations = Mutations(Random::new(1));
    for _ in 0..inputs {
        one(target, &mutations.of(&seeds), check);
    }
}

/// Checks one input. If the check panics, the message shows the input.
fn one(target: &str, input: &[u8], check: fn(&[u8])) {
    if catch_unwind(|| check(input)).is_err() {
        let shown = input.escape_ascii();
        panic!(
            "the check {target} fails on b\"{shown}\": make it a seed in fuzz/corpus-seed/{target}"
        );
    }
}

/// The files of a target's seeds, in the order of their names.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus-seed").join(target);
    let entries = fs::read_dir(&folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no seed", folder.display());
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Random changes to inputs, the same in every run.
struct Mutations(Random);

impl Mutations {
    /// A seed with one to six changes.
    fn of(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(6) {
            let (from, to) = self.range(input.len());
            match self.below(7) {
                0 if !input.is_empty() => {
                    let place = self.below(input.len());
                    input[place] ^= 1 << self.below(8);
                }
                1 if !input.is_empty() => {
                    let place = self.below(input.len());
                    input[place] = SIGNS[self.below(SIGNS.len())];
                }
                2 => input.insert(from, SIGNS[self.below(SIGNS.len())]),
                3 => drop(input.drain(from..to)),
                4 => {
                    let again = input[from..to].to_vec();
                    input.splice(to..to, again);
                }
                5 => input.truncate(to),
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let (first, last) = self.range(other.len());
                    input.splice(from..to, other[first..last].iter().copied());
                }
            }
        }
        input
    }

    /// A range within a length, of at most 64 bytes.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let from = self.below(length + 1);
        (from, from + self.below((length - from).min(64) + 1))
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.0.below(limit as u64)).unwrap()
    }
}
