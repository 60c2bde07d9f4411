//! Checks parts of a document that somebody else has written.

use std::fmt;

use quick_xml::XmlVersion;
use quick_xml::errors::IllFormedError;
use quick_xml::events::attributes::AttrError;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Error, Reader};

use crate::text::is_forbidden;

/// Where a part of a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentPart {
    /// From the beginning of the document on. Elements may stay open.
    Header,
    /// Up to the end of the document. Elements may end that the part does not begin.
    Footer,
}

/// What is wrong with a part of a document, and where. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flaw {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

/// `line 3, column 17: what is wrong`.
impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, what } = self;
        write!(f, "line {line}, column {column}: {what}")
    }
}

impl std::error::Error for Flaw {}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Characters of a message of the XML parser, which may quote a long name.
const MOST: usize = 200;

impl DocumentPart {
    /// Checks that a text can be this part of well-formed XML, whatever the other parts are. Whether the end tags of a footer
    /// fit the header is not checked.
    ///
    /// ```
    /// use taploom_votable::DocumentPart;
    ///
    /// DocumentPart::Header.check("<VOTABLE>\n<RESOURCE><TABLE>")?;
    /// DocumentPart::Footer.check("</TABLE></RESOURCE></VOTABLE>")?;
    /// let flaw = DocumentPart::Header.check("<VOTABLE>\n<DESCRIPTION>a & b").unwrap_err();
    /// assert_eq!((flaw.line, flaw.column), (2, 16));
    /// # Ok::<(), taploom_votable::Flaw>(())
    /// ```
    ///
    /// # Errors
    /// The first thing that no XML parser accepts.
    pub fn check(self, text: &str) -> Result<(), Flaw> {
        if let Some((at, character)) = text.char_indices().find(|(_, c)| is_forbidden(*c)) {
            let what = format!("XML can't hold the character U+{:04X}", u32::from(character));
            return Err(Flaw::at(text, at, what));
        }
        let mut reader = Reader::from_str(text);
        reader.config_mut().allow_unmatched_ends = self == Self::Footer;
        reader.config_mut().check_comments = true;
        let begins = text.len() - text.trim_start_matches(BYTE_ORDER_MARK).len();
        let (mut open, mut has_entities) = (Vec::new(), false);
        loop {
            let at = offset(reader.buffer_position());
            match reader.read_event() {
                Ok(Event::Start(tag)) => {
                    check_tag(&tag, has_entities).map_err(|flaw| flaw.within(text, at))?;
                    open.push(at);
                }
                Ok(Event::Empty(tag)) => {
                    check_tag(&tag, has_entities).map_err(|flaw| flaw.within(text, at))?;
                }
                Ok(Event::End(_)) => {
                    open.pop();
                }
                Ok(Event::Decl(_)) if self == Self::Footer || at > begins => {
                    let what = "<?xml can only be the beginning of a document".to_owned();
                    return Err(Flaw::at(text, at, what));
                }
                Ok(Event::DocType(declaration)) => has_entities |= declaration.contains('['),
                Ok(Event::GeneralRef(reference)) if !has_entities && !is_known(&reference) => {
                    return Err(Flaw::at(text, at, UNKNOWN.to_owned()));
                }
                Ok(Event::Eof) => break,
                Ok(_) => {}
                Err(error) => {
                    return Err(Flaw::at(text, offset(reader.error_position()), said(&error)));
                }
            }
        }
        match open.last() {
            Some(at) if self == Self::Footer => {
                Err(Flaw::at(text, *at, "the element does not end".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl Flaw {
    /// A flaw at a byte of a text.
    fn at(text: &str, at: usize, mut what: String) -> Self {
        if let Some((end, _)) = what.char_indices().nth(MOST) {
            what.truncate(end);
            what.push('…');
        }
        let before = text.get(..at).unwrap_or(text);
        let line_starts = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_starts..).unwrap_or_default().chars().count() + 1;
        Self { line, column, what }
    }
}

const UNKNOWN: &str =
    "an & begins no reference that XML knows; the character itself is written as &amp;";

/// What is wrong with a tag.
struct FlawOfTag {
    /// The byte of the tag.
    at: usize,
    what: String,
}

impl FlawOfTag {
    /// The flaw of a text in which the tag begins at a byte.
    fn within(self, text: &str, tag: usize) -> Flaw {
        Flaw::at(text, tag.saturating_add(self.at), self.what)
    }
}

fn check_tag(tag: &BytesStart<'_>, has_entities: bool) -> Result<(), FlawOfTag> {
    let wrong = |at, what: String| Err(FlawOfTag { at, what });
    let begins = |c: char| c.is_alphabetic() || matches!(c, '_' | ':');
    if !tag.name().into_inner().starts_with(begins) {
        let what = "a < begins no tag; the character itself is written as &lt;";
        return wrong(0, what.to_owned());
    }
    for attribute in tag.attributes() {
        let attribute = match attribute {
            Ok(attribute) => attribute,
            Err(error) => {
                let (at, what) = attribute_error(&error);
                // It does not count the < of the tag.
                return wrong(at + 1, what.to_owned());
            }
        };
        let name = attribute.key.into_inner();
        if attribute.value.contains('<') {
            let what = format!("the attribute {name} has a <, which is written as &lt; there");
            return wrong(0, what);
        }
        if !has_entities && attribute.normalized_value(XmlVersion::Implicit1_0).is_err() {
            return wrong(0, format!("in the attribute {name}, {UNKNOWN}"));
        }
    }
    Ok(())
}

fn attribute_error(error: &AttrError) -> (usize, &'static str) {
    match error {
        AttrError::ExpectedEq(at) => (*at, "the name of an attribute is not followed by ="),
        AttrError::ExpectedValue(at) => (*at, "an attribute has no value"),
        AttrError::UnquotedValue(at) => (*at, "the value of an attribute is not in quotes"),
        AttrError::ExpectedQuote(at, _) => (*at, "the value of an attribute has no closing quote"),
        AttrError::Duplicated(at, _) => (*at, "an attribute is given twice"),
    }
}

/// Whether a reference is one of a character, or to an entity that every document has; XML 1.0, 4.6.
fn is_known(reference: &BytesRef<'_>) -> bool {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => !is_forbidden(character),
        Ok(None) => matches!(&**reference, "amp" | "lt" | "gt" | "apos" | "quot"),
        Err(_) => false,
    }
}

fn said(error: &Error) -> String {
    match error {
        Error::Syntax(error) => error.to_string(),
        Error::IllFormed(IllFormedError::UnclosedReference) => UNKNOWN.to_owned(),
        Error::IllFormed(error) => error.to_string(),
        error => error.to_string(),
    }
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::DocumentPart::{self, Footer, Header};

    /// What is said of the parts, for those of which something else is expected.
    fn wrong(cases: &[(DocumentPart, &str, &str)]) -> Vec<String> {
        let said = |(part, text, expected): &(DocumentPart, &str, &str)| {
            let said = part.check(text).err().map_or_else(String::new, |flaw| flaw.to_string());
            let is_right = said.starts_with(expected) && said.is_empty() == expected.is_empty();
            (!is_right).then(|| format!("{text}: {said}"))
        };
        cases.iter().filter_map(said).collect()
    }

    #[test]
    fn what_other_parts_can_complete_is_taken() {
        let found = wrong(&[
            (Header, "", ""),
            (Header, "\u{feff}<?xml version='1.0'?>\n<!-- a - b -->\n<VOTABLE><TABLE>\n", ""),
            (
                Header,
                "<v:VOTABLE xmlns:v=\"a\"><FIELD name='&lt;a&#65;'/><DATA><STREAM encoding='base64'>",
                "",
            ),
            (Header, "<!DOCTYPE VOTABLE [<!ENTITY deg \"°\">]><VOTABLE>&deg;", ""),
            (Header, "<H/>", ""),
            (Header, "<VOTABLE><![CDATA[a < b & c]]>", ""),
            (Footer, "", ""),
            (
                Footer,
                "\n </STREAM></BINARY2></DATA></TABLE><INFO name='a'>b</INFO></RESOURCE></VOTABLE>\n",
                "",
            ),
            // As in messages of Rubin, whose headers begin with VOTable.
            (
                Footer,
                "</TABLE><INFO name=\"QUERY_STATUS\" value=\"OVERFLOW\"/></RESOURCE></VOTABLE>",
                "",
            ),
        ]);
        assert!(found.is_empty(), "{found:#?}");
    }

    #[test]
    fn what_no_parser_accepts_is_named_with_its_place() {
        let found = wrong(&[
            (
                Header,
                "<VOTABLE>\n <DESCRIPTION>é & b</DESCRIPTION>",
                "line 2, column 17: an & begins",
            ),
            (Header, "<VOTABLE>&nbsp;", "line 1, column 10: an & begins"),
            (Header, "<VOTABLE>&#0;", "line 1, column 10: an & begins"),
            (Header, "<VOTABLE>\n\n<FIELD name='a'", "line 3, column 1: tag not closed"),
            (
                Header,
                "<VOTABLE><FIELD name='a><x/>",
                "line 1, column 10: attribute value not closed",
            ),
            (Header, "<VOTABLE>a < b</VOTABLE>", "line 1, column 12: a < begins"),
            (Header, "<VOTABLE><FIELD name=a/>", "line 1, column 22: the value of an attribute"),
            (Header, "<VOTABLE><FIELD a='1' a='2'/>", "line 1, column 23: an attribute is given"),
            (
                Header,
                "<VOTABLE><FIELD name='a & b'/>",
                "line 1, column 10: in the attribute name, an &",
            ),
            (
                Header,
                "<VOTABLE><FIELD name='a<b'/>",
                "line 1, column 10: the attribute name has a <",
            ),
            (Header, "<VOTABLE><TABLE></VOTABLE>", "line 1, column 17: expected `</TABLE>`"),
            (Header, "</VOTABLE>", "line 1, column 1: close tag `</VOTABLE>`"),
            (Header, "<VOTABLE><!-- a", "line 1, column 10: comment not closed"),
            (Header, "<VOTABLE><!-- a -- b -->", "line 1, column "),
            (Header, "\n<?xml version='1.0'?><VOTABLE>", "line 2, column 1: <?xml can only"),
            (Footer, "<?xml version='1.0'?></VOTABLE>", "line 1, column 1: <?xml can only"),
            (Header, "<VOTABLE>\u{1}", "line 1, column 10: XML can't hold the character U+0001"),
            (
                Footer,
                "</TABLE>\n<INFO name='a'></RESOURCE>",
                "line 2, column 16: expected `</INFO>`",
            ),
            (Footer, "</TABLE>\n<INFO name='a'>", "line 2, column 1: the element does not end"),
        ]);
        assert!(found.is_empty(), "{found:#?}");
    }
}
