//! Which source reads which location, which locations are refused, and sources of third parties.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use async_trait::async_trait;
use futures::executor::block_on;
use taploom_model::{BatchSource, Error, ErrorKind, Result, ResultSchema, RowSource};
use taploom_sources::{
    Place, QueryUse, Request, SourceInfo, SourcePlugin, SourceRegistry, SourceType, open, plugins,
    register_source,
};

/// A source of a third party. It returns as many rows as the location says, or as the file has bytes.
struct Count;

register_source!(
    /// Its plug-in.
    COUNT = Count
);

#[async_trait]
impl SourceType for Count {
    const INFO: SourceInfo = SourceInfo::new("count", "a count file")
        .with_prefixes(&["count:"], "count:ROWS")
        .with_extensions(&["count"])
        .with_mark(|beginning| beginning.starts_with(b"COUNT"))
        .with_query(QueryUse::Optional);

    async fn open(place: Place<'_>, _request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let rows = match place.text().parse() {
            Ok(rows) => rows,
            Err(_) => place.into_file()?.metadata().unwrap().len() as i64,
        };
        let column = Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let schema = ResultSchema::derived(batch.schema());
        Ok(Box::new(BatchSource::new(schema, vec![Ok(batch)].into_iter())))
    }
}

fn registry() -> SourceRegistry {
    SourceRegistry::collected().unwrap()
}

fn refusal(request: &Request<'_>) -> Error {
    match block_on(open(request)) {
        Ok(_) => panic!("{request:?} is opened"),
        Err(error) => error,
    }
}

#[test]
fn a_location_is_read_by_one_source() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        folder.path().join(name).display().to_string()
    };
    for (location, id) in [
        ("demo", "demo"),
        ("sqlite:nowhere.db", "sqlite"),
        ("synth:columns.json?rows=1", "synth"),
        ("count:7", "count"),
        // The content of a file decides, and only then its name.
        (&file("a.csv", b"PAR1"), "parquet"),
        (&file("b", b"ARROW1\0\0"), "arrow"),
        (&file("c.parquet", b"\xff\xff\xff\xff"), "arrow"),
        (&file("d.tsv", b"\xef\xbb\xbf \n<VOTABLE/>"), "votable"),
        (&file("e.txt", b"\xff\xfe<\0"), "votable"),
        (&file("f.CSV", b"a,b"), "csv"),
        (&file("g.tsv", b"a\tb"), "tsv"),
        (&file("h.csv", b"COUNT"), "count"),
        // A file name may have a colon.
        (&file("i:j.csv", b"a,b"), "csv"),
    ] {
        assert_eq!(registry().find(location).unwrap().info().id, id, "{location}");
    }
    #[cfg(feature = "mysql")]
    for location in ["mysql://tap:SECRET@db/dp1", "mariadb://db"] {
        assert_eq!(registry().find(location).unwrap().info().id, "mysql");
    }
    #[cfg(feature = "postgres")]
    for location in ["postgres://tap:SECRET@db/dp1", "postgresql://db"] {
        assert_eq!(registry().find(location).unwrap().info().id, "postgres");
    }
}

#[test]
fn a_source_of_a_third_party_is_read_as_the_others_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows");
    std::fs::write(&file, "COUNT 9").unwrap();
    for (location, rows) in [("count:5", 5), (file.to_str().unwrap(), 7)] {
        let mut source = block_on(open(&Request::new(location))).unwrap();
        let batch = block_on(source.next()).unwrap().rows().unwrap();
        assert_eq!(batch.num_rows(), rows, "{location}");
    }
    let known = refusal(&Request::new("nowhere.count")).to_string();
    assert!(known.contains("count:ROWS, demo"), "{known}");
}

#[test]
fn a_location_that_no_source_reads_is_refused_without_its_password() {
    for (location, words) in [
        (
            "mysql+asyncmy://tap:SECRET@db/dp1",
            "source mysql+asyncmy://…: no source has this scheme",
        ),
        ("oracle://tap:SECRET@db/dp1", "source oracle://…: no source has this scheme"),
        ("mysql:tap:SECRET@db/dp1", "source mysql:…: no source has this scheme"),
        ("tap:SECRET@db/dp1", "source tap:…: no source has this scheme"),
        ("//tap:SECRET@db/dp1", "source …: no source has this scheme"),
        ("nowhere.parquet", "source nowhere.parquet: no such file"),
        ("sqlit:stars.db", "source sqlit:stars.db: no such file"),
        ("", "source \"\": no such file"),
    ] {
        let request = Request::new(location).with_query("SELECT 1");
        let error = refusal(&request);
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        let shown = format!("{error} {error:#} {error:?} {request:?}");
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(error.to_string().starts_with(words), "{error}");
        for known in ["demo", "sqlite:FILE", "synth:COLUMNS.json", "a CSV file", "a VOTable"] {
            assert!(shown.contains(known), "{known} is not in: {shown}");
        }
    }
}

