//! Tries any text as options of every format: as lines of NAME=VALUE and as JSON.

use taploom_format::Options;

use crate::registry::registry;

/// Sets and checks the options; an error has one line.
pub(crate) fn check(text: &str) {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let json = serde_json::from_str::<serde_json::Value>(text).ok();
    for plugin in registry().plugins() {
        let mut options = Options::default();
        let given = match &json {
            Some(json) => options.set_json(json),
            None => lines.clone().try_for_each(|(name, value)| options.set(name, value)),
        };
        if let Err(error) = given.and_then(|()| plugin.check(&options)) {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}
