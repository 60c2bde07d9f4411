//! Chooses the encoding of every column chunk from its values.
//!
//! # The problem
//!
//! No encoding is the best for a type. Ids that ascend are a fifth of their size as differences, ids in random order
//! grow. Splitting the bytes of floats saves a fifth of measured positions, and doubles the size of a column in which
//! few prices repeat. Writers that encode rows as they come decide before they have seen the values.
//!
//! # The idea
//!
//! The loom has the whole chunk before it encodes the first value. It takes some runs of neighbouring values from
//! several places of the chunk ([`Stage::sample`](crate::stage::Stage::sample)), encodes and compresses them in each
//! of the ways that may pay ([`trial`]), and takes the way with which the whole chunk is smallest. Quick tests leave
//! out the ways that can't win ([`candidates`]). A sample that compression does not make smaller says that the chunk is
//! better left uncompressed: readers then have less to do.
//!
//! # The limits
//!
//! - What repeats at a distance longer than a run is not seen, except by dictionaries.
//! - The size of a dictionary comes from an estimate ([`distinct`]).
//! - Chunks with few values are not tried: a dictionary is judged by the estimate alone.

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

/// Which encodings column chunks get. A column for which the properties name an encoding is written as they say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encodings {
    /// For every chunk, the smallest of the encodings that current readers and those of 2024 know: PLAIN and
    /// dictionaries, DELTA_BINARY_PACKED where differences have at most 28 bits, DELTA_LENGTH_BYTE_ARRAY and
    /// DELTA_BYTE_ARRAY for texts, BYTE_STREAM_SPLIT for floats. Chunks that compression does not make smaller are
    /// left uncompressed.
    #[default]
    Auto,
    /// As `Auto`, with BYTE_STREAM_SPLIT for integers and values of fixed length and DELTA_BINARY_PACKED for any
    /// differences too. Fewer readers know these.
    Smallest,
    /// PLAIN, and dictionaries where they pay, which every reader knows.
    Compatible,
    /// What the properties say, as in `ArrowWriter`.
    AsSet,
}

/// A way of encoding the values of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Dictionary,
    Direct(Encoding),
}

/// A way, and whether compression makes the pages smaller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RankedWay {
    pub(crate) way: Way,
    compressed: bool,
}

/// The ways for a leaf, the best first. Empty where the properties decide.
pub(crate) type Ranking = Vec<RankedWay>;

/// What other encodings have to save, because dictionaries and PLAIN are read by every reader and quickly.
const WORTH_IT: f64 = 0.98;

/// What compression has to save.
const WORTH_COMPRESSING: f64 = 0.98;

/// The ways for each leaf of a column with `rows` rows, of which `sample` holds some.
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
    // Lists have more values than rows, or fewer.
    let times = rows as f64 / sampled.max(1) as f64;
    let mut paths = HashMap::new();
    schema.columns().iter().for_each(|leaf| *paths.entry(leaf.path()).or_insert(0) += 1);
    let leaves = schema.columns().iter().zip(&arrays);
    let leaves: Vec<Leaf<'_>> = leaves
        .map(|(described, arrays)| {
            Leaf::new(column, described, arrays, properties, encodings, times)
        })
        .collect();
    // Properties are set by path, so fields of a struct that share their name are not told apart.
    let is_alone = |leaf: &Leaf<'_>| paths.get(leaf.path()).is_none_or(|count| *count == 1);
    let ways =
        leaves.iter().map(|leaf| if is_alone(leaf) { leaf.candidates() } else { Vec::new() });
    let ways: Vec<Vec<Way>> = ways.collect();
    if leaves.iter().all(Leaf::is_small) {
        let first =
            |ways: &Vec<Way>| ways.first().map(|way| RankedWay { way: *way, compressed: true });
        return Ok(ways.iter().map(|ways| first(ways).into_iter().collect()).collect());
    }
    // All leaves of a nested column are tried at once, each in one of its ways.
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
    // Stable: of equal ways, the first candidate is taken.
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
        // The second best takes over where a dictionary becomes too large.
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
