//! Counts phrases that make sentences hard to read, over the code and the documentation.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::folders::root;

/// The phrases, with what to write instead.
const PHRASES: &str = "xtask/english.txt";
/// The folders whose text is counted, each in a column.
const FOLDERS: [&str; 4] = ["crates", "plugins", "docs", "xtask"];

/// Prints how often each phrase occurs in each folder of a checkout, by default of this one.
pub(crate) fn count(checkout: Option<&str>) -> Outcome {
    let checkout = checkout.map_or_else(root, PathBuf::from);
    let groups = phrases()?;
    let phrases = groups.concat();
    let counts: Vec<BTreeMap<&str, usize>> =
        FOLDERS.iter().map(|folder| count_in(&checkout.join(folder), &phrases)).collect();
    println!(
        "{:<22}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "phrase", FOLDERS[0], FOLDERS[1], FOLDERS[2], FOLDERS[3], "all"
    );
    let mut all = [0; FOLDERS.len()];
    for group in groups {
        let mut sum = [0; FOLDERS.len()];
        for phrase in &group {
            let count = |counts: &BTreeMap<&str, usize>| counts.get(phrase.as_str()).copied();
            let row: Vec<usize> = counts.iter().map(|counts| count(counts).unwrap_or(0)).collect();
            sum.iter_mut().zip(&row).for_each(|(sum, count)| *sum += count);
            print_row(phrase, &row);
        }
        print_row("  together", &sum);
        all.iter_mut().zip(&sum).for_each(|(all, count)| *all += count);
    }
    print_row("all", &all);
    Ok(())
}

/// Prints the occurrences of a phrase: file, line, and the words around it.
pub(crate) fn list(phrase: &str) -> Outcome {
    let wanted: Vec<String> = phrase.split_whitespace().map(str::to_lowercase).collect();
    for folder in FOLDERS {
        for file in files(&root().join(folder)) {
            let words = words(&fs::read_to_string(&file).unwrap_or_default());
            for start in places(&words, &wanted) {
                let context =
                    &words[start.saturating_sub(4)..words.len().min(start + wanted.len() + 4)];
                let context: Vec<&str> = context.iter().map(|(_, word)| word.as_str()).collect();
                let file = file.strip_prefix(root()).unwrap_or(&file).display();
                println!("{file}:{}: {}", words[start].0, context.join(" "));
            }
        }
    }
    Ok(())
}

fn print_row(name: &str, row: &[usize]) {
    print!("{name:<22}");
    row.iter().for_each(|count| print!("{count:>9}"));
    println!("{:>9}", row.iter().sum::<usize>());
}

/// The phrases, in groups that an empty line separates.
fn phrases() -> Outcome<Vec<Vec<String>>> {
    let path = root().join(PHRASES);
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("can't read {}: {error}", path.display()))?;
    let phrase = |line: &str| Some(line.strip_prefix('"')?.split_once('"')?.0.to_owned());
    let groups = text.split("\n\n").map(|group| group.lines().filter_map(phrase).collect());
    Ok(groups.filter(|group: &Vec<String>| !group.is_empty()).collect())
}

fn count_in<'a>(folder: &Path, phrases: &'a [String]) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for file in files(folder) {
        let words = words(&fs::read_to_string(&file).unwrap_or_default());
        for phrase in phrases {
            let wanted: Vec<String> = phrase.split_whitespace().map(str::to_owned).collect();
            *counts.entry(phrase.as_str()).or_default() += places(&words, &wanted).count();
        }
    }
    counts
}

/// The positions of a phrase among the words.
fn places<'a>(
    words: &'a [(usize, String)],
    phrase: &'a [String],
) -> impl Iterator<Item = usize> + 'a {
    let found = words.windows(phrase.len().max(1)).enumerate();
    found.filter_map(move |(start, words)| {
        let same =
            words.iter().zip(phrase).all(|((_, word), wanted)| wanted == "*" || word == wanted);
        same.then_some(start)
    })
}

/// The words of a text in small letters, each with its line. A phrase may go on in the next line of a comment;
/// it ends where a sentence or a clause does.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start().trim_start_matches(['/', '!', '#', '*', '>', '|', ' ']);
        for piece in line.split_whitespace() {
            let word =
                piece.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '`');
            if !word.is_empty() {
                words.push((index + 1, word.to_lowercase()));
            }
            if piece.ends_with(['.', ',', ';', ':', ')', '|']) {
                words.push((index + 1, String::new()));
            }
        }
    }
    words
}

/// The Rust and Markdown files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str, phrase: &str) -> usize {
        let wanted: Vec<String> = phrase.split_whitespace().map(str::to_owned).collect();
        places(&words(text), &wanted).count()
    }

    #[test]
    fn a_phrase_may_go_on_in_the_next_line() {
        assert_eq!(count("/// There is\n/// no end of it, and that is no joke.", "is no"), 2);
        assert_eq!(count("This, it is. No more.", "is no"), 0);
    }

    #[test]
    fn a_star_stands_for_one_word() {
        assert_eq!(count("One contract, a feature a format, a week.", "a * a *"), 1);
    }
}
