//! The options of a writer.

use parquet::file::properties::WriterProperties;

use taploom_scratch::ScratchSpace;

use crate::encodings::Encodings;
use crate::pool::Reservation;

/// How a file is written: the [`WriterProperties`] of the Parquet crate, and the memory, threads and scratch that the
/// writer may use.
///
/// ```
/// use parquet::basic::Compression;
/// use parquet::file::properties::WriterProperties;
/// use taploom_loom::{LoomOptions, ScratchSpace};
///
/// let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
/// let options = LoomOptions::new()
///     .with_properties(properties)
///     .with_memory_budget(16 << 20)
///     .with_scratch(ScratchSpace::in_folder("/var/tmp").limited_to(10 << 30))
///     .with_threads(2);
/// ```
pub struct LoomOptions {
    pub(crate) properties: WriterProperties,
    pub(crate) encodings: Encodings,
    pub(crate) float_order: FloatOrder,
    pub(crate) checksums: bool,
    pub(crate) skip_arrow_metadata: bool,
    pub(crate) memory: Memory,
    pub(crate) scratch: ScratchSpace,
    pub(crate) threads: usize,
}

/// The source of the memory budget.
pub(crate) enum Memory {
    Budget(usize),
    Reserved(Reservation),
}

impl Memory {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Budget(bytes) => *bytes,
            Self::Reserved(reservation) => reservation.bytes(),
        }
    }
}

/// The order that defines the minima and maxima of floats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FloatOrder {
    /// `TYPE_ORDER`, which every reader knows. It does not say how NaN is ordered, so a column chunk with a NaN
    /// has no minimum, no maximum and no column index. A minimum of zero is written as -0.0, a maximum of zero as
    /// 0.0.
    #[default]
    Type,
    /// `IEEE_754_TOTAL_ORDER`: chunks with NaNs have minima and maxima, and the number of NaNs. Readers of 2025
    /// and before ignore these statistics or refuse the file.
    Total,
}

impl LoomOptions {
    /// The default properties, encodings chosen from the values, floats in `TYPE_ORDER`, page checksums, 32 MiB of
    /// memory, the system's temporary folder without a limit, and one thread.
    pub fn new() -> Self {
        Self {
            properties: WriterProperties::default(),
            encodings: Encodings::default(),
            float_order: FloatOrder::default(),
            checksums: true,
            skip_arrow_metadata: false,
            memory: Memory::Budget(32 << 20),
            scratch: ScratchSpace::default(),
            threads: 1,
        }
    }

    /// Sets codecs, encodings, statistics, bloom filters, row group limits and keys. Content-defined chunking,
    /// distinct counts and column indexes with whole values are refused: they need unbounded memory.
    ///
    /// A row group ends after `max_row_group_row_count` rows or `max_row_group_bytes` bytes. The bytes are the size
    /// of the rows in Arrow, before they are encoded; the default is 1 GiB.
    #[must_use]
    pub fn with_properties(self, properties: WriterProperties) -> Self {
        Self { properties, ..self }
    }

    /// Sets how the encodings of column chunks are chosen.
    #[must_use]
    pub fn with_encodings(self, encodings: Encodings) -> Self {
        Self { encodings, ..self }
    }

    /// Sets the order of floats in statistics.
    #[must_use]
    pub fn with_float_order(self, float_order: FloatOrder) -> Self {
        Self { float_order, ..self }
    }

    /// Sets whether every page has a checksum (CRC-32), by which readers find damaged bytes.
    #[must_use]
    pub fn with_checksums(self, checksums: bool) -> Self {
        Self { checksums, ..self }
    }

    /// Leaves out the key `ARROW:schema`, which tells Arrow programs the types that Parquet does not have.
    #[must_use]
    pub fn with_skip_arrow_metadata(self, skip: bool) -> Self {
        Self { skip_arrow_metadata: skip, ..self }
    }

    /// Sets the heap that the writer may use in addition to the batch that it is given, in bytes; at least
    /// 1 MiB.
    #[must_use]
    pub fn with_memory_budget(self, bytes: usize) -> Self {
        Self { memory: Memory::Budget(bytes), ..self }
    }

    /// Sets the memory budget to a part of a [`MemoryPool`](crate::MemoryPool).
    #[must_use]
    pub fn with_reservation(self, reservation: Reservation) -> Self {
        Self { memory: Memory::Reserved(reservation), ..self }
    }

    /// Sets the folder of scratch files, and how much disk they may take. A row group takes about its size
    /// in Arrow. Writers with clones of the same space share its limit.
    #[must_use]
    pub fn with_scratch(self, scratch: ScratchSpace) -> Self {
        Self { scratch, ..self }
    }

    /// Sets the number of threads that encode, including the thread of the caller. There is at most one per 16 MiB
    /// of memory. The file does not depend on the number.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }
}

impl Default for LoomOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for LoomOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoomOptions")
            .field("properties", &self.properties)
            .field("encodings", &self.encodings)
            .field("float_order", &self.float_order)
            .field("checksums", &self.checksums)
            .field("skip_arrow_metadata", &self.skip_arrow_metadata)
            .field("memory_budget", &self.memory.bytes())
            .field("scratch", &self.scratch)
            .field("threads", &self.threads)
            .finish()
    }
}
