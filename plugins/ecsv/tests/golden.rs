//! Compares whole files byte by byte; astropy 8.0.2 reads them correctly.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::sync::Arc;

use arrow_array::types::{Float64Type, Int16Type};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, ListArray, RecordBatch, StringArray,
};
use taploom_format::{
    ColumnMetadata, Completion, EncodeContext, EncodeSummary, Options, Result, ResultSchema,
    TableMetadata,
};
use taploom_format_ecsv::PLUGIN;
use taploom_testkit::SharedSink;

/// The output for columns with their metadata, and the result of `finish`.
fn encode(
    columns: &[(&str, ArrayRef, &str)],
    table: TableMetadata,
    completion: Completion,
) -> (String, Result<EncodeSummary>) {
    let arrays = columns.iter().map(|(name, array, _)| (*name, Arc::clone(array), true));
    let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
    let metadata: Vec<ColumnMetadata> =
        columns.iter().map(|(_, _, json)| serde_json::from_str(json).unwrap()).collect();
    let schema = ResultSchema::new(batch.schema(), metadata).unwrap().with_table(table);
    let sink = SharedSink::default();
    let context = EncodeContext::default();
    let mut encoder =
        PLUGIN.start(&Options::default(), &schema, &context, Box::new(sink.clone())).unwrap();
    encoder.write_batch(&batch).unwrap();
    let summary = encoder.finish(completion);
    (String::from_utf8(sink.bytes()).unwrap(), summary)
}

fn written(columns: &[(&str, ArrayRef, &str)]) -> String {
    encode(columns, TableMetadata::default(), Completion::Complete).0
}

#[test]
fn a_whole_file() {
    let ids = Arc::new(Int32Array::from(vec![Some(1), None])) as ArrayRef;
    let flags = Arc::new(BooleanArray::from(vec![Some(true), Some(false)])) as ArrayRef;
    let values = Arc::new(Float64Array::from(vec![f64::NEG_INFINITY, 1e300])) as ArrayRef;
    let table = TableMetadata {
        name: Some("a \"b\"".to_owned()),
        description: Some("of\ntwo lines".to_owned()),
        ..Default::default()
    };
    let (text, summary) = encode(
        &[
            (
                "id",
                ids,
                r#"{"unit": "µm", "ucd": "meta.id", "utype": "a:b", "xtype": "x",
                "description": "it is \\ 😀"}"#,
            ),
            ("id", Arc::clone(&flags), "{}"),
            ("a,\nb", flags, r#"{"datatype": "bit"}"#),
            ("v", values, "{}"),
        ],
        table,
        Completion::Overflow,
    );
    let summary = summary.unwrap();
    let rows = "1,True,True,-Infinity\n,False,False,1e+300\n";
    assert_eq!(
        text,
        [
            "# %ECSV 1.0\n# ---\n# delimiter: \",\"\n# datatype:\n",
            "# - {name: \"id\", datatype: int32, unit: \"µm\", description: \"it is \\\\ \
             \\U0001F600\", meta: {ucd: \"meta.id\", utype: \"a:b\", xtype: \"x\"}}\n",
            "# - {name: \"id_2\", datatype: bool}\n",
            "# - {name: \"a, b\", datatype: bool}\n",
            "# - {name: \"v\", datatype: float64}\n",
            "# meta: {name: \"a \\\"b\\\"\", description: \"of\\U0000000Atwo lines\"}\n",
            "id,id_2,\"a, b\",v\n",
            rows
        ]
        .concat()
    );
    assert_eq!((summary.rows, summary.altered_cells), (2, 1));
    assert_eq!((summary.data_bytes, summary.total_bytes), (rows.len() as u64, text.len() as u64));
}

#[test]
fn text_is_quoted_where_it_would_be_misread() {
    let texts = ["plain", "a,b", "say \"a\"", "", " b", "b ", "#c", "d\ne", "é😀"];
    let texts = Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let text = written(&[("t", texts, "{}")]);
    let (_, rows) = text.split_once("\nt\n").unwrap();
    assert_eq!(
        rows,
        "plain\n\"a,b\"\n\"say \"\"a\"\"\"\n\"\"\n\" b\"\n\"b \"\n\"#c\"\n\"d\ne\"\né😀\n"
    );
}

#[test]
fn arrays_are_json_with_the_first_dimension_innermost() {
    let shorts = ListArray::from_iter_primitive::<Int16Type, _, _>([
        Some((1..=6).map(|n| (n != 5).then_some(n)).collect::<Vec<_>>()),
        None,
    ]);
    let pairs = ListArray::from_iter_primitive::<Float64Type, _, _>([
        Some(vec![Some(0.5), Some(f64::NAN)]),
        Some(vec![]),
    ]);
    let shorts = Arc::new(shorts) as ArrayRef;
    let pairs = Arc::new(pairs) as ArrayRef;
    let text = written(&[
        ("fixed", Arc::clone(&shorts), r#"{"datatype": "short", "arraysize": "2x3"}"#),
        ("any", shorts, r#"{"datatype": "short", "arraysize": "2x*"}"#),
        ("complex", pairs, r#"{"datatype": "doubleComplex", "arraysize": "*"}"#),
    ]);
    let (header, rows) = text.split_once("\nfixed,any,complex\n").unwrap();
    for subtype in ["int16[3,2]", "int16[null]", "float64[null]"] {
        assert!(header.contains(&format!("datatype: string, subtype: \"{subtype}\"")), "{header}");
    }
    assert_eq!(rows, "\"[[1,2],[3,4],[null,6]]\",\"[1,2,3,4,null,6]\",\"[0.5,NaN]\"\n,,[]\n");
}

#[test]
fn complex_numbers_are_pairs_within_the_dimensions() {
    let pairs = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(
        (1..=4).map(f64::from).map(Some).collect::<Vec<_>>(),
    )]);
    let text =
        written(&[("c", Arc::new(pairs), r#"{"datatype": "doubleComplex", "arraysize": "2"}"#)]);
    assert!(text.contains("subtype: \"float64[2,2]\""), "{text}");
    assert!(text.ends_with("\nc\n\"[[1.0,2.0],[3.0,4.0]]\"\n"), "{text}");
}

#[test]
fn a_failure_is_cut_short_within_a_record() {
    let column = || Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef;
    let failed = || Completion::Failed { message: "away".to_owned() };
    let two = [("a", column(), "{}"), ("b", column(), "{}")];
    let (text, summary) = encode(&two, TableMetadata::default(), failed());
    assert!(summary.is_err() && text.ends_with("\na,b\n1,1\n2"), "{text}");
    let (text, _) = encode(&two[..1], TableMetadata::default(), failed());
    assert!(text.ends_with("\na\n1\n2"), "{text}");
}

#[test]
fn a_null_alone_in_its_row_is_seen() {
    let text = written(&[("a", Arc::new(Int32Array::from(vec![None, Some(1)])), "{}")]);
    assert!(text.ends_with("\na\n\"\"\n1\n"), "{text}");
}
