//! Pseudorandom numbers for tables, also for tests of other crates.

/// A pseudorandom number for each index, the same in every run: SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) fn scatter(index: usize) -> u64 {
    let mut z = (index as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
