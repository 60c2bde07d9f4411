//! Metadata that formats write to files are read back.

use std::sync::Arc;

use arrow_array::types::Float64Type;
use arrow_array::{
    ArrayRef, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use futures::executor::block_on;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use serde_json::json;
use taploom_format::{
    Column, Completion, EncodeContext, EncoderPlugin, Ending, Options, ResultSchema, RowSource,
    Step, TableMetadata,
};
use taploom_sources::{ColumnList, Request, open};

/// A file that is opened as a source.
struct Read {
    source: Box<dyn RowSource>,
}

impl Read {
    fn of(bytes: &[u8]) -> Self {
        Self::with(bytes, None)
    }

    fn with(bytes: &[u8], columns: Option<ColumnList>) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let location = file.path().display().to_string();
        let source = block_on(open(&Request::new(&location).with_columns(columns)));
        Self { source: source.unwrap() }
    }

    fn schema(&self) -> &ResultSchema {
        self.source.schema()
    }

    fn rows(mut self) -> RecordBatch {
        block_on(self.source.next()).unwrap().rows().unwrap()
    }

    /// Reads all rows, and returns how the file ended.
    fn ending(mut self) -> Ending {
        loop {
            if let Step::End(ending) = block_on(self.source.next()).unwrap() {
                return ending;
            }
        }
    }
}

fn written(
    plugin: &EncoderPlugin,
    result: &ResultSchema,
    batch: &RecordBatch,
    options: &[(&str, &str)],
    completion: Completion,
) -> Vec<u8> {
    let mut given = Options::default();
    for (name, value) in options {
        given.set(name, *value).unwrap();
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let sink = Box::new(file.reopen().unwrap());
    let mut encoder = plugin.start(&given, result, &EncodeContext::default(), sink).unwrap();
    encoder.write_batch(batch).unwrap();
    encoder.finish(completion).unwrap();
    std::fs::read(file.path()).unwrap()
}

fn result() -> (ResultSchema, RecordBatch) {
    let lists = ListArray::from_iter_primitive::<Float64Type, _, _>([
        Some(vec![Some(1.0), Some(2.0)]),
        None,
    ]);
    let seen = TimestampMicrosecondArray::from(vec![Some(1_748_019_635_025_000), None]);
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef, false),
        ("z", Arc::new(lists), true),
        ("seen", Arc::new(seen), true),
        ("name", Arc::new(StringArray::from(vec![Some("Wega"), None])), true),
    ])
    .unwrap();
    let columns = json!([
        {"ID": "id", "ucd": "meta.id;meta.main", "description": "A <number>"},
        {"datatype": "doubleComplex", "arraysize": "*", "unit": "Jy"},
        {"ucd": "time.epoch", "ref": "tdb"},
        {"datatype": "char", "arraysize": "20*", "utype": "a:b.c"},
    ]);
    let table: TableMetadata = serde_json::from_value(json!({
        "name": "stars",
        "description": "All of them",
        "resource": {"timesys": [
            {"ID": "tdb", "timescale": "TDB", "refposition": "BARYCENTER"}
        ]},
    }))
    .unwrap();
    let schema = ResultSchema::new(batch.schema(), serde_json::from_value(columns).unwrap());
    (schema.unwrap().with_table(table), batch)
}

#[test]
fn metadata_of_arrow_streams_are_read_back() {
    let (result, batch) = result();
    let bytes = written(&taploom_format_arrow::PLUGIN, &result, &batch, &[], Completion::Complete);
    let read = Read::of(&bytes);
    assert_eq!(read.schema().table(), result.table());
    for (read, given) in read.schema().columns().iter().zip(result.columns()) {
        assert_eq!(read.resolved(), given.resolved());
    }
    assert_eq!(read.ending(), Ending::default());
    // Metadata of the request replace the metadata of the file.
    let list = ColumnList::new(vec![taploom_model::ColumnMetadata::default(); 4]);
    let read = Read::with(&bytes, Some(list));
    assert_eq!(read.schema().columns()[0].metadata().ucd, None);
}

#[test]
fn column_names_that_were_changed_are_read_back() {
    let ids = Arc::new(Int32Array::from(vec![1])) as ArrayRef;
    let field = |unit: &str| json!({"unit": unit});
    let schema = Schema::new(vec![
        Field::new("ra", DataType::Int32, true),
        Field::new("ra", DataType::Int32, true),
    ]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::clone(&ids), ids]).unwrap();
    let columns = serde_json::from_value(json!([field("deg"), field("rad")])).unwrap();
    let result = ResultSchema::new(batch.schema(), columns).unwrap();
    let bytes = written(&taploom_format_arrow::PLUGIN, &result, &batch, &[], Completion::Complete);
    let read = Read::of(&bytes);
    let names: Vec<_> = read.schema().columns().iter().map(Column::name).collect();
    assert_eq!(names, ["ra", "ra"]);
    assert_eq!(read.rows().schema().field(1).name(), "ra_2");
}

#[test]
fn metadata_of_voparquet_are_read_back() {
    let (result, batch) = result();
    let plugin = &taploom_format_voparquet::PLUGIN;
    let text = [("timestamp", "text"), ("text_arraysize", "declared")];
    let read = Read::of(&written(plugin, &result, &batch, &text, Completion::Overflow));
    assert_eq!(read.schema().table().name.as_deref(), Some("stars"));
    for (read, given) in read.schema().columns().iter().zip(result.columns()) {
        assert_eq!(read.resolved(), given.resolved());
    }
    assert_eq!(read.ending(), Ending::default().with_overflow(true));
    let complete = written(plugin, &result, &batch, &[], Completion::Complete);
    assert_eq!(Read::of(&complete).ending(), Ending::default());
    let read = Read::of(&complete);
    // A count has a separate TIMESYS, which has its origin and the time scale.
    assert_eq!(read.schema().columns()[2].metadata().reference.as_deref(), Some("unix_time"));
    assert_eq!(read.rows().column(2), batch.column(2));
}

