#![doc = include_str!("../README.md")]

mod bind;
mod compare;
mod condition;
mod evaluate;
mod first_ids;
mod literal;
mod lookup;
mod names;
mod node;
mod parse;
mod possible;
mod projection;
mod select_list;
mod sql;

pub use condition::{Condition, Predicate};
pub use first_ids::{FirstIds, FirstIdsFilter, KeptPairs, Key, KeyReader, Keys, SampleCounts};
pub use possible::Bounds;
pub use projection::Projection;
pub use select_list::SelectList;
pub use sql::{
    SqlColumn, SqlDialect, SqlKind, SqlSyntax, SqlTable, SqlValue, plain_select, tables_of_columns,
};
