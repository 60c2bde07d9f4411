//! Memory for waiting pages, in blocks of one size.
//!
//! # The problem
//!
//! For a compressed page, an encoder allocates the size of the uncompressed page, and then shrinks the allocation in
//! place. The freed rest is too small for the next page, which gets new memory. If 3,000 waiting pages of 1 MiB were
//! compressed to 3 KiB each, they take 9 MiB of the budget, but the heap has grown by gigabytes, most of which are
//! holes. Smaller allocations then fill parts of the holes, and the whole heap becomes resident.
//!
//! # The idea
//!
//! Waiting pages are copied into blocks, and the allocation of the encoder is freed at once, so that the next page gets
//! the same memory. Blocks are parts of larger slabs, which are allocated when pages first need them. A few slabs are
//! kept for the next row group; the others are freed when the row group is complete.

/// The size of a block in bytes. Every unfinished chunk has one partly filled block.
pub(super) const BLOCK: usize = 4 << 10;

/// The largest number of blocks in a slab.
const MOST_BLOCKS: usize = 64;

/// The blocks of all unfinished chunks.
pub(super) struct Blocks {
    slabs: Vec<Box<[u8]>>,
    /// Blocks per slab.
    per_slab: usize,
    /// Indexes of blocks that are not in use.
    free: Vec<u32>,
    /// Slabs that are kept from one row group to the next.
    kept: usize,
}

impl Blocks {
    /// Keeps at most about `kept` bytes from one row group to the next.
    pub(super) fn new(kept: usize) -> Self {
        let per_slab = (kept / BLOCK / 4).clamp(1, MOST_BLOCKS);
        Self { slabs: Vec::new(), per_slab, free: Vec::new(), kept: kept / BLOCK / per_slab }
    }

    /// Takes a block that is not in use.
    pub(super) fn take(&mut self) -> u32 {
        if let Some(block) = self.free.pop() {
            return block;
        }
        let first = self.slabs.len() * self.per_slab;
        self.slabs.push(vec![0; self.per_slab * BLOCK].into_boxed_slice());
        // The lowest block of the new slab is taken first.
        self.free.extend((first + 1..first + self.per_slab).rev().map(|block| block as u32));
        first as u32
    }

    /// Returns a block that [`take`](Self::take) has handed out.
    pub(super) fn give_back(&mut self, block: u32) {
        self.free.push(block);
    }

    pub(super) fn get(&self, block: u32) -> &[u8] {
        let (slab, at) = self.place(block);
        &self.slabs[slab][at..at + BLOCK]
    }

    pub(super) fn get_mut(&mut self, block: u32) -> &mut [u8] {
        let (slab, at) = self.place(block);
        &mut self.slabs[slab][at..at + BLOCK]
    }

    fn place(&self, block: u32) -> (usize, usize) {
        (block as usize / self.per_slab, block as usize % self.per_slab * BLOCK)
    }

    /// Bytes of the blocks in use.
    pub(super) fn used_bytes(&self) -> usize {
        self.heap_bytes() - self.free.len() * BLOCK
    }

    /// Heap of all slabs.
    pub(super) fn heap_bytes(&self) -> usize {
        self.slabs.len() * self.per_slab * BLOCK
    }

    /// Frees slabs that are not kept. Does nothing while blocks are in use.
    pub(super) fn free_surplus(&mut self) {
        if self.used_bytes() > 0 || self.slabs.len() <= self.kept {
            return;
        }
        self.slabs.truncate(self.kept);
        self.free = (0..self.kept * self.per_slab).rev().map(|block| block as u32).collect();
    }
}
