//! The calls of code that not every processor can run: the only unsafe code of this crate.
#![allow(
    unsafe_code,
    reason = "a function for certain instructions can only be called after the processor was asked"
)]

use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use crate::cells::Cells;
use crate::number::Column;
use crate::words::ShortWords;
use crate::x86::avx512;

/// Proof that the processor has the instructions of [`avx512`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// Asks the processor.
    pub(crate) fn detect() -> Option<Self> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512cd")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vl");
        all.then_some(Self(()))
    }

    /// Writes the text of each value; returns the end of the last one.
    #[inline]
    pub(crate) fn write<const ROWS: bool>(
        self,
        column: Column<'_>,
        words: &ShortWords<'_>,
        cells: Cells<'_>,
    ) -> usize {
        // SAFETY: `detect` has found all the features that these functions are compiled for.
        unsafe {
            match column {
                Column::I8(values) => avx512::i8s::<ROWS>(values, words, cells),
                Column::U8(values) => avx512::u8s::<ROWS>(values, words, cells),
                Column::I16(values) => avx512::i16s::<ROWS>(values, words, cells),
                Column::U16(values) => avx512::u16s::<ROWS>(values, words, cells),
                Column::I32(values) => avx512::i32s::<ROWS>(values, words, cells),
                Column::U32(values) => avx512::u32s::<ROWS>(values, words, cells),
                Column::I64(values) => avx512::i64s::<ROWS>(values, words, cells),
                Column::U64(values) => avx512::u64s::<ROWS>(values, words, cells),
                Column::F32(values) => avx512::f32s::<ROWS>(values, words, cells),
                Column::F64(values) => avx512::f64s::<ROWS>(values, words, cells),
            }
        }
    }
}

/// Asks the processor to fetch these values into its caches.
#[inline]
pub(crate) fn prefetch<T>(values: &[T]) {
    for line in values.chunks(64_usize.div_ceil(size_of::<T>().max(1))) {
        // SAFETY: a prefetch changes nothing that a program can see, and the address is that of a value.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}
