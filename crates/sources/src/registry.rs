//! Finds the source that reads a location.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use taploom_model::{Error, ErrorKind, Result, RowSource};

use crate::error::{damaged, invalid};
use crate::input::{Input, STDIN, shown_name};
use crate::input_format::InputFormat;
use crate::location::{is_url, shown};
use crate::many;
use crate::plugin::{Place, QueryUse, SourceInfo, SourcePlugin};
use crate::request::Request;
use crate::wanted::{chosen, of_source};

/// The sources of a program, ordered by id.
#[derive(Debug, Clone)]
pub struct SourceRegistry {
    plugins: Vec<SourcePlugin>,
}

impl SourceRegistry {
    /// A registry of these plug-ins.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateFormat`] if two of them claim the same id, word, prefix or extension.
    pub fn new(plugins: impl IntoIterator<Item = SourcePlugin>) -> Result<Self> {
        let mut plugins: Vec<_> = plugins.into_iter().collect();
        plugins.sort_by_key(|plugin| plugin.info().id);
        let mut claims: HashMap<(&str, &str), &str> = HashMap::new();
        for info in plugins.iter().map(SourcePlugin::info) {
            let claimed = std::iter::once(("id", info.id))
                .chain(info.word.map(|word| ("location", word)))
                .chain(info.prefixes.iter().map(|prefix| ("prefix", *prefix)))
                .chain(info.extensions.iter().map(|extension| ("extension", *extension)));
            for (what, text) in claimed {
                if let Some(other) = claims.insert((what, text), info.id) {
                    let message =
                        format!("sources {other} and {} both have the {what} {text}", info.id);
                    return Err(Error::new(ErrorKind::DuplicateFormat, message));
                }
            }
        }
        Ok(Self { plugins })
    }

