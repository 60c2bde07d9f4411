//! The losses of a format, column by column.

use std::fmt::Write as _;
use std::ops::AddAssign;

use serde::Serialize;
use taploom_model::{Error, ErrorKind, ResultSchema, counted};

/// Number of column names that a sentence lists; the other columns are only counted.
const NAMES_LISTED: usize = 5;

/// Losses in the cells of one column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CellLosses {
    /// Cells that lost characters, because their text is longer than the column's arraysize.
    pub truncated: u64,
    /// Cells in which characters or values were replaced.
    pub altered: u64,
}

impl AddAssign for CellLosses {
    fn add_assign(&mut self, other: Self) {
        self.truncated += other.truncated;
        self.altered += other.altered;
    }
}

/// The differences between the given result and the written one: cells that were cut or altered,
/// column by column, altered column names, and altered texts of the metadata.
///
/// A plug-in builds this value by column number. The driver adds the names of the columns.
///
/// ```
/// use taploom_format::{CellLosses, Losses};
///
/// let cells = [CellLosses::default(), CellLosses { altered: 3, ..CellLosses::default() }];
/// let losses = Losses::of_cells("had characters that FITS can't store; replaced by ?", cells)
///     .with_altered_names([0]);
/// assert_eq!(losses.altered_cells(), 3);
/// assert_eq!(losses.altered_names(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    columns: Vec<ColumnLosses>,
    altered_metadata: u64,
    alteration: &'static str,
}

/// The losses of one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ColumnLosses {
    /// The position of the column in the result, from 0.
    #[serde(skip)]
    pub index: usize,
    /// The name of the column as it was given.
    #[serde(rename = "column")]
    pub name: String,
    /// Cells that lost characters, because their text is longer than the column's arraysize.
    pub truncated_cells: u64,
    /// Cells in which characters or values were replaced.
    pub altered_cells: u64,
    /// Whether the name of the column was altered.
    pub name_altered: bool,
}

impl Losses {
    /// The losses of all columns, in the order of the columns. `alteration` is the end of a
    /// sentence that says why cells were altered and how: `had characters that FITS can't store;
    /// replaced by ?`.
    #[must_use]
    pub fn of_cells(alteration: &'static str, cells: impl IntoIterator<Item = CellLosses>) -> Self {
        let lossy = cells.into_iter().enumerate().filter(|(_, cells)| *cells != Default::default());
        let columns = lossy.map(|(index, cells)| ColumnLosses {
            index,
            truncated_cells: cells.truncated,
            altered_cells: cells.altered,
            ..ColumnLosses::default()
        });
        Self { columns: columns.collect(), altered_metadata: 0, alteration }
    }

    /// Adds the columns whose names were altered, by their positions from 0.
    #[must_use]
    pub fn with_altered_names(mut self, columns: impl IntoIterator<Item = usize>) -> Self {
        for index in columns {
            let place = self.columns.partition_point(|column| column.index < index);
            if self.columns.get(place).is_none_or(|column| column.index != index) {
                self.columns.insert(place, ColumnLosses { index, ..ColumnLosses::default() });
            }
            self.columns[place].name_altered = true;
        }
        self
    }

    /// Adds texts of the metadata that were cut or altered: the table's name, units, descriptions.
    #[must_use]
    pub fn with_altered_metadata(mut self, texts: u64) -> Self {
        self.altered_metadata += texts;
        self
    }

    /// Adds the losses of another file with the same columns and metadata. Both files write the same names and texts
    /// of the metadata, so what was altered there counts once.
    pub(crate) fn join(&mut self, other: &Self) {
        for losses in &other.columns {
            let place = self.columns.partition_point(|column| column.index < losses.index);
            match self.columns.get_mut(place).filter(|column| column.index == losses.index) {
                Some(column) => {
                    column.truncated_cells += losses.truncated_cells;
                    column.altered_cells += losses.altered_cells;
                    column.name_altered |= losses.name_altered;
                }
                None => self.columns.insert(place, losses.clone()),
            }
        }
        self.altered_metadata = self.altered_metadata.max(other.altered_metadata);
        if self.alteration.is_empty() {
            self.alteration = other.alteration;
        }
    }

    /// The columns that lost something, in their order in the result.
    pub fn columns(&self) -> &[ColumnLosses] {
        &self.columns
    }

    /// Cells of all columns that lost characters.
    pub fn truncated_cells(&self) -> u64 {
        self.columns.iter().map(|column| column.truncated_cells).sum()
    }

    /// Cells of all columns in which characters or values were replaced.
    pub fn altered_cells(&self) -> u64 {
        self.columns.iter().map(|column| column.altered_cells).sum()
    }

    /// Columns whose names were altered.
    pub fn altered_names(&self) -> u64 {
        self.columns.iter().map(|column| u64::from(column.name_altered)).sum()
    }

    /// Texts of the metadata that were cut or altered.
    pub fn altered_metadata(&self) -> u64 {
        self.altered_metadata
    }

    /// Everything that was altered: cells, column names and texts of the metadata.
    pub(crate) fn altered(&self) -> u64 {
        self.altered_cells() + self.altered_names() + self.altered_metadata()
    }

