//! Other programs read the output of every format: every cell has to equal the rows of SQLite.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float32Builder, Float64Builder, Int32Builder, StringBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use rusqlite::Connection;
use taploom::sources::ColumnList;
use taploom::{ColumnMetadata, Datatype, ResultSchema};
use taploom_testkit::check_rows;
use taploom_tests::{
    Read, Reader, Readers, Request, Validator, check_joined_by_astropy, check_kept_types,
    check_vocabulary, types_of, with_losses, write_every_type,
};

macro_rules! stars_read_back {
    ($($test:ident: $format:literal by $reader:ident,)*) => {$(
        #[test]
        fn $test() {
            stars_read_back($format, Reader::$reader);
        }
    )*};
}

stars_read_back! {
    votable_is_read_by_astropy: "votable" by Astropy,
    votable_is_read_by_stilts: "votable" by Stilts,
    csv_is_read_by_pyarrow: "csv" by Pyarrow,
    csv_is_read_by_duckdb: "csv" by Duckdb,
    csv_is_read_by_astropy: "csv" by Astropy,
    csv_is_read_by_stilts: "csv" by Stilts,
    tsv_is_read_by_pyarrow: "tsv" by Pyarrow,
    tsv_is_read_by_astropy: "tsv" by Astropy,
    tsv_is_read_by_duckdb: "tsv" by Duckdb,
    voparquet_is_read_by_pyarrow: "voparquet" by Pyarrow,
    voparquet_is_read_by_duckdb: "voparquet" by Duckdb,
}

/// Encodes the embedded catalogue and the same rows in a database file, and compares both with
/// SQLite.
fn stars_read_back(format: &str, reader: Reader) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("stars.db");
    let stars = Stars::load(&database);
    let sqlite = format!("sqlite:{}", database.display());
    for (source, columns) in [("demo", None), (&*sqlite, Some(&stars.columns_file))] {
        let file = folder.path().join(format!("stars.{format}"));
        let mut arguments = vec!["encode", source, "-q", "SELECT * FROM stars", "-f", format];
        let columns = columns.map(|path| path.display().to_string());
        if let Some(columns) = &columns {
            arguments.extend(["--columns", columns]);
        }
        taploom(&arguments, &file);
        let read = read(reader, format, &file, &stars.rows.schema());
        assert_rows(&read, &stars.rows);
        if format == "votable" {
            valid(&file);
        }
        // A reader that reads FIELDs also has to read their metadata.
        if reader != Reader::Duckdb && matches!(format, "votable" | "voparquet") {
            for (field, column) in read.fields.iter().zip(&stars.list.columns) {
                assert_eq!(Some(&field.name), column.name.as_ref());
                assert_eq!(field.unit, column.unit, "unit of {}", field.name);
                assert_eq!(field.ucd, column.ucd, "UCD of {}", field.name);
                assert_eq!(field.description, column.description, "of {}", field.name);
            }
            assert_eq!(read.fields.len(), stars.list.columns.len());
        }
    }
}

#[test]
fn the_wide_table_reads_back_the_same_from_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let columns = root().join("tests/data/dp02_object_columns.json");
    let source = format!("synth:{}?rows=500&seed=7", columns.display());
    let list = ColumnList::read(&columns).unwrap();
    let schema = schema_of(&list.columns);
    let mut reads = Vec::new();
    for (format, reader) in [
        ("votable", Reader::Astropy),
        ("csv", Reader::Pyarrow),
        ("tsv", Reader::Duckdb),
        ("voparquet", Reader::Pyarrow),
        ("voparquet", Reader::Duckdb),
    ] {
        let file = folder.path().join(format);
        taploom(&["encode", &source, "-f", format], &file);
        reads.push(read(reader, format, &file, &schema));
    }
    let losses: Vec<String> = reads.iter().flat_map(|read| read.losses.clone()).collect();
    for read in &mut reads {
        assert_eq!((read.rows.num_rows(), read.rows.num_columns()), (500, 991));
        read.losses.clone_from(&losses);
    }
    for read in &reads {
        assert_rows(read, &reads[0].rows);
    }
}

