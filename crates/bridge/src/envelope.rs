//! The XML that a TAP service sends for the beginning and the end of a document.

use taploom_format::Envelope;
use taploom_jobs::Failure;
use taploom_votable::DocumentPart::{Footer, Header};

/// The elements that a service may open at the end of the header and close at the beginning of the footers.
const ELEMENTS: [&str; 3] = ["DATA", "BINARY2", "STREAM"];

/// Removes the elements around the rows from an envelope, because the encoder writes them.
///
/// Services that know a single serialization send `<DATA><BINARY2><STREAM encoding='base64'>` at the end of
/// the header, and the end tags in the footers. An envelope without these elements stays as it is.
pub(crate) fn without_data(envelope: &Envelope) -> Envelope {
    let stripped = || {
        Some(Envelope {
            header: before_start_tags(&envelope.header)?.to_owned(),
            footer: after_end_tags(&envelope.footer)?.to_owned(),
            footer_overflow: after_end_tags(&envelope.footer_overflow)?.to_owned(),
        })
    };
    stripped().unwrap_or_else(|| envelope.clone())
}

/// Checks that each part of an envelope can be a part of well-formed XML. A document with one that can't is of no use to
/// anybody. Whether the parts fit together is not checked: services have sent `<VOTable>` with `</VOTABLE>`.
pub(crate) fn check(envelope: &Envelope) -> Result<(), Failure> {
    for (member, part, text) in [
        ("header", Header, &envelope.header),
        ("footer", Footer, &envelope.footer),
        ("footerOverflow", Footer, &envelope.footer_overflow),
    ] {
        part.check(text).map_err(|flaw| {
            Failure::invalid(format!("resultFormat.envelope.{member}: it is not XML: {flaw}"))
        })?;
    }
    Ok(())
}

fn before_start_tags(header: &str) -> Option<&str> {
    ELEMENTS.iter().rev().try_fold(header, |rest, name| {
        let (before, tag) = rest.trim_end().strip_suffix('>')?.rsplit_once('<')?;
        let is_it = tag.split_whitespace().next() == Some(name) && !tag.ends_with('/');
        is_it.then_some(before)
    })
}

fn after_end_tags(footer: &str) -> Option<&str> {
    ELEMENTS.iter().rev().try_fold(footer, |rest, name| {
        let tag = rest.trim_start().strip_prefix("</")?.strip_prefix(name)?;
        tag.trim_start().strip_prefix('>')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(header: &str, footer: &str) -> Envelope {
        Envelope {
            header: header.to_owned(),
            footer: footer.to_owned(),
            footer_overflow: footer.to_owned(),
        }
    }

    #[test]
    fn elements_around_the_rows_are_the_encoders() {
        let given = envelope(
            "<TABLE><FIELD/>\n<DATA>\n <BINARY2>\n  <STREAM encoding='base64'>\n",
            "\n  </STREAM>\n </BINARY2 >\n</DATA>\n</TABLE>",
        );
        assert_eq!(without_data(&given), envelope("<TABLE><FIELD/>\n", "\n</TABLE>"));
    }

    #[test]
    fn a_part_that_is_no_xml_is_named_with_its_place() {
        let whole = envelope("<VOTABLE><TABLE>\n", "</TABLE></VOTABLE>");
        assert!(check(&whole).is_ok());
        let header = Envelope { header: "<VOTABLE>\n<TABLE name='a".to_owned(), ..whole.clone() };
        let footer = Envelope { footer: "</TABLE> & </VOTABLE>".to_owned(), ..whole.clone() };
        let footer_overflow = "</TABLE>\n<INFO></VOTABLE>".to_owned();
        let overflow = Envelope { footer_overflow, ..whole };
        let said = [header, footer, overflow].map(|wrong| check(&wrong).unwrap_err().message);
        let begin = [
            "resultFormat.envelope.header: it is not XML: line 2, column 1: ",
            "resultFormat.envelope.footer: it is not XML: line 1, column 10: ",
            "resultFormat.envelope.footerOverflow: it is not XML: line 2, column 7: ",
        ];
        let right = said.iter().zip(begin).filter(|(said, begin)| said.starts_with(begin));
        assert_eq!(right.count(), 3, "{said:#?}");
    }

    #[test]
    fn others_are_left_as_they_are() {
        for (header, footer) in [
            ("<TABLE><FIELD/>\n", "</TABLE>"),
            ("<TABLE><DATA><BINARY2><STREAM/>", "</BINARY2></DATA></TABLE>"),
            ("<TABLE><DATA><BINARY2><STREAM>", "</TABLE>"),
            ("", ""),
        ] {
            let given = envelope(header, footer);
            assert_eq!(without_data(&given), given);
        }
    }
}
