//! Writes pages of the book with measured values. `docs/src/benchmarks.md` has one section per measurement,
//! so that each can be renewed separately; larger measurements have separate pages.

use std::fs;
use std::path::PathBuf;

use crate::Outcome;
use crate::folders::root;

const HEAD: &str = "# Benchmarks\n\n\
    Each section names the command that wrote it and the machine that it ran on. CPU seconds are the sum \
    of user and system time of all threads.\n";

/// Replaces the section of `docs/src/benchmarks.md` that the same command wrote before, and prints the new one.
pub(crate) fn write_section(title: &str, command: &str, body: &str) -> Outcome {
    write_section_of("benchmarks.md", title, command, body)
}

/// Replaces a section of a page of `docs/src`, and prints it.
pub(crate) fn write_section_of(page: &str, title: &str, command: &str, body: &str) -> Outcome {
    let path = path_of(page);
    let text = fs::read_to_string(&path).unwrap_or_else(|_| HEAD.to_owned());
    let mark = format!("\n## {title}\n");
    let (before, rest) = text.split_once(&mark).unwrap_or((&text, ""));
    let after = rest.find("\n## ").map_or("", |next| &rest[next..]);
    let machine = machine();
    let section = format!("{mark}\n`{command}`, {machine}.\n\n{}\n", body.trim_end());
    println!("{section}");
    let text = format!("{}\n{section}{after}", before.trim_end());
    fs::write(&path, text).map_err(|error| format!("can't write {}: {error}", path.display()))
}

/// Writes a whole page of `docs/src`.
pub(crate) fn write_page(file: &str, title: &str, command: &str, body: &str) -> Outcome {
    let path = path_of(file);
    let text = format!("# {title}\n\nMade by `{command}` {}.\n{}\n", machine(), body.trim_end());
    fs::write(&path, text).map_err(|error| format!("can't write {}: {error}", path.display()))
}

fn path_of(page: &str) -> PathBuf {
    root().join("docs/src").join(page)
}

/// The machine: processor, cores, memory, kernel and compiler.
pub(crate) fn machine() -> String {
    let line = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
        value.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = line("/proc/meminfo", "MemTotal");
    let memory = memory.trim_end_matches(" kB").parse::<f64>().map_or(0.0, |kib| kib / 1048576.0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let compiler = crate::command::command("rustc", &["--version"]).output();
    let compiler = compiler.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    format!(
        "on {cores} cores of {}, {memory:.0} GiB, Linux {}, {}",
        line("/proc/cpuinfo", "model name"),
        kernel.trim(),
        compiler.unwrap_or_else(|_| "an unknown compiler".to_owned())
    )
}
