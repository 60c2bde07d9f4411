#![doc = include_str!("../README.md")]

mod bench;
#[cfg(feature = "kafka")]
mod bridge;
mod command_line;
mod compressed;
mod encode;
mod examples;
mod formats;
mod inspect;
mod interrupt;
#[cfg(feature = "bridge")]
mod job;
#[cfg(feature = "bridge")]
mod logging;
mod output;
mod progress;
mod resources;
mod sample;
mod shell;
mod show;
mod terminal;
mod values;
mod wanted;
#[cfg(feature = "bridge")]
mod worker;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use taploom::Error;

use crate::command_line::{Command, Parsed};

/// Runs the program with the arguments of this process, and returns its exit status.
///
/// All formats that the program links are available, whichever crate registered them. Help and messages
/// call the program by the name of its file.
pub fn main() -> ExitCode {
    // A panic is a defect, and is reported in one line. Calls of libraries that panic on damaged input
    // catch the panic.
    std::panic::set_hook(Box::new(|_| {}));
    std::panic::catch_unwind(run).unwrap_or_else(|panic| {
        let why = panic.downcast_ref::<String>().map(String::as_str);
        let why = why.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown");
        say(&format!("a defect in {}, please report it: {why}", program_name()));
        ExitCode::FAILURE
    })
}

fn run() -> ExitCode {
    let command = match command_line::parse() {
        Ok(Parsed::Run(command)) => command,
        Ok(Parsed::Answered(status)) => return status,
        Err(error) => return failure(&error),
    };
    let outcome = match command {
        Command::Encode(arguments) => encode::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Formats(arguments) => formats::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man(arguments) => shell::man(&arguments),
        Command::BenchOne(arguments) => bench::run_one(&arguments),
        #[cfg(feature = "bridge")]
        Command::Job(arguments) => job::run(&arguments),
        #[cfg(feature = "bridge")]
        Command::Worker(arguments) => worker::run_spool(&arguments),
        #[cfg(feature = "kafka")]
        Command::Bridge(arguments) => bridge::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has left, as in `taploom … | head`, which is not a failure.
        Err(error) if error.is_cancelled() => ExitCode::SUCCESS,
        Err(error) => failure(&error),
    }
}

/// Prints an error. The exit status is 2 for a wrong request or command line, and 1 for all other errors.
fn failure(error: &Error) -> ExitCode {
    say(&format!("{error:#}"));
    ExitCode::from(if error.is_caller_fault() { 2 } else { 1 })
}

/// Prints one line on standard error. If that fails, the exit status still tells the outcome.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {}", program_name(), printable(line));
}

/// Removes passwords and control characters from a line: an unexpected argument may be the URL of a
/// database, and a name may have an escape sequence.
fn printable(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + "://".len());
        shown.push_str(before);
        let authority = after.find(|c: char| c.is_whitespace() || "/?#'\"".contains(c));
        let authority = authority.unwrap_or(after.len());
        // A password may contain the characters that end the authority of a URL.
        let word = after.find(char::is_whitespace).unwrap_or(after.len());
        rest = match (after[..authority].rfind('@'), after[..word].rfind('@')) {
            (Some(end), _) | (None, Some(end)) => {
                // The documented form of a location is not a secret.
                let user = &after[..end];
                shown.push_str(if user == "USER:PASSWORD" { user } else { "[hidden]" });
                &after[end..]
            }
            (None, None) => after,
        };
    }
    shown.push_str(rest);
    terminal::harmless(&shown)
}

/// The name by which this program was called, without folder and extension.
fn program_name() -> String {
    let path = std::env::args_os().next();
    let name = path.as_deref().and_then(|path| Path::new(path).file_stem()?.to_str());
    name.unwrap_or("taploom").to_owned()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn no_password_is_shown() {
        for (line, shown) in [
            (
                "unexpected argument 'mysql://u:SECRET@h/db' found",
                "unexpected argument 'mysql://[hidden]@h/db' found",
            ),
            ("mysql://u:SE/CR?ET@h/db: no", "mysql://[hidden]@h/db: no"),
            ("a source is mysql://USER:PASSWORD@HOST", "a source is mysql://USER:PASSWORD@HOST"),
            ("a://u:x@h and b://v:y@i", "a://[hidden]@h and b://[hidden]@i"),
            (
                "see https://example.org/x, me@example.org",
                "see https://example.org/x, me@example.org",
            ),
            ("a\u{1b}[31mb", "a\u{fffd}[31mb"),
        ] {
            assert_eq!(printable(line), shown);
        }
    }
}
