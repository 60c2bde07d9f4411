//! IDs, and references to them; VOTable 1.4, 3.1.

use std::collections::HashMap;

use taploom_model::{Error, ErrorKind, Result, is_ncname};

use crate::document::xml::Element;

/// Those of a document.
#[derive(Default)]
pub(crate) struct Ids {
    /// The element that has the ID.
    given: HashMap<String, &'static str>,
    references: Vec<Reference>,
}

struct Reference {
    tag: &'static str,
    /// The element as a person knows it.
    from: String,
    to: String,
}

impl Ids {
    /// Takes note of an element.
    pub(crate) fn add(&mut self, element: &Element<'_>) -> Result<()> {
        if let Some(id) = element.id {
            let why = if !is_ncname(id) {
                "is no XML name (letters, digits, '_', '-', '.'; not beginning with a digit)"
            } else if self.given.insert(id.to_owned(), element.tag).is_some() {
                "stands twice in the document"
            } else {
                ""
            };
            if !why.is_empty() {
                return Err(wrong(format!("the ID {id:?} of {} {why}", shown(element))));
            }
        }
        if let Some(to) = element.reference {
            let (from, to) = (shown(element), to.to_owned());
            self.references.push(Reference { tag: element.tag, from, to });
        }
        Ok(())
    }

    /// Every reference leads to an ID, and to one of the right kind.
    pub(crate) fn check(&self) -> Result<()> {
        for Reference { tag, from, to } in &self.references {
            let wanted = match *tag {
                "FIELDref" => Some("FIELD"),
                "PARAMref" => Some("PARAM"),
                "VALUES" => Some("VALUES"),
                _ => None,
            };
            match (self.given.get(to), wanted) {
                (None, _) => {
                    return Err(wrong(format!(
                        "the ref {to:?} of {from} leads nowhere: no element of the document has \
                         that ID"
                    )));
                }
                (Some(found), Some(wanted)) if *found != wanted => {
                    return Err(wrong(format!(
                        "the ref {to:?} of {from} leads to a {found}, and a {wanted} is meant"
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn shown(element: &Element<'_>) -> String {
    match element.name.or(element.id) {
        Some(name) => format!("{} {name:?}", element.tag),
        None => format!("a {}", element.tag),
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}
