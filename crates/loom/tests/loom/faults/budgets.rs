//! Budgets that are too small: the error names a budget that is enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, Int32Array, ListArray, RecordBatch, RunArray, StringArray};
use arrow_buffer::OffsetBuffer;
use arrow_cast::cast;
use arrow_schema::{DataType, Field};
use parquet::file::properties::WriterProperties;
use taploom_loom::{Error, LoomOptions, LoomWriter, MemoryPool};

use super::{Case, MIB, attempt, error_of, one_column, small, texts};

use crate::common::{loom, read};

/// Checks that the error names a budget, and that the rows can be written with it.
#[track_caller]
fn says_what_is_enough(batches: &[RecordBatch], options: impl Fn() -> LoomOptions) {
    let schema = batches[0].schema();
    let error = error_of(&schema, batches, options());
    let Error::Budget { budget, enough, .. } = error else { panic!("{error:?}") };
    assert!(enough > budget, "{error}");
    let mut file = Vec::new();
    let outcome = attempt(&mut file, schema, batches, options().with_memory_budget(enough));
    assert!(outcome.is_ok(), "{error}; and with that: {}", outcome.unwrap_err());
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(read(file).1.iter().map(RecordBatch::num_rows).sum::<usize>(), rows);
}

#[test]
fn a_large_cell_says_what_is_enough() {
    for large in [70_000, 100_001, MIB] {
        let first = one_column("text", texts([3, large, 5]), true);
        let before = one_column("text", texts([3; 20]), true);
        says_what_is_enough(std::slice::from_ref(&first), small);
        says_what_is_enough(&[before.clone(), before, first], small);
    }
}

#[test]
fn rows_are_counted_from_1() {
    let before = one_column("text", texts([3; 20]), true);
    let large = one_column("text", texts([3, MIB, 5]), true);
    for (batches, row) in
        [(vec![large.clone()], "row 2"), (vec![before.clone(), before, large], "row 42")]
    {
        let error = error_of(&batches[0].schema(), &batches, small()).to_string();
        assert!(
            error.contains(&format!("{row} ")) || error.contains(&format!("{row}:")),
            "{error}"
        );
    }
}

#[test]
fn a_large_cell_of_any_type_says_what_is_enough() {
    let words = texts((0..8).map(|row| if row == 5 { 200_000 } else { 3 }));
    let item = |to: DataType| Arc::new(Field::new_list_field(to, true));
    let of_keys = |to: DataType| DataType::Dictionary(Box::new(DataType::Int32), Box::new(to));
    for to in [
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        of_keys(DataType::Utf8),
        of_keys(DataType::LargeBinary),
    ] {
        let array = cast(&words, &to).unwrap();
        let batch = one_column(&format!("text as {to}"), array, true);
        says_what_is_enough(std::slice::from_ref(&batch), small);
    }
    // One large element, and a row of many small ones.
    let lengths = [10, 60_000, 1];
    let lists = ListArray::new(
        item(DataType::Utf8),
        OffsetBuffer::from_lengths(lengths),
        texts((0..lengths.iter().sum()).map(|element| if element == 3 { 200_000 } else { 1 })),
        None,
    );
    let lists: ArrayRef = Arc::new(lists);
    for to in [
        DataType::List(item(DataType::Utf8)),
        DataType::LargeList(item(DataType::Utf8View)),
        DataType::ListView(item(DataType::Utf8)),
        DataType::LargeListView(item(DataType::Utf8)),
        DataType::List(item(of_keys(DataType::Utf8))),
    ] {
        let array = cast(&lists, &to).unwrap();
        let batch = one_column(&format!("lists as {to}"), array, true);
        says_what_is_enough(&[batch.slice(0, 1), batch.slice(2, 1)], small);
        says_what_is_enough(&[batch.slice(1, 2)], small);
        says_what_is_enough(&[batch], small);
    }
}

#[test]
fn a_large_cell_of_runs_says_what_is_enough() {
    // One value in memory, many in the file.
    let ends = Int32Array::from(vec![3, 100, 101]);
    let words: StringArray = texts([3, 200_000, 5]).as_string().clone();
    let runs = RunArray::try_new(&ends, &words).unwrap();
    says_what_is_enough(&[one_column("runs", Arc::new(runs), true)], small);
}

#[test]
fn a_cell_larger_than_any_piece_says_what_is_enough() {
    says_what_is_enough(&[one_column("text", texts([5 * MIB]), true)], small);
}

#[test]
fn large_cells_in_two_columns_say_what_is_enough() {
    let columns = [("a", texts([100_000])), ("b", texts([200_000]))];
    says_what_is_enough(&[RecordBatch::try_from_iter(columns).unwrap()], small);
}

#[test]
fn a_large_bloom_filter_says_what_is_enough() {
    let batch = one_column("text", texts([3; 20]), true);
    for threads in [1, 8] {
        says_what_is_enough(std::slice::from_ref(&batch), || {
            let properties = WriterProperties::builder()
                .set_bloom_filter_enabled(true)
                .set_bloom_filter_max_ndv(1 << 22);
            small().with_threads(threads).with_properties(properties.build())
        });
    }
}

#[test]
fn a_mebibyte_is_the_least() {
    let batch = one_column("text", texts([3; 20]), true);
    for budget in [0, MIB - 1] {
        says_what_is_enough(std::slice::from_ref(&batch), || {
            LoomOptions::new().with_memory_budget(budget)
        });
    }
}

#[test]
fn many_columns_say_what_is_enough() {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let columns = (0..5000).map(|column| (format!("column {column}"), Arc::clone(&numbers)));
    says_what_is_enough(&[RecordBatch::try_from_iter(columns).unwrap()], small);
}

#[test]
fn a_pool_is_never_passed() {
    let pool = MemoryPool::new(4 * MIB);
    let case = Case::wide();
    let (whole, _) = loom(&case.batches, case.options(1).with_memory_budget(2 * MIB));
    let (writers, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2 {
                    let reserved = pool.reserve(2 * MIB).unwrap();
                    most.fetch_max(writers.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let options = case.options(1).with_reservation(reserved);
                    let mut file = Vec::new();
                    let schema = case.batches[0].schema();
                    let mut writer = LoomWriter::try_new(&mut file, schema, options).unwrap();
                    case.batches.iter().for_each(|batch| writer.write(batch).unwrap());
                    writer.finish().unwrap();
                    // Counted before the memory is returned.
                    writers.fetch_sub(1, Ordering::SeqCst);
                    drop(writer);
                    assert!(file == whole);
                }
            });
        }
    });
    assert!((1..=2).contains(&most.into_inner()));
    assert_eq!(pool.try_reserve(4 * MIB).unwrap().bytes(), 4 * MIB);
}

#[test]
fn a_pool_gets_back_what_a_failed_writer_had() {
    let pool = MemoryPool::new(MIB);
    let options = |bytes| LoomOptions::new().with_reservation(pool.try_reserve(bytes).unwrap());
    let batch = one_column("text", texts([3, 500_000]), true);
    for _ in 0..2 {
        for bytes in [MIB - 1, MIB] {
            let error = error_of(&batch.schema(), std::slice::from_ref(&batch), options(bytes));
            assert!(matches!(error, Error::Budget { budget, .. } if budget == bytes), "{error:?}");
        }
    }
}
