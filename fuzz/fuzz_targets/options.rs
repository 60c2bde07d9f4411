//! Any text as options, of every format: lines of NAME=VALUE, or JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use taploom_format::Options;

fuzz_target!(|text: &str| {
    let registry = taploom::registry().expect("the formats of this program go together");
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let json = serde_json::from_str::<serde_json::Value>(text).ok();
    for plugin in registry.plugins() {
        let mut options = Options::default();
        let given = match &json {
            Some(json) => options.set_json(json),
            None => lines.clone().try_for_each(|(name, value)| options.set(name, value)),
        };
        if let Err(error) = given.and_then(|()| plugin.check(&options)) {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
});
