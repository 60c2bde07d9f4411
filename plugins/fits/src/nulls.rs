//! The values of null integers; FITS 4.0, section 7.3.2 (TNULLn).

use taploom_format::{Column, Datatype, Error, ErrorKind, Result};

/// Records which integers are null, and which candidates for the null value do not occur.
#[derive(Clone)]
pub(crate) struct Nulls {
    given: Option<i64>,
    given_occurs: bool,
    /// The preferred candidate; the others are next to it.
    default: i64,
    /// Which candidates occur, by their distance from the preferred one: a bit for each.
    occur: [u64; CANDIDATES / 64],
    /// Whether a cell was null.
    pub(crate) found: bool,
    /// The nulls of the block, up to the last one.
    bits: Vec<u8>,
    /// The number of integers in the block.
    count: usize,
}

/// All values of a byte.
const CANDIDATES: usize = 256;

impl Nulls {
    pub(crate) fn new(column: &Column, datatype: Datatype) -> Result<Self> {
        let (range, default) = match datatype {
            Datatype::UnsignedByte => (0..=i64::from(u8::MAX), i64::from(u8::MAX)),
            Datatype::Short => (i64::from(i16::MIN)..=i64::from(i16::MAX), i64::from(i16::MIN)),
            Datatype::Int => (i64::from(i32::MIN)..=i64::from(i32::MAX), i64::from(i32::MIN)),
            _ => (i64::MIN..=i64::MAX, i64::MIN),
        };
        let given = column.metadata().null_value.as_deref().filter(|_| datatype.is_integer());
        let parsed = given.and_then(|given| given.trim().parse().ok());
        let parsed = parsed.filter(|value| range.contains(value));
        if let (Some(given), None) = (given, parsed) {
            let message =
                format!("the \"null\" of the metadata, {given:?}, is not a value of {datatype}");
            return Err(Error::new(ErrorKind::InvalidRequest, message).with_column(column.name()));
        }
        Ok(Self {
            given: parsed,
            given_occurs: false,
            default,
            occur: [0; CANDIDATES / 64],
            found: false,
            bits: Vec::new(),
            count: 0,
        })
    }

    /// Records the next integer.
    pub(crate) fn push(&mut self, integer: Option<i64>) {
        match integer {
            Some(value) => {
                self.given_occurs |= self.given == Some(value);
                let distance = self.default.abs_diff(value);
                if distance < CANDIDATES as u64 {
                    self.occur[distance as usize / 64] |= 1 << (distance % 64);
                }
            }
            None => {
                self.found = true;
                self.bits.resize(self.count / 8 + 1, 0);
                self.bits[self.count / 8] |= 1 << (self.count % 8);
            }
        }
        self.count += 1;
    }

    /// Absorbs the records of another writer.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.given_occurs |= other.given_occurs;
        self.found |= other.found;
        self.occur.iter_mut().zip(&other.occur).for_each(|(occurs, other)| *occurs |= *other);
    }

    /// Ends a block.
    pub(crate) fn take_bits(&mut self) -> Vec<u8> {
        self.count = 0;
        std::mem::take(&mut self.bits)
    }

    /// A value that does not occur: the value in the metadata, or else the first candidate.
    pub(crate) fn free_value(&self) -> Option<i64> {
        let towards_zero = -self.default.signum();
        let occurs = |at: &i64| self.occur[*at as usize / 64] >> (at % 64) & 1 == 1;
        let free = (0..CANDIDATES as i64).filter(|at| !occurs(at));
        let mut free = free.map(|at| self.default + towards_zero * at);
        self.given.filter(|_| !self.given_occurs).or_else(|| free.next())
    }
}
