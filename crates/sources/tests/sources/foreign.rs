//! Files written by other programs; `tests/data/README.md` lists them.

use super::*;

/// Days since 1970 of an array of microseconds.
fn days(array: &dyn Array) -> Vec<Option<i64>> {
    assert_eq!(array.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
    let ticks = array.as_primitive::<arrow_array::types::TimestampMicrosecondType>();
    ticks.iter().map(|tick| tick.map(|tick| tick / 86_400_000_000)).collect()
}

/// 9999-12-31 and 0001-01-01.
const LAST: Option<i64> = Some(2_932_896);
const FIRST: Option<i64> = Some(-719_162);

#[test]
fn times_of_int96_are_right_outside_of_the_range_of_nanoseconds() {
    let read = rows(&Request::new(&file("int96.parquet"))).unwrap();
    assert_eq!(days(read.column(0)), [LAST, FIRST, Some(-141_427), Some(0), None]);
    let read = rows(&Request::new(&file("int96-nested.parquet"))).unwrap();
    let lists = read.column_by_name("l").unwrap().as_list::<i32>();
    let structs = read.column_by_name("s").unwrap().as_struct();
    let column = read.column_by_name("t").unwrap();
    for array in [lists.values(), structs.column(0), column] {
        assert_eq!(days(array), [LAST, FIRST, None]);
    }
}

/// A Parquet file with an INT96 column, from nanoseconds of the day and Julian days.
fn int96(times: &[(u32, u32)]) -> Vec<u8> {
    use parquet::data_type::{Int96, Int96Type};
    let schema = parquet::schema::parser::parse_message_type("message m { required int96 t; }");
    let schema = Arc::new(schema.unwrap());
    let writer =
        parquet::file::writer::SerializedFileWriter::new(Vec::new(), schema, Default::default());
    let mut writer = writer.unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let times: Vec<Int96> =
        times.iter().map(|(nanos, day)| Int96::from(vec![*nanos, 0, *day])).collect();
    column.typed::<Int96Type>().write_batch(&times, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn times_of_int96_keep_their_nanoseconds_or_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("int96.parquet");
    let location = path.display().to_string();
    std::fs::write(&path, int96(&[(1, 2_440_588), (1001, 2_440_588)])).unwrap();
    let read = rows(&Request::new(&location)).unwrap();
    let ticks = read.column(0).as_primitive::<arrow_array::types::TimestampNanosecondType>();
    assert_eq!(ticks.values(), &[1, 1001]);
    // The second time is in the year 9999, and the third one has a nanosecond.
    std::fs::write(&path, int96(&[(0, 2_440_588), (0, 5_373_484), (1, 2_440_588)])).unwrap();
    let error = refusal(&Request::new(&location)).to_string();
    for words in ["column \"t\"", "row 2", "row 3"] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn an_encrypted_file_is_said_to_be_encrypted() {
    for (name, what) in [
        ("encrypted-footer.parquet", "it is encrypted"),
        ("encrypted-columns.parquet", "some or all of its columns are encrypted"),
    ] {
        let error = refusal(&Request::new(&file(name)));
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn compression_of_arrow_0_17_is_refused_by_name() {
    let name = file("arrow-0.17-lz4.feather");
    let error = refusal(&Request::new(&name));
    assert!(format!("{error:#}").contains("ARROW:experimental_compression"), "{error:#}");
    // The same messages as a stream.
    let folder = tempfile::tempdir().unwrap();
    let stream = folder.path().join("stream.arrow");
    std::fs::write(&stream, &std::fs::read(name).unwrap()[8..]).unwrap();
    let error = refusal(&Request::new(&stream.display().to_string()));
    assert!(format!("{error:#}").contains("ARROW:experimental_compression"), "{error:#}");
}

#[test]
fn streams_of_old_arrow_are_read() {
    let read = rows(&Request::new(&file("legacy.arrows"))).unwrap();
    let cells = read.column(0).as_primitive::<Int64Type>();
    assert_eq!(cells.values(), &[1, 2, 3]);
}

#[test]
fn arrow_that_is_not_read_is_not_called_incomplete() {
    let name = file("bytes-in-metadata.arrow");
    let error = format!("{:#}", refusal(&Request::new(&name)));
    assert!(error.contains("not UTF-8") && !error.contains("not a whole"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    for name in ["arrow-0.17-lz4.feather", "legacy.arrows"] {
        let path = folder.path().join("big.arrow");
        std::fs::write(&path, big_endian(std::fs::read(file(name)).unwrap())).unwrap();
        let error = format!("{:#}", refusal(&Request::new(&path.display().to_string())));
        assert!(error.contains("big-endian") && !error.contains("not a whole"), "{error}");
    }
}

/// Marks every schema of one column as big-endian: in its vtable, the offset of the byte order (0 for the
/// default) is replaced by the offset of the number of columns, which is 1, the number of big-endian.
fn big_endian(mut bytes: Vec<u8>) -> Vec<u8> {
    let schema = [8, 0, 8, 0, 0, 0, 4, 0, 8, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0];
    let places: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&schema)).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| bytes[at + 4] = 8);
    bytes
}

#[test]
fn voparquet_of_stil_is_read_without_a_note() {
    let name = file("stil.parquet");
    let mut source = block_on(open(&Request::new(&name))).unwrap();
    let types = source
        .schema()
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.vo_type().unwrap().to_string()));
    let types: Vec<_> = types.collect();
    let named = |name: &str| types.iter().find(|(known, _)| known == name).unwrap().1.as_str();
    assert_eq!(named("flags"), "unsignedByte");
    assert!(named("bytes").starts_with("unsignedByte"), "{types:?}");
    assert!(named("seen").starts_with("char"), "{types:?}");
    let ending = loop {
        if let Step::End(ending) = block_on(source.next()).unwrap() {
            break ending;
        }
    };
    assert_eq!(ending.notes, [""; 0]);
}
