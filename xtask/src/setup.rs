//! Installs the programs that the tests read files with.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::Outcome;
use crate::command::{command, run as start};
use crate::folders::{root, target};

/// Installs the programs that are missing.
pub(crate) fn run() -> Outcome {
    python()?;
    stilts()?;
    // xmllint checks documents against the XML Schema of VOTable.
    debian("xmllint", &["libxml2-utils"])?;
    debian("mariadb-install-db", &["mariadb-server-core", "mariadb-client-core"])
}

/// STILTS, which needs Java.
pub(crate) fn stilts() -> Outcome {
    debian("stilts", &["stilts"])
}

/// valgrind, whose callgrind counts instructions.
pub(crate) fn valgrind() -> Outcome {
    debian("valgrind", &["valgrind"])
}

/// The Python interpreter with the readers of the tests.
pub(crate) fn python() -> Outcome<String> {
    environment("python", "tests/readers/requirements.txt")
}

/// The Python interpreter with the programs that `bench peers` compares with.
pub(crate) fn peers_python() -> Outcome<String> {
    environment("bench-python", "benches/peers.txt")
}

/// The interpreter of a Python environment in the target folder. The environment is made again when the
/// pinned versions change.
fn environment(folder: &str, pins: &str) -> Outcome<String> {
    let environment = target().join(folder);
    let python = environment.join("bin/python").display().to_string();
    let pins = root().join(pins);
    let pinned = fs::read_to_string(&pins)
        .map_err(|error| format!("can't read {}: {error}", pins.display()))?;
    let installed = environment.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == pinned) {
        return Ok(python);
    }
    let environment_name = environment.display().to_string();
    run_or(
        "python3",
        &["-m", "venv", "--clear", &environment_name],
        "Python 3.11 with venv is needed: apt-get install python3-venv",
    )?;
    let pins = pins.display().to_string();
    run_or(
        &python,
        &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", &pins],
        "the readers can't be installed: is the Python package index reachable?",
    )?;
    fs::write(&installed, pinned)
        .map_err(|error| format!("can't write {}: {error}", installed.display()))?;
    Ok(python)
}

/// Installs Debian packages if a program is missing and this process may; otherwise the error says how to.
fn debian(program: &str, packages: &[&str]) -> Outcome {
    if is_there(program) {
        return Ok(());
    }
    let root_may_install = is_there("apt-get")
        && fs::metadata("/proc/self").is_ok_and(|process| {
            use std::os::unix::fs::MetadataExt;
            process.uid() == 0
        });
    let hint = format!("{program} is needed: apt-get install {}", packages.join(" "));
    if !root_may_install {
        return Err(hint);
    }
    run_or("apt-get", &["update", "-qq"], &hint)?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    run_or("apt-get", &[&install, packages].concat(), &hint)
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

fn run_or(program: &str, arguments: &[&str], hint: &str) -> Outcome {
    let mut command = command(program, arguments);
    command.stdout(Stdio::null()).env("DEBIAN_FRONTEND", "noninteractive");
    start(command).map_err(|error| format!("{error}\n{hint}"))
}
