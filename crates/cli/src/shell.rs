//! `taploom completions` and `taploom man`: output for shells and for `man`, generated from the command
//! line's definition.

use std::io::Write;

use clap_complete::Shell;
use taploom::{Error, ErrorKind, Result};

use crate::{command_line, program_name};

/// The arguments of `taploom completions`.
#[derive(clap::Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

/// The arguments of `taploom man`.
#[derive(clap::Args)]
pub(crate) struct ManArguments {
    /// The command whose page is wanted [default: the page of the program]
    command: Option<String>,
}

/// Prints the script with which a shell completes commands and options.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<()> {
    let mut script = Vec::new();
    let program = command_line::documented()?;
    // The generators don't support hidden commands.
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let mut command = clap::Command::new(program.get_name().to_owned()).subcommands(shown);
    clap_complete::generate(arguments.shell, &mut command, program_name(), &mut script);
    print(&script)
}

/// Prints a page for `man`, in roff.
pub(crate) fn man(arguments: &ManArguments) -> Result<()> {
    let mut program = command_line::documented()?;
    program.build();
    let command = match &arguments.command {
        None => program,
        Some(name) => {
            let mut commands = program.get_subcommands().filter(|command| !command.is_hide_set());
            let found = commands.find(|command| command.get_name() == name).cloned();
            found.ok_or_else(|| {
                let known = command_line::command_names().join(", ");
                let message = format!("{name:?} is not a command; the commands are {known}");
                Error::new(ErrorKind::InvalidRequest, message)
            })?
        }
    };
    let title = command.get_bin_name().unwrap_or(command.get_name()).replace(' ', "-");
    let mut page = Vec::new();
    clap_mangen::Man::new(command.name(title)).render(&mut page).map_err(Error::sink)?;
    print(&page)
}

fn print(bytes: &[u8]) -> Result<()> {
    std::io::stdout().lock().write_all(bytes).map_err(Error::sink)
}
