//! Parses those parts of a Markdown page that the tests need.

use std::fs;
use std::path::{Path, PathBuf};

/// A Markdown file of the repository.
pub(crate) struct Page {
    /// Relative to the repository.
    pub(crate) path: PathBuf,
    /// The text, without its fenced blocks and comments.
    pub(crate) prose: Vec<Line>,
    pub(crate) blocks: Vec<Block>,
}

/// A line of prose, and its number in the file, counted from 1.
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) text: String,
}

/// A fenced block.
pub(crate) struct Block {
    /// Line of the opening fence, from 1.
    line: usize,
    pub(crate) language: String,
    /// The text of the HTML comment before the block.
    mark: Option<String>,
    /// Whether an earlier block precedes the block without a heading between the two.
    pub(crate) is_in_the_same_section: bool,
    pub(crate) text: String,
}

/// The folder of the workspace.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

impl Page {
    /// README.md, CONTRIBUTING.md, CHANGELOG.md and the book.
    pub(crate) fn all() -> Vec<Self> {
        let mut paths: Vec<PathBuf> =
            ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from).into();
        let book = Path::new("docs/src");
        for folder in [book.to_owned(), book.join("formats"), book.join("decisions")] {
            let entries = fs::read_dir(repository().join(&folder)).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name());
            paths.extend(
                names
                    .map(|name| folder.join(name))
                    .filter(|path| path.extension().is_some_and(|extension| extension == "md")),
            );
        }
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(repository().join(&path)).unwrap();
        let (mut prose, mut blocks) = (Vec::new(), Vec::new());
        let (mut mark, mut heading_since) = (None, true);
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            let number = index + 1;
            if let Some(language) = line.strip_prefix("```") {
                let mut inside = String::new();
                for (_, line) in lines.by_ref().take_while(|(_, line)| *line != "```") {
                    inside.push_str(line);
                    inside.push('\n');
                }
                blocks.push(Block {
                    line: number,
                    language: language.to_owned(),
                    mark: mark.take(),
                    is_in_the_same_section: !heading_since,
                    text: inside,
                });
                heading_since = false;
            } else if let Some(comment) =
                line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"))
            {
                mark = Some(comment.to_owned());
            } else {
                heading_since |= line.starts_with('#');
                if !line.is_empty() {
                    mark = None;
                }
                prose.push(Line { number, text: line.to_owned() });
            }
        }
        Self { path, prose, blocks }
    }

    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }
}

impl Block {
    pub(crate) fn place(&self, page: &Page) -> String {
        format!("{}:{}", page.name(), self.line)
    }

    /// The reason why the block is not pasted.
    pub(crate) fn not_pasted(&self) -> Option<&str> {
        self.mark.as_deref()?.strip_prefix("not pasted: ")
    }

    /// The exit status that the commands are expected to have.
    pub(crate) fn exit_status(&self) -> i32 {
        let status = self.mark.as_deref().and_then(|mark| mark.strip_prefix("exit status "));
        status.map_or(0, |status| status.parse().unwrap())
    }

    /// A comment before the block that the tests do not understand.
    pub(crate) fn unknown_mark(&self) -> Option<&str> {
        let mark = self.mark.as_deref()?;
        let is_known = ["not pasted: ", "exit status "].iter().any(|known| mark.starts_with(known));
        (!is_known).then_some(mark)
    }
}