#[test]
fn twenty_thousand_rows_of_the_wide_table_are_written_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let columns = root().join("tests/data/dp02_object_columns.json");
    let source = format!("synth:{}?rows=20000&seed=1", columns.display());
    for plugin in taploom::registry().unwrap().plugins() {
        let format = plugin.info().id;
        let (file, summary) = (folder.path().join(format), folder.path().join("summary.json"));
        let summary_name = summary.display().to_string();
        taploom(&["encode", &source, "-f", format, "--summary", &summary_name], &file);
        let summary: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&summary).unwrap()).unwrap();
        assert_eq!(summary["rows"], 20_000, "{format}");
        assert_eq!(summary["columns"], 991, "{format}");
        assert_eq!(summary["total_bytes"], std::fs::metadata(&file).unwrap().len(), "{format}");
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn units_and_ucds_of_the_catalogue_are_those_of_the_standards() {
    let columns = root().join("crates/sources/src/demo/columns.json");
    let list = ColumnList::read(&columns).unwrap();
    check_vocabulary(&list.columns).unwrap();
    for table in taploom_testkit::tables() {
        let columns = table.schema.columns().iter().map(taploom::Column::metadata);
        check_vocabulary(columns).unwrap_or_else(|faults| panic!("{}: {faults}", table.name));
    }
    let wrong = |json| check_vocabulary([&serde_json::from_value(json).unwrap()]);
    assert!(wrong(serde_json::json!({"unit": "furlong/fortnight2"})).is_err());
    assert!(wrong(serde_json::json!({"ucd": "meta.nothing"})).is_err());
}

#[test]
fn astropy_joins_the_catalogue_with_its_fields() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stars.parquet");
    taploom(&["encode", "demo", "-f", "voparquet"], &file);
    check_joined_by_astropy(&file).unwrap();
}

