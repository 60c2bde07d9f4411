//! Finds the bytes that divide text, 64 bytes at a time.

/// Bytes that are looked at together.
pub(super) const GROUP: usize = 64;

/// The bytes that end a value or belong to quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signs {
    pub(super) separator: u8,
    /// The quote, or the separator if quotes have no meaning.
    pub(super) quote: u8,
}

impl Signs {
    /// The signs in the first bytes of `text`, at most [`GROUP`]: one bit per byte, the lowest for the first byte.
    #[inline]
    pub(super) fn find(self, text: &[u8]) -> u64 {
        match text.first_chunk() {
            Some(group) => self.find_in_group(group),
            None => {
                let mut group = [0; GROUP];
                group[..text.len()].copy_from_slice(text);
                self.find_in_group(&group) & ((1 << text.len()) - 1)
            }
        }
    }

    /// The compiler turns both loops into vector instructions of any processor. It does not do so with certainty where
    /// this is inlined, or with `map` on the array: check the speed after a change.
    #[inline(never)]
    fn find_in_group(self, group: &[u8; GROUP]) -> u64 {
        let mut found = [0; GROUP];
        for (found, byte) in found.iter_mut().zip(group) {
            let ends_value = (*byte == self.separator) | (*byte == b'\n') | (*byte == b'\r');
            *found = u8::from(ends_value | (*byte == self.quote));
        }
        let (eights, _) = found.as_chunks::<8>();
        eights.iter().rev().fold(0, |bits, eight| bits << 8 | eight_bits(*eight))
    }
}

/// The lowest bits of eight bytes that are 0 or 1.
#[inline]
fn eight_bits(bytes: [u8; 8]) -> u64 {
    // Byte k is multiplied by 2^(56 - 7k), which moves its bit to bit 56 + k. No two products share a bit, so nothing
    // is carried into the highest byte.
    u64::from_le_bytes(bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_has_its_bit() {
        let signs = Signs { separator: b';', quote: b'\'' };
        for sign in [b';', b'\'', b'\n', b'\r'] {
            for length in 1..=100 {
                for at in 0..length {
                    let mut text = vec![0; length];
                    text[at] = sign;
                    let expected = if at < GROUP { 1 << at } else { 0 };
                    assert_eq!(signs.find(&text), expected, "{at} of {length}");
                }
            }
        }
        let text: Vec<u8> = (0..=255).collect();
        assert_eq!(signs.find(&text), 1 << b';' | 1 << b'\'' | 1 << b'\n' | 1 << b'\r');
        assert_eq!(signs.find(&[b';'; 200]), u64::MAX);
        assert_eq!(signs.find(&[]), 0);
    }
}
