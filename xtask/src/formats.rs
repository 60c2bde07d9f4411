//! The formats that the program has: what is measured is what is registered.

use serde_json::Value;

use crate::Outcome;
use crate::run::command;

/// RESPONSEFORMAT values, by name: every id of the registry, and VOTable by its three serialisations.
pub(crate) fn all() -> Outcome<Vec<String>> {
    let output = command("target/release/taploom", &["formats", "--json"]).output();
    let output = output.map_err(|error| format!("can't run taploom: {error}"))?;
    let formats: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("taploom formats --json: {error}"))?;
    let formats = formats.as_array().ok_or("taploom formats --json prints no list")?;
    let ids = formats.iter().filter_map(|format| format["id"].as_str());
    let names = ids.flat_map(|id| match id {
        "votable" => ["b2", "b", "td"].iter().map(|kind| format!("{id}/{kind}")).collect(),
        other => vec![other.to_owned()],
    });
    Ok(names.collect())
}
