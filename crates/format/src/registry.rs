//! Finds the encoder for a RESPONSEFORMAT value.

use std::collections::HashMap;

use taploom_model::{Error, ErrorKind, Result};

use crate::accept::Accept;
use crate::media_type::MediaType;
use crate::plugin::EncoderPlugin;
use crate::spec::{EncoderSpec, options_of};

/// The formats of a program, ordered by id.
#[derive(Debug, Clone)]
pub struct EncoderRegistry {
    plugins: Vec<EncoderPlugin>,
    default: Option<&'static str>,
}

impl EncoderRegistry {
    /// A registry of these plug-ins.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateFormat`] naming both formats if two of them claim the same id, media type,
    /// short name or extension. [`ErrorKind::Misuse`] naming the format if a short name or output id
    /// has options that the format does not take.
    pub fn new(plugins: impl IntoIterator<Item = EncoderPlugin>) -> Result<Self> {
        let mut plugins: Vec<_> = plugins.into_iter().collect();
        plugins.sort_by_key(|plugin| plugin.info().id);
        let mut claims: HashMap<(&str, String), &str> = HashMap::new();
        for (position, plugin) in plugins.iter().enumerate() {
            let info = plugin.info();
            if position > 0 && plugins[position - 1].info().id == info.id {
                return Err(duplicate("id", info.id, info.id, info.id));
            }
            check_names(plugin)?;
            let names = info.short_names.iter().map(|(name, _)| *name);
            let claimed = std::iter::once(("name", info.id))
                .chain(names.map(|name| ("name", name)))
                .chain(info.media_types.iter().map(|media_type| ("media type", *media_type)))
                .chain(info.extensions.iter().map(|extension| ("extension", *extension)));
            for (what, text) in claimed {
                let before = claims.insert((what, text.to_ascii_lowercase()), info.id);
                if let Some(before) = before.filter(|before| *before != info.id) {
                    return Err(duplicate(what, text, before, info.id));
                }
            }
        }
        Ok(Self { plugins, default: None })
    }

