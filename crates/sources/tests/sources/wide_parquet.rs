//! Reading Parquet files through scratch returns the rows that the Parquet crate returns.

use std::fs::File;
use std::path::PathBuf;

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use taploom_model::{Resources, ScratchSpace};
use tempfile::TempDir;

use super::*;

#[path = "../../../loom/tests/common/mod.rs"]
mod common;

use common::cells::same_cells;
use common::every_type;

/// A Parquet file, and a folder for the scratch files of its reader.
struct Wide {
    folder: TempDir,
    file: PathBuf,
}

impl Wide {
    fn new(batches: &[RecordBatch], properties: WriterProperties) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wide.parquet");
        let out = File::create(&file).unwrap();
        let schema = batches[0].schema();
        let mut writer = ArrowWriter::try_new(out, schema, Some(properties)).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.close().unwrap();
        std::fs::create_dir(folder.path().join("scratch")).unwrap();
        Self { folder, file }
    }

    fn scratch(&self) -> ScratchSpace {
        ScratchSpace::in_folder(self.folder.path().join("scratch")).counted()
    }

    /// Reads the file with this memory limit.
    fn read(
        &self,
        memory: usize,
        batch_rows: usize,
        most_rows: Option<u64>,
        scratch: &ScratchSpace,
    ) -> Result<Vec<RecordBatch>> {
        let location = self.file.display().to_string();
        let resources =
            Resources::default().with_memory_budget(memory).with_scratch(scratch.clone());
        let request = Request::new(&location)
            .with_batch_rows(batch_rows)
            .with_most_rows(most_rows)
            .with_resources(resources);
        let mut source = block_on(open(&request))?;
        let mut batches = Vec::new();
        while let Step::Rows(batch) = block_on(source.next())? {
            assert!((1..=batch_rows).contains(&batch.num_rows()), "{} rows", batch.num_rows());
            batches.push(batch);
        }
        Ok(batches)
    }

    /// The rows as the Parquet crate reads them.
    fn expected(&self) -> Vec<RecordBatch> {
        let file = File::open(&self.file).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        reader.map(|batch| batch.unwrap()).collect()
    }
}

/// The first rows of the batches.
fn first(batches: &[RecordBatch], mut rows: usize) -> Vec<RecordBatch> {
    let mut first = Vec::new();
    for batch in batches {
        first.push(batch.slice(0, rows.min(batch.num_rows())));
        rows -= rows.min(batch.num_rows());
    }
    first
}

/// Columns of random doubles in one row group.
fn doubles(columns: usize, rows: usize) -> Wide {
    let column = |column: usize| -> ArrayRef {
        let cells = (0..rows).map(|row| 1.0 / common::scatter(row * columns + column) as f64);
        Arc::new(arrow_array::Float64Array::from_iter_values(cells))
    };
    let columns = (0..columns).map(|at| (format!("c{at}"), column(at)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    Wide::new(&[batch], WriterProperties::builder().set_dictionary_enabled(false).build())
}

#[test]
fn a_file_that_fits_makes_no_temporary_file() {
    let wide = doubles(20, 5000);
    let scratch = wide.scratch();
    let read = wide.read(8 << 20, 2000, None, &scratch).unwrap();
    assert_eq!(read.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2000, 2000, 1000]);
    same_cells(&read, &wide.expected()).unwrap();
    assert_eq!(scratch.peak(), 0);
}

#[test]
fn files_without_rows_have_no_batches() {
    for rows in [0, 1] {
        let wide = Wide::new(&[every_type(0, rows)], WriterProperties::default());
        let scratch = wide.scratch();
        let read = wide.read(0, 2000, None, &scratch).unwrap();
        assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), rows);
    }
}

#[test]
fn a_limit_of_rows_limits_the_scratch_space() {
    let wide = doubles(100, 20_000);
    let scratch = wide.scratch();
    let read = wide.read(1 << 20, 2000, Some(10), &scratch).unwrap();
    same_cells(&read, &first(&wide.expected(), 10)).unwrap();
    assert!(scratch.peak() < 100 << 10, "{} bytes for 10 rows", scratch.peak());
    assert!(wide.read(1 << 20, 2000, Some(0), &scratch).unwrap().is_empty());
}

