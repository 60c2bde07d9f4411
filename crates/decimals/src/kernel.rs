//! The code for each set of instructions.

/// Code for one set of instructions. Every kernel writes the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kernel {
    /// One value at a time, on any processor.
    Portable,
}

impl Kernel {
    /// The fastest kernel for this processor.
    pub fn fastest() -> Self {
        Self::Portable
    }
}
