//! The options that choose columns and rows of a source.

use taploom::Result;
use taploom::expressions::{Condition, SelectList};

/// Columns and rows, for all commands that read a source.
#[derive(Debug, clap::Args)]
pub(crate) struct WantedArguments {
    /// Columns to write, in this order, renamed with AS: "ra, dec, mag AS vmag" [default: all]
    #[arg(long, value_name = "COLUMNS", allow_hyphen_values = true)]
    select: Option<String>,
    /// Condition for the rows to write: "vmag < 2 AND name LIKE 'a%'" [default: all]
    #[arg(long = "where", value_name = "CONDITION", allow_hyphen_values = true)]
    condition: Option<String>,
}

impl WantedArguments {
    /// The select list, if one is given.
    pub(crate) fn select(&self) -> Result<Option<SelectList>> {
        self.select.as_deref().map(str::parse).transpose()
    }

    /// The condition, if there is one.
    pub(crate) fn condition(&self) -> Result<Option<Condition>> {
        self.condition.as_deref().map(str::parse).transpose()
    }
}