    /// A registry of all sources that [`register_source!`](crate::register_source) has registered in the
    /// crates that this program links: the sources of this crate's features, and of third parties.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn collected() -> Result<Self> {
        Self::new(inventory::iter::<SourcePlugin>().copied())
    }

    /// All sources, ordered by id.
    pub fn plugins(&self) -> &[SourcePlugin] {
        &self.plugins
    }

    /// The source that reads a location. A file is opened to recognize its format; a server is not
    /// contacted.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if no source reads the location. The error lists the sources, and does
    /// not show passwords.
    pub fn find(&self, location: &str) -> Result<&SourcePlugin> {
        self.find_for(&Request::new(location))
    }

    /// The source that reads the location of a request, in its input format if it gives one.
    ///
    /// # Errors
    /// As [`find`](Self::find), and [`ErrorKind::InvalidRequest`] for an input format or option that is not known.
    pub fn find_for(&self, request: &Request<'_>) -> Result<&SourcePlugin> {
        let (plugin, _) = self.locate(request)?;
        if let Some(format) = request.input_format {
            InputFormat::parse(format)?.checked_options(plugin.info())?;
        }
        Ok(plugin)
    }

    /// The source that reads a location, if it takes queries.
    ///
    /// # Errors
    /// As [`find`](Self::find), and [`ErrorKind::InvalidRequest`] for a source that takes no query.
    pub fn find_queryable(&self, location: &str) -> Result<&SourcePlugin> {
        let plugin = self.find(location)?;
        match plugin.info().query {
            QueryUse::Refused => Err(self.takes_no_query(location)),
            QueryUse::Optional | QueryUse::Required => Ok(plugin),
        }
    }

    /// Opens the source of a request.
    ///
    /// # Errors
    /// As [`find`](Self::find) and [`SourceType::open`](crate::SourceType::open);
    /// [`ErrorKind::InvalidRequest`] for a query or a table that the source does not take.
    pub async fn open(&self, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let files = self.joined_files(request)?;
        self.open_files(files, request).await
    }

    /// Opens the source of a request whose [`joined_files`](Self::joined_files) are known, so that a folder need not be
    /// listed twice.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_files(
        &self,
        files: Option<Vec<String>>,
        request: &Request<'_>,
    ) -> Result<Box<dyn RowSource>> {
        // What the source gives may lack columns and rows that are not wanted.
        let inner = of_source(request);
        let source = match files {
            Some(files) => many::open(self, files, &inner).await?,
            None => {
                if let Some(progress) = &inner.progress {
                    let bytes = std::fs::metadata(inner.location).map_or(0, |file| file.len());
                    progress.expect(bytes);
                }
                self.open_one(&inner).await?.1
            }
        };
        chosen(source, &inner)
    }

    /// The files that are read as one table: the files in a folder or of a pattern, or several named files. `None` for
    /// a location that is read alone, such as the name of a source: `demo` is the catalogue even if a folder has this
    /// name.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] for a folder or pattern without files, and for a source that is not a file beside
    /// others or with an input format.
    pub fn joined_files(&self, request: &Request<'_>) -> Result<Option<Vec<String>>> {
        let further = request.more_locations.iter().map(String::as_str);
        let locations: Vec<&str> = std::iter::once(request.location).chain(further).collect();
        // A location with a prefix is not a file, whatever characters follow the prefix.
        let named = locations.iter().find(|location| self.by_name(location).is_some());
        if let (Some(format), Some(named)) = (request.input_format, named) {
            return Err(invalid(format!(
                "source {} is not a file and takes no input format; {format} was given",
                shown(named)
            )));
        }
        match (named, &locations[..]) {
            (Some(_), [_]) => Ok(None),
            (Some(named), _) => Err(invalid(format!(
                "source {} can't be joined with other sources; only files can be read as one table",
                shown(named)
            ))),
            (None, _) => {
                let files = many::locations::files(&locations)?;
                // A file that a pattern found may have the name of a source.
                let path = |file: String| {
                    let is_name = self.by_name(&file).is_some();
                    if is_name { format!("./{file}") } else { file }
                };
                Ok(files.map(|files| files.into_iter().map(path).collect()))
            }
        }
    }

    /// Opens the source of one location. Also returns the noun for what it reads.
    pub(crate) async fn open_one(
        &self,
        request: &Request<'_>,
    ) -> Result<(&'static str, Box<dyn RowSource>)> {
        let (plugin, place) = self.locate(request)?;
        let info = plugin.info();
        let mut request = request.clone();
        if let Some(format) = request.input_format {
            request.options = InputFormat::parse(format)?.checked_options(info)?;
        }
        let request = &request;
        if request.query.is_some() && info.query == QueryUse::Refused {
            return Err(self.takes_no_query(request.location));
        }
        if request.table.is_some() && !info.has_tables {
            let location = shown(request.location);
            let able = self.listed(|info| info.has_tables);
            return Err(invalid(format!(
                "source {location} has no tables to choose from; these have: {able}"
            )));
        }
        Ok((info.noun, plugin.open(place, request).await?))
    }

    /// How locations are written, for help texts: first sources with a syntax, then the formats of files.
    pub fn locations(&self) -> String {
        self.listed(|_| true)
    }

    fn locate<'a>(&self, request: &Request<'a>) -> Result<(&SourcePlugin, Place<'a>)> {
        self.by_name(request.location).map_or_else(|| self.by_file(request), Ok)
    }

    /// Finds a source by its word or prefix. The longest prefix wins.
    fn by_name<'a>(&self, location: &'a str) -> Option<(&SourcePlugin, Place<'a>)> {
        let matches = self.plugins.iter().filter_map(|plugin| {
            let info = plugin.info();
            if info.word == Some(location) {
                return Some((plugin, ""));
            }
            let rests = info.prefixes.iter().filter_map(|prefix| location.strip_prefix(prefix));
            rests.min_by_key(|rest| rest.len()).map(|rest| (plugin, rest))
        });
        let (plugin, rest) = matches.min_by_key(|(_, rest)| rest.len())?;
        Some((plugin, Place::named(rest)))
    }

    fn by_file<'a>(&self, request: &Request<'a>) -> Result<(&SourcePlugin, Place<'a>)> {
        let location = request.location;
        let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        // A name like `sqlit:stars.db` is taken for a file only if that file exists.
        if location != STDIN {
            let metadata = std::fs::metadata(location);
            if is_url(location) || metadata.is_err_and(|error| missing(&error)) {
                return Err(self.unknown(location));
            }
        }
        let input = Input::open(location, &request.resources, request.progress.clone())?;
        let name = shown_name(location);
        let plugin = match request.input_format {
            Some(format) => self.by_input_format(&InputFormat::parse(format)?)?,
            None => self.by_content(name, &input)?,
        };
        Ok((plugin, Place::file(name, input)))
    }

    fn by_input_format(&self, format: &InputFormat) -> Result<&SourcePlugin> {
        let files = || self.plugins.iter().filter(|plugin| plugin.info().reads_files());
        let is_called = |info: &SourceInfo| {
            let mut names = std::iter::once(&info.id).chain(info.extensions);
            names.any(|name| name.eq_ignore_ascii_case(&format.name))
        };
        files().find(|plugin| is_called(plugin.info())).ok_or_else(|| {
            let known: Vec<&str> = files().map(|plugin| plugin.info().id).collect();
            invalid(format!(
                "input format {:?} is not known; it is {}",
                format.name,
                any_of(&known)
            ))
        })
    }

    /// Finds a source by the first bytes of a file. If no source recognizes them, the extension of the name
    /// decides, for formats without a mark.
    fn by_content(&self, name: &str, input: &Input) -> Result<&SourcePlugin> {
        let beginning = input.beginning();
        // stars.csv.gz is treated as stars.csv, even if it is not compressed.
        let path = Path::new(name);
        let path = match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz" | "zst") => path.file_stem().map_or(path, Path::new),
            _ => path,
        };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let has_extension = |info: &SourceInfo| {
            let mut extensions = info.extensions.iter();
            extension.is_some_and(|given| extensions.any(|known| known.eq_ignore_ascii_case(given)))
        };
        let is_marked = |info: &SourceInfo| info.recognizes.is_some_and(|mark| mark(beginning));
        if let Some(plugin) = self.plugins.iter().find(|plugin| is_marked(plugin.info())) {
            let info = plugin.info();
            if info.reads_files() {
                return Ok(plugin);
            }
            let (noun, prefix) = (info.noun, info.prefixes.first().copied().unwrap_or_default());
            return Err(invalid(match (input.is_plain_file(), input.compression()) {
                (true, None) => format!("source {name} is {noun}: call it {prefix}{name}"),
                (_, Some(compression)) => format!(
                    "source {name}: {noun} within {compression}; decompress it and call it {prefix}FILE"
                ),
                _ => format!("source {name}: {noun}; save it to a file and call it {prefix}FILE"),
            }));
        }
        match self.plugins.iter().find(|plugin| has_extension(plugin.info())) {
            Some(plugin) if plugin.info().recognizes.is_none() => Ok(plugin),
            _ if beginning.is_empty() => Err(damaged(format!("source {name}: it is empty"))),
            Some(plugin) => {
                let noun = plugin.info().noun;
                Err(invalid(format!("source {name}: not {noun}, whatever its name says")))
            }
            None => {
                let resembles = |info: &SourceInfo| info.resembles.is_some_and(|it| it(beginning));
                let mut plugins = self.plugins.iter();
                let found = plugins.find(|plugin| resembles(plugin.info()));
                found.ok_or_else(|| self.unknown_file(name))
            }
        }
    }

    fn takes_no_query(&self, location: &str) -> Error {
        let able = self.listed(|info| info.query != QueryUse::Refused);
        invalid(format!("source {} takes no SQL; these do: {able}", shown(location)))
    }

    fn unknown(&self, location: &str) -> Error {
        let location_shown = if location.is_empty() { "\"\"".into() } else { shown(location) };
        let meant = location.trim().to_ascii_lowercase();
        let mut prefixes = self.plugins.iter().flat_map(|plugin| plugin.info().prefixes);
        if let Some(prefix) = prefixes.find(|prefix| meant.starts_with(**prefix)) {
            return invalid(format!(
                "source {location_shown}: a location has to begin with {prefix}, in lower case and \
                 without spaces before it"
            ));
        }
        let problem = if is_url(location) { "no source has this scheme" } else { "no such file" };
        let known = self.locations();
        invalid(format!("source {location_shown}: {problem}; a source is {known}"))
    }

    fn unknown_file(&self, name: &str) -> Error {
        let files =
            || self.plugins.iter().map(SourcePlugin::info).filter(|info| info.reads_files());
        let marked: Vec<&str> =
            files().filter(|info| info.recognizes.is_some()).map(|info| info.noun).collect();
        let named: Vec<String> = files()
            .filter(|info| info.recognizes.is_none())
            .flat_map(|info| info.extensions.iter().map(|extension| format!(".{extension}")))
            .collect();
        let mut message =
            format!("source {name}: its content does not look like {}", any_of(&marked));
        if !named.is_empty() {
            let named: Vec<&str> = named.iter().map(String::as_str).collect();
            message.push_str(&format!(", and its name does not end in {}", any_of(&named)));
        }
        message.push_str("; name its format with --input-format, such as 'csv;delimiter=;'");
        invalid(message)
    }

    /// Lists the sources for a message: first those whose locations have a syntax.
    fn listed(&self, wanted: impl Fn(&SourceInfo) -> bool) -> String {
        let infos = || self.plugins.iter().map(SourcePlugin::info).filter(|info| wanted(info));
        let with_syntax = infos().filter(|info| info.syntax.is_some());
        let files = infos().filter(|info| info.syntax.is_none());
        any_of(&with_syntax.chain(files).map(SourceInfo::listed).collect::<Vec<_>>())
    }
}

/// Joins words as in `a, b or c`.
fn any_of(words: &[&str]) -> String {
    match words {
        [] => "none".to_owned(),
        [word] => (*word).to_owned(),
        [before @ .., last] => format!("{} or {last}", before.join(", ")),
    }
}
