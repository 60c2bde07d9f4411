//! How transforms change rows, and that none of them loses the ending of a result.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures::executor::block_on;
use taploom_model::{BatchSource, Ending, Error, ErrorKind, Result, ResultSchema, RowSource, Step};
use taploom_pipeline::{Coalesce, Flow, MaxRec, Transform, Transformed};

fn batch(ids: impl IntoIterator<Item = i64>) -> RecordBatch {
    let ids = Int64Array::from_iter_values(ids);
    let urls = StringArray::from_iter(
        ids.values().iter().map(|id| (id % 2 == 0).then(|| format!("http://a.org/x?id={id}"))),
    );
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as ArrayRef, false),
        ("url", Arc::new(urls), true),
    ])
    .unwrap()
}

fn ending() -> Ending {
    Ending::default().with_overflow(true).with_note("a note")
}

/// Batches with these numbers of rows; the rows are numbered from 0.
fn source(sizes: &[i64]) -> BatchSource<impl Iterator<Item = Result<RecordBatch>> + Send> {
    let mut next = 0;
    let batches: Vec<_> = sizes
        .iter()
        .map(|rows| {
            let first = next;
            next += rows;
            Ok(batch(first..next))
        })
        .collect();
    let hint = next.unsigned_abs();
    BatchSource::new(ResultSchema::derived(batch([]).schema()), batches.into_iter())
        .with_rows_hint(hint)
        .with_ending(ending())
}

/// The ids of each batch, and the ending.
fn read(mut source: impl RowSource) -> (Vec<Vec<i64>>, Ending) {
    let mut batches = Vec::new();
    loop {
        match block_on(source.next()).unwrap() {
            Step::Rows(batch) => {
                batches.push(batch.column(0).as_primitive::<Int64Type>().values().to_vec());
            }
            Step::End(ending) => {
                // Another call returns the same ending.
                assert_eq!(block_on(source.next()).unwrap(), Step::End(ending.clone()));
                return (batches, ending);
            }
        }
    }
}

fn limited<S: RowSource>(source: S, rows: u64) -> Transformed<S, MaxRec> {
    let limit = MaxRec::new(source.schema(), rows);
    Transformed::new(source, limit)
}

fn coalesced<S: RowSource>(source: S, rows: usize, bytes: usize) -> Transformed<S, Coalesce> {
    let coalesce = Coalesce::new(source.schema(), rows, bytes);
    Transformed::new(source, coalesce)
}

#[test]
fn no_transform_loses_how_the_result_ended() {
    /// A transform with all methods at their defaults.
    struct Nothing(ResultSchema);

    impl Transform for Nothing {
        fn schema(&self) -> &ResultSchema {
            &self.0
        }

        fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
            Ok(Flow::More(batch))
        }
    }

    type Make = fn(&ResultSchema) -> Box<dyn Transform>;
    let transforms: &[(&str, Make)] = &[
        ("defaults", |schema| Box::new(Nothing(schema.clone()))),
        ("MaxRec", |schema| Box::new(MaxRec::new(schema, 100))),
        ("Coalesce", |schema| Box::new(Coalesce::new(schema, 2, 1000))),
        #[cfg(feature = "url")]
        ("UrlRewrite", |schema| {
            let base = "https://b.org/y".parse().unwrap();
            Box::new(taploom_pipeline::UrlRewrite::new(schema, base, vec![1]))
        }),
    ];
    for (name, make) in transforms {
        let source = source(&[1, 2, 0, 3]);
        let transform = make(source.schema());
        let source = Transformed::new(source, transform);
        assert_eq!(source.rows_hint(), Some(6), "{name}");
        let (rows, ended) = read(Box::new(source) as Box<dyn RowSource>);
        assert_eq!(rows.concat(), [0, 1, 2, 3, 4, 5], "{name}");
        assert_eq!(ended, ending(), "{name}");
    }
}

#[cfg(feature = "tokio")]
#[test]
fn a_source_on_its_own_thread_keeps_its_ending() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let source = taploom_pipeline::Ahead::start(source(&[1, 2]), runtime.handle());
    assert_eq!(source.rows_hint(), Some(3));
    let mut source = source;
    for rows in [1, 2] {
        assert_eq!(block_on(source.next()).unwrap().rows().unwrap().num_rows(), rows);
    }
    assert_eq!(block_on(source.next()).unwrap(), Step::End(ending()));
}

#[test]
fn maxrec_looks_one_row_ahead() {
    let complete = Ending::default;
    for (sizes, limit, rows, overflow) in [
        (&[3][..], 2, 2, true),
        (&[3], 3, 3, false),
        (&[3], 4, 3, false),
        (&[1, 1, 1], 2, 2, true),
        (&[1, 0, 1, 0], 2, 2, false),
        (&[2, 0, 1], 2, 2, true),
        (&[], 1, 0, false),
        (&[], 0, 0, true),
        (&[3], 0, 0, true),
    ] {
        let source = source(sizes).with_ending(complete());
        let source = limited(source, limit);
        assert_eq!(source.rows_hint(), Some(limit.min(sizes.iter().sum::<i64>().unsigned_abs())));
        let (batches, ended) = read(source);
        assert_eq!(batches.concat().len(), rows, "{sizes:?}, MAXREC {limit}");
        assert_eq!(ended, complete().with_overflow(overflow), "{sizes:?}, MAXREC {limit}");
    }
}

