//! Chooses the encoding of every column chunk from its values.
//!
//! # The problem
//!
//! The best encoding depends on the values, not only on the type. Stored as differences, ascending ids take a fifth of
//! their size, but ids in random order grow. Splitting the bytes of floats makes measured positions a fifth smaller,
//! but doubles the size of a column that repeats a few prices. Writers that encode rows as they arrive choose an
//! encoding before they have seen the values.
//!
//! # The idea
//!
//! The loom has the whole chunk before it encodes the first value. It takes some runs of neighbouring values from
//! several places of the chunk ([`Stage::sample`](crate::stage::Stage::sample)), encodes and compresses them with every
//! encoding that may be smaller than PLAIN ([`trial`]), and takes the one with the smallest estimated size of the whole
//! chunk. Quick tests leave out encodings that can't win ([`candidates`]). If compression does not make the sample
//! smaller, the chunk is left uncompressed, which saves work for readers.
//!
//! # The limits
//!
//! - Repetitions at a distance longer than a run are not found, except by dictionaries.
//! - The size of a dictionary comes from an estimate ([`distinct`]).
//! - Chunks with few values have no trial: the estimate alone decides on a dictionary.

mod candidates;
mod deltas;
mod distinct;
mod streams;
mod trial;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::schema::types::SchemaDescriptor;

use self::candidates::Leaf;
pub(crate) use self::deltas::DeltaRange;
pub(crate) use self::distinct::leaves;
use self::trial::{Measured, Trial};
use crate::error::Result;
use crate::table::Column;

/// How the encodings of column chunks are chosen. If the properties name an encoding for a column, that one is
/// used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encodings {
    /// For every chunk, the smallest of the encodings that readers of 2024 and later know: PLAIN and dictionaries,
    /// DELTA_BINARY_PACKED if differences have at most 28 bits, DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY for
    /// texts, BYTE_STREAM_SPLIT for floats. Chunks that compression does not make smaller are left uncompressed.
    #[default]
    Auto,
    /// As `Auto`, and also BYTE_STREAM_SPLIT for integers and values of fixed length, and DELTA_BINARY_PACKED
    /// for differences of any width. Fewer readers support these.
    Smallest,
    /// The smaller of PLAIN and a dictionary. Every reader knows both.
    Compatible,
    /// The encodings that the properties give, as in `ArrowWriter`.
    AsSet,
}

/// A way of encoding the values of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Dictionary,
    Direct(Encoding),
}

/// A way of encoding, and whether compression makes the pages smaller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RankedWay {
    pub(crate) way: Way,
    compressed: bool,
}

/// The ways of encoding for a leaf, the best first. Empty if the properties decide.
pub(crate) type Ranking = Vec<RankedWay>;

/// Another encoding is chosen only if its size is at most this part of the size with PLAIN or a
/// dictionary, which every reader reads quickly.
const WORTH_IT: f64 = 0.98;

/// A chunk is compressed only if this leaves at most this part of its size.
const WORTH_COMPRESSING: f64 = 0.98;

