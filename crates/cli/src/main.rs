//! `taploom`: rows of a TAP result into files.

mod bench;
#[cfg(feature = "kafka")]
mod bridge;
mod encode;
mod formats;
#[cfg(feature = "bridge")]
mod job;
mod output;
mod progress;

use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use taploom::Error;

/// Rows in, one file out: VOTable, CSV, VOParquet.
#[derive(Parser)]
#[command(name = "taploom", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Encode the rows of a source into one file, or to standard output
    Encode(Box<encode::Arguments>),
    /// List the formats: ids, media types, short names, extensions, options
    Formats(formats::Arguments),
    /// Measure every registered format on the same rows
    Bench(Box<bench::Arguments>),
    #[command(hide = true)]
    BenchOne(Box<bench::OneArguments>),
    /// Run one job of a TAP service: query, encode, upload; status messages on standard output
    #[cfg(feature = "bridge")]
    Job(Box<job::Arguments>),
    /// Run jobs that come from Kafka, until it is told to stop
    #[cfg(feature = "kafka")]
    Bridge(bridge::Arguments),
}

fn main() -> ExitCode {
    // A panic is a defect, and still ends in one line. Libraries that panic on damaged input are
    // caught where they are called.
    std::panic::set_hook(Box::new(|_| {}));
    std::panic::catch_unwind(run).unwrap_or_else(|panic| {
        let why = panic.downcast_ref::<String>().map(String::as_str);
        let why = why.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown");
        say(&format!("a defect in taploom, please report it: {why}"));
        ExitCode::FAILURE
    })
}

fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version, which were asked for.
        Err(answer) if !answer.use_stderr() => answer.exit(),
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            say("a command is missing: encode, formats, bench or job; see taploom --help");
            return ExitCode::from(2);
        }
        Err(error) => {
            say(&one_line(&error));
            return ExitCode::from(2);
        }
    };
    let outcome = match arguments.command {
        Command::Encode(arguments) => encode::run(&arguments),
        Command::Formats(arguments) => formats::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::BenchOne(arguments) => bench::run_one(&arguments),
        #[cfg(feature = "bridge")]
        Command::Job(arguments) => job::run(&arguments),
        #[cfg(feature = "kafka")]
        Command::Bridge(arguments) => bridge::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has had enough: `| head` is no failure.
        Err(error) if error.is_cancelled() => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            exit_code(&error)
        }
    }
}

/// One line on standard error. Where even that can't be written, the exit status still counts.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "taploom: {line}");
}

/// What clap says is wrong, without the usage that it prints below.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let wrong = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
    let wrong = wrong.collect::<Vec<_>>().join(" ");
    format!("{}; see taploom --help", wrong.trim_start_matches("error: "))
}

/// 2 where the request was wrong, as for a wrong command line; 1 for the rest.
fn exit_code(error: &Error) -> ExitCode {
    ExitCode::from(if error.is_caller_fault() { 2 } else { 1 })
}
