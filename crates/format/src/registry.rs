//! From a RESPONSEFORMAT value to an encoder.

use std::collections::HashMap;

use crate::accept::Accept;
use crate::driver::Encoder;
use crate::encoder::EncodeContext;
use crate::media_type::MediaType;
use crate::options::Options;
use crate::plugin::EncoderPlugin;
use crate::sink::ByteSink;
use taploom_model::ResultSchema;
use taploom_model::{Error, ErrorKind, Result};

/// The formats of a program, ordered by id.
#[derive(Debug, Clone)]
pub struct EncoderRegistry {
    plugins: Vec<EncoderPlugin>,
    default: Option<&'static str>,
}

/// A request for a format, understood: which plug-in, with which options, and the media type of the
/// answer.
#[derive(Debug, Clone)]
pub struct EncoderSpec {
    plugin: EncoderPlugin,
    content_type: MediaType,
    options: Options,
    /// What the encoder may use besides its sink.
    pub context: EncodeContext,
}

impl EncoderRegistry {
    /// A registry of the plug-ins given.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateFormat`] naming both where two claim the same id, media type, short
    /// name or extension; [`ErrorKind::Misuse`] naming the format where a short name or output id has
    /// options that the format does not take.
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

    /// A registry of all that [`register_encoder!`](crate::register_encoder) has registered in the
    /// crates that this program links.
    ///
    /// Programs call `taploom::registry()`, which also makes sure that they are linked.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn collected() -> Result<Self> {
        Self::new(inventory::iter::<EncoderPlugin>().copied())
    }

    /// Sets the format of a request that names none.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFormat`] where no format has that id.
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

    /// The format of requests that name none.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFormat`] where the registry has no default.
    pub fn default_request(&self) -> Result<EncoderSpec> {
        self.request(self.default.ok_or_else(|| self.unknown(""))?)
    }

    /// Understands a RESPONSEFORMAT value: a media type with parameters, a short name, or an id.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFormat`] listing what is known; [`ErrorKind::InvalidOption`] for
    /// parameters that the format does not take.
    pub fn request(&self, responseformat: &str) -> Result<EncoderSpec> {
        let asked = responseformat.trim();
        let (plugin, content_type) = self.find(asked)?;
        let options = options_of(plugin, &content_type)?;
        Ok(EncoderSpec {
            plugin: *plugin,
            content_type,
            options,
            context: EncodeContext::default(),
        })
    }

    /// Finds the format among the parameters of a request: RESPONSEFORMAT, or its synonym FORMAT;
    /// DALI 1.1, 3.4.3. Names ignore case, other parameters are passed over. Without either, or
    /// without a value, it is the default.
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
    /// As [`request`](Self::request), and [`ErrorKind::InvalidRequest`] where one of them stands
    /// twice or the two ask for different things.
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
            // Clients of TAP 1.0 and of 1.1 at once send both.
            [Some(value), Some(synonym)] => {
                let (spec, other) = (self.request(value)?, self.request(synonym)?);
                let same = spec.plugin.info().id == other.plugin.info().id;
                if same && spec.options == other.options {
                    return Ok(spec);
                }
                Err(Error::new(
                    ErrorKind::InvalidRequest,
                    format!("RESPONSEFORMAT is {value:?} and FORMAT is {synonym:?}; give one"),
                ))
            }
        }
    }

    /// Understands an Accept header, for services that are asked by HTTP without RESPONSEFORMAT: of
    /// what the client takes the best by quality, among equals the first; RFC 9110, 12.5.1. Parameters
    /// of a media type are options, and a range with an option that is unknown can't be served. A
    /// range with `*` is the default format where that falls into it, else the first by id. An empty
    /// header takes all.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFormat`] listing what is known, where nothing is acceptable (HTTP 406) or
    /// the header is malformed.
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

    /// The format that files with an extension (without the dot) have.
    pub fn for_extension(&self, extension: &str) -> Option<EncoderSpec> {
        let plugin = self.plugins.iter().find(|plugin| {
            plugin.info().extensions.iter().any(|known| known.eq_ignore_ascii_case(extension))
        })?;
        self.request(plugin.info().id).ok()
    }

    fn find(&self, asked: &str) -> Result<(&EncoderPlugin, MediaType)> {
        // A short name may look like a media type (votable/td), so names go first.
        for plugin in &self.plugins {
            let info = plugin.info();
            let short = info.short_names.iter().find(|(name, _)| name.eq_ignore_ascii_case(asked));
            if let Some((_, media_type)) = short {
                return Ok((plugin, media_type.parse()?));
            }
        }
        if let Some(plugin) = self.plugin(asked) {
            return Ok((plugin, plugin.info().media_types[0].parse()?));
        }
        if !asked.contains('/') {
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

/// The options among the parameters of a media type.
fn options_of(plugin: &EncoderPlugin, media_type: &MediaType) -> Result<Options> {
    let mut options = Options::default();
    for (name, value) in media_type.parameters() {
        if name != "charset" {
            options.set(name, value)?;
        } else if !value.eq_ignore_ascii_case("utf-8") && !value.eq_ignore_ascii_case("utf8") {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                format!("charset can't be {value:?}; all text is written in utf-8"),
            )
            .with_format(plugin.info().id));
        }
    }
    plugin.check(&options)?;
    Ok(options)
}

