//! The options that limit memory and disk for an encoder and its source.

use std::path::PathBuf;

use taploom::{Error, ErrorKind, Resources, Result, ScratchSpace};

use crate::values::size;

/// Memory and temporary files, for the commands `encode` and `job`.
#[derive(Debug, clap::Args)]
pub(crate) struct ResourceArguments {
    /// Memory that the encoder may hold rows in. A Parquet source gets 3/8 of it in addition
    #[arg(long, value_name = "SIZE", default_value = "32MiB", allow_negative_numbers = true, value_parser = size)]
    memory_budget: usize,
    /// Folder for temporary files [default: the system's]
    #[arg(long, value_name = "DIR")]
    scratch_dir: Option<PathBuf>,
    /// Disk limit for temporary files [default: unlimited]
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true, value_parser = size)]
    scratch_budget: Option<usize>,
}

impl ResourceArguments {
    /// The resources that these options grant.
    pub(crate) fn resources(&self) -> Result<Resources> {
        let mut resources = Resources::default().with_memory_budget(self.memory_budget);
        let folder = self.scratch_dir.clone().unwrap_or_else(std::env::temp_dir);
        if !folder.is_dir() {
            let message = format!("--scratch-dir {}: no such folder", folder.display());
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        resources.scratch = ScratchSpace::in_folder(folder);
        if let Some(bytes) = self.scratch_budget {
            resources.scratch = resources.scratch.limited_to(bytes as u64);
        }
        Ok(resources)
    }
}
