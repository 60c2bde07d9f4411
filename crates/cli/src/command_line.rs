//! The command line: subcommands, help, and errors of one line.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::process::ExitCode;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};
use taploom::sources::SourceRegistry;
use taploom::{EncoderRegistry, Result};

use crate::{bench, encode, examples, formats, inspect, program_name, sample, say, shell, show};

/// Write the rows of a query or a file in the formats of astronomy: VOTable, Parquet, FITS and others.
#[derive(Parser)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write the rows of a source to a file or to standard output
    Encode(Box<encode::Arguments>),
    /// Show the first rows and the columns of a source
    Show(Box<show::Arguments>),
    /// Look into files: row groups, encodings, sizes, statistics, damage, and advice
    Inspect(inspect::Arguments),
    /// Write all rows of the first ids of every group, in one pass
    Sample(Box<sample::SampleArguments>),
    /// List the formats with their media types, short names, extensions and options
    Formats(formats::Arguments),
    /// Measure every format on the same rows
    Bench(Box<bench::Arguments>),
    /// Print the script with which a shell completes commands and options
    Completions(shell::CompletionsArguments),
    /// Print a page for man
    Man(shell::ManArguments),
    #[command(hide = true)]
    BenchOne(Box<bench::OneArguments>),
    /// Run one job of a TAP service: query, encode, upload; statuses go to standard output
    #[cfg(feature = "bridge")]
    Job(Box<crate::job::Arguments>),
    /// Run the jobs that are put into a folder, until the process is told to stop
    #[cfg(feature = "bridge")]
    Worker(Box<crate::worker::SpoolArguments>),
    /// Run the jobs that arrive from Kafka, until the process is told to stop
    #[cfg(feature = "kafka")]
    Bridge(crate::bridge::Arguments),
}

/// A parsed command line.
pub(crate) enum Parsed {
    /// A command to run.
    Run(Command),
    /// Help, the version or an error has been printed, and the process ends with this status.
    Answered(ExitCode),
}

/// Parses the command line of this process.
///
/// # Errors
/// If two of the registered formats or sources claim the same name.
pub(crate) fn parse() -> Result<Parsed> {
    let program = program_name();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // The lists of formats and sources are only needed for help and errors.
    if let Ok(line) = CommandLine::try_parse_from(&arguments) {
        return Ok(Parsed::Run(line.command));
    }
    let command = documented()?;
    let parsed = command.clone().try_get_matches_from(&arguments).and_then(|matches| {
        CommandLine::from_arg_matches(&matches).map(|line| Parsed::Run(line.command))
    });
    Ok(parsed.unwrap_or_else(|error| {
        Parsed::Answered(match error.kind() {
            // Without a command, the help is printed; clig.dev.
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                let _ = write!(std::io::stdout(), "{}", error.render());
                ExitCode::SUCCESS
            }
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                // The reader of the help may have closed the pipe already.
                let _ = error.print();
                ExitCode::SUCCESS
            }
            _ => {
                let help = help_command(&program, &command, &arguments);
                let line = not_text(&error, &command, &arguments);
                say(&line.unwrap_or_else(|| one_line(&error, &help)));
                ExitCode::from(2)
            }
        })
    }))
}

/// The command line with its complete help, for the formats and sources that the program links.
///
/// # Errors
/// As [`parse`].
pub(crate) fn documented() -> Result<clap::Command> {
    Ok(command(&program_name(), &taploom::registry()?, &SourceRegistry::collected()?))
}

/// The names of all commands, in the order of the help.
pub(crate) fn command_names() -> Vec<String> {
    let line = CommandLine::command();
    let commands = line.get_subcommands().filter(|command| !command.is_hide_set());
    commands.map(|command| command.get_name().to_owned()).collect()
}

/// The command line of a program with these formats and sources.
fn command(program: &str, formats: &EncoderRegistry, sources: &SourceRegistry) -> clap::Command {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    let version = match program {
        "taploom" => VERSION.to_owned(),
        _ => format!("(taploom {VERSION})"),
    };
    let formats = format_list(program, formats);
    let locations = format!(
        "Source of the rows: {}; - is standard input. Several files, a folder or a quoted pattern of file names \
         are read as one table",
        sources.locations()
    );
    let mut line = CommandLine::command()
        .name(program.to_owned())
        .bin_name(program)
        .version(version)
        .mut_subcommand("encode", |encode| {
            let encode = encode.mut_arg("sources", |source| source.help(locations.clone()));
            encode.after_help(formats.clone())
        })
        .mut_subcommand("sample", |sample| {
            let sample = sample.mut_arg("sources", |source| source.help(locations.clone()));
            sample.after_help(formats.clone())
        })
        .mut_subcommand("show", |show| show.mut_arg("source", |source| source.help(locations)))
        .mut_subcommand("bench", |bench| bench.after_help(formats))
        .after_help(examples::of(None, program));
    let commands = line.get_subcommands().map(|command| command.get_name().to_owned());
    for name in commands.collect::<Vec<_>>() {
        let examples = examples::of(Some(&name), program);
        line = line.mut_subcommand(&name, |command| {
            let before = command.get_after_help().map(|help| format!("{help}\n\n"));
            match examples.as_str() {
                "" => command,
                examples => command.after_help(before.unwrap_or_default() + examples),
            }
        });
    }
    line
}

