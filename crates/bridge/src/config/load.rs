//! Settings from a file and from environment variables, and errors that show none of their values.

use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};

use super::Config;

/// The prefix of environment variables. Two underscores separate section and key: `TAPLOOM__DATABASE__URL`.
const PREFIX: &str = "TAPLOOM__";

impl Config {
    /// Reads a file; variables that begin with `TAPLOOM__` override it.
    ///
    /// # Errors
    /// A sentence that names the file or variable and the key, and says how to correct it.
    pub fn load(path: &Path) -> Result<Self, String> {
        let file = std::fs::metadata(path)
            .map_err(|error| format!("can't read {}: {error}", path.display()))?;
        if !file.is_file() {
            return Err(format!("{} is not a file", path.display()));
        }
        Self::of(&Figment::from(Toml::file_exact(path)).merge(environment()))
    }

    /// The default settings, for a database; variables that begin with `TAPLOOM__` override the defaults.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn for_database(url: &str) -> Result<Self, String> {
        Self::of(&Figment::from(environment()).merge(Serialized::default("database.url", url)))
    }

    fn of(settings: &Figment) -> Result<Self, String> {
        let config: Self = settings.extract().map_err(|error| {
            let all: Vec<String> = error.into_iter().map(without_values).collect();
            all.join("; ")
        })?;
        config.check()?;
        Ok(config)
    }
}

fn environment() -> Env {
    Env::prefixed(PREFIX).split("__")
}

/// An error without the values of the settings, one of which may be a password.
fn without_values(mut error: figment::Error) -> String {
    use figment::error::Kind;
    if let Kind::MissingField(field) = &error.kind {
        let mut keys: Vec<&str> = error.path.iter().map(String::as_str).collect();
        keys.push(field);
        let variable = keys.join("__").to_uppercase();
        return format!(
            "{} is missing: give it in the file or as the variable {PREFIX}{variable}",
            keys.join(".")
        );
    }
    error.kind = match error.kind {
        // The parser of TOML quotes the line: `17 | url = ...`.
        Kind::Message(text) => {
            let is_quoted = |line: &&str| {
                let line = line.trim_start();
                line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
            };
            let lines: Vec<&str> = text.lines().filter(|line| !is_quoted(line)).collect();
            Kind::Message(lines.join(": "))
        }
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
            Kind::Message(format!("the value has to be {expected}"))
        }
        other => other,
    };
    error.to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use super::*;

    #[test]
    fn an_error_in_the_settings_shows_no_password() {
        let folder = std::env::temp_dir().join(format!("taploom-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("worker.toml");
        for (settings, said) in [
            ("[database]\nurl=mysql://u:SECRET@h/d\n", "line 2, column 5"),
            ("[database]\nurl=\"mysql://u:SECRET@h/d\n", "line 2"),
            ("database = \"SECRET\"\n", "the value has to be"),
        ] {
            std::fs::write(&path, settings).unwrap();
            let error = Config::load(&path).unwrap_err();
            assert!(error.contains(said) && !error.contains("SECRET"), "{error}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
