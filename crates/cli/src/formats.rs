//! `taploom formats`.

use std::io::Write;

use serde::Serialize;
use taploom::{EncoderPlugin, Error, ErrorKind, OptionInfo, Result};

/// The arguments of `taploom formats`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// A format in the JSON output.
#[derive(Serialize)]
struct Format {
    id: &'static str,
    description: &'static str,
    media_types: &'static [&'static str],
    short_names: Vec<ShortName>,
    /// Ids of TAPRegExt, for a service's capabilities.
    output_ids: Vec<OutputId>,
    extensions: &'static [&'static str],
    options: Vec<OptionInfo>,
}

#[derive(Serialize)]
struct ShortName {
    name: &'static str,
    media_type: &'static str,
}

#[derive(Serialize)]
struct OutputId {
    id: &'static str,
    media_type: &'static str,
}

impl Format {
    fn of(plugin: &EncoderPlugin) -> Self {
        let info = plugin.info();
        let short = info.short_names.iter();
        Self {
            id: info.id,
            description: info.description,
            media_types: info.media_types,
            short_names: short.map(|&(name, media_type)| ShortName { name, media_type }).collect(),
            output_ids: info
                .output_ids
                .iter()
                .map(|&(id, media_type)| OutputId { id, media_type })
                .collect(),
            extensions: info.extensions,
            options: plugin.options(),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let registry = taploom::registry()?;
    let formats: Vec<Format> = registry.plugins().iter().map(Format::of).collect();
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(&formats).map_err(|error| {
            Error::new(ErrorKind::Internal, "can't write the formats as JSON").with_source(error)
        })?;
        format!("{json}\n")
    } else {
        formats.iter().map(paragraph).collect::<Vec<_>>().join("\n")
    };
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(Error::sink)
}

fn paragraph(format: &Format) -> String {
    let names: Vec<&str> = format.short_names.iter().map(|short| short.name).collect();
    let mut text = format!("{:<12}{}\n", format.id, format.description);
    let mut row = |what: &str, values: String| {
        if !values.is_empty() {
            text.push_str(&format!("  {what:<12}{values}\n"));
        }
    };
    row("media types", format.media_types.join(", "));
    row("short names", names.join(", "));
    row("extensions", format.extensions.join(", "));
    for option in &format.options {
        let values = match option.values.as_slice() {
            [] => String::new(),
            values => format!(" [{}]", values.join(", ")),
        };
        let default = match option.default.as_str() {
            "" => String::new(),
            default => format!(" (default {default})"),
        };
        row("option", format!("{}: {}{values}{default}", option.name, option.description));
    }
    text
}
