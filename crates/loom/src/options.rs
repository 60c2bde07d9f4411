//! What can be chosen.

use parquet::file::properties::WriterProperties;

use taploom_scratch::ScratchSpace;

use crate::pool::Reservation;

/// How a file is written: the [`WriterProperties`] of the Parquet crate, and what a writer with a
/// ceiling needs besides.
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
    pub(crate) dictionaries: Dictionaries,
    pub(crate) skip_arrow_metadata: bool,
    pub(crate) memory: Memory,
    pub(crate) scratch: ScratchSpace,
    pub(crate) threads: usize,
}

/// Who grants the memory.
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

/// Which column chunks get a dictionary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dictionaries {
    /// Those that the properties allow one, and in which it pays: decided for every column chunk
    /// from a sample of its values, before the first of them is encoded.
    #[default]
    WherePaying,
    /// Those that the properties allow one: what `ArrowWriter` does, byte for byte.
    AsSet,
}

impl LoomOptions {
    /// The properties' defaults, dictionaries where they pay, 32 MiB of memory, the system's temporary
    /// folder without a limit, one thread.
    pub fn new() -> Self {
        Self {
            properties: WriterProperties::default(),
            dictionaries: Dictionaries::default(),
            skip_arrow_metadata: false,
            memory: Memory::Budget(32 << 20),
            scratch: ScratchSpace::default(),
            threads: 1,
        }
    }

    /// Codec, encodings, statistics, bloom filters, row group limits and keys; all but
    /// content-defined chunking and distinct counts, which need memory without a limit.
    ///
    /// A row group ends with `max_row_group_row_count` rows or `max_row_group_bytes` bytes, which
    /// are counted here as Arrow holds them, before they are encoded; 1 GiB unless set.
    #[must_use]
    pub fn with_properties(self, properties: WriterProperties) -> Self {
        Self { properties, ..self }
    }

    /// Which column chunks get a dictionary.
    #[must_use]
    pub fn with_dictionaries(self, dictionaries: Dictionaries) -> Self {
        Self { dictionaries, ..self }
    }

    /// Leaves out the key `ARROW:schema`, in which Arrow programs find types that Parquet lacks.
    #[must_use]
    pub fn with_skip_arrow_metadata(self, skip: bool) -> Self {
        Self { skip_arrow_metadata: skip, ..self }
    }

    /// Heap that the writer may hold, in bytes, beside the batch that it is given; 1 MiB and more.
    #[must_use]
    pub fn with_memory_budget(self, bytes: usize) -> Self {
        Self { memory: Memory::Budget(bytes), ..self }
    }

    /// The same, taken out of a [`MemoryPool`](crate::MemoryPool).
    #[must_use]
    pub fn with_reservation(self, reservation: Reservation) -> Self {
        Self { memory: Memory::Reserved(reservation), ..self }
    }

    /// Where scratch files are made, and how much disk they may take. A row group takes about as much
    /// as it does in Arrow. Writers that are given clones of one space share its limit.
    #[must_use]
    pub fn with_scratch(self, scratch: ScratchSpace) -> Self {
        Self { scratch, ..self }
    }

    /// Threads that encode, the caller's included; no more than one for every 16 MiB of memory. The
    /// file is the same with any number.
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
            .field("dictionaries", &self.dictionaries)
            .field("skip_arrow_metadata", &self.skip_arrow_metadata)
            .field("memory_budget", &self.memory.bytes())
            .field("scratch", &self.scratch)
            .field("threads", &self.threads)
            .finish()
    }
}
