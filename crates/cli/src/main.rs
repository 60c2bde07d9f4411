//! `taploom`: rows of a TAP result into files.

mod encode;
mod formats;
mod output;
mod progress;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use taploom::Error;

/// Rows in, one file out: VOTable, CSV, VOParquet.
#[derive(Parser)]
#[command(name = "taploom", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Encode the rows of a source into one file, or to standard output
    Encode(encode::Arguments),
    /// List the formats: ids, media types, short names, extensions, options
    Formats(formats::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Encode(arguments) => encode::run(arguments),
        Command::Formats(arguments) => formats::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has had enough: `| head` is no failure.
        Err(error) if error.is_cancelled() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("taploom: {error:#}");
            exit_code(&error)
        }
    }
}

/// 2 where the request was wrong, as for a wrong command line; 1 for the rest.
fn exit_code(error: &Error) -> ExitCode {
    ExitCode::from(if error.is_caller_fault() { 2 } else { 1 })
}
