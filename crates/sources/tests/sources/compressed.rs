//! Files of every format, compressed by gzip and zstd.

use std::io::Write;

use flate2::write::GzEncoder;
use taploom_model::{Resources, ScratchSpace};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// A table in each file format, with the extension of the format.
fn files_of_each_format() -> Vec<(&'static str, Vec<u8>)> {
    let ids = Arc::new(Int64Array::from_iter_values(0..5000)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    let mut parquet = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut parquet, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    stream.write(&batch).unwrap();
    let mut file = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    file.write(&batch).unwrap();
    file.finish().unwrap();
    let text: String = (0..5000).map(|id| format!("{id}\n")).collect();
    let rows: String = (0..5000).map(|id| format!("<TR><TD>{id}</TD></TR>")).collect();
    let votable = format!(
        "<VOTABLE><RESOURCE><TABLE><FIELD name=\"id\" datatype=\"long\"/><DATA><TABLEDATA>{rows}\
         </TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    );
    vec![
        ("parquet", parquet),
        ("arrows", stream.into_inner().unwrap()),
        ("arrow", file.into_inner().unwrap()),
        ("csv", format!("id\n{text}").into_bytes()),
        ("tsv", format!("id\n{text}").into_bytes()),
        ("vot", votable.into_bytes()),
    ]
}

#[test]
fn every_format_is_read_in_every_compression() {
    let folder = tempfile::tempdir().unwrap();
    for (extension, bytes) in files_of_each_format() {
        let halves = bytes.split_at(bytes.len() / 2);
        let members =
            |compress: fn(&[u8]) -> Vec<u8>| [compress(halves.0), compress(halves.1)].concat();
        let padded = [gzip(&bytes), vec![0; 1000]].concat();
        for (name, compressed) in [
            ("gz", gzip(&bytes)),
            ("zst", zstd(&bytes)),
            ("gz", members(gzip)),
            ("zst", members(zstd)),
            ("gz", padded),
        ] {
            let path = folder.path().join(format!("ids.{extension}.{name}"));
            std::fs::write(&path, compressed).unwrap();
            let read = rows(&Request::new(path.to_str().unwrap())).unwrap();
            let expected: Vec<i64> = (0..5000).collect();
            assert_eq!(
                read.column(0).as_primitive::<Int64Type>().values(),
                &expected[..],
                "{name}"
            );
        }
    }
}

/// The content of a file tells its compression, even if the name contradicts it.
#[test]
fn the_compression_is_known_by_content() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("a.csv", gzip(b"id\n7\n")),
        ("b.csv.gz", b"id\n7\n".to_vec()),
        ("c.csv.gz", zstd(b"id\n7\n")),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(rows(&Request::new(path.to_str().unwrap())).unwrap().num_rows(), 1, "{name}");
    }
}

/// Compressed data that end early, are damaged, or are followed by other bytes are reported as errors,
/// never read as a shorter table.
#[test]
fn damaged_data_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (extension, bytes) in files_of_each_format() {
        for (name, whole) in [("gz", gzip(&bytes)), ("zst", zstd(&bytes))] {
            let path = folder.path().join(format!("ids.{extension}.{name}"));
            let failure = |bytes: &[u8]| {
                std::fs::write(&path, bytes).unwrap();
                format!("{:#}", refusal(&Request::new(path.to_str().unwrap())))
            };
            for end in [whole.len() / 3, whole.len() - 9, whole.len() - 1] {
                let error = failure(&whole[..end]);
                assert!(error.contains("cut short"), "{extension}.{name} to {end}: {error}");
                assert!(error.contains("ids."), "{error}");
            }
            let error = failure(&[&whole[..], b"# more"].concat());
            assert!(error.contains("gzip") || error.contains("zstd"), "{error}");
        }
        // A wrong checksum at the end.
        let mut wrong = gzip(&bytes);
        let end = wrong.len() - 6;
        wrong[end] ^= 0x10;
        let path = folder.path().join(format!("wrong.{extension}.gz"));
        std::fs::write(&path, wrong).unwrap();
        let error = format!("{:#}", refusal(&Request::new(path.to_str().unwrap())));
        assert!(error.contains("damaged"), "{extension}: {error}");
    }
}

/// Flipped bits lead to rows or to an error, never to a panic.
#[test]
fn flipped_bits_do_not_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ids.csv.gz");
    let text: String = (0..300).map(|id| format!("{id}\n")).collect();
    let text = format!("id\n{text}");
    for whole in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        let mut state = 7_u64;
        for _ in 0..300 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (state >> 33) as usize % whole.len();
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (state % 8);
            std::fs::write(&path, damaged).unwrap();
            match rows(&Request::new(path.to_str().unwrap())) {
                // Without a checksum, as in these zstd files, a flipped bit may make a line break.
                Ok(read) => assert!(read.num_rows() <= 10_000),
                Err(error) => assert!(!format!("{error:#}").contains('\n')),
            }
        }
    }
}

#[test]
fn compressions_that_are_not_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (bytes, words) in [
        (
            &b"BZh91AY&SY"[..],
            "compressed by bzip2, which is not supported; decompress it first: bzip2 -dc",
        ),
        (b"\xfd7zXZ\0", "compressed by xz"),
        (b"PK\x03\x04", "compressed by zip"),
        (&gzip(&zstd(b"id\n1\n")), "zstd within gzip; decompress it once"),
    ] {
        let path = folder.path().join("ids.csv.x");
        std::fs::write(&path, bytes).unwrap();
        let error = refusal(&Request::new(path.to_str().unwrap()));
        assert!(error.is_caller_fault() && error.to_string().contains(words), "{error}");
    }
    let path = folder.path().join("stars.db.gz");
    std::fs::write(&path, gzip(b"SQLite format 3\0")).unwrap();
    let error = refusal(&Request::new(path.to_str().unwrap())).to_string();
    assert!(
        error.ends_with("a SQLite database within gzip; decompress it and call it sqlite:FILE"),
        "{error}"
    );
}

/// A few bytes can request a large window, so the window is limited.
#[test]
fn a_large_window_needs_the_memory_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ids.csv.zst");
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(27).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.write_all(b"id\n1\n").unwrap();
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();
    let request = Request::new(path.to_str().unwrap());
    let with_memory =
        |memory| request.clone().with_resources(Resources::default().with_memory_budget(memory));
    let error = format!("{:#}", refusal(&with_memory(12 << 20)));
    assert!(error.contains("a window of more than 8 MiB; --memory-budget 352MiB"), "{error}");
    assert_eq!(rows(&with_memory(132 << 20)).unwrap().num_rows(), 1);
}

/// A compressed file that has to seek takes scratch space while it is read, and frees it afterwards.
#[test]
fn a_compressed_parquet_file_is_read_through_scratch() {
    let folder = tempfile::tempdir().unwrap();
    let (_, parquet) = files_of_each_format().swap_remove(0);
    let path = folder.path().join("ids.parquet.gz");
    std::fs::write(&path, gzip(&parquet)).unwrap();
    let space = ScratchSpace::default().counted();
    let resources = Resources::default().with_scratch(space.clone());
    let request = Request::new(path.to_str().unwrap()).with_resources(resources);
    let source = block_on(open(&request)).unwrap();
    assert_eq!(space.used(), parquet.len() as u64);
    drop(source);
    assert_eq!(space.used(), 0);
    let small = Resources::default().with_scratch(space.limited_to(1000));
    let error = format!("{:#}", refusal(&request.with_resources(small)));
    assert!(error.contains("ids.parquet.gz") && error.contains("--scratch-budget"), "{error}");
}
