//! The VOTable in the footer of the file.

use std::sync::Arc;

use taploom_format::{
    Arraysize, Completion, Datatype, Envelope, Error, ErrorKind, Extent, Result, ResultSchema,
};
use taploom_votable::{Frame, Version};

use crate::longest::LongestTexts;
use crate::options::{TextArraysize, Timestamp, VoparquetOptions};

/// A document without the status of the result and, with some options, without the lengths of
/// texts.
pub(crate) struct Document {
    frame: Frame,
    /// The schema and the names from which the document is made again after all rows.
    again: Option<(ResultSchema, Vec<String>)>,
}

impl Document {
    /// The document of a result whose columns have these names in the file, or the given envelope.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] for `timestamp=micros`, if an envelope gives the FIELDs.
    pub(crate) fn start(
        options: &VoparquetOptions,
        schema: &ResultSchema,
        names: Vec<String>,
        envelope: Option<&Envelope>,
    ) -> Result<Self> {
        let longest = options.text_arraysize == TextArraysize::Longest;
        let Some(envelope) = envelope else {
            let frame = Frame::with_names(schema, &names, Version::default())?;
            return Ok(Self { frame, again: longest.then(|| (schema.clone(), names)) });
        };
        if options.timestamp == Timestamp::Micros {
            let message = "option timestamp=micros changes FIELDs, but the FIELDs of an envelope are written unchanged";
            return Err(Error::new(ErrorKind::InvalidOption, message));
        }
        Ok(Self { frame: Frame::given(envelope), again: None })
    }

    /// The whole document.
    pub(crate) fn finish(&self, longest: &LongestTexts, completion: &Completion) -> Result<String> {
        let made;
        let frame = match &self.again {
            Some((schema, names)) => {
                made = Frame::with_names(&bounded(schema, longest)?, names, Version::default())?;
                &made
            }
            None => &self.frame,
        };
        Ok(format!("{}{}", frame.header(), frame.footer(completion)?))
    }

    /// Heap that the document takes, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let made = if self.again.is_some() { 2 } else { 1 };
        self.frame.heap_bytes() * made
    }
}

/// The result with the length of the longest text in columns that allow any length.
fn bounded(schema: &ResultSchema, longest: &LongestTexts) -> Result<ResultSchema> {
    let columns = schema.columns().iter().enumerate().map(|(index, column)| {
        let mut metadata = column.resolved();
        if let Some(longest) = longest.of(index)
            && metadata.arraysize == Some(Arraysize::FREE)
        {
            let length = match metadata.datatype {
                Some(Datatype::Char) => longest.bytes,
                _ => longest.utf16_units,
            };
            // An arraysize has no 0; VOTable 1.4, 2.2.
            let most = u32::try_from(length.max(1)).map_or(Extent::Free, Extent::Bounded);
            metadata.arraysize = Some(Arraysize::of_one_dimension(most));
        }
        metadata
    });
    let metadata = columns.collect();
    Ok(ResultSchema::new(Arc::clone(schema.arrow()), metadata)?.with_table(schema.table().clone()))
}
