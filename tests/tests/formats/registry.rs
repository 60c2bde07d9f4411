//! Tests the registry of a program that links every format.

use taploom::{ErrorKind, Result};
use taploom_testkit::Failures;

#[test]
fn the_formats_are_these() -> Result<()> {
    let registry = taploom::registry()?;
    let ids: Vec<&str> = registry.plugins().iter().map(|plugin| plugin.info().id).collect();
    assert_eq!(
        ids,
        ["arrow", "csv", "ecsv", "fits", "json", "jsonl", "tsv", "voparquet", "votable"]
    );
    assert_eq!(registry.default_request()?.plugin().info().id, "votable");
    Ok(())
}

#[test]
fn responseformat_values_of_the_standards_are_known() -> Result<()> {
    let registry = taploom::registry()?;
    let mut failures = Failures::default();
    for (asked, id, answer) in [
        ("votable", "votable", "application/x-votable+xml"),
        ("VOTable/B2", "votable", "application/x-votable+xml;serialization=BINARY2"),
        (
            "application/x-votable+xml; serialization=binary2",
            "votable",
            "application/x-votable+xml;serialization=binary2",
        ),
        ("text/xml", "votable", "text/xml"),
        ("text/csv;header=absent", "csv", "text/csv;header=absent"),
        ("text/csv; header=present; charset=UTF-8", "csv", "text/csv;header=present;charset=UTF-8"),
        ("tsv", "tsv", "text/tab-separated-values"),
        ("votable/td", "votable", "application/x-votable+xml;serialization=TABLEDATA"),
        ("votable/b", "votable", "application/x-votable+xml;serialization=BINARY"),
        ("fits", "fits", "application/fits"),
        ("json", "json", "application/json"),
        ("application/vnd.apache.arrow.stream", "arrow", "application/vnd.apache.arrow.stream"),
        ("parquet", "voparquet", "application/vnd.apache.parquet"),
        ("voparquet", "voparquet", "application/vnd.apache.parquet"),
    ] {
        failures.row(asked, || {
            let spec = registry.request(asked).unwrap();
            assert_eq!(spec.plugin().info().id, id);
            assert_eq!(spec.content_type(), answer);
        });
    }
    failures.assert_none();
    Ok(())
}

#[test]
fn what_is_not_known_is_an_error_and_never_another_format() -> Result<()> {
    let registry = taploom::registry()?;
    let mut failures = Failures::default();
    for asked in ["html", "text/html", "", "votable/td2", "text/csv+xml", "*/*"] {
        failures.row(asked, || {
            let error = registry.request(asked).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownFormat);
            assert!(error.is_caller_fault());
        });
    }
    for asked in [
        "application/x-votable+xml;serialization=BINARY3",
        "text/csv;header=maybe",
        "text/csv;headers=absent",
        "text/csv;charset=latin1",
    ] {
        failures.row(asked, || {
            let error = registry.request(asked).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error}");
        });
    }
    failures.assert_none();
    Ok(())
}
