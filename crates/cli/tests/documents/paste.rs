//! Pastes the commands of a page, in order.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::page::repository;
use super::{Block, Page};

/// Runs `taploom ARGUMENTS` for `cargo run -- ARGUMENTS`, which readers type.
const CARGO: &str = r#"#!/bin/sh
if [ "$1 $2" != "run --" ]; then
    echo "the tests paste only cargo run -- ARGUMENTS" >&2
    exit 1
fi
shift 2
exec taploom "$@"
"#;

/// The outcome of a page's blocks.
#[derive(Default)]
pub(crate) struct Ran {
    pub(crate) pasted: usize,
    /// Blocks that are marked as not pasted, with the reason.
    pub(crate) left_out: Vec<String>,
    pub(crate) wrong: Vec<String>,
}

/// The output of the last command, and what the page expects.
#[derive(Default)]
struct Printed {
    streams: [String; 2],
}

/// Pastes every `sh` and `python` block of a page, and compares the `text` blocks.
pub(crate) fn all(page: &Page) -> Ran {
    let mut ran = Ran::default();
    let folder = tempfile::tempdir().unwrap();
    let commands = tempfile::tempdir().unwrap();
    put_programs(commands.path());
    let mut printed: Option<Printed> = None;
    for block in &page.blocks {
        let place = block.place(page);
        if !block.is_in_the_same_section {
            printed = None;
        }
        let command = match block.language.as_str() {
            "sh" => shell(block),
            "python" => python(block),
            "text" => {
                if let Some(printed) = &printed {
                    ran.wrong
                        .extend(printed.differs(&block.text).map(|why| format!("{place}: {why}")));
                }
                continue;
            }
            _ => {
                printed = None;
                continue;
            }
        };
        if let Some(reason) = block.not_pasted() {
            ran.left_out.push(format!("{place}: {reason}"));
            printed = None;
            continue;
        }
        ran.pasted += 1;
        printed = match run(command, folder.path(), commands.path(), block.exit_status()) {
            Ok(printed) => Some(printed),
            Err(why) => {
                ran.wrong.push(format!("{place}: {why}"));
                None
            }
        };
    }
    ran
}

/// Creates the folder that comes first on the `PATH`.
fn put_programs(folder: &Path) {
    symlink(env!("CARGO_BIN_EXE_taploom"), folder.join("taploom")).unwrap();
    let cargo = folder.join("cargo");
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
}

fn shell(block: &Block) -> Command {
    let mut command = Command::new("sh");
    command.args(["-e", "-c", &block.text]);
    command
}

fn python(block: &Block) -> Command {
    let mut command = Command::new(interpreter());
    command.args(["-c", &block.text]);
    command
}

/// The Python interpreter that has pyarrow and astropy.
fn interpreter() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    let target = repository().join(target.unwrap_or_else(|| "target".into()));
    let python = target.join("python/bin/python");
    assert!(python.exists(), "{} is missing: run `cargo xtask setup`", python.display());
    python
}

fn run(
    mut command: Command,
    folder: &Path,
    programs: &Path,
    status: i32,
) -> Result<Printed, String> {
    let path = std::env::var("PATH").unwrap();
    let output = command
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", programs.display()))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let streams =
        [output.stdout, output.stderr].map(|bytes| plain(&String::from_utf8_lossy(&bytes)));
    if output.status.code() != Some(status) {
        return Err(format!("{}, not {status}: {}", output.status, streams[1]));
    }
    Ok(Printed { streams })
}

/// Text as pages show it: without carriage returns, and without empty lines at the end.
fn plain(text: &str) -> String {
    text.replace('\r', "").trim_end().to_owned()
}

impl Printed {
    /// Describes the difference if a block is neither the standard output nor the standard error.
    fn differs(&self, said: &str) -> Option<String> {
        let said = plain(said);
        let [out, err] = &self.streams;
        (said != *out && said != *err).then(|| {
            format!(
                "the page says\n{said}\nthe command printed\n{out}\nand on standard error\n{err}"
            )
        })
    }
}
