//! Writes the end of a file: everything after the last row group.

use std::io::{BufReader, Write};
use std::sync::Arc;

use parquet::file::metadata::{FileMetaData, KeyValue, ParquetMetaData};
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::{SchemaDescriptor, TypePtr};
use taploom_thrift::{self as thrift, Reader};

use super::float_order::put_type_order;
use super::keys::put_keys;
use super::records::{ChunkRecord, NextPlaces, RowGroupRecord};
use super::{Footer, TRAILER};
use crate::error::{Error, Result};
use crate::options::FloatOrder;

impl Footer {
    /// Writes everything after the last row group.
    pub(crate) fn finish<W: Write + Send>(
        &mut self,
        schema: &TypePtr,
        keys: &[KeyValue],
        out: &mut TrackedWrite<W>,
    ) -> Result<()> {
        let bloom_filters = out.bytes_written() as u64;
        self.bloom_filters.drain_to(out).map_err(Error::io)?;
        let mut places = NextPlaces { bloom_filters, ..NextPlaces::default() };
        places.column_indexes = out.bytes_written() as u64;
        self.column_indexes.drain_to(out).map_err(Error::io)?;
        places.offset_indexes = out.bytes_written() as u64;
        self.offset_indexes.drain_to(out).map_err(Error::io)?;

        let start = out.bytes_written();
        // Metadata without row groups give the bytes before and after the list of row groups.
        let metadata = ParquetMetaData::new(
            FileMetaData::new(
                self.properties.writer_version().as_num(),
                0,
                Some(self.properties.created_by().to_owned()),
                // Keys may be long. They are written below, without a copy.
                None,
                Arc::new(SchemaDescriptor::new(Arc::clone(schema))),
                None,
            ),
            Vec::new(),
        );
        let mut frame = self.serialise(&metadata)?;
        if self.float_order == FloatOrder::Type {
            put_type_order(&mut frame)?;
        }
        drop(metadata);
        let frame = &frame[..frame.len() - TRAILER];
        let mut reader = Reader::new(frame);
        let mut last = 0;
        let mut rows_at = 0;
        while let Some((id, kind)) = reader.field(&mut last)? {
            if id == 3 {
                rows_at = reader.at();
            }
            reader.pass_over(kind)?;
            if id == 4 {
                break;
            }
        }
        let after = reader.at();

        let mut bytes = Vec::with_capacity(4096);
        thrift::put_integer(&mut bytes, self.rows.cast_signed());
        let mut last = 3;
        thrift::put_field(&mut bytes, &mut last, 4, thrift::kind::LIST);
        thrift::put_list(&mut bytes, self.row_group_count, thrift::kind::STRUCT);
        out.write_all(&frame[..rows_at]).map_err(Error::io)?;
        out.write_all(&bytes).map_err(Error::io)?;
        let mut row_groups = BufReader::with_capacity(self.read_bytes, self.row_groups.reader());
        let mut chunks = BufReader::with_capacity(self.read_bytes, self.chunks.reader());
        // The field has 16 bits. If they can't count all row groups, it is left out.
        let with_ordinals = i16::try_from(self.row_group_count).is_ok();
        for ordinal in 0..self.row_group_count {
            let row_group = RowGroupRecord::read(&mut row_groups)?;
            if let Some(offset) = row_group.bloom_offset {
                places.bloom_filters = offset;
            }
            bytes.clear();
            let mut last = 0;
            thrift::put_field(&mut bytes, &mut last, 1, thrift::kind::LIST);
            thrift::put_list(&mut bytes, row_group.chunks, thrift::kind::STRUCT);
            out.write_all(&bytes).map_err(Error::io)?;
            for _ in 0..row_group.chunks {
                bytes.clear();
                ChunkRecord::read(&mut chunks)?.put(&mut bytes, &mut places);
                out.write_all(&bytes).map_err(Error::io)?;
            }
            bytes.clear();
            row_group.put(&mut bytes, with_ordinals.then_some(ordinal));
            out.write_all(&bytes).map_err(Error::io)?;
        }
        put_keys(keys, &frame[after..], out)?;
        let length = i32::try_from(out.bytes_written() - start);
        let length = length.map_err(|_| Error::FooterTooLarge)?;
        // An error of the sink up to here leaves a file without an end, which no reader accepts.
        out.flush().map_err(Error::io)?;
        out.write_all(&length.to_le_bytes()).map_err(Error::io)?;
        out.write_all(b"PAR1").map_err(Error::io)?;
        out.flush().map_err(Error::io)
    }
}
