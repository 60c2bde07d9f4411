//! Finds the column chunk in which a file is damaged. A reader of several columns and row groups reports only that
//! there is damage.

use std::fs::File;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};

use super::rows::mask;

/// Number of rows to decode at a time. It is small, because the granted memory may be in use.
const BATCH_ROWS: usize = 64;

/// A column chunk: the positions of a column and a row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkPlace {
    pub(super) column: usize,
    pub(super) row_group: usize,
}

/// Reads the chunks of these row groups and columns one by one, and returns the first one that can't be read.
pub(super) fn damaged_chunk(
    file: &File,
    metadata: &ArrowReaderMetadata,
    row_groups: &[usize],
    columns: &[usize],
) -> Option<ChunkPlace> {
    let places = row_groups.iter().flat_map(|row_group| {
        columns.iter().map(|column| ChunkPlace { column: *column, row_group: *row_group })
    });
    places.into_iter().find(|place| !is_readable(file, metadata, *place))
}

fn is_readable(file: &File, metadata: &ArrowReaderMetadata, place: ChunkPlace) -> bool {
    let Ok(file) = file.try_clone() else { return false };
    let mask = mask(metadata, std::iter::once(place.column));
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
        .with_row_groups(vec![place.row_group])
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build();
    reader.is_ok_and(|mut reader| reader.all(|batch| batch.is_ok()))
}
