//! Links between pages.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::Page;
use super::page::repository;

/// Links whose file or heading does not exist, and links from the book to files outside.
pub(crate) fn broken(pages: &[Page]) -> Vec<String> {
    let mut broken = Vec::new();
    for page in pages {
        for line in &page.prose {
            for target in targets(&line.text) {
                if let Some(why) = why_broken(page, target, pages) {
                    broken.push(format!("{}:{}: {target}: {why}", page.name(), line.number));
                }
            }
        }
    }
    broken
}

/// Pages of the book that SUMMARY.md does not list. `mdbook` leaves them out.
pub(crate) fn missing_from_the_summary(pages: &[Page]) -> Vec<String> {
    let summary = pages.iter().find(|page| page.path.ends_with("docs/src/SUMMARY.md")).unwrap();
    let lines = summary.prose.iter();
    let listed: BTreeSet<PathBuf> = lines
        .flat_map(|line| targets(&line.text))
        .map(|name| Path::new("docs/src").join(name))
        .collect();
    let book = pages.iter().filter(|page| page.path.starts_with("docs/src"));
    let missing = book.filter(|page| page.path != summary.path && !listed.contains(&page.path));
    missing.map(|page| format!("{} is not in SUMMARY.md", page.name())).collect()
}

/// The targets of the links and images in a line.
fn targets(line: &str) -> Vec<&str> {
    // Code spans have no links.
    let outside = line.split('`').step_by(2);
    let parts = outside.flat_map(|text| text.split("](").skip(1));
    parts.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

fn why_broken(page: &Page, target: &str, pages: &[Page]) -> Option<String> {
    if target.starts_with("https://") || target.starts_with("http://") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => page.path.clone(),
        _ => joined(page.path.parent()?, file),
    };
    if page.path.starts_with("docs/src") && !path.starts_with("docs/src") {
        return Some("the book has no such page".to_owned());
    }
    if !repository().join(&path).exists() {
        return Some("no such file".to_owned());
    }
    if heading.is_empty() {
        return None;
    }
    let other = pages.iter().find(|page| page.path == path)?;
    let found = other.prose.iter().any(|line| anchor(&line.text).as_deref() == Some(heading));
    (!found).then(|| "no such heading".to_owned())
}

/// Joins a path, and resolves `..`.
fn joined(folder: &Path, file: &str) -> PathBuf {
    let mut path = folder.to_owned();
    for component in Path::new(file).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}

/// The id that mdBook and GitHub give to a heading.
fn anchor(line: &str) -> Option<String> {
    let title = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))?;
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase())
}