/// A file that exists is never reported as missing, whatever prevents it from being read.
#[test]
fn the_error_says_why_a_file_can_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stars.csv");
    std::fs::write(&file, "n\n1\n").unwrap();
    let through_a_file = file.join("stars.csv");
    let through_a_file = through_a_file.to_str().unwrap().to_owned();
    let folder = folder.path().to_str().unwrap();
    for location in
        [&through_a_file, &format!("sqlite:{through_a_file}"), &format!("sqlite:{folder}")]
    {
        let error = format!("{:#}", refusal(&Request::new(location).with_query("SELECT 1")));
        assert!(error.contains(location), "{error}");
        assert!(error.contains("irectory") || error.contains("not a file"), "{error}");
        assert!(!error.contains("no such file"), "{error}");
    }
}

#[test]
#[cfg(feature = "mysql")]
fn a_prefix_is_written_exactly() {
    for location in
        ["MySQL://tap:SECRET@db/dp1", " mysql://tap:SECRET@db/dp1", "\tMARIADB://tap:SECRET@db"]
    {
        let error = refusal(&Request::new(location).with_query("SELECT 1"));
        let shown = format!("{error:#} {error:?}");
        assert!(shown.contains("in lower case and without spaces before it"), "{shown}");
        assert!(error.is_caller_fault() && !shown.contains("SECRET"), "{shown}");
    }
}

#[test]
fn a_source_gets_only_what_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("a.csv");
    std::fs::write(&csv, "a\n1\n").unwrap();
    let csv = csv.display().to_string();
    for (request, words) in [
        (Request::new(&csv).with_query("SELECT 1"), "takes no SQL; these do: count:ROWS, demo"),
        (Request::new("synth:x.json").with_query("SELECT 1"), "takes no SQL"),
        (
            Request::new("demo").with_table("1"),
            "no tables to choose from; these have: a FITS file or a VOTable",
        ),
        (Request::new(&csv).with_table("1"), "no tables to choose from"),
    ] {
        let error = refusal(&request);
        assert!(error.is_caller_fault() && error.to_string().contains(words), "{error}");
    }
    let queryable = |location| registry().find_queryable(location).map(|plugin| plugin.info().id);
    assert_eq!(queryable("demo").unwrap(), "demo");
    assert!(queryable(&csv).unwrap_err().to_string().contains("takes no SQL"));
}

#[test]
fn a_database_that_is_given_as_a_file_is_told_from_a_damaged_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stars.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x INT)").unwrap();
    let error = refusal(&Request::new(path.to_str().unwrap())).to_string();
    let expected = format!("is a SQLite database: call it sqlite:{}", path.display());
    assert!(error.ends_with(&expected), "{error}");
}

#[test]
fn two_sources_can_not_have_the_same_name() {
    struct Twin;

    #[async_trait]
    impl SourceType for Twin {
        const INFO: SourceInfo =
            SourceInfo::new("twin", "a twin").with_prefixes(&["count:", "twin:"], "twin:");

        async fn open(_place: Place<'_>, _request: &Request<'_>) -> Result<Box<dyn RowSource>> {
            Err(Error::new(ErrorKind::Source, "not there"))
        }
    }

    let twin = SourcePlugin::of::<Twin>();
    let error = SourceRegistry::new([COUNT, twin]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DuplicateFormat);
    assert_eq!(error.to_string(), "sources count and twin both have the prefix count:");
    let error = SourceRegistry::new([twin, twin]).unwrap_err();
    assert_eq!(error.to_string(), "sources twin and twin both have the id twin");

    // A program can choose its sources by listing them.
    let few = SourceRegistry::new([plugins::DEMO, twin]).unwrap();
    assert_eq!(few.find("twin:x").unwrap().info().id, "twin");
    let error = few.find("sqlite:x").unwrap_err().to_string();
    assert!(error.ends_with("a source is demo or twin:"), "{error}");
}
