//! The IDs of a document, and the references to them; VOTable 1.4, 3.1.

use std::collections::HashMap;

use taploom_model::{Error, ErrorKind, Result};

use crate::document::element::Element;

/// The IDs and references of one document.
#[derive(Default)]
pub(crate) struct Ids {
    /// The tag of the element with the ID.
    given: HashMap<String, &'static str>,
    references: Vec<Reference>,
}

struct Reference {
    tag: &'static str,
    /// The element as a message names it.
    from: String,
    to: String,
}

impl Ids {
    /// Adds the ID and the reference of an element.
    pub(crate) fn add(&mut self, element: &Element<'_>) -> Result<()> {
        if let Some(id) = element.id
            && self.given.insert(id.to_owned(), element.tag).is_some()
        {
            let element = shown(element);
            return Err(wrong(format!("the ID {id:?} of {element} is used twice in the document")));
        }
        if let Some(to) = element.reference {
            let (from, to) = (shown(element), to.to_owned());
            self.references.push(Reference { tag: element.tag, from, to });
        }
        Ok(())
    }

    /// Checks that every reference leads to an ID, and to an element that it may refer to.
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
                        "the ref {to:?} of {from} is broken: no element of the document has \
                         that ID"
                    )));
                }
                (Some(found), Some(wanted)) if *found != wanted => {
                    return Err(wrong(format!(
                        "the ref {to:?} of {from} leads to a {found}, and has to lead to a {wanted}"
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