#[test]
fn every_arrow_type_and_all_metadata_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut faults = Vec::new();
    for given in ["given.arrow", "given.parquet"].map(|name| folder.path().join(name)) {
        write_every_type(&given).unwrap();
        let source = given.display().to_string();
        for (format, name) in [("voparquet", "made.parquet"), ("arrow", "made.arrow")] {
            let made = folder.path().join(name);
            taploom(&["encode", &source, "-f", format], &made);
            let kept = check_kept_types(&given, &made);
            faults.extend(kept.err().map(|error| format!("{source} as {format}:\n{error}")));
            // The program reads its own output again, without a warning.
            let made = made.display().to_string();
            for (format, name) in [("voparquet", "again.parquet"), ("arrow", "again.arrow")] {
                let again = folder.path().join(name);
                taploom(&["encode", &made, "-f", format], &again);
                let kept = check_kept_types(Path::new(&made), &again);
                faults.extend(kept.err().map(|error| format!("{made} as {format}:\n{error}")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn maxrec_shows_in_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let schema = Schema::new(vec![Field::new("hip", DataType::Int32, true)]);
    for (format, reader) in
        [("votable", Reader::Astropy), ("votable", Reader::Stilts), ("voparquet", Reader::Pyarrow)]
    {
        for (maxrec, rows, overflow) in
            [("10", 10, true), ("0", 0, true), ("20", 20, false), ("21", 20, false)]
        {
            let file = folder.path().join(format);
            let query = "SELECT hip FROM stars ORDER BY hip LIMIT 20";
            taploom(&["encode", "demo", "-q", query, "-f", format, "--maxrec", maxrec], &file);
            let read = read(reader, format, &file, &schema);
            assert_eq!(read.rows.num_rows(), rows, "{format}, MAXREC={maxrec}");
            if reader != Reader::Stilts {
                let status = if overflow { "OVERFLOW" } else { "OK" };
                assert_eq!(read.status.as_deref(), Some(status), "{format}, MAXREC={maxrec}");
            }
            if format == "votable" {
                valid(&file);
            }
        }
    }
}

/// The catalogue, as SQLite returns it.
struct Stars {
    list: ColumnList,
    columns_file: PathBuf,
    rows: RecordBatch,
}

impl Stars {
    /// Makes a database file of the catalogue, and reads its rows with SQLite.
    fn load(database: &Path) -> Self {
        let folder = root().join("crates/sources/src/demo");
        let columns_file = folder.join("columns.json");
        let list = ColumnList::read(&columns_file).unwrap();
        let connection = Connection::open(database).unwrap();
        let declared: Vec<String> = list
            .columns
            .iter()
            .map(|column| format!("\"{}\" {}", column.name.as_ref().unwrap(), declared(column)))
            .collect();
        connection.execute_batch(&format!("CREATE TABLE stars ({})", declared.join(", "))).unwrap();
        let places = vec!["?"; list.columns.len()].join(", ");
        let insert = format!("INSERT INTO stars VALUES ({places})");
        let mut stars = csv::Reader::from_path(folder.join("stars.csv")).unwrap();
        for record in stars.records() {
            // SQLite converts the text to numbers, by the declared types.
            let record = record.unwrap();
            let cells = record.iter().map(|cell| match cell {
                "" => None,
                "true" => Some("1"),
                "false" => Some("0"),
                text => Some(text),
            });
            connection.execute(&insert, rusqlite::params_from_iter(cells)).unwrap();
        }
        let rows = rows_of(&connection, &list.columns);
        assert!(rows.num_rows() >= 300, "the catalogue has {} rows", rows.num_rows());
        Self { list, columns_file, rows }
    }
}

fn declared(column: &ColumnMetadata) -> &'static str {
    match column.datatype.unwrap() {
        _ if column.xtype.as_deref() == Some("timestamp") => "TIMESTAMP_TEXT",
        Datatype::Boolean => "BOOLEAN",
        Datatype::Float | Datatype::Double => "REAL",
        Datatype::Int => "INTEGER",
        _ => "TEXT",
    }
}

fn schema_of(columns: &[ColumnMetadata]) -> Schema {
    let fields = columns.iter().map(|column| {
        let carrier = column.datatype.unwrap().element();
        Field::new(column.name.as_ref().unwrap(), carrier, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn rows_of(connection: &Connection, columns: &[ColumnMetadata]) -> RecordBatch {
    let schema = schema_of(columns);
    let arrays = columns.iter().zip(schema.fields()).map(|(column, field)| -> ArrayRef {
        let name = column.name.as_ref().unwrap();
        let mut statement = connection.prepare(&format!("SELECT \"{name}\" FROM stars")).unwrap();
        macro_rules! cells {
            ($builder:ty, $cell:ty, $convert:expr) => {{
                let mut builder = <$builder>::new();
                let cells = statement.query_map([], |row| row.get::<_, Option<$cell>>(0)).unwrap();
                cells.for_each(|cell| builder.append_option(cell.unwrap().map($convert)));
                Arc::new(builder.finish())
            }};
        }
        match field.data_type() {
            DataType::Boolean => cells!(BooleanBuilder, bool, |cell| cell),
            DataType::Int32 => cells!(Int32Builder, i32, |cell| cell),
            DataType::Float32 => cells!(Float32Builder, f64, |cell| cell as f32),
            DataType::Float64 => cells!(Float64Builder, f64, |cell| cell),
            DataType::Utf8 => cells!(StringBuilder, String, |cell| cell),
            other => panic!("the catalogue has no column of type {other}"),
        }
    });
    RecordBatch::try_new(Arc::new(schema.clone()), arrays.collect()).unwrap()
}

/// Runs the program, which must succeed without output.
fn taploom(arguments: &[&str], output: &Path) {
    let program = taploom_tests::target().join("debug/taploom");
    assert!(program.exists(), "the program is not built: run `cargo build`");
    let run = Command::new(program).args(arguments).arg("-o").arg(output).output().unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "taploom {}: {stderr}", arguments.join(" "));
}

fn read(reader: Reader, format: &str, file: &Path, schema: &Schema) -> Read {
    let types = types_of(&ResultSchema::derived(Arc::new(schema.clone())));
    let request = Request { reader, format, options: &[], path: file, schema, types: &types };
    Readers::with(|readers| readers.read(&request))
        .unwrap_or_else(|error| panic!("{reader:?} refuses {format}: {error}"))
}

/// Checks that all validators accept a VOTable.
fn valid(file: &Path) {
    for validator in [Validator::Votlint, Validator::Validator, Validator::Schema] {
        validator.check(file).unwrap_or_else(|faults| panic!("{validator:?}: {faults}"));
    }
}

/// Compares cells, except for differences that the reader can't distinguish.
fn assert_rows(read: &Read, expected: &RecordBatch) {
    let comparable = |rows: &RecordBatch| {
        // Text in SQLite, and a TIMESTAMP in demo, which is written with six digits of a second.
        let columns = rows.columns().iter().map(without_zeros).collect();
        let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
        let types = types_of(&ResultSchema::derived(rows.schema()));
        with_losses(&rows, &types, &read.losses)
    };
    check_rows("the file", &comparable(&read.rows), &comparable(expected)).unwrap();
}

fn without_zeros(array: &ArrayRef) -> ArrayRef {
    let Some(texts) = array.as_string_opt::<i32>() else { return Arc::clone(array) };
    let texts = texts.iter().map(|text| text.map(|text| text.trim_end_matches(".000000")));
    Arc::new(texts.collect::<StringArray>())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
