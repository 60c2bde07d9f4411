//! The attribute `arraysize` of a FIELD.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};
use crate::text_serde::text_serde;

/// The dimensions of an array: `10`, `10*`, `*`, `3x4`, `3x*`; VOTable 1.4, 2.2.
///
/// The first dimension varies fastest, and only the last may be variable. No dimension is 0. A scalar
/// has no arraysize.
///
/// ```
/// use taploom_model::{Arraysize, Extent};
///
/// let shape: Arraysize = "3x10*".parse().unwrap();
/// assert_eq!(shape.inner(), [3]);
/// assert_eq!(shape.last(), Extent::Bounded(10));
/// assert_eq!(shape.to_string(), "3x10*");
/// assert!("*x3".parse::<Arraysize>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arraysize {
    inner: Vec<u32>,
    last: Extent,
}

/// The extent of the last dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extent {
    /// `n`: exactly `n`.
    Fixed(u32),
    /// `n*`: at most `n`.
    Bounded(u32),
    /// `*`: any number.
    Free,
}

impl Arraysize {
    /// `*`: one dimension of any length.
    pub const FREE: Self = Self { inner: Vec::new(), last: Extent::Free };

    /// `1`: an array of one value, which many documents write for a scalar.
    pub const ONE: Self = Self { inner: Vec::new(), last: Extent::Fixed(1) };

    /// One dimension. An extent of 0, which VOTable does not have, becomes 1.
    ///
    /// ```
    /// use taploom_model::{Arraysize, Extent};
    ///
    /// assert_eq!(Arraysize::of_one_dimension(Extent::Bounded(17)).to_string(), "17*");
    /// ```
    pub fn of_one_dimension(extent: Extent) -> Self {
        let last = match extent {
            Extent::Fixed(length) => Extent::Fixed(length.max(1)),
            Extent::Bounded(most) => Extent::Bounded(most.max(1)),
            Extent::Free => Extent::Free,
        };
        Self { inner: Vec::new(), last }
    }

    /// The fixed dimensions before the last.
    pub fn inner(&self) -> &[u32] {
        &self.inner
    }

    /// The last dimension.
    pub fn last(&self) -> Extent {
        self.last
    }

    /// Whether this is [`Arraysize::ONE`].
    pub fn is_one(&self) -> bool {
        *self == Self::ONE
    }

    /// Dimensions of which only the last may be variable. The caller has excluded dimensions of 0.
    pub(crate) fn of(inner: Vec<u32>, last: Extent) -> Self {
        Self { inner, last }
    }

    /// The number of values in one step along the last dimension: the product of the others.
    pub fn stride(&self) -> u64 {
        self.inner.iter().fold(1, |product, extent| product.saturating_mul(u64::from(*extent)))
    }

    /// The number of values in every cell, or `None` if cells differ.
    pub fn fixed(&self) -> Option<u64> {
        match self.last {
            Extent::Fixed(extent) => Some(self.stride().saturating_mul(u64::from(extent))),
            Extent::Bounded(_) | Extent::Free => None,
        }
    }

    /// All dimensions, the first of which varies fastest, or `None` if the last is variable.
    ///
    /// ```
    /// let shape: taploom_model::Arraysize = "3x4".parse()?;
    /// assert_eq!(shape.fixed_dimensions(), Some(vec![3, 4]));
    /// # Ok::<(), taploom_model::Error>(())
    /// ```
    pub fn fixed_dimensions(&self) -> Option<Vec<u32>> {
        match self.last {
            Extent::Fixed(last) => Some(self.inner.iter().copied().chain([last]).collect()),
            Extent::Bounded(_) | Extent::Free => None,
        }
    }

    /// Whether a cell may have this number of values.
    pub fn takes(&self, values: u64) -> bool {
        let stride = self.stride();
        match self.last {
            Extent::Fixed(_) => self.fixed() == Some(values),
            Extent::Bounded(most) => {
                values.is_multiple_of(stride) && values / stride <= u64::from(most)
            }
            Extent::Free => values.is_multiple_of(stride),
        }
    }

    /// The dimensions after the first: of `8x3`, three strings of eight characters, the `3`. `None`
    /// if there is only one dimension.
    pub(crate) fn without_first(&self) -> Option<Self> {
        let (_, inner) = self.inner.split_first()?;
        Some(Self { inner: inner.to_vec(), last: self.last })
    }

    /// `2`: the two floats of a complex number.
    pub(crate) const PAIR: Self = Self { inner: Vec::new(), last: Extent::Fixed(2) };

    /// The dimensions with one more before the first.
    pub(crate) fn with_first(&self, first: u32) -> Self {
        let inner = std::iter::once(first).chain(self.inner.iter().copied()).collect();
        Self { inner, last: self.last }
    }
}

impl FromStr for Arraysize {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(
                ErrorKind::InvalidRequest,
                format!("arraysize {text:?} is not of the form 10, 10*, *, 3x4 or 3x*"),
            )
        };
        let number = |digits: &str| match digits.parse::<u32>() {
            Ok(number) if number > 0 && !digits.starts_with('+') => Ok(number),
            _ => Err(wrong()),
        };
        let (inner, last) = match text.rsplit_once('x') {
            Some((inner, last)) => (inner.split('x').map(number).collect::<Result<_>>()?, last),
            None => (Vec::new(), text),
        };
        let last = match last.strip_suffix('*') {
            Some("") => Extent::Free,
            Some(bound) => Extent::Bounded(number(bound)?),
            None => Extent::Fixed(number(last)?),
        };
        Ok(Self { inner, last })
    }
}

impl fmt::Display for Arraysize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for extent in &self.inner {
            write!(f, "{extent}x")?;
        }
        match self.last {
            Extent::Fixed(n) => write!(f, "{n}"),
            Extent::Bounded(n) => write!(f, "{n}*"),
            Extent::Free => f.write_str("*"),
        }
    }
}

text_serde!(Arraysize);
