//! What the allocator is told.

use std::hint::black_box;
use std::sync::Once;

/// Memory that comes and goes with a result: the largest block that an encoder takes is about a batch.
const OF_A_RESULT: usize = 8 << 20;

/// Keeps some memory of a result that has ended for the next one.
///
/// glibc gives free memory at the top of its heap back to the system as soon as there are 128 KiB of it, and
/// maps larger blocks one by one. So every result had its memory handed out page by page again, which took as long as
/// to encode 10,000 rows of ten numbers, and a larger one that of every batch. Once a block of some size has come
/// and gone, glibc keeps up to twice as much (`mallopt(3)`, on `M_MMAP_THRESHOLD`). The block here is never
/// touched; other allocators do not mind.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut untouched = Vec::<u8>::new();
        let _ = untouched.try_reserve_exact(OF_A_RESULT);
        drop(black_box(untouched));
    });
}