/// What the compiler can't check of a format: the options that its names stand for.
fn check_names(plugin: &EncoderPlugin) -> Result<()> {
    let info = plugin.info();
    for (name, text) in info.short_names.iter().chain(info.output_ids) {
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

impl EncoderSpec {
    /// The plug-in that will write.
    pub fn plugin(&self) -> &EncoderPlugin {
        &self.plugin
    }

    /// The media type of the answer: that which was asked for, or the one that a short name stands
    /// for.
    pub fn content_type(&self) -> String {
        self.content_type.to_string()
    }

    /// Sets one more option.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] naming the option, where it is unknown, has a value that it
    /// does not take, or has been given with another value.
    pub fn with_option(mut self, name: &str, value: &str) -> Result<Self> {
        self.options.set(name, value).map_err(|error| error.with_format(self.plugin.info().id))?;
        self.plugin.check(&self.options)?;
        Ok(self)
    }

    /// Sets more options, from a JSON object.
    ///
    /// # Errors
    /// As [`with_option`](Self::with_option).
    pub fn with_options_json(mut self, json: &serde_json::Value) -> Result<Self> {
        self.options.set_json(json).map_err(|error| error.with_format(self.plugin.info().id))?;
        self.plugin.check(&self.options)?;
        Ok(self)
    }

    /// Sets what the encoder may use besides its sink.
    #[must_use]
    pub fn with_context(mut self, context: EncodeContext) -> Self {
        self.context = context;
        self
    }

    /// Starts one result.
    ///
    /// # Errors
    /// As [`EncoderFormat::start`](crate::EncoderFormat::start).
    pub fn start(&self, schema: &ResultSchema, sink: ByteSink) -> Result<Encoder> {
        self.plugin.start(&self.options, schema, &self.context, sink)
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::encoder::ResultEncoder;
    use crate::format_info::FormatInfo;
    use crate::plugin::EncoderFormat;
    use crate::sink::Output;

    #[derive(Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Mode {
        mode: String,
    }

    const fn info(id: &'static str, media_types: &'static [&'static str]) -> FormatInfo {
        FormatInfo::new(id, "an example", media_types)
    }

    macro_rules! declare {
        ($name:ident, $info:expr) => {
            struct $name;
            impl EncoderFormat for $name {
                const INFO: FormatInfo = $info;
                type Options = Mode;
                fn start(
                    _: &Mode,
                    _: &ResultSchema,
                    _: &EncodeContext,
                    _: Output,
                ) -> Result<Box<dyn ResultEncoder>> {
                    Err(Error::new(ErrorKind::Internal, "not started in these tests"))
                }
            }
        };
    }
    declare!(
        X,
        info("ex", &["text/x", "application/x"])
            .with_short_names(&[("x", "text/x"), ("x/fast", "text/x;mode=fast")])
            .with_extensions(&["x"])
    );
    declare!(Y, info("why", &["text/x"]));
    declare!(Z, info("zed", &["text/z"]).with_short_names(&[("z", "text/z;speed=9")]));
    declare!(Broken, info("broken", &["text/b"]).with_short_names(&[("b", "text/b;mode")]));

    fn registry() -> EncoderRegistry {
        EncoderRegistry::new([EncoderPlugin::of::<X>()]).unwrap()
    }

    #[test]
    fn every_name_leads_to_the_format() {
        for (asked, answer) in [
            ("ex", "text/x"),
            ("X", "text/x"),
            ("x/fast", "text/x;mode=fast"),
            ("text/x", "text/x"),
            (" Application/X ; MODE=Slow ", "application/x;mode=Slow"),
            ("text/x;charset=UTF-8", "text/x;charset=UTF-8"),
        ] {
            let spec = registry().request(asked).unwrap();
            assert_eq!(spec.content_type(), answer, "{asked}");
        }
        assert!(registry().for_extension("X").is_some());
        assert!(registry().for_extension("y").is_none());
    }

    #[test]
    fn parameters_of_a_request_name_the_format_once() {
        let ask = |parameters: &[(&str, &str)]| {
            let registry = registry().with_default("ex").unwrap();
            registry.request_of(parameters.iter().copied()).map(|spec| spec.content_type())
        };
        assert_eq!(ask(&[("QUERY", "x"), ("Format", "x/fast")]).unwrap(), "text/x;mode=fast");
        assert_eq!(ask(&[("format", "x"), ("RESPONSEFORMAT", "text/x")]).unwrap(), "text/x");
        assert_eq!(ask(&[("QUERY", "x"), ("FORMAT", "")]).unwrap(), "text/x");
        let twice = ask(&[("FORMAT", "x"), ("format", "x")]).unwrap_err();
        assert_eq!(twice.to_string(), r#"FORMAT is given twice, as "x" and as "x""#);
        let both = ask(&[("FORMAT", "x"), ("RESPONSEFORMAT", "x/fast")]).unwrap_err();
        assert_eq!(both.to_string(), r#"RESPONSEFORMAT is "x/fast" and FORMAT is "x"; give one"#);
        assert_eq!(ask(&[("FORMAT", "y")]).unwrap_err().kind(), ErrorKind::UnknownFormat);
    }

    #[test]
    fn the_best_of_what_a_client_takes() {
        let ask = |header: &str| {
            let registry = registry().with_default("ex").unwrap();
            registry.accept(header).map(|spec| spec.content_type())
        };
        for (header, answer) in [
            ("", "text/x"),
            ("*/*", "text/x"),
            ("text/html, */*;q=0.8", "text/x"),
            ("text/y, application/x;q=0.1", "application/x"),
            ("text/x;q=0.5, application/X;mode=slow", "application/x;mode=slow"),
            ("text/x;quality=low, application/*;q=0.2", "application/x"),
            ("text/x;q=0, */*", "application/x"),
        ] {
            assert_eq!(ask(header).unwrap(), answer, "{header:?}");
        }
        for header in ["text/html", "*/*;q=0", "text/x;q=0", "text/x;q=7", ",,;"] {
            assert_eq!(ask(header).unwrap_err().kind(), ErrorKind::UnknownFormat, "{header:?}");
        }
    }

    #[test]
    fn errors_list_what_is_known() {
        let error = registry().request("vtable").unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"format "vtable" is unknown; known: ex = x = x/fast = text/x = application/x"#
        );
        assert_eq!(registry().request("text/y").unwrap_err().kind(), ErrorKind::UnknownFormat);
        assert_eq!(
            registry().request("text/x;q=1").unwrap_err().to_string(),
            "format ex: option q is unknown; known: mode"
        );
        assert!(registry().request("text/x;charset=latin1").unwrap_err().is_caller_fault());
        let spec = registry().request("x/fast").unwrap();
        assert!(spec.with_option("mode", "slow").unwrap_err().is_caller_fault());
    }

    #[test]
    fn a_name_for_options_that_there_are_not_is_refused() {
        let refused = |plugin| EncoderRegistry::new([plugin]).unwrap_err();
        let error = refused(EncoderPlugin::of::<Z>());
        assert_eq!(error.kind(), ErrorKind::Misuse);
        assert_eq!(
            format!("{error:#}"),
            "format zed: the name \"z\" stands for \"text/z;speed=9\", which can't be written: \
             format zed: option speed is unknown; known: mode"
        );
        assert_eq!(refused(EncoderPlugin::of::<Broken>()).kind(), ErrorKind::Misuse);
    }

    #[test]
    fn duplicates_name_both() {
        let error =
            EncoderRegistry::new([EncoderPlugin::of::<Y>(), EncoderPlugin::of::<X>()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DuplicateFormat);
        assert!(
            error
                .to_string()
                .starts_with(r#"formats ex and why both claim the media type "text/x""#)
        );
        assert!(
            EncoderRegistry::new([EncoderPlugin::of::<X>(), EncoderPlugin::of::<X>()]).is_err()
        );
    }
}
