//! Values in Thrift's compact protocol, as far as the Parquet crate does not show them.

/// Most structs and lists inside each other. FileMetaData has less than ten.
const DEPTH: u32 = 32;

/// What is left of a value in Thrift's compact protocol.
pub(super) struct Compact<'a>(pub(super) &'a [u8]);

impl Compact<'_> {
    /// Whether a struct has a field. `None` if the bytes are not a struct.
    pub(super) fn struct_has(&mut self, wanted: i64) -> Option<bool> {
        let mut id = 0;
        while let Some(data_type) = self.field(&mut id)? {
            if id == wanted {
                return Some(true);
            }
            self.pass_over(data_type)?;
        }
        Some(false)
    }

    /// The type of the next field, or `Some(None)` at the end of the struct.
    pub(super) fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        *id = match head >> 4 {
            0 => self.integer()?,
            delta => id.checked_add(i64::from(delta))?,
        };
        Some(Some(head & 0xf))
    }

    /// Passes over a value.
    pub(super) fn pass_over(&mut self, data_type: u8) -> Option<()> {
        self.skip(data_type, DEPTH)
    }

    fn skip(&mut self, data_type: u8, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match data_type {
            1 | 2 => Some(()),
            3 => self.bytes(1),
            4..=6 => self.number().map(|_| ()),
            7 => self.bytes(8),
            8 => {
                let length = self.number()?;
                self.bytes(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let length = match head >> 4 {
                    15 => self.number()?,
                    length => length.into(),
                };
                (0..length).try_for_each(|_| self.skip_element(head & 0xf, depth))
            }
            11 => {
                let length = self.number()?;
                let types = if length == 0 { 0 } else { self.byte()? };
                (0..length).try_for_each(|_| {
                    self.skip_element(types >> 4, depth)?;
                    self.skip_element(types & 0xf, depth)
                })
            }
            12 => {
                let mut id = 0;
                while let Some(data_type) = self.field(&mut id)? {
                    self.skip(data_type, depth)?;
                }
                Some(())
            }
            13 => self.bytes(16),
            _ => None,
        }
    }

    /// A boolean in a list has a byte; in a struct, its type is its value.
    fn skip_element(&mut self, data_type: u8, depth: u32) -> Option<()> {
        match data_type {
            1 | 2 => self.bytes(1),
            other => self.skip(other, depth),
        }
    }

    /// A signed integer.
    pub(super) fn integer(&mut self) -> Option<i64> {
        let zigzag = self.number()?;
        Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, count: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(count).ok()?..)?;
        Some(())
    }
}
