//! The formats to measure: every format that the program has registered.

use crate::Outcome;
use crate::bench::json;
use crate::folders::program;

/// RESPONSEFORMAT values: every id of the registry, and VOTable in its three serialisations.
pub(crate) fn all() -> Outcome<Vec<String>> {
    let formats = json(&[&program("taploom"), "formats", "--json"])?;
    let formats = formats.as_array().ok_or("taploom formats --json prints no list")?;
    let ids = formats.iter().filter_map(|format| format["id"].as_str());
    let names = ids.flat_map(|id| match id {
        "votable" => ["b2", "b", "td"].iter().map(|kind| format!("{id}/{kind}")).collect(),
        other => vec![other.to_owned()],
    });
    Ok(names.collect())
}
