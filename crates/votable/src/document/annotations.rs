//! DESCRIPTION and LINK, which most other elements may have.

use taploom_model::{Link, Result};

use crate::document::element::Element;
use crate::document::xml::Xml;

pub(crate) fn description(xml: &mut Xml, text: Option<&str>) -> Result<()> {
    text.map_or(Ok(()), |text| xml.text(Element::new("DESCRIPTION"), text))
}

pub(crate) fn links(xml: &mut Xml, links: &[Link]) -> Result<()> {
    links.iter().try_for_each(|link| {
        xml.empty(
            Element::new("LINK")
                .with("ID", link.id.as_deref())
                .with("content-role", link.content_role.as_deref())
                .with("content-type", link.content_type.as_deref())
                .with("title", link.title.as_deref())
                .with("value", link.value.as_deref())
                .with("href", link.href.as_deref())
                .with("action", link.action.as_deref()),
        )
    })
}
