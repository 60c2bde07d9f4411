//! Results of any size and shape.

use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, StringArray};
use taploom_heap_meter::{CountingAllocator, HeapMeter};

use super::*;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[tokio::test]
async fn a_thousand_columns() {
    let columns = (0..1_017).map(|n| format!("{n} AS c{n}")).collect::<Vec<_>>().join(", ");
    let rows = rows(&format!("SELECT {columns}")).await;
    assert_eq!((rows.num_columns(), rows.num_rows()), (1_017, 1));
    for index in [0, 500, 1_016] {
        let value = rows.column(index).as_primitive::<Int32Type>().value(0);
        assert_eq!(value as usize, index);
    }
}

#[tokio::test]
async fn batches_end_at_rows_or_bytes() {
    let query = numbered_rows(10_000);
    let mut source = start_query(&query, BatchLimits { rows: 300, bytes: usize::MAX }).await;
    let mut sizes = Vec::new();
    while let Step::Rows(batch) = source.next().await.unwrap() {
        sizes.push(batch.num_rows());
    }
    assert_eq!((sizes.len(), sizes[0], sizes[33]), (34, 300, 100));

    let mut source = start_query(&query, BatchLimits { rows: 2000, bytes: 11_400 }).await;
    let first = source.next().await.unwrap().rows().unwrap();
    assert_eq!(first.num_rows(), Server::ROWS_OF_11_400_BYTES);
}

#[tokio::test]
async fn numbers_of_many_rows_are_right() {
    const ROWS: u32 = 200_000;

    let query = format!(
        "SELECT CAST(n AS {}), n / CAST(7 AS {}), CASE WHEN n % 3 <> 0 THEN n END FROM {}",
        Server::BIGINT,
        Server::DOUBLE,
        Server::numbers(ROWS)
    );
    let mut source = start_query(&query, BatchLimits::default()).await;
    let mut number = 0_i64;
    while let Step::Rows(batch) = source.next().await.unwrap() {
        let integers = batch.column(0).as_primitive::<Int64Type>();
        let floats = batch.column(1).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            number += 1;
            assert_eq!(integers.value(row), number);
            assert_eq!(floats.value(row), number as f64 / 7.0);
            assert_eq!(batch.column(2).is_null(row), number % 3 == 0);
        }
    }
    assert_eq!(number, i64::from(ROWS));
}

#[tokio::test]
async fn large_rows_are_read_up_to_a_limit() {
    let query = format!("SELECT n, REPEAT('x', n * 17825792), 'end' FROM {}", Server::numbers(2));
    let mut source = start_query(&query, BatchLimits::default()).await;
    for number in 1..=2 {
        let batch = source.next().await.unwrap().rows().unwrap();
        assert_eq!(batch.num_rows(), 1);
        let text = batch.column(1).as_string::<i32>().value(0);
        assert_eq!(text.len(), number * (17 << 20));
        assert_eq!(batch.column(2).as_string::<i32>().value(0), "end");
    }
    assert!(source.next().await.unwrap().rows().is_none());
    // The source stays at its end.
    assert!(source.next().await.unwrap().rows().is_none());

    let url = format!("{}?{}=1000000", SERVER.url(), Server::MAX_ROW_BYTES);
    let error = rows_of(&url, "SELECT REPEAT('x', 2000000)", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Resources);
    assert!(error.message().contains(Server::MAX_ROW_BYTES), "{error}");
}

#[tokio::test]
async fn wide_text_is_read_whole() {
    // Lengths at which the protocols begin to use more bytes for a length.
    let lengths = [250, 251, 252, 65_535, 65_536];
    let cells: Vec<_> = lengths.iter().map(|length| format!("REPEAT('é', {length})")).collect();
    let rows = rows(&format!("SELECT {}, 'end'", cells.join(", "))).await;
    for (index, length) in lengths.into_iter().enumerate() {
        let text: &StringArray = rows.column(index).as_string();
        assert_eq!(text.value(0), "é".repeat(length));
    }
    assert_eq!(texts(&rows, lengths.len()), [Some("end".to_owned())]);
}

/// The rows take several times as many bytes as the source may hold.
#[test]
fn a_wide_result_takes_little_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let column = |number: u32| format!("n + CAST({number} AS {})", Server::DOUBLE);
    let columns = (0..991).map(column).collect::<Vec<_>>().join(", ");
    let query = format!("SELECT {columns} FROM {}", Server::numbers(5_500));
    let meter = HeapMeter::start().unwrap();
    let rows = runtime.block_on(async {
        let mut source = start_query(&query, BatchLimits::default()).await;
        let mut rows = 0;
        while let Step::Rows(batch) = source.next().await.unwrap() {
            rows += batch.num_rows();
        }
        rows
    });
    assert_eq!(rows, 5_500);
    let peak = meter.peak() >> 20;
    assert!(peak <= 20, "{peak} MiB");
}

#[tokio::test]
async fn a_result_without_rows_has_columns() {
    let read = rows("SELECT 1 AS a, 'x' AS b FROM (SELECT 1) AS t WHERE FALSE").await;
    assert_eq!((read.num_columns(), read.num_rows()), (2, 0));
}