    /// A registry of all formats that [`register_encoder!`](crate::register_encoder) has registered in
    /// the crates that this program links.
    ///
    /// Programs call `taploom::registry()`, which also makes sure that Taploom's own formats are linked.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn collected() -> Result<Self> {
        Self::new(inventory::iter::<EncoderPlugin>().copied())
    }

    /// Sets the format of requests that do not name one.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFormat`] if no format has that id.
    pub fn with_default(mut self, id: &str) -> Result<Self> {
        self.default = Some(self.plugin(id).ok_or_else(|| self.unknown(id))?.info().id);
        Ok(self)
    }

    /// All formats, ordered by id.
    pub fn plugins(&self) -> &[EncoderPlugin] {
        &self.plugins
    }

    /// The format with an id.
    pub fn plugin(&self, id: &str) -> Option<&EncoderPlugin> {
        self.plugins.iter().find(|plugin| plugin.info().id.eq_ignore_ascii_case(id))
    }

    /// The format of requests that do not name one.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFormat`] if the registry has no default.
    pub fn default_request(&self) -> Result<EncoderSpec> {
        self.request(self.default.ok_or_else(|| self.unknown(""))?)
    }

    /// Finds the format of a RESPONSEFORMAT value: a media type, a short name, or an id, each with or
    /// without parameters.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFormat`] listing the names of all formats; [`ErrorKind::InvalidOption`] for
    /// parameters that the format does not take.
    pub fn request(&self, responseformat: &str) -> Result<EncoderSpec> {
        let asked = responseformat.trim();
        let (plugin, content_type) = self.find(asked)?;
        EncoderSpec::new(*plugin, content_type)
    }

    /// Finds the format among the parameters of a request: RESPONSEFORMAT, or its synonym FORMAT;
    /// DALI 1.1, 3.4.3. The case of names does not matter, and other parameters are ignored. A request
    /// without either, or without a value, gets the default format.
    ///
    /// ```
    /// # use taploom_format::EncoderRegistry;
    /// # fn answer(registry: &EncoderRegistry) -> taploom_format::Result<()> {
    /// let spec = registry.request_of([("LANG", "ADQL"), ("responseformat", "csv")])?;
    /// assert_eq!(spec.content_type(), "text/csv");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`request`](Self::request), and [`ErrorKind::InvalidRequest`] if one of them is given twice or
    /// the two ask for different formats.
    pub fn request_of<'a>(
        &self,
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<EncoderSpec> {
        const NAMES: [&str; 2] = ["RESPONSEFORMAT", "FORMAT"];
        let mut asked: [Option<&str>; 2] = [None; 2];
        for (name, value) in parameters {
            let place = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name));
            let Some(place) = place.filter(|_| !value.trim().is_empty()) else { continue };
            if let Some(before) = asked[place].replace(value) {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    format!("{} is given twice, as {before:?} and as {value:?}", NAMES[place]),
                ));
            }
        }
        match asked {
            [None, None] => self.default_request(),
            [Some(value), None] | [None, Some(value)] => self.request(value),
            // Clients that support both TAP 1.0 and 1.1 send both parameters.
            [Some(value), Some(synonym)] => {
                let (spec, other) = (self.request(value)?, self.request(synonym)?);
                let same = spec.plugin().info().id == other.plugin().info().id;
                if same && spec.has_options_of(&other) {
                    return Ok(spec);
                }
                Err(Error::new(
                    ErrorKind::InvalidRequest,
                    format!("RESPONSEFORMAT is {value:?} and FORMAT is {synonym:?}; give one"),
                ))
            }
        }
    }

    /// Finds the format of an Accept header, for HTTP requests without RESPONSEFORMAT: the media range
    /// of the highest quality that a format can serve, and the first of equals; RFC 9110, 12.5.1.
    /// Parameters of a media type are options, and a range with an unknown option can't be served. For
    /// a range with `*` the default format is chosen if it falls into the range, otherwise the first
    /// by id. An empty header accepts every format.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFormat`] listing the names of all formats if none of them is acceptable
    /// (HTTP 406) or the header is malformed.
    pub fn accept(&self, header: &str) -> Result<EncoderSpec> {
        if header.trim().is_empty() {
            return self.default_request();
        }
        let accept = Accept::parse(header)?;
        let served = accept.by_preference().into_iter().find_map(|range| {
            if range.wildcards() == 0 {
                return self.request(&range.media_type.to_string()).ok();
            }
            let default = self.default.and_then(|id| self.plugin(id));
            let mut offered = default
                .into_iter()
                .chain(&self.plugins)
                .flat_map(|plugin| plugin.info().media_types.iter().copied());
            let offered = offered.find(|known| range.takes(known) && !accept.excludes(known));
            self.request(offered?).ok()
        });
        served.ok_or_else(|| self.unknown(header))
    }

    /// The format of files with this extension (without the dot).
    pub fn for_extension(&self, extension: &str) -> Option<EncoderSpec> {
        let plugin = self.plugins.iter().find(|plugin| {
            plugin.info().extensions.iter().any(|known| known.eq_ignore_ascii_case(extension))
        })?;
        self.request(plugin.info().id).ok()
    }

    fn find(&self, asked: &str) -> Result<(&EncoderPlugin, MediaType)> {
        // Options may follow a name as they follow a media type: csv;header=absent.
        let (name, parameters) = match asked.find(';') {
            Some(end) => (asked[..end].trim_end(), &asked[end..]),
            None => (asked, ""),
        };
        // A short name may look like a media type (votable/td), so names go first.
        for plugin in &self.plugins {
            let info = plugin.info();
            let short = info.short_names.iter().find(|(short, _)| short.eq_ignore_ascii_case(name));
            if let Some((_, media_type)) = short {
                return Ok((plugin, format!("{media_type}{parameters}").parse()?));
            }
        }
        if let Some(plugin) = self.plugin(name) {
            let media_type = plugin.info().media_types[0];
            return Ok((plugin, format!("{media_type}{parameters}").parse()?));
        }
        if !name.contains('/') {
            return Err(self.unknown(asked));
        }
        let media_type: MediaType = asked.parse()?;
        let answers = |plugin: &&EncoderPlugin| {
            let known = plugin.info().media_types;
            known.iter().any(|known| known.eq_ignore_ascii_case(media_type.essence()))
        };
        match self.plugins.iter().find(answers) {
            Some(plugin) => Ok((plugin, media_type)),
            None => Err(self.unknown(asked)),
        }
    }

    fn unknown(&self, asked: &str) -> Error {
        let known: Vec<String> = self
            .plugins
            .iter()
            .map(|plugin| {
                let info = plugin.info();
                let names = info.short_names.iter().map(|(name, _)| *name);
                let mut all: Vec<&str> = std::iter::once(info.id)
                    .chain(names.filter(|name| *name != info.id))
                    .chain(info.media_types.iter().copied())
                    .collect();
                all.dedup();
                all.join(" = ")
            })
            .collect();
        Error::new(
            ErrorKind::UnknownFormat,
            format!("format {asked:?} is unknown; known: {}", known.join("; ")),
        )
    }
}

/// Checks the options that the names of a format set, which the compiler can't check.
fn check_names(plugin: &EncoderPlugin) -> Result<()> {
    let info = plugin.info();
    let names = info.short_names.iter().chain(info.output_ids);
    // The compiler has checked names without options, and listing the options of a format takes time.
    for (name, text) in names.filter(|(_, text)| text.contains(';')) {
        let options = text.parse().and_then(|media_type| options_of(plugin, &media_type));
        options.map_err(|cause| {
            let message = format!("the name {name:?} stands for {text:?}, which can't be written");
            Error::new(ErrorKind::Misuse, message).with_format(info.id).with_source(cause)
        })?;
    }
    Ok(())
}

fn duplicate(what: &str, text: &str, one: &str, other: &str) -> Error {
    Error::new(
        ErrorKind::DuplicateFormat,
        format!("formats {one} and {other} both claim the {what} {text:?}; leave one of them out"),
    )
}

#[cfg(test)]
mod tests;
