//! The Accept header: which media types a client accepts, in which order of preference; RFC 9110, 12.5.1.

use mediatype::MediaTypeList;

use crate::media_type::MediaType;
use taploom_model::{Error, ErrorKind, Result};

/// The media ranges of an Accept header.
pub(crate) struct Accept {
    ranges: Vec<Range>,
}

/// `text/csv;header=absent;q=0.5`, `text/*`, `*/*`.
pub(crate) struct Range {
    /// Type and subtype may be `*`; the parameters are without `q`.
    pub(crate) media_type: MediaType,
    /// Thousandths, from 0 (not acceptable) to 1000.
    pub(crate) quality: u32,
}

impl Accept {
    /// Parses the value of the header; an empty one has no ranges.
    pub(crate) fn parse(header: &str) -> Result<Self> {
        let wrong = |why: String| {
            let message = format!("Accept can't be {header:?}: {why}");
            Error::new(ErrorKind::UnknownFormat, message)
        };
        let ranges = MediaTypeList::new(header).map(|range| {
            let range =
                range.map_err(|error| wrong(format!("a media range is malformed: {error}")))?;
            let (media_type, quality) = MediaType::of(&range).map_err(wrong)?.split_off("q");
            let quality = match quality {
                None => 1000,
                Some(quality) => thousandths(&quality).ok_or_else(|| {
                    wrong(format!(
                        "q is {quality:?}, and it must be from 0 to 1 with at most three decimals"
                    ))
                })?,
            };
            Ok(Range { media_type, quality })
        });
        Ok(Self { ranges: ranges.collect::<Result<_>>()? })
    }

    /// The acceptable ranges by descending quality, and in the order of the header among equals.
    pub(crate) fn by_preference(&self) -> Vec<&Range> {
        let mut ranges: Vec<&Range> = self.ranges.iter().filter(|r| r.quality > 0).collect();
        ranges.sort_by_key(|range| std::cmp::Reverse(range.quality));
        ranges
    }

    /// Whether a media type without parameters is excluded by the most specific range that contains it.
    pub(crate) fn excludes(&self, essence: &str) -> bool {
        let falls_into = self
            .ranges
            .iter()
            .filter(|range| range.media_type.parameters().is_empty() && range.takes(essence));
        // The first of equals.
        let most_specific = falls_into.min_by_key(|range| range.wildcards());
        most_specific.is_some_and(|range| range.quality == 0)
    }
}

impl Range {
    /// Whether the range contains a media type, apart from its parameters.
    pub(crate) fn takes(&self, essence: &str) -> bool {
        match self.media_type.essence() {
            "*/*" => true,
            range => match range.strip_suffix('*') {
                Some(kind) => essence.starts_with(kind),
                None => range == essence,
            },
        }
    }

    /// The number of wildcards among type and subtype.
    pub(crate) fn wildcards(&self) -> usize {
        self.media_type.essence().matches('*').count()
    }
}

/// `0.5` is 500; RFC 9110, 12.4.2.
fn thousandths(quality: &str) -> Option<u32> {
    let (whole, decimals) = quality.split_once('.').unwrap_or((quality, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !digits(decimals) {
        return None;
    }
    format!("{whole}{decimals:0<3}").parse().ok().filter(|thousandths| *thousandths <= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities_order_the_ranges() {
        let accept =
            Accept::parse("text/*;q=0.3, text/csv;header=absent;Q=0.7, */*;q=0.5, a/b, c/d;q=0");
        let accept = accept.unwrap();
        let order: Vec<String> =
            accept.by_preference().iter().map(|range| range.media_type.to_string()).collect();
        assert_eq!(order, ["a/b", "text/csv;header=absent", "*/*", "text/*"]);
        assert!(accept.excludes("c/d"));
        assert!(!accept.excludes("text/csv"));
        let accept = Accept::parse("text/*;q=0, text/csv, */*;q=0.1").unwrap();
        assert!(accept.excludes("text/xml") && !accept.excludes("text/csv"));
        assert!(Accept::parse("").unwrap().by_preference().is_empty());
    }

    #[test]
    fn a_malformed_quality_is_an_error() {
        for wrong in ["a/b;q=2", "a/b;q=0.1234", "a/b;q=x", "a/b;q=-1", "a/b;q=1.001", "a"] {
            assert!(Accept::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(thousandths("0.25"), Some(250));
        assert_eq!(thousandths("1.000"), Some(1000));
        assert_eq!(thousandths("0."), Some(0));
    }
}
