//! Encodes the columns of a row group, on one thread or several, and appends them to the file in order.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, compute_leaves};
use parquet::basic::Encoding;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};

use crate::columns::Columns;
use crate::encodings::{self, DeltaRange, Encodings, RankedWay, Ranking, Way};
use crate::error::{Error, Result};
use crate::footer::{ColumnMetadata, Footer};
use crate::leaf_pages::{LeafNotes, LeafPages};
use crate::output::Output;
use crate::pages::Pages;
use crate::plain::{PlainBuffers, PlainColumn};
use crate::stage::Stage;
use crate::table::{Column, Table};
use crate::threads;

/// A row group that is full.
pub(crate) struct RowGroup<'a> {
    pub(crate) table: &'a Table,
    pub(crate) stage: &'a Stage,
    /// Its last rows, which were not staged.
    pub(crate) last: Option<&'a RecordBatch>,
    pub(crate) rows: u64,
    pub(crate) pages: &'a Pages,
    pub(crate) threads: usize,
}

impl RowGroup<'_> {
    /// Encodes all columns and appends them to the file.
    pub(crate) fn write<W: Write + Send>(
        &self,
        out: &mut TrackedWrite<W>,
        footer: &mut Footer,
    ) -> Result<()> {
        footer.start_row_group(out.bytes_written() as u64);
        let columns = Columns::new(self.table, self.stage, self.threads);
        let output = Output::new(out, footer);
        std::thread::scope(|scope| {
            let others = self.threads.min(self.table.columns.len()).saturating_sub(1);
            for _ in 0..others {
                let _ = threads::start(scope, || self.work(&columns, &output));
            }
            self.work(&columns, &output);
        });
        match output.end() {
            (_, Some(error)) => Err(error),
            (file, None) => file.footer.end_row_group(self.rows, file.out),
        }
    }

    /// Encodes columns until all are done or one has failed.
    fn work<'a, W: Write + Send>(&'a self, columns: &Columns<'_>, output: &Output<'a, W>) {
        let mut buffers = PlainBuffers::new();
        loop {
            // Without this, a panic (for example in the sink) would let the other threads wait for their
            // turn for ever.
            let step = catch_unwind(AssertUnwindSafe(|| self.step(columns, output, &mut buffers)));
            match step.unwrap_or_else(|panic| Err(panicked(&*panic))) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return output.fail(error),
            }
        }
    }

    /// Encodes the next column. Returns `false` if all columns are done or another one has failed.
    fn step<'a, W: Write + Send>(
        &'a self,
        columns: &Columns<'_>,
        output: &Output<'a, W>,
        buffers: &mut PlainBuffers,
    ) -> Result<bool> {
        let Some((column, group)) = columns.next()? else {
            return Ok(false);
        };
        let arrays = group.as_ref().map(|group| group.arrays(self.table, column)).transpose()?;
        let loaded = arrays.as_deref();
        let described = &self.table.columns[column];
        let schema = Arc::new(SchemaDescriptor::new(Arc::clone(&described.root)));
        let properties = self.properties(column, &schema, loaded)?;
        if let Some(plain) = PlainColumn::of(described, &schema, &properties, self.table) {
            let mut pages = self.pages.of_chunk();
            let mut put = |buffer: &mut Vec<u8>, filled: usize| {
                output.put(column, &mut pages, buffer, filled)
            };
            let chunk = plain.encode(self.rows, buffers, &mut put, |write| {
                self.stage.for_each_piece(self.table, column, loaded, self.last, &mut |piece| {
                    self.refuse_nulls(column, piece)?;
                    write(piece)
                })
            })?;
            drop((arrays, group));
            return output.finish(column, self.pages, move |out, footer| {
                pages.drain_to(out)?;
                self.check_rows(column, chunk.rows())?;
                let start = out.bytes_written() as u64 - chunk.bytes();
                footer.add_column(plain.describe(chunk, start)?)
            });
        }
        let chunks = self.encode(column, &properties, loaded)?;
        drop((arrays, group));
        output.finish(column, self.pages, move |out, footer| {
            self.append(column, schema, chunks, out, footer)
        })
    }

    fn name(&self, column: usize) -> &str {
        self.table.columns[column].name()
    }

    /// Refuses nulls in a column that is not nullable, with the error of the Parquet crate.
    fn refuse_nulls(&self, column: usize, piece: &ArrayRef) -> Result<()> {
        let field = &self.table.columns[column].field;
        if field.is_nullable() || piece.null_count() == 0 {
            return Ok(());
        }
        let refused = compute_leaves(field, piece);
        refused.map(drop).map_err(|error| Error::column(field.name(), error))
    }

    /// Encodes the chunks of a column, one per leaf.
    fn encode(
        &self,
        column: usize,
        properties: &WriterPropertiesPtr,
        loaded: Option<&[ArrayRef]>,
    ) -> Result<Vec<(ArrowColumnChunk, LeafNotes)>> {
        let described = &self.table.columns[column];
        let Column { field, page_statistics, .. } = described;
        let name = described.name();
        let pages = LeafPages::new(self.pages, self.table.checksums, page_statistics);
        let pages = Arc::new(pages);
        let mut writers = described.writers(properties, Arc::clone(&pages) as _)?;
        self.stage.for_each_piece(self.table, column, loaded, self.last, &mut |array| {
            if array.is_empty() {
                return Ok(());
            }
            let leaves = compute_leaves(field, array).map_err(|e| Error::column(name, e))?;
            for (leaf, writer) in leaves.iter().zip(&mut writers) {
                writer.write(leaf).map_err(|error| Error::column(name, error))?;
            }
            Ok(())
        })?;
        let most = properties.column_index_truncate_length().unwrap_or(usize::MAX);
        let chunks = writers.into_iter().enumerate().map(|(leaf, writer)| {
            let mut chunk = writer.close()?;
            let notes = pages.take_notes(leaf);
            notes.correct(&mut chunk, most)?;
            Ok((chunk, notes))
        });
        chunks.collect::<Result<_, _>>().map_err(|error| Error::column(name, error))
    }

    /// The properties of a column, with the encodings chosen for its values in this row group.
    fn properties(
        &self,
        column: usize,
        schema: &SchemaDescriptor,
        loaded: Option<&[ArrayRef]>,
    ) -> Result<WriterPropertiesPtr> {
        let Table { properties, encodings, columns, .. } = self.table;
        let is_open = |leaf: &ColumnDescPtr| properties.encoding(leaf.path()).is_none();
        if *encodings == Encodings::AsSet || !schema.columns().iter().any(is_open) {
            return Ok(Arc::clone(properties));
        }
        let sample = self.stage.sample(self.table, column, loaded, self.last, self.rows)?;
        let described = &columns[column];
        let mut rankings =
            encodings::rank(*encodings, described, schema, properties, &sample, self.rows)?;
        drop(sample);
        if *encodings != Encodings::Smallest {
            self.keep_to_read_deltas(column, loaded, &mut rankings)?;
        }
        Ok(encodings::applied(properties, schema, &rankings))
    }

    /// Chooses the next best encoding for leaves with differences that some readers can't read. The sample may have
    /// missed the widest differences.
    fn keep_to_read_deltas(
        &self,
        column: usize,
        loaded: Option<&[ArrayRef]>,
        rankings: &mut [Ranking],
    ) -> Result<()> {
        let is_delta =
            |ranked: &RankedWay| ranked.way == Way::Direct(Encoding::DELTA_BINARY_PACKED);
        let mut ranges: Vec<_> = rankings
            .iter()
            .map(|ranking| ranking.first().is_some_and(is_delta).then(DeltaRange::default))
            .collect();
        if ranges.iter().all(Option::is_none) {
            return Ok(());
        }
        self.stage.for_each_piece(self.table, column, loaded, self.last, &mut |piece| {
            let mut arrays = Vec::new();
            encodings::leaves(piece, &mut arrays);
            for (range, array) in ranges.iter_mut().zip(&arrays) {
                range.iter_mut().for_each(|range| range.add(array));
            }
            Ok(())
        })?;
        for (range, ranking) in ranges.iter().zip(rankings) {
            if range.is_some_and(|range| !range.is_read_by_all()) {
                ranking.retain(|ranked| !is_delta(ranked));
            }
        }
        Ok(())
    }

    fn append<W: Write + Send>(
        &self,
        column: usize,
        schema: Arc<SchemaDescriptor>,
        chunks: Vec<(ArrowColumnChunk, LeafNotes)>,
        out: &mut TrackedWrite<W>,
        footer: &mut Footer,
    ) -> Result<()> {
        let name = self.name(column);
        let mut metadata = None;
        let mut notes = Vec::new();
        let append = || {
            let mut row_group = SerializedRowGroupWriter::new(
                Arc::clone(&schema),
                Arc::clone(&self.table.properties),
                out,
                0,
                Some(Box::new(|_, chunks, bloom_filters, column_indexes, offset_indexes| {
                    metadata = Some((chunks, bloom_filters, column_indexes, offset_indexes));
                    Ok(())
                })),
            );
            for (chunk, leaf) in chunks {
                chunk.append_to_row_group(&mut row_group)?;
                notes.push(leaf);
            }
            row_group.close()
        };
        append().map_err(|error| Error::column(name, error))?;
        let Some((mut chunks, bloom_filters, column_indexes, mut offset_indexes)) = metadata else {
            return Err(Error::Internal(format!("column {name} has no metadata")));
        };
        let places = chunks.columns_mut().iter_mut().zip(&mut offset_indexes);
        for ((chunk, offsets), notes) in places.zip(notes) {
            let corrected = notes.correct_places(chunk, offsets.as_mut());
            corrected.map_err(|error| Error::column(name, error))?;
        }
        self.check_rows(column, chunks.num_rows().cast_unsigned())?;
        footer.add_column(ColumnMetadata {
            schema,
            chunks,
            bloom_filters,
            column_indexes,
            offset_indexes,
        })
    }

    fn check_rows(&self, column: usize, rows: u64) -> Result<()> {
        if rows == self.rows {
            return Ok(());
        }
        let (name, wanted) = (self.name(column), self.rows);
        Err(Error::Internal(format!("column {name} has {rows} rows of {wanted}")))
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    Error::Internal(text.unwrap_or("it panicked").to_owned())
}
