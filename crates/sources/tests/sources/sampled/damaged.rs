//! Damaged files.

use std::fs;

use futures::executor::block_on;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterVersion};
use proptest::prelude::*;
use taploom_sources::{FirstIds, Request, open};

use super::table::{Shape, table};
use super::{Writing, rows, write};

fn writing(version: WriterVersion, dictionary: bool) -> Writing {
    Writing {
        dictionary,
        dictionary_bytes: 1 << 20,
        version,
        page_rows: 50,
        row_group_rows: 200,
        statistics: EnabledStatistics::Page,
        // Codecs would find most of the damage.
        compression: Compression::UNCOMPRESSED,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever bytes change, the rows end, with or without an error.
    #[test]
    fn damage_is_an_error_or_other_rows(
        shape in any::<Shape>(),
        is_first in any::<bool>(),
        dictionary in any::<bool>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..8), 1..6),
        keys in prop::sample::select(vec![("text", "long"), ("long", "text"), ("flag", "double"), ("uuid", "codes")]),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.parquet");
        let version = if is_first { WriterVersion::PARQUET_1_0 } else { WriterVersion::PARQUET_2_0 };
        write(&path, &table(&shape), &writing(version, dictionary));
        let mut bytes = fs::read(&path).unwrap();
        let footer = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap());
        // The footer is left as it is: the Parquet crate reads it.
        let pages = bytes.len() - 8 - footer as usize;
        for (at, bit) in flips {
            bytes[at.index(pages)] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            let at = cut.index(pages);
            bytes[at..pages].fill(0);
        }
        fs::write(&path, bytes).unwrap();
        let request = Request::new(path.to_str().unwrap()).with_sample(FirstIds::new(keys.0, keys.1, 2));
        if let Ok(source) = block_on(open(&request)) {
            let _ = rows(source);
        }
    }
}

#[test]
fn damage_names_file_column_and_row_group() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.parquet");
    let shape = Shape::new(1, 600, 40, 60, 10);
    write(&path, &table(&shape), &writing(WriterVersion::PARQUET_1_0, true));
    let mut bytes = fs::read(&path).unwrap();
    let footer = parquet::file::metadata::ParquetMetaDataReader::new()
        .parse_and_finish(&fs::File::open(&path).unwrap())
        .unwrap();
    let leaf = (0..footer.file_metadata().schema_descr().num_columns())
        .find(|leaf| footer.file_metadata().schema_descr().column(*leaf).name() == "text")
        .unwrap();
    // The pages of the second row group.
    let (start, length) = footer.row_group(1).column(leaf).byte_range();
    bytes[start as usize..][..length as usize].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let request =
        Request::new(path.to_str().unwrap()).with_sample(FirstIds::new("long", "text", 2));
    let error = rows(block_on(open(&request)).unwrap()).unwrap_err();
    assert_eq!(error.column(), Some("text"), "{error}");
    let text = error.to_string();
    assert!(text.contains("damaged.parquet") && text.contains("row group 2 of 3"), "{text}");
}
