//! Parses values of options.

use bytesize::ByteSize;

/// Parses a number of bytes larger than 0: `64MiB`.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let wrong = || "a size is a number with a unit: 64MiB, 1GiB, 500kB".to_owned();
    let size: ByteSize = text.parse().map_err(|_| wrong())?;
    usize::try_from(size.as_u64()).ok().filter(|size| *size > 0).ok_or_else(wrong)
}

pub(crate) fn from_zero(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "a whole number from 0".to_owned())
}

pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "a whole number from 1".to_owned())
}
