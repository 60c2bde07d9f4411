#![doc = include_str!("../README.md")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

thread_local! {
    // Neither needs memory or a destructor, so that the allocator may use them at any time.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, with counters for each thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

// SAFETY: every call is passed on unchanged to the system's allocator; the counters do not allocate.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            add(signed(layout.size()));
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        let block = unsafe { System.alloc_zeroed(layout) };
        if !block.is_null() {
            add(signed(layout.size()));
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) };
        add(-signed(layout.size()));
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`.
        let moved = unsafe { System.realloc(block, layout, size) };
        if !moved.is_null() {
            add(signed(size) - signed(layout.size()));
        }
        moved
    }
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

fn add(bytes: isize) {
    HELD.with(|held| {
        let now = held.get() + bytes;
        held.set(now);
        PEAK.with(|peak| peak.set(peak.get().max(now)));
    });
}

/// Measures the heap that this thread has taken since the meter was started.
#[derive(Debug)]
pub struct HeapMeter {
    before: isize,
}

impl HeapMeter {
    /// Starts a measurement on this thread; `None` if the program has not installed
    /// [`CountingAllocator`]. The peak is measured from here on.
    pub fn start() -> Option<Self> {
        let before = HELD.with(Cell::get);
        let probe = black_box(Box::new(0_u64));
        let is_installed = HELD.with(Cell::get) != before;
        drop(probe);
        PEAK.with(|peak| peak.set(before));
        is_installed.then_some(Self { before })
    }

    /// The number of bytes by which this thread's heap has grown since the start; 0 if it has
    /// shrunk.
    pub fn held(&self) -> usize {
        usize::try_from(HELD.with(Cell::get) - self.before).unwrap_or(0)
    }

    /// The largest value of [`held`](Self::held) since the start.
    pub fn peak(&self) -> usize {
        usize::try_from(PEAK.with(Cell::get) - self.before).unwrap_or(0)
    }
}
