//! The code for each set of instructions.

use std::sync::LazyLock;

#[cfg(target_arch = "x86_64")]
use crate::call::{Avx2, Avx512};
use crate::cells::Cells;
use crate::number::Number;
use crate::portable;
use crate::values::Values;
use crate::words::ShortWords;

/// Code for one set of instructions. Every kernel writes the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kernel {
    /// One value at a time, on any processor.
    Portable,
    /// Four or eight values at a time, on x86-64 with AVX2, BMI2 and LZCNT.
    Avx2,
    /// Eight values at a time, on x86-64 with AVX-512 F, BW, CD, DQ, IFMA, VBMI and VL.
    Avx512,
}

impl Kernel {
    /// The kernels that this processor can run, the fastest one last.
    pub fn available() -> impl Iterator<Item = Self> {
        [Self::Portable, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(|kernel| Code::of(*kernel).is_some())
    }

    /// The fastest kernel for this processor.
    pub fn fastest() -> Self {
        Code::fastest().kernel()
    }
}

/// A kernel that this processor can run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Code {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Code {
    /// The fastest kernel for this processor. The processor is asked once.
    #[inline]
    pub(crate) fn fastest() -> Self {
        static FASTEST: LazyLock<Code> = LazyLock::new(|| {
            Kernel::available().filter_map(Code::of).last().unwrap_or(Code::Portable)
        });
        *FASTEST
    }

    /// Nothing if the processor lacks the instructions.
    pub(crate) fn of(kernel: Kernel) -> Option<Self> {
        match kernel {
            Kernel::Portable => Some(Self::Portable),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => Avx2::detect().map(Self::Avx2),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => Avx512::detect().map(Self::Avx512),
            #[cfg(not(target_arch = "x86_64"))]
            Kernel::Avx2 | Kernel::Avx512 => None,
        }
    }

    pub(crate) fn kernel(self) -> Kernel {
        match self {
            Self::Portable => Kernel::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Kernel::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Kernel::Avx512,
        }
    }

    /// Writes the text of each value; returns the end of the last one.
    pub(crate) fn write<N: Number>(
        self,
        values: Values<'_, N>,
        words: &ShortWords<'_>,
        cells: Cells<'_>,
    ) -> usize {
        match self {
            Self::Portable => portable::write(values, words, cells),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(code) => code.write(N::column(values), words, cells),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(code) => code.write(N::column(values), words, cells),
        }
    }
}