/// A source that counts its batches and tells whether it was dropped.
fn watched() -> (Arc<AtomicU64>, Arc<AtomicBool>, impl RowSource) {
    struct SetOnDrop(Arc<AtomicBool>);

    impl Drop for SetOnDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    let (asked, dropped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, guard) = (Arc::clone(&asked), SetOnDrop(Arc::clone(&dropped)));
    let batches = std::iter::repeat_with(move || {
        let _whole = &guard;
        count.fetch_add(1, Ordering::SeqCst);
        Ok(batch(0..10))
    });
    let source = BatchSource::new(ResultSchema::derived(batch([]).schema()), batches);
    (asked, dropped, source)
}

#[test]
fn a_source_is_dropped_as_soon_as_no_more_rows_are_wanted() {
    let (asked, dropped, source) = watched();
    let mut source = limited(source, 15);
    assert_eq!(block_on(source.next()).unwrap().rows().unwrap().num_rows(), 10);
    assert!(!dropped.load(Ordering::SeqCst));
    assert_eq!(block_on(source.next()).unwrap().rows().unwrap().num_rows(), 5);
    assert!(dropped.load(Ordering::SeqCst), "dropped before the reader asks for the end");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert!(block_on(source.next()).unwrap().ending().unwrap().overflowed);

    // With a limit of 0 the source is not read at all.
    let (asked, dropped, source) = watched();
    let mut source = limited(source, 0);
    assert!(block_on(source.next()).unwrap().ending().unwrap().overflowed);
    assert!(dropped.load(Ordering::SeqCst));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[test]
fn notes_that_are_known_before_the_end_outlive_a_limit() {
    for limit in [0, 2] {
        let source = Box::new(source(&[3])) as Box<dyn RowSource>;
        let (_, ended) = read(limited(coalesced(source, 1, 1), limit));
        assert_eq!(ended, ending(), "MAXREC {limit}");
    }
}

#[test]
fn small_batches_are_put_together_and_none_is_split() {
    let bytes = 1 << 20;
    for (sizes, wanted, expected) in [
        (&[1, 1, 1, 1, 1][..], 2, &[2, 2, 1][..]),
        (&[1, 5, 1], 3, &[6, 1]),
        (&[7, 7], 3, &[7, 7]),
        (&[0, 0], 3, &[]),
        (&[1, 1], 100, &[2]),
        (&[1, 1], 0, &[1, 1]),
    ] {
        let (batches, _) = read(coalesced(source(sizes), wanted, bytes));
        let sizes_out: Vec<_> = batches.iter().map(Vec::len).collect();
        assert_eq!(sizes_out, expected, "{sizes:?}");
        let total: i64 = sizes.iter().sum();
        assert_eq!(batches.concat(), (0..total).collect::<Vec<_>>(), "{sizes:?}");
    }
    // A row takes about 8 + 4 + 10 bytes, even if its array is a slice of a larger one.
    let (batches, _) = read(coalesced(source(&[1; 100]), 1_000_000, 400));
    assert!(batches.len() > 3 && batches.len() < 20, "{} batches", batches.len());
}

#[test]
fn rows_that_are_held_back_come_before_the_end_of_a_limit() {
    let (batches, ended) = read(limited(coalesced(source(&[1; 5]), 100, 1 << 20), 3));
    assert_eq!(batches, [[0, 1, 2]]);
    assert!(ended.overflowed);
    let (batches, _) = read(coalesced(limited(source(&[1; 5]), 3), 100, 1 << 20));
    assert_eq!(batches, [[0, 1, 2]]);
}

#[test]
fn nothing_follows_an_error() {
    let rows = [Ok(batch(0..2)), Err(Error::new(ErrorKind::Source, "gone")), Ok(batch(2..3))];
    let source = BatchSource::new(ResultSchema::derived(batch([]).schema()), rows.into_iter());
    let mut source = limited(source, 10);
    assert!(block_on(source.next()).is_ok());
    assert_eq!(block_on(source.next()).unwrap_err().kind(), ErrorKind::Source);
    assert_eq!(block_on(source.next()).unwrap_err().kind(), ErrorKind::Misuse);
}

#[cfg(feature = "url")]
#[test]
fn urls_are_moved_and_null_stays_null() {
    use taploom_pipeline::UrlRewrite;

    let source = source(&[2]);
    let rewrite =
        |columns| UrlRewrite::new(source.schema(), "https://b.org/y".parse().unwrap(), columns);
    let Flow::More(rows) = rewrite(vec![1]).rows(batch(0..2)).unwrap() else {
        unreachable!("a rewrite never ends the rows")
    };
    let urls = rows.column(1).as_string::<i32>().iter().collect::<Vec<_>>();
    assert_eq!(urls, [Some("https://b.org/y?id=0"), None]);
    let error = rewrite(vec![0]).rows(batch(0..2)).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::InvalidRequest, Some("id")));
}

#[test]
fn a_transform_says_how_the_result_ends_where_its_reader_stops_early() {
    /// A transform that counts rows.
    struct Counting(ResultSchema, usize);

    impl Transform for Counting {
        fn schema(&self) -> &ResultSchema {
            &self.0
        }

        fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
            self.1 += batch.num_rows();
            Ok(Flow::More(batch))
        }

        fn end(&mut self, ending: Ending) -> Result<Ending> {
            Ok(ending.with_note(format!("{} rows", self.1)))
        }
    }

    let source = source(&[3, 3, 3]);
    let counting = Counting(source.schema().clone(), 0);
    let (batches, ending) = read(limited(Transformed::new(source, counting), 4));
    assert_eq!(batches, [vec![0, 1, 2], vec![3]]);
    assert_eq!(ending.notes, ["a note", "6 rows"]);
}
