use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

/// The first pieces take longest, so that later ones are done before them.
fn slow_at_first(piece: &mut usize) -> Result<()> {
    thread::sleep(Duration::from_millis(if piece.is_multiple_of(5) { 5 } else { 0 }));
    Ok(())
}

fn keep(piece: usize, taken: &mut Vec<usize>) -> Result<()> {
    taken.push(piece);
    Ok(())
}

#[test]
fn pieces_come_in_order_and_a_bounded_number_waits() {
    for threads in [1, 2, 3, 8] {
        let mut taken = Vec::new();
        let mut in_order = InOrder::new(threads, slow_at_first);
        for piece in 0..50 {
            in_order.push(piece, |piece| keep(*piece, &mut taken)).unwrap();
            assert!(in_order.pending() <= if threads == 1 { 0 } else { 2 * threads });
        }
        in_order.drain(|piece| keep(*piece, &mut taken)).unwrap();
        assert_eq!(taken, (0..50).collect::<Vec<_>>(), "{threads} threads");
        assert_eq!(in_order.pending(), 0);
        assert_eq!(in_order.heap_bytes(|_| 1), 50, "every piece can be used again");
        assert!(in_order.spare().is_some());
    }
}

#[test]
fn fewer_pieces_wait_where_fewer_are_allowed() {
    for (allowed, most) in [(0, 1), (1, 1), (2, 2), (100, 6)] {
        let mut taken = Vec::new();
        let mut in_order = InOrder::new(3, slow_at_first).at_most(allowed);
        let mut waited = 0;
        for piece in 0..50 {
            in_order.push(piece, |piece| keep(*piece, &mut taken)).unwrap();
            waited = waited.max(in_order.pending());
        }
        in_order.drain(|piece| keep(*piece, &mut taken)).unwrap();
        assert_eq!(taken, (0..50).collect::<Vec<_>>());
        assert!(waited <= most, "{waited} of {allowed}");
    }
}

#[test]
fn a_single_piece_starts_no_thread() {
    let mut of = Vec::new();
    for pieces in [1, 2] {
        let names = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&names);
        let mut in_order = InOrder::new(2, move |piece: &mut usize| {
            let name = thread::current().name().map(str::to_owned);
            shared.lock().unwrap().push(name);
            slow_at_first(piece)
        });
        for piece in 0..pieces {
            in_order.push(piece, |_| Ok(())).unwrap();
        }
        let threads = in_order.others.as_ref().map_or(0, |others| others.threads.len());
        in_order.drain(|_| Ok(())).unwrap();
        assert_eq!(names.lock().unwrap().len(), pieces);
        of.push(threads);
    }
    assert_eq!(of, [0, 1]);
}

#[test]
fn pieces_of_a_result_that_ended_well_are_used_again() {
    let context = crate::EncodeContext::default();
    for threads in [1, 3] {
        let left = Arc::new(context.spare(|_: &usize| 1));
        let write = |fails_at: usize| {
            let mut in_order = InOrder::new(threads, move |piece: &mut usize| match *piece {
                piece if piece == fails_at => Err(Error::new(ErrorKind::InvalidValue, "bad")),
                _ => Ok(()),
            });
            in_order = in_order.with_spare(Arc::clone(&left));
            let found = in_order.spare();
            let pushed: Result<()> = (0..5).try_for_each(|piece| in_order.push(piece, |_| Ok(())));
            (found, pushed.and_then(|()| in_order.drain(|_| Ok(()))))
        };
        assert!(write(3).1.is_err());
        let (found, written) = write(10);
        assert!(found.is_none(), "a result that failed leaves nothing");
        written.unwrap();
        assert!(write(10).0.is_some());
    }
}

#[test]
fn nothing_follows_an_error() {
    for threads in [1, 2, 3] {
        let mut taken = Vec::new();
        let mut in_order = InOrder::new(threads, |piece: &mut usize| match *piece {
            10 => Err(Error::new(ErrorKind::InvalidValue, "ten")),
            _ => Ok(()),
        });
        let mut errors = Vec::new();
        for piece in 0..50 {
            errors.extend(in_order.push(piece, |piece| keep(*piece, &mut taken)).err());
        }
        errors.extend(in_order.drain(|piece| keep(*piece, &mut taken)).err());
        assert_eq!(taken, (0..10).collect::<Vec<_>>(), "{threads} threads");
        assert_eq!(errors.len(), 1, "it is said once");
    }
}

#[test]
fn an_error_of_the_taker_comes_back_and_nothing_is_left_running() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&begun);
    let mut in_order = InOrder::new(2, move |_: &mut usize| {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let refuse = |_: &mut usize| Err(Error::new(ErrorKind::Sink, "full"));
    let failed = (0..100).find_map(|piece| in_order.push(piece, refuse).err());
    assert_eq!(failed.unwrap().kind(), ErrorKind::Sink);
    drop(in_order);
    assert_eq!(Arc::strong_count(&begun), 1, "threads are gone");
    assert!(begun.load(Ordering::SeqCst) < 100);
}

#[test]
#[allow(clippy::panic, reason = "it is what is tested")]
fn work_that_panics_is_an_error() {
    // Only on the other thread: the caller's thread works on pieces too, and is slow enough for the
    // other to begin.
    let work = |piece: &mut usize| match thread::current().name() {
        Some("taploom-encode") => panic!("a defect"),
        _ => slow_at_first(piece),
    };
    let mut in_order = InOrder::new(2, work);
    let pushed = (0..1000).find_map(|piece| in_order.push(piece, |_| Ok(())).err());
    let failed = pushed.or_else(|| in_order.drain(|_| Ok(())).err());
    assert_eq!(failed.unwrap().kind(), ErrorKind::Internal);
}
