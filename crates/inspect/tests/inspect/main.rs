//! Tests the facts, damage and advice that an inspection reports.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod others;
mod parquet;

use taploom_heap_meter::CountingAllocator;

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;
