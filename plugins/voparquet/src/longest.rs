//! Finds the longest text of every column, for the footer.

use arrow_array::cast::AsArray;
use arrow_array::{Array, GenericStringArray, OffsetSizeTrait, RecordBatch};
use arrow_schema::{DataType, FieldRef, Schema};

/// The prefix of the key under which astropy keeps the number of characters of a text column. The name of the column
/// follows it.
pub(crate) const PREFIX: &str = "table::len::";

/// Astropy reads a null as the text `None`, cut to the length in the key, so the key has at least
/// this length.
const CHARACTERS_OF_NONE: usize = "None".len();

/// The longest text of each column so far; `None` for columns without text.
#[derive(Clone)]
pub(crate) struct LongestTexts(Vec<Option<LongestText>>);

/// The longest text of a column, or of the lists in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LongestText {
    /// Bytes of UTF-8: the length of a `char` column.
    pub(crate) bytes: usize,
    /// Code units of UTF-16: the length of a `unicodeChar` column.
    pub(crate) utf16_units: usize,
    characters: usize,
    has_nulls: bool,
}

impl LongestTexts {
    /// For columns of text and of lists of text.
    pub(crate) fn new(schema: &Schema) -> Self {
        let is_text = |data_type: &DataType| match data_type {
            DataType::Utf8 | DataType::LargeUtf8 => true,
            DataType::List(item) => item.data_type() == &DataType::Utf8,
            _ => false,
        };
        let of_column = |field: &FieldRef| is_text(field.data_type()).then(LongestText::default);
        Self(schema.fields().iter().map(of_column).collect())
    }

    /// Adds the rows of a batch.
    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        for (longest, array) in self.0.iter_mut().zip(batch.columns()) {
            let Some(longest) = longest else { continue };
            match array.data_type() {
                DataType::List(_) => {
                    longest.add(array.as_list::<i32>().values().as_string::<i32>());
                }
                DataType::LargeUtf8 => longest.add(array.as_string::<i64>()),
                _ => longest.add(array.as_string::<i32>()),
            }
        }
    }

    /// The longest text of a column.
    pub(crate) fn of(&self, column: usize) -> Option<LongestText> {
        self.0.get(column).copied().flatten()
    }

    /// The key of every column of text, and its value.
    pub(crate) fn astropy_keys(&self, schema: &Schema) -> Vec<(String, String)> {
        let columns = schema.fields().iter().zip(&self.0);
        let keys = columns.filter_map(|(field, longest)| {
            let longest = longest.as_ref()?;
            let least = if longest.has_nulls { CHARACTERS_OF_NONE } else { 0 };
            let characters = longest.characters.max(least);
            Some((format!("{PREFIX}{}", field.name()), characters.to_string()))
        });
        keys.collect()
    }
}

impl LongestText {
    fn add<O: OffsetSizeTrait>(&mut self, texts: &GenericStringArray<O>) {
        self.has_nulls |= texts.null_count() > 0;
        // Finding the longest length is much faster than finding its row, and usually it is not longer than earlier
        // texts.
        if texts.offsets().lengths().max().unwrap_or(0) <= self.characters {
            return;
        }
        for (index, bytes) in texts.offsets().lengths().enumerate() {
            // A text never has more code units than bytes, nor more characters than code units. Most texts
            // therefore need not be counted.
            if bytes <= self.characters || texts.is_null(index) {
                continue;
            }
            let text = texts.value(index);
            self.bytes = self.bytes.max(bytes);
            self.characters = self.characters.max(text.chars().count());
            self.utf16_units = self.utf16_units.max(text.encode_utf16().count());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, StringArray};

    use super::*;

    #[test]
    fn characters_bytes_and_units_are_counted_apart() {
        let batch = |cells: Vec<Option<&str>>| {
            let texts = Arc::new(StringArray::from(cells)) as ArrayRef;
            RecordBatch::try_from_iter_with_nullable([("name", texts, true)]).unwrap()
        };
        let first = batch(vec![Some("abc"), Some("é"), Some("𝄞𝄞")]);
        let mut longest = LongestTexts::new(&first.schema());
        longest.add(&first);
        let expected = LongestText { bytes: 8, utf16_units: 4, characters: 3, has_nulls: false };
        assert_eq!(longest.of(0), Some(expected));
        let key = |longest: &LongestTexts| longest.astropy_keys(&first.schema());
        assert_eq!(key(&longest), [("table::len::name".to_owned(), "3".to_owned())]);
        longest.add(&batch(vec![None]));
        assert_eq!(key(&longest)[0].1, "4", "so that astropy's None is not cut");
    }
}
