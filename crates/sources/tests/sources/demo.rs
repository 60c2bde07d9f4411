//! The catalogue `demo`.

use super::*;

#[test]
fn a_dropped_source_ends_its_query() {
    let endless = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT i FROM s";
    let mut source = block_on(open(&query("demo", endless))).unwrap();
    assert!(block_on(source.next()).unwrap().rows().is_some());
    drop(source);
}

#[test]
fn columns_of_the_demo_keep_their_metadata_under_another_name() {
    let source =
        block_on(open(&query("demo", "SELECT ra AS x, dec, ra + 1 AS y FROM stars"))).unwrap();
    let columns = source.schema().columns();
    assert_eq!(columns[0].name(), "x");
    assert_eq!(columns[0].metadata().unit.as_deref(), Some("deg"));
    assert_eq!(columns[1].metadata().ucd.as_deref(), Some("pos.eq.dec;meta.main"));
    assert_eq!(columns[2].metadata(), &ColumnMetadata::default());
}

#[test]
fn the_demo_has_what_tests_and_newcomers_need() {
    let count = |condition: &str| {
        let sql = format!("SELECT count(*) FROM stars WHERE {condition}");
        rows(&query("demo", &sql)).unwrap().column(0).as_primitive::<Int64Type>().value(0)
    };
    assert!(count("true") >= 300);
    for column in ["hd", "name", "bv", "var_epoch"] {
        assert!(count(&format!("{column} IS NULL")) > 0, "{column}");
        assert!(count(&format!("{column} IS NOT NULL")) > 0, "{column}");
    }
    assert!(count("designation GLOB '*[α-ω]*'") > 100);
    assert!(count("variable") > 0 && count("NOT variable") > 0);
}
