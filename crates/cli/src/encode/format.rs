//! Determines the output format, and the extension of its files.

use std::path::Path;

use taploom::{
    EncodeContext, EncoderPlugin, EncoderSpec, Envelope, Error, ErrorKind, Resources, Result,
};

use super::{Arguments, invalid};
use crate::compressed::Compression;

/// The format that the arguments request, with its options.
pub(super) fn spec(arguments: &Arguments, resources: &Resources) -> Result<EncoderSpec> {
    let registry = taploom::registry()?;
    let extension = |path: &Path| Compression::of(path).1.extension()?.to_str().map(str::to_owned);
    let mut spec = match (&arguments.format, arguments.output.as_deref().and_then(extension)) {
        (Some(format), _) => registry.request(format)?,
        (None, Some(extension)) => registry.for_extension(&extension).ok_or_else(|| {
            let formats = registry.plugins().iter().map(EncoderPlugin::info);
            let known: Vec<&str> =
                formats.flat_map(|info| info.extensions.iter().copied()).collect();
            invalid(format!(
                "no format has files with the extension .{extension}; choose the format with -f, or \
                 one of the extensions {}",
                known.join(", ")
            ))
        })?,
        (None, None) => registry.default_request()?,
    };
    for option in &arguments.options {
        let (name, value) = option.split_once('=').ok_or_else(|| {
            let message = format!("--option {option:?} is not of the form KEY=VALUE");
            Error::new(ErrorKind::InvalidOption, message)
        })?;
        spec = spec.with_option(name.trim(), value)?;
    }
    let envelope = arguments.envelope.as_deref().map(read_envelope).transpose()?;
    Ok(spec.with_context(EncodeContext::from(resources.clone()).with_envelope(envelope)))
}

/// The extension of the files in a folder: the extension of the folder's name if it belongs to the format,
/// with the compression.
pub(super) fn extension_of_files(folder: &Path, spec: &EncoderSpec) -> String {
    let (compression, inner) = Compression::of(folder);
    let info = spec.plugin().info();
    let named = inner.extension().and_then(|extension| extension.to_str()).and_then(|named| {
        info.extensions.iter().find(|extension| extension.eq_ignore_ascii_case(named))
    });
    let extension = named.or(info.extensions.first()).unwrap_or(&info.id);
    match compression {
        Some(compression) => format!("{extension}.{}", compression.extension()),
        None => (*extension).to_owned(),
    }
}

/// A hint if the name of the output suggests another format than the one that `-f` gives.
pub(super) fn name_hint(arguments: &Arguments, spec: &EncoderSpec) -> Result<Option<String>> {
    let Some(path) = arguments.output.as_deref().filter(|_| arguments.format.is_some()) else {
        return Ok(None);
    };
    let (_, inner) = Compression::of(path);
    let Some(extension) = inner.extension().and_then(|extension| extension.to_str()) else {
        return Ok(None);
    };
    let registry = taploom::registry()?;
    let said = registry.for_extension(extension).map(|spec| spec.plugin().info().id);
    let written = spec.plugin().info();
    Ok(said.filter(|said| *said != written.id).map(|said| {
        let usual = written.extensions.first().unwrap_or(&written.id);
        format!(
            "note: {} is written in the format {} (by -f), but .{extension} is the extension of {said}; better use \
             .{usual}",
            path.display(),
            written.id
        )
    }))
}

fn read_envelope(path: &Path) -> Result<Envelope> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| invalid(format!("can't read the envelope {name}")).with_source(error))?;
    serde_json::from_str(&text).map_err(|error| {
        let form = "an envelope in JSON: header, footer, footerOverflow";
        invalid(format!("{name} is not {form}")).with_source(error)
    })
}