#[test]
fn batches_take_a_part_of_the_memory() {
    // 64 columns take 512 bytes per row, and a quarter of 256 KiB holds 128 such rows.
    let wide = doubles(64, 3000);
    for batch in wide.read(256 << 10, 2000, None, &wide.scratch()).unwrap() {
        assert!(batch.num_rows() <= 128, "{} rows", batch.num_rows());
    }
}

#[test]
fn without_scratch_the_error_names_the_file_and_the_option() {
    let wide = doubles(100, 5000);
    let scratch = wide.scratch().limited_to(1 << 20);
    let error = wide.read(1 << 20, 2000, None, &scratch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Resources);
    let text = error.to_string();
    for part in ["wide.parquet", "limit of 1048576 bytes", "--scratch-budget"] {
        assert!(text.contains(part), "{text}");
    }
    let missing = ScratchSpace::in_folder(wide.folder.path().join("missing"));
    let text = wide.read(1 << 20, 2000, None, &missing).unwrap_err().to_string();
    assert!(text.contains("wide.parquet") && text.contains("--scratch-dir"), "{text}");
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, ..Default::default() })]

        /// Every type, nested and with nulls, has the same rows, cells and types, and no file remains on disk.
        #[test]
        fn rows_do_not_depend_on_the_memory_budget(
            rows in 0_usize..700,
            row_group in prop_oneof![Just(1_usize), 2..50_usize, 100..1000_usize],
            page in prop_oneof![Just(64_usize), Just(1 << 20)],
            dictionary: bool,
            zstd: bool,
            memory in prop_oneof![Just(0_usize), Just(1 << 10), (1_usize << 14)..(1 << 22)],
            batch_rows in prop_oneof![Just(1_usize), 2..300_usize, Just(5000)],
            most_rows in prop_oneof![Just(None), (0..700_u64).prop_map(Some)],
        ) {
            // Row groups of a single row take long to write.
            let rows = rows.min(row_group * 30);
            let codec =
                if zstd { Compression::ZSTD(ZstdLevel::default()) } else { Compression::SNAPPY };
            let properties = WriterProperties::builder()
                .set_max_row_group_row_count(Some(row_group))
                .set_data_page_size_limit(page)
                .set_write_batch_size(16)
                .set_dictionary_enabled(dictionary)
                .set_compression(codec)
                .build();
            let wide = Wide::new(&[every_type(0, rows)], properties);
            let scratch = wide.scratch();
            let read = wide.read(memory, batch_rows, most_rows, &scratch).unwrap();
            let most = most_rows.map_or(usize::MAX, |rows| rows as usize);
            let expected = first(&wide.expected(), most);
            same_cells(&read, &expected).unwrap();
            for batch in &read {
                let types = |batch: &RecordBatch| {
                    let schema = batch.schema();
                    schema.fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>()
                };
                prop_assert_eq!(types(batch), types(&expected[0]));
            }
            if memory == 0 && most.min(rows) > 0 {
                prop_assert!(scratch.peak() > 0);
            }
            prop_assert_eq!(scratch.used(), 0);
            let left = std::fs::read_dir(wide.folder.path().join("scratch")).unwrap().count();
            prop_assert_eq!(left, 0);
        }
    }

    /// A flipped bit in the last page of a column of Taploom's own files, whose pages have checksums.
    #[test]
    fn a_flipped_bit_in_a_page_is_an_error_that_names_the_file() {
        let (sound, _) = common::loom(&[every_type(0, 500)], taploom_loom::LoomOptions::new());
        let wide = doubles(1, 1);
        std::fs::write(&wide.file, &sound).unwrap();
        let file = File::open(&wide.file).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let chunks = builder.metadata().row_group(0).columns().iter();
        let ends: Vec<usize> = chunks
            .map(|chunk| {
                let (start, length) = chunk.byte_range();
                (start + length) as usize
            })
            .collect();
        same_cells(&wide.read(32 << 20, 2000, None, &wide.scratch()).unwrap(), &wide.expected())
            .unwrap();
        for end in ends {
            let mut damaged = sound.clone();
            damaged[end - 1] ^= 1;
            std::fs::write(&wide.file, damaged).unwrap();
            // Without and with scratch.
            for memory in [32 << 20, 0] {
                let read = wide.read(memory, 2000, None, &wide.scratch());
                let error = read.expect_err("a flipped bit");
                assert_eq!(error.kind(), ErrorKind::Source, "{error}");
                let text = format!("{error:#}");
                assert!(text.contains("wide.parquet") && text.contains("CRC"), "{text}");
            }
        }
    }
}
