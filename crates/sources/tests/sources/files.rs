//! Parquet and Arrow files, complete and damaged.

use super::*;

#[test]
fn files_are_known_by_their_content() {
    let folder = tempfile::tempdir().unwrap();
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(0..5000)) as ArrayRef),
        ("s", Arc::new(StringArray::from_iter_values((0..5000).map(|i| i.to_string()))) as _),
    ])
    .unwrap();
    let (parquet, file, stream) = (
        folder.path().join("a.parquet"),
        folder.path().join("a.arrow"),
        folder.path().join("without-a-name"),
    );
    let create = |path: &Path| std::fs::File::create(path).unwrap();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(create(&parquet), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mut writer =
        arrow_ipc::writer::FileWriter::try_new(create(&file), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new(create(&stream), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();

    for path in [&parquet, &file, &stream] {
        let location = path.display().to_string();
        assert_eq!(rows(&Request::new(&location)).unwrap(), batch, "{location}");
        let short = ColumnMetadata { datatype: Some(Datatype::Short), ..Default::default() };
        let list = ColumnList::new(vec![short, ColumnMetadata::default()]).with_table("numbers");
        let request = Request::new(&location).with_columns(list);
        let source = block_on(open(&request)).unwrap();
        assert_eq!(source.schema().columns()[0].vo_type().unwrap().datatype, Datatype::Short);
        assert_eq!(source.schema().table().name.as_deref(), Some("numbers"));

        // A file that is cut at any byte is an error, not a panic.
        let bytes = std::fs::read(path).unwrap();
        for length in [0, 3, 8, 20, bytes.len() / 2, bytes.len() - 9] {
            let cut = folder.path().join("cut");
            std::fs::write(&cut, &bytes[..length]).unwrap();
            let error = refusal(&Request::new(&cut.display().to_string()));
            assert!(error.to_string().contains("cut"), "{length}: {error}");
        }
    }
    let wrong = folder.path().join("wrong.parquet");
    std::fs::write(&wrong, "id,s\n1,2\n").unwrap();
    assert!(
        refusal(&Request::new(&wrong.display().to_string())).to_string().contains("wrong.parquet")
    );
    let location = parquet.display().to_string();
    assert!(refusal(&query(&location, "SELECT 1")).to_string().contains("takes no SQL"));
    assert!(refusal(&Request::new("nowhere.parquet")).to_string().contains("no such file"));
}

/// 50 rows, and an Arrow file and an Arrow stream with the same rows in two batches.
fn arrow_file_and_stream() -> (RecordBatch, [Vec<u8>; 2]) {
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(0..50)) as ArrayRef),
        ("s", Arc::new(StringArray::from_iter_values((0..50).map(|i| i.to_string()))) as _),
    ])
    .unwrap();
    let (mut file, mut stream) = (Vec::new(), Vec::new());
    let mut writer = arrow_ipc::writer::FileWriter::try_new(&mut file, &batch.schema()).unwrap();
    let mut streamer =
        arrow_ipc::writer::StreamWriter::try_new(&mut stream, &batch.schema()).unwrap();
    for part in [batch.slice(0, 20), batch.slice(20, 30)] {
        writer.write(&part).unwrap();
        streamer.write(&part).unwrap();
    }
    writer.finish().unwrap();
    streamer.finish().unwrap();
    drop((writer, streamer));
    (batch, [file, stream])
}

#[test]
fn damaged_arrow_files_do_not_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.arrow");
    let location = path.display().to_string();
    for whole in arrow_file_and_stream().1 {
        // Inverts every third byte after the magic bytes: the file is read or refused, but nothing panics.
        for index in (8..whole.len() - 10).step_by(3) {
            let mut damaged = whole.clone();
            damaged[index] = !damaged[index];
            std::fs::write(&path, damaged).unwrap();
            if let Err(error) = rows(&Request::new(&location)) {
                assert!(error.to_string().contains("damaged.arrow"), "byte {index}: {error}");
            }
        }
    }
}

#[test]
fn arrow_files_that_are_cut_short_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.arrow");
    let location = path.display().to_string();
    let (batch, [file, stream]) = arrow_file_and_stream();
    for length in (8..file.len()).step_by(7) {
        std::fs::write(&path, &file[..length]).unwrap();
        assert!(rows(&Request::new(&location)).is_err(), "{length} bytes of a file");
    }
    // A stream may end after any batch, but not within one.
    let mut whole = Vec::new();
    for length in (8..=stream.len()).step_by(8) {
        std::fs::write(&path, &stream[..length]).unwrap();
        whole.extend(rows(&Request::new(&location)).ok().map(|rows| rows.num_rows()));
    }
    assert_eq!(
        whole,
        [0, 20, batch.num_rows(), batch.num_rows()],
        "the whole stream, without and with its end mark"
    );
}

#[test]
fn arrow_batches_without_buffers_keep_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nulls.arrow");
    let nothing = Arc::new(arrow_array::NullArray::new(3)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("nothing", nothing)]).unwrap();
    let create = || std::fs::File::create(&path).unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(create(), &batch.schema()).unwrap();
    (0..3).for_each(|_| stream.write(&batch).unwrap());
    stream.finish().unwrap();
    let streamed = rows(&Request::new(&path.display().to_string())).unwrap();
    assert_eq!(streamed.num_rows(), 9);
    let mut file = arrow_ipc::writer::FileWriter::try_new(create(), &batch.schema()).unwrap();
    (0..3).for_each(|_| file.write(&batch).unwrap());
    file.finish().unwrap();
    let filed = rows(&Request::new(&path.display().to_string())).unwrap();
    assert_eq!(filed.num_rows(), 9);
}
