//! The heap that sources take. It is counted for each thread, so these tests can run in parallel.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod parquet;
#[path = "../../../loom/tests/common/random.rs"]
mod random;
mod text;

use taploom_heap_meter::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
