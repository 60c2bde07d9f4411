//! Text in the units of an arraysize.

use taploom_format::{Datatype, Extent};

/// How characters are encoded; an arraysize counts its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// `char`: ASCII, and UTF-8 from VOTable 1.6 on. The unit is a byte.
    Utf8,
    /// `unicodeChar`: big-endian UTF-16. The unit is two bytes.
    Utf16,
}

/// The beginning of a text that fits into a cell, and the number of its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fitting<'a> {
    pub(crate) text: &'a str,
    pub(crate) units: usize,
}

/// Units that a text cell may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Exactly this number; shorter text is padded.
    Fixed(usize),
    /// At most this number.
    AtMost(usize),
}

impl Length {
    /// The length that the type of a column gives its strings.
    pub(crate) fn of(extent: Extent) -> Self {
        match extent {
            Extent::Fixed(length) => Self::Fixed(length as usize),
            Extent::Bounded(most) => Self::AtMost(most as usize),
            Extent::Free => Self::AtMost(usize::MAX),
        }
    }

    pub(crate) fn most(self) -> usize {
        match self {
            Self::Fixed(most) | Self::AtMost(most) => most,
        }
    }
}

impl Charset {
    /// The charset of a text datatype; `None` for all others.
    pub(crate) fn of(datatype: Datatype) -> Option<Self> {
        match datatype {
            Datatype::Char => Some(Self::Utf8),
            Datatype::UnicodeChar => Some(Self::Utf16),
            _ => None,
        }
    }

    /// Bytes of a unit.
    pub(crate) fn unit(self) -> usize {
        match self {
            Self::Utf8 => 1,
            Self::Utf16 => 2,
        }
    }

    /// Cuts a text to at most this number of units, between two characters, and before its
    /// first NUL, which ends strings in BINARY and BINARY2 (VOTable 1.4, section 6).
    pub(crate) fn fit(self, text: &str, most: usize) -> Fitting<'_> {
        let text = text.split('\0').next().unwrap_or_default();
        let units = |character: char| match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
        };
        // A byte of UTF-8 is at most one unit of either charset.
        if text.len() <= most && (self == Self::Utf8 || text.is_ascii()) {
            return Fitting { text, units: text.len() };
        }
        let mut taken = 0;
        let end = text
            .char_indices()
            .find(|(_, character)| {
                let fits = taken + units(*character) <= most;
                taken += if fits { units(*character) } else { 0 };
                !fits
            })
            .map_or(text.len(), |(index, _)| index);
        Fitting { text: &text[..end], units: taken }
    }

    /// Writes the characters to the beginning of a slice that has room for them, and pads
    /// it with NUL.
    pub(crate) fn write(self, fitting: Fitting<'_>, place: &mut [u8]) {
        let (place, rest) = place.split_at_mut(fitting.units * self.unit());
        rest.fill(0);
        match self {
            Self::Utf8 => place.copy_from_slice(fitting.text.as_bytes()),
            Self::Utf16 => {
                for (unit, place) in fitting.text.encode_utf16().zip(place.chunks_exact_mut(2)) {
                    place.copy_from_slice(&unit.to_be_bytes());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(charset: Charset, text: &str, most: usize) -> (&str, usize) {
        let Fitting { text, units } = charset.fit(text, most);
        (text, units)
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(fit(Charset::Utf8, "aé", 3), ("aé", 3));
        assert_eq!(fit(Charset::Utf8, "aé", 2), ("a", 1));
        assert_eq!(fit(Charset::Utf8, "é", 1), ("", 0));
        assert_eq!(fit(Charset::Utf16, "aé", 2), ("aé", 2));
        assert_eq!(fit(Charset::Utf16, "a😀b", 4), ("a😀b", 4));
        assert_eq!(fit(Charset::Utf16, "a😀b", 3), ("a😀", 3));
        assert_eq!(fit(Charset::Utf16, "a😀b", 2), ("a", 1));
        assert_eq!(fit(Charset::Utf16, "abc", usize::MAX), ("abc", 3));
        assert_eq!(fit(Charset::Utf8, "a\0b", 9), ("a", 1));
    }
}