#[test]
fn timestamps_in_microseconds_are_read_back_as_timestamps() {
    let (result, batch) = result();
    let options = [("timestamp", "micros")];
    let plugin = &taploom_format_voparquet::PLUGIN;
    let read = Read::of(&written(plugin, &result, &batch, &options, Completion::Complete));
    let seen = &read.schema().columns()[2];
    assert_eq!(seen.vo_type().unwrap().to_string(), "char of arraysize *");
    assert_eq!(seen.vo_type().unwrap().xtype.as_deref(), Some("timestamp"));
    assert_eq!(
        (seen.metadata().unit.as_deref(), seen.metadata().ucd.as_deref()),
        (None, Some("time.epoch"))
    );
    let again = Read::of(&written(plugin, &result, &batch, &options, Completion::Complete));
    assert_eq!(again.ending(), Ending::default());
    let rows = read.rows();
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    assert_eq!(rows.schema().field(2).data_type(), &micros);
    assert_eq!(rows.column(2), batch.column(2));
}

#[test]
fn metadata_that_break_a_grammar_are_left_out_with_a_note_each() {
    let field = Field::new("z", DataType::Int32, true).with_metadata([
        ("vo:precision".to_owned(), "banana".to_owned()),
        ("vo:values".to_owned(), r#"{"type": "banana", "min": {"value": "0"}}"#.to_owned()),
        ("vo:unit".to_owned(), "km".to_owned()),
    ]);
    let schema = Arc::new(Schema::new(vec![field]));
    let rows = vec![Arc::new(Int32Array::from(vec![1])) as ArrayRef];
    let batch = RecordBatch::try_new(Arc::clone(&schema), rows).unwrap();
    let mut arrow = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &schema).unwrap();
    arrow.write(&batch).unwrap();
    let mut plain = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), None).unwrap();
    plain.write(&batch).unwrap();
    let fields = r#"<FIELD name="n" datatype="int" unit="km" precision="banana">
        <VALUES type="banana"><MIN value="0"/></VALUES></FIELD>"#;
    let document =
        format!("<VOTABLE version=\"1.4\"><RESOURCE><TABLE>{fields}</TABLE></RESOURCE></VOTABLE>");
    let votable = document.replace("</TABLE>", "<DATA><TABLEDATA/></DATA></TABLE>");
    for (bytes, words) in [
        (arrow.into_inner().unwrap(), ["vo:precision", "vo:values.type"]),
        (plain.into_inner().unwrap(), ["vo:precision", "vo:values.type"]),
        (parquet_with(&document), ["precision \"banana\"", "type \"banana\""]),
        (votable.into_bytes(), ["precision \"banana\"", "type \"banana\""]),
    ] {
        let read = Read::of(&bytes);
        let metadata = read.schema().columns()[0].metadata().clone();
        assert_eq!((metadata.unit.as_deref(), metadata.precision), (Some("km"), None));
        let values = metadata.values.unwrap();
        assert_eq!((values.values_type, values.min.unwrap().value.as_str()), (None, "0"));
        let notes = read.ending().notes;
        assert_eq!(notes.len(), 2, "{notes:?}");
        let named = notes.iter().zip(words).all(|(note, word)| note.contains(word));
        assert!(named, "{notes:?}");
    }
}

/// A Parquet file with a 32-bit column `n` and this document.
fn parquet_with(document: &str) -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter([("n", Arc::new(Int32Array::from(vec![70_000])) as ArrayRef)]);
    let batch = batch.unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let key = "IVOA.VOTable-Parquet.content".to_owned();
    writer.append_key_value_metadata(KeyValue::new(key, document.to_owned()));
    writer.into_inner().unwrap()
}

#[test]
fn data_take_precedence_over_fields_that_contradict_them() {
    let document = |fields: &str| {
        format!("<VOTABLE version=\"1.4\"><RESOURCE><TABLE>{fields}</TABLE></RESOURCE></VOTABLE>")
    };
    let n = |datatype: &str| {
        document(&format!("<FIELD name=\"n\" datatype=\"{datatype}\" unit=\"km\"/>"))
    };
    for (document, unit, note) in [
        (n("int"), Some("km"), None),
        (n("short"), Some("km"), Some("datatype short does not fit Arrow type Int32")),
        (n("boolean"), Some("km"), Some("datatype boolean does not fit Arrow type Int32")),
        (
            document("<FIELD name=\"m\" datatype=\"int\" unit=\"km\"/>"),
            None,
            Some("calls a column \"m\" that is \"n\" in the file"),
        ),
        (
            document(
                "<FIELD name=\"n\" datatype=\"int\" unit=\"km\"/><FIELD name=\"m\" datatype=\"int\"/>",
            ),
            None,
            Some("has 2 FIELDs, and the file has 1 column"),
        ),
        ("<VOTABLE><RESOURCE>".to_owned(), None, Some("the metadata of the file are ignored")),
    ] {
        let read = Read::of(&parquet_with(&document));
        let column = &read.schema().columns()[0];
        assert_eq!(column.vo_type().unwrap().to_string(), "int", "{document}");
        assert_eq!(column.metadata().unit.as_deref(), unit, "{document}");
        let notes = read.ending().notes;
        assert_eq!(notes.len(), usize::from(note.is_some()), "{notes:?}");
        assert!(notes.iter().all(|line| line.contains(note.unwrap())), "{notes:?}");
    }
}