    /// Whether nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.altered_metadata == 0
    }

    /// Warnings for the user: which columns have losses, in how many cells, and how the cells were
    /// changed. Empty without losses.
    ///
    /// ```text
    /// 375 cells in 2 columns (note, name) had characters that FITS can't store; replaced by ?
    /// ```
    pub fn sentences(&self) -> Vec<String> {
        let truncated = self.cells_sentence(
            |column| column.truncated_cells,
            "did not fit the arraysize of the column, or had a NUL inside; cut",
        );
        let altered = self.cells_sentence(|column| column.altered_cells, self.alteration);
        let names = self.columns.iter().filter(|column| column.name_altered);
        let names: Vec<&str> = names.map(|column| column.name.as_str()).collect();
        let names = (!names.is_empty()).then(|| {
            let count = counted(names.len() as u64, "column name");
            let (it, is) = if names.len() == 1 { ("it", "it is") } else { ("them", "they are") };
            format!("{count} ({}) changed: the format can't hold {it} as {is}", listed(&names))
        });
        let metadata = (self.altered_metadata > 0).then(|| {
            let count = counted(self.altered_metadata, "text");
            let them = if self.altered_metadata == 1 { "it" } else { "them" };
            format!("{count} of the metadata cut or changed: the format can't hold {them} whole")
        });
        [truncated, altered, names, metadata].into_iter().flatten().collect()
    }

    fn cells_sentence(
        &self,
        cells_of: impl Fn(&ColumnLosses) -> u64,
        predicate: &str,
    ) -> Option<String> {
        let lossy = self.columns.iter().filter(|column| cells_of(column) > 0);
        let (cells, names): (Vec<u64>, Vec<&str>) =
            lossy.map(|column| (cells_of(column), column.name.as_str())).unzip();
        (!names.is_empty()).then(|| {
            let cells = counted(cells.iter().sum(), "cell");
            let columns = counted(names.len() as u64, "column");
            format!("{cells} in {columns} ({}) {predicate}", listed(&names))
        })
    }

    /// Adds the names of the columns.
    pub(crate) fn named(mut self, schema: &ResultSchema) -> Result<Self, Error> {
        for losses in &mut self.columns {
            let Some(column) = schema.columns().get(losses.index) else {
                let message = format!(
                    "the format reports losses of column {}, and the result has {} columns",
                    losses.index + 1,
                    schema.columns().len()
                );
                return Err(Error::new(ErrorKind::Internal, message));
            };
            column.name().clone_into(&mut losses.name);
        }
        Ok(self)
    }
}

/// The first names, and the number of the others. A name that would be misread in a list is quoted.
fn listed(names: &[&str]) -> String {
    let mut list = String::new();
    for (index, name) in names.iter().take(NAMES_LISTED).enumerate() {
        list.push_str(if index == 0 { "" } else { ", " });
        let misleading = |c: char| c.is_control() || matches!(c, ',' | '(' | ')' | '"');
        let _ = match name.is_empty() || name.contains(misleading) {
            true => write!(list, "{name:?}"),
            false => write!(list, "{name}"),
        };
    }
    if names.len() > NAMES_LISTED {
        let _ = write!(list, ", and {} more", names.len() - NAMES_LISTED);
    }
    list
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, Schema};

    use super::*;

    fn schema(columns: usize) -> ResultSchema {
        let names = ["note", "n\n", "name", "c3", "c4", "c5", "c6", "c7"];
        let fields: Vec<Field> =
            names[..columns].iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
        ResultSchema::derived(Arc::new(Schema::new(fields)))
    }

    const ALTERATION: &str = "had characters that FITS can't store; replaced by ?";

    #[test]
    fn sentences_name_columns_and_counts() {
        let cells = |truncated, altered| CellLosses { truncated, altered };
        let losses = Losses::of_cells(ALTERATION, [cells(0, 370), cells(1, 0), cells(0, 5)])
            .with_altered_names([1, 3])
            .with_altered_metadata(1)
            .named(&schema(4))
            .unwrap();
        assert_eq!(
            losses.sentences(),
            [
                "1 cell in 1 column (\"n\\n\") did not fit the arraysize of the column, or had a NUL \
                 inside; cut",
                "375 cells in 2 columns (note, name) had characters that FITS can't store; replaced \
                 by ?",
                "2 column names (\"n\\n\", c3) changed: the format can't hold them as they are",
                "1 text of the metadata cut or changed: the format can't hold it whole",
            ]
        );
        let all = Losses::of_cells(ALTERATION, [cells(0, 1); 8]).named(&schema(8)).unwrap();
        assert_eq!(
            all.sentences()[0],
            "8 cells in 8 columns (note, \"n\\n\", name, c3, c4, and 3 more) had characters that \
             FITS can't store; replaced by ?"
        );
        assert!(Losses::of_cells(ALTERATION, [cells(0, 0); 8]).sentences().is_empty());
    }

    #[test]
    fn losses_of_two_files_are_added_and_those_of_their_headers_are_not() {
        let cells = |truncated, altered| CellLosses { truncated, altered };
        let losses = |cells: [CellLosses; 3]| {
            let losses = Losses::of_cells(ALTERATION, cells);
            losses.with_altered_names([1]).with_altered_metadata(2).named(&schema(3)).unwrap()
        };
        let mut both = Losses::default();
        both.join(&losses([cells(0, 1), cells(0, 0), cells(2, 0)]));
        both.join(&losses([cells(0, 4), cells(0, 0), cells(1, 1)]));
        assert_eq!(both, losses([cells(0, 5), cells(0, 0), cells(3, 1)]));
        assert_eq!(both.altered(), 6 + 1 + 2);
    }

    #[test]
    fn a_column_that_the_result_lacks_is_a_defect() {
        let losses = Losses::default().with_altered_names([2]);
        assert_eq!(losses.named(&schema(2)).unwrap_err().kind(), ErrorKind::Internal);
    }
}
