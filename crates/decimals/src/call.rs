//! The call of code that not every processor can run: the only unsafe code of this crate.
#![allow(
    unsafe_code,
    reason = "a function for certain instructions can only be called after the processor was asked"
)]

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
            pub(crate) fn write(
                self,
                column: Column<'_>,
                words: &ShortWords<'_>,
                cells: Cells<'_>,
            ) -> usize {
                // SAFETY: `detect`, the only maker of this type, has found the features of these functions.
                unsafe {
                    match column {
                        Column::I8(values) => $module::i8s(values, words, cells),
                        Column::U8(values) => $module::u8s(values, words, cells),
                        Column::I16(values) => $module::i16s(values, words, cells),
                        Column::U16(values) => $module::u16s(values, words, cells),
                        Column::I32(values) => $module::i32s(values, words, cells),
                        Column::U32(values) => $module::u32s(values, words, cells),
                        Column::I64(values) => $module::i64s(values, words, cells),
                        Column::U64(values) => $module::u64s(values, words, cells),
                        Column::F32(values) => $module::f32s(values, words, cells),
                        Column::F64(values) => $module::f64s(values, words, cells),
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
