//! Rows of a real MariaDB, which the tests start: types, errors, and how queries end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

use std::sync::LazyLock;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_select::concat::concat_batches;
use taploom_encoder::Result;
use taploom_sources::{ColumnList, Request, open};
use taploom_test_servers::MariaDb;

/// One server for all tests; it ends with them.
static SERVER: LazyLock<MariaDb> = LazyLock::new(|| MariaDb::start().unwrap());

/// All rows of a query, in one batch.
async fn rows_of(location: &str, query: &str, columns: Option<ColumnList>) -> Result<RecordBatch> {
    let request = Request { query: Some(query), columns, ..Request::new(location) };
    let mut source = open(&request).await?;
    let mut batches = Vec::new();
    while let Some(batch) = source.next_batch().await? {
        assert!(batch.num_rows() <= request.batch_rows, "{} rows", batch.num_rows());
        batches.push(batch);
    }
    let schema = batches.first().map_or(source.schema().arrow().clone(), RecordBatch::schema);
    Ok(concat_batches(&schema, &batches).unwrap())
}

async fn rows(query: &str) -> RecordBatch {
    rows_of(&SERVER.url(), query, None).await.unwrap()
}

#[tokio::test]
async fn numbers_and_text_come_as_they_are_stored() {
    let rows = rows("SELECT 1 AS n, 'α🙂' AS t UNION ALL SELECT NULL, NULL").await;
    assert_eq!(rows.num_rows(), 2);
    assert_eq!(rows.column(0).as_primitive::<Int32Type>().value(0), 1);
    assert_eq!(rows.column(1).as_string::<i32>().value(0), "α🙂");
    assert!(rows.column(0).is_null(1) && rows.column(1).is_null(1));
}