/// The part of the help that lists the program's formats.
fn format_list(program: &str, registry: &EncoderRegistry) -> String {
    let mut text = format!("Formats ({program} formats lists their options):");
    for plugin in registry.plugins() {
        let info = plugin.info();
        text.push_str(&format!("\n  {:<12}{}", info.id, info.description));
    }
    text
}

/// The command that prints the help for this command line: the help of its subcommand, if there is one.
fn help_command(program: &str, command: &clap::Command, arguments: &[OsString]) -> String {
    match subcommand(command, arguments) {
        Some(subcommand) => format!("{program} {} --help", subcommand.get_name()),
        None => format!("{program} --help"),
    }
}

fn subcommand<'a>(command: &'a clap::Command, arguments: &[OsString]) -> Option<&'a clap::Command> {
    command.find_subcommand(arguments.get(1)?)
}

/// The error on one line, without clap's usage message.
fn one_line(error: &clap::Error, help: &str) -> String {
    let text = error.to_string();
    let wrong = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
    let wrong = wrong.collect::<Vec<_>>().join(" ");
    let wrong = wrong.trim_start_matches("error: ");
    match suggestion(error) {
        Some(meant) => format!("{wrong}; did you mean {meant}? See {help}"),
        None => format!("{wrong}; see {help}"),
    }
}

/// The error for an argument that is not UTF-8, which clap does not name.
fn not_text(
    error: &clap::Error,
    command: &clap::Command,
    arguments: &[OsString],
) -> Option<String> {
    if error.kind() != ErrorKind::InvalidUtf8 {
        return None;
    }
    let mut command = subcommand(command, arguments)?.clone();
    // Only then do options know how many values they take.
    command.build();
    // The name of a file to write, for example, need not be UTF-8.
    let takes_any =
        |option: &Arg| option.get_value_parser().type_id() == ValueParser::path_buf().type_id();
    arguments.windows(2).find_map(|pair| {
        let [before, argument] = pair else { return None };
        if argument.to_str().is_some() {
            return None;
        }
        match option_of(&command, before, argument) {
            Some(option) if takes_any(option) => None,
            Some(option) => Some(format!("'{option}': {argument:?} is not UTF-8")),
            None => {
                let place = command.get_positionals().next()?;
                Some(format!(
                    "'{place}': {argument:?} is not UTF-8; rename the file, or give its content to standard input: \
                     taploom encode - < FILE"
                ))
            }
        }
    })
}

/// The option to which an argument belongs, as in `--query VALUE`, `-q VALUE`, `--query=VALUE` and `-qVALUE`.
fn option_of<'a>(command: &'a clap::Command, before: &OsStr, argument: &OsStr) -> Option<&'a Arg> {
    let long = |name: &str| command.get_opts().find(|option| option.get_long() == Some(name));
    let short = |name: char| command.get_opts().find(|option| option.get_short() == Some(name));
    let argument = argument.to_string_lossy();
    if let Some(argument) = argument.strip_prefix("--") {
        return long(argument.split('=').next()?);
    }
    if let Some(argument) = argument.strip_prefix('-') {
        return short(argument.chars().next()?);
    }
    let before = before.to_str()?.strip_prefix('-')?;
    match before.strip_prefix('-') {
        Some(name) => long(name),
        None => short(before.chars().last()?),
    }
}

/// The suggestion for a mistyped name.
fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    kinds.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(name) => Some(name.clone()),
        // The most similar name comes last.
        ContextValue::Strings(names) => names.last().cloned(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str) -> clap::Command {
        command(name, &taploom::registry().unwrap(), &SourceRegistry::collected().unwrap())
    }

    #[test]
    fn the_command_line_is_sound() {
        program("taploom").debug_assert();
    }

    #[test]
    fn the_version_says_whose_it_is() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(program("taploom").render_version(), format!("taploom {version}\n"));
        let expected = format!("own-format (taploom {version})\n");
        assert_eq!(program("own-format").render_version(), expected);
    }
}
