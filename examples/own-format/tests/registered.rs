//! The registry finds the format in addition to Taploom's formats.

use own_format as _;

#[test]
fn the_registry_finds_it_by_every_name() {
    let registry = taploom::registry().unwrap();
    let ids: Vec<&str> = registry.plugins().iter().map(|plugin| plugin.info().id).collect();
    assert!(ids.contains(&"markdown") && ids.contains(&"votable"), "{ids:?}");
    for asked in ["markdown", "MD", "text/markdown", "Text/Markdown; bold=true"] {
        assert_eq!(registry.request(asked).unwrap().plugin().info().id, "markdown", "{asked}");
    }
    assert_eq!(registry.for_extension("md").unwrap().content_type(), "text/markdown");
}

#[test]
fn errors_name_it_and_its_options() {
    let registry = taploom::registry().unwrap();
    let error = registry.request("word").unwrap_err().to_string();
    assert!(error.contains("markdown = md = text/markdown"), "{error}");
    assert_eq!(
        registry.request("text/markdown;italic=true").unwrap_err().to_string(),
        "format markdown: option italic is unknown; known: bold"
    );
}
