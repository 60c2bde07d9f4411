//! The calls of code that not every processor can run: the only unsafe code of this crate.
#![allow(
    unsafe_code,
    reason = "a function for certain instructions can only be called after the processor was asked"
)]

use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use crate::cells::Cells;
use crate::number::Column;
use crate::words::ShortWords;
use crate::x86::{avx2, avx512};

macro_rules! kernel {
    ($(#[$attribute:meta])* $name:ident, $module:ident, $($feature:tt)*) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name(());

        impl $name {
            /// Asks the processor.
            pub(crate) fn detect() -> Option<Self> {
                let all = $(is_x86_feature_detected!($feature))&&*;
                all.then_some(Self(()))
            }

            /// Writes the text of each value; returns the end of the last one.
            pub(crate) fn write<const ROWS: bool>(
                self,
                column: Column<'_>,
                words: &ShortWords<'_>,
                cells: Cells<'_>,
            ) -> usize {
                // SAFETY: `detect`, the only maker of this type, has found the features of these functions.
                unsafe {
                    match column {
                        Column::I8(values) => $module::i8s::<ROWS>(values, words, cells),
                        Column::U8(values) => $module::u8s::<ROWS>(values, words, cells),
                        Column::I16(values) => $module::i16s::<ROWS>(values, words, cells),
                        Column::U16(values) => $module::u16s::<ROWS>(values, words, cells),
                        Column::I32(values) => $module::i32s::<ROWS>(values, words, cells),
                        Column::U32(values) => $module::u32s::<ROWS>(values, words, cells),
                        Column::I64(values) => $module::i64s::<ROWS>(values, words, cells),
                        Column::U64(values) => $module::u64s::<ROWS>(values, words, cells),
                        Column::F32(values) => $module::f32s::<ROWS>(values, words, cells),
                        Column::F64(values) => $module::f64s::<ROWS>(values, words, cells),
                    }
                }
            }
        }
    };
}

kernel! {
    /// Proof that the processor has the instructions of [`avx2`].
    Avx2, avx2, "avx2" "bmi1" "bmi2" "lzcnt"
}

kernel! {
    /// Proof that the processor has the instructions of [`avx512`].
    Avx512, avx512,
    "avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512ifma" "avx512vbmi" "avx512vl"
}

/// Asks the processor to fetch these values into its caches.
#[inline]
pub(crate) fn prefetch<T>(values: &[T]) {
    for line in values.chunks(64_usize.div_ceil(size_of::<T>().max(1))) {
        // SAFETY: a prefetch changes nothing that a program can see, and the address is that of a value.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}