/// Ranks the ways of encoding for each leaf of a column with `rows` rows. `sample` has some of
/// these rows.
pub(crate) fn rank(
    encodings: Encodings,
    column: &Column,
    schema: &SchemaDescriptor,
    properties: &WriterProperties,
    sample: &[ArrayRef],
    rows: u64,
) -> Result<Vec<Ranking>> {
    let sampled: usize = sample.iter().map(Array::len).sum();
    let mut arrays = vec![Vec::new(); schema.num_columns()];
    for array in sample {
        let mut of_leaves = Vec::new();
        leaves(array, &mut of_leaves);
        arrays.iter_mut().zip(of_leaves).for_each(|(leaf, array)| leaf.push(array));
    }
    // A column of lists may have more or fewer values than rows.
    let times = rows as f64 / sampled.max(1) as f64;
    let mut paths = HashMap::new();
    schema.columns().iter().for_each(|leaf| *paths.entry(leaf.path()).or_insert(0) += 1);
    let leaves = schema.columns().iter().zip(&arrays);
    let leaves: Vec<Leaf<'_>> = leaves
        .map(|(described, arrays)| {
            Leaf::new(column, described, arrays, properties, encodings, times)
        })
        .collect();
    // Properties are set by path, so fields of a struct with the same name can't have different
    // ones.
    let is_alone = |leaf: &Leaf<'_>| paths.get(leaf.path()).is_none_or(|count| *count == 1);
    let ways =
        leaves.iter().map(|leaf| if is_alone(leaf) { leaf.candidates() } else { Vec::new() });
    let ways: Vec<Vec<Way>> = ways.collect();
    if leaves.iter().all(Leaf::is_small) {
        let first =
            |ways: &Vec<Way>| ways.first().map(|way| RankedWay { way: *way, compressed: true });
        return Ok(ways.iter().map(|ways| first(ways).into_iter().collect()).collect());
    }
    // Each trial encodes all leaves of a nested column, each leaf in one of its ways.
    let trials = ways.iter().map(Vec::len).max().unwrap_or(0);
    let mut measured = vec![Vec::new(); ways.len()];
    for trial in 0..trials {
        let of_trial = ways.iter().map(|ways| ways.get(trial).or(ways.last()).copied());
        let of_trial: Vec<_> = of_trial.collect();
        let sizes = Trial::new(column, schema, properties).measure(&of_trial, sample)?;
        for (leaf, size) in sizes.into_iter().enumerate() {
            measured[leaf].extend(ways[leaf].get(trial).map(|way| (*way, size)));
        }
    }
    Ok(leaves.iter().zip(measured).map(|(leaf, measured)| ranked(leaf, &measured)).collect())
}

fn ranked(leaf: &Leaf<'_>, measured: &[(Way, Measured)]) -> Ranking {
    let mut ranking: Vec<(f64, RankedWay)> = measured
        .iter()
        .map(|(way, measured)| {
            let (plain, compressed) = (measured.uncompressed(), measured.compressed());
            let mut pays = compressed as f64 <= plain as f64 * WORTH_COMPRESSING;
            let mut bytes = leaf.chunk_bytes(*way, measured, pays);
            if *way == Way::Direct(Encoding::BYTE_STREAM_SPLIT)
                && let Some(split) = leaf.split_bytes()
                && split < bytes
            {
                pays |= split <= bytes * WORTH_COMPRESSING;
                bytes = split;
            }
            let weighed = match way {
                Way::Dictionary | Way::Direct(Encoding::PLAIN) => bytes * WORTH_IT,
                Way::Direct(_) => bytes,
            };
            (weighed, RankedWay { way: *way, compressed: pays })
        })
        .collect();
    // The sort is stable: if two ways are equal, the first candidate wins.
    ranking.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    ranking.into_iter().map(|(_, way)| way).collect()
}

/// The properties of a column whose leaves are written in the best of their ways.
pub(crate) fn applied(
    properties: &WriterPropertiesPtr,
    schema: &SchemaDescriptor,
    rankings: &[Ranking],
) -> WriterPropertiesPtr {
    let mut builder = WriterProperties::clone(properties).into_builder();
    for (leaf, ranking) in schema.columns().iter().zip(rankings) {
        let path = leaf.path();
        let Some(best) = ranking.first() else { continue };
        builder = builder.set_column_dictionary_enabled(path.clone(), best.way == Way::Dictionary);
        // If a dictionary becomes too large, the best way without a dictionary is used.
        let direct = ranking.iter().find_map(|ranked| match ranked.way {
            Way::Direct(encoding) => Some(encoding),
            Way::Dictionary => None,
        });
        if let Some(direct) = direct {
            builder = builder.set_column_encoding(path.clone(), direct);
        }
        if !best.compressed {
            builder = builder.set_column_compression(path.clone(), Compression::UNCOMPRESSED);
        }
    }
    Arc::new(builder.build())
}
