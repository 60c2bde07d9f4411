//! A hint to the allocator.

use std::hint::black_box;
use std::sync::Once;

/// Size of the largest blocks that an encoder allocates for a result: about one batch.
const OF_A_RESULT: usize = 8 << 20;

/// Makes the allocator keep the memory of a finished result for the next one.
///
/// glibc returns free memory at the top of its heap to the system as soon as there are 128 KiB of it, and maps
/// larger blocks one by one. Without this call the kernel hands out the memory of every result page by page again,
/// which takes as long as encoding 10,000 rows of ten numbers. After a block of some size has been allocated and
/// freed, glibc keeps up to twice that size (`mallopt(3)`, on `M_MMAP_THRESHOLD`). The block that is allocated
/// here is never touched, so it costs no memory. Other allocators ignore it.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut untouched = Vec::<u8>::new();
        let _ = untouched.try_reserve_exact(OF_A_RESULT);
        drop(black_box(untouched));
    });
}
