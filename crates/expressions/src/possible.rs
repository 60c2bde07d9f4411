//! Tells whether a condition may be true for any row of a container, such as a row group, from the bounds of its
//! values.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, UInt64Array};

use crate::compare::Comparison;
use crate::evaluate::{Values, evaluate};
use crate::node::{Form, Node};

/// Bounds of the values in containers of rows, such as the row groups or pages of a file.
///
/// Every array has one value per container; null means unknown.
pub trait Bounds {
    /// How many rows each container has.
    fn rows(&self) -> &[u64];

    /// Lower bounds of a column, in its Arrow type. NaN and null are not counted as values.
    fn least(&self, column: usize) -> Option<ArrayRef>;

    /// Upper bounds of a column, in its Arrow type. NaN and null are not counted as values.
    fn greatest(&self, column: usize) -> Option<ArrayRef>;

    /// The numbers of nulls in a column.
    fn nulls(&self, column: usize) -> Option<UInt64Array>;

    /// The numbers of NaN in a column of floats. By default nothing is known.
    fn nans(&self, column: usize) -> Option<UInt64Array> {
        let _ = column;
        None
    }

    /// Whether a column may have a value in a container. The value is an array of length one in the
    /// column's type. Meant for filters such as Parquet's bloom filters.
    fn may_contain(&self, column: usize, container: usize, value: &ArrayRef) -> bool {
        let _ = (column, container, value);
        true
    }
}

/// The results that an expression may have in each container. A wrong `true` costs time; a wrong `false` would lose
/// rows.
struct Possible {
    yes: Vec<bool>,
    no: Vec<bool>,
    unknown: Vec<bool>,
}

impl Possible {
    fn anything(containers: usize) -> Self {
        let all = vec![true; containers];
        Self { yes: all.clone(), no: all.clone(), unknown: all }
    }
}

/// For each container, whether the condition may be true for one of its rows.
pub(crate) fn may_hold(node: &Node, bounds: &dyn Bounds) -> Vec<bool> {
    possible(node, bounds).yes
}

fn possible(node: &Node, bounds: &dyn Bounds) -> Possible {
    let containers = bounds.rows().len();
    let both = |left: &[bool], right: &[bool], join: fn(bool, bool) -> bool| -> Vec<bool> {
        left.iter().zip(right).map(|(left, right)| join(*left, *right)).collect()
    };
    let or = |left: bool, right: bool| left || right;
    let and = |left: bool, right: bool| left && right;
    match node {
        Node::And(nodes) | Node::Or(nodes) | Node::In { equal: nodes, .. } => {
            let is_and = matches!(node, Node::And(_));
            let joins: [fn(bool, bool) -> bool; 2] = if is_and { [and, or] } else { [or, and] };
            let [yes, no] = joins;
            let parts = nodes.iter().map(|node| possible(node, bounds));
            let joined = parts.reduce(|all, next| Possible {
                yes: both(&all.yes, &next.yes, yes),
                no: both(&all.no, &next.no, no),
                unknown: both(&all.unknown, &next.unknown, or),
            });
            joined.unwrap_or_else(|| Possible::anything(containers))
        }
        Node::Not(node) => {
            let Possible { yes, no, unknown } = possible(node, bounds);
            Possible { yes: no, no: yes, unknown }
        }
        Node::Is(node, wanted) => {
            let Possible { yes, no, unknown } = possible(node, bounds);
            let (is, other) = if *wanted { (yes, no) } else { (no, yes) };
            Possible { no: both(&other, &unknown, or), yes: is, unknown: vec![false; containers] }
        }
        Node::IsNull(node) => match node.column() {
            Some(column) => {
                let nulls = Nulls::of(column, bounds);
                Possible {
                    yes: nulls.some,
                    no: nulls.all.iter().map(|all| !all).collect(),
                    unknown: vec![false; containers],
                }
            }
            None => {
                let Possible { yes, no, unknown } = possible(node, bounds);
                Possible { no: both(&yes, &no, or), yes: unknown, unknown: vec![false; containers] }
            }
        },
        Node::Compare { comparison, left, right, is_mixed } => {
            let compared = match (left.column(), right.column()) {
                (Some(column), None) => {
                    compared(column, left, *comparison, right, *is_mixed, bounds)
                }
                (None, Some(column)) => {
                    compared(column, right, comparison.mirrored(), left, *is_mixed, bounds)
                }
                _ => None,
            };
            compared.unwrap_or_else(|| Possible::anything(containers))
        }
        _ => Possible::anything(containers),
    }
}

fn has_floats(node: &Node) -> bool {
    matches!(node, Node::Convert(_, Form::Float))
}

/// Which containers may have nulls, and which have only nulls.
struct Nulls {
    some: Vec<bool>,
    all: Vec<bool>,
}

impl Nulls {
    fn of(column: usize, bounds: &dyn Bounds) -> Self {
        let nulls = bounds.nulls(column);
        let rows = bounds.rows().iter().enumerate();
        let (some, all) = rows
            .map(|(at, rows)| {
                let nulls = count(nulls.as_ref(), at);
                (nulls != Some(0), nulls == Some(*rows))
            })
            .unzip();
        Self { some, all }
    }
}

/// Compares a column with a value.
fn compared(
    column: usize,
    values: &Node,
    comparison: Comparison,
    constant: &Node,
    is_mixed: bool,
    bounds: &dyn Bounds,
) -> Option<Possible> {
    let containers = bounds.rows().len();
    let no_columns = |_: usize| None;
    let constant = evaluate(constant, &no_columns, 1).ok().filter(|constant| constant.is_one)?;
    if constant.array.is_null(0) {
        return None;
    }
    let in_form = |array: Option<ArrayRef>| {
        let array = array.filter(|array| array.len() == containers)?;
        let column = |_: usize| Some(ArrayRef::clone(&array));
        evaluate(values, &column, containers).ok().filter(|values| !values.is_one)
    };
    let (least, greatest) = (in_form(bounds.least(column))?, in_form(bounds.greatest(column))?);
    let compare = |values: &Values, comparison: Comparison| {
        let compared = match is_mixed {
            true => comparison.of_mixed(values, &constant),
            false => comparison.of_same(values, &constant),
        };
        compared.ok()
    };
    let yes = |comparison: Comparison| -> Option<Vec<bool>> {
        Some(match comparison {
            Comparison::Equal => {
                let above = or_true(&compare(&least, Comparison::LessOrEqual)?);
                let below = or_true(&compare(&greatest, Comparison::GreaterOrEqual)?);
                above.into_iter().zip(below).map(|(above, below)| above && below).collect()
            }
            Comparison::NotEqual => {
                let least = or_true(&compare(&least, Comparison::NotEqual)?);
                let greatest = or_true(&compare(&greatest, Comparison::NotEqual)?);
                least.into_iter().zip(greatest).map(|(least, greatest)| least || greatest).collect()
            }
            Comparison::Less | Comparison::LessOrEqual => or_true(&compare(&least, comparison)?),
            Comparison::Greater | Comparison::GreaterOrEqual => {
                or_true(&compare(&greatest, comparison)?)
            }
            Comparison::Distinct | Comparison::NotDistinct => return None,
        })
    };
    let (mut can, mut can_not) = (yes(comparison)?, yes(comparison.opposite())?);
    if let Node::Column(_) = values {
        for (found, possible) in
            [(Comparison::Equal, &mut can), (Comparison::NotEqual, &mut can_not)]
        {
            if comparison == found {
                for (container, possible) in possible.iter_mut().enumerate() {
                    *possible = *possible && bounds.may_contain(column, container, &constant.array);
                }
            }
        }
    }
    if has_floats(values) {
        let is_nan = |values: &Values| {
            let floats = values.array.as_primitive_opt::<Float64Type>();
            floats.is_none_or(|floats| floats.iter().flatten().any(f64::is_nan))
        };
        if is_nan(&constant) || is_nan(&least) || is_nan(&greatest) {
            return None;
        }
        // NaN is greater than every number.
        use Comparison::{Greater, GreaterOrEqual, NotEqual};
        let above = matches!(comparison, Greater | GreaterOrEqual | NotEqual);
        let nans = bounds.nans(column);
        for (at, possible) in if above { &mut can } else { &mut can_not }.iter_mut().enumerate() {
            *possible |= count(nans.as_ref(), at) != Some(0);
        }
    }
    let nulls = Nulls::of(column, bounds);
    let except = |possible: Vec<bool>| -> Vec<bool> {
        possible.into_iter().zip(&nulls.all).map(|(possible, all)| possible && !all).collect()
    };
    Some(Possible { yes: except(can), no: except(can_not), unknown: nulls.some })
}

/// True unless it is known to be false.
fn or_true(compared: &BooleanArray) -> Vec<bool> {
    compared.iter().map(|known| known.unwrap_or(true)).collect()
}

/// A count, if it is known.
fn count(counts: Option<&UInt64Array>, container: usize) -> Option<u64> {
    let counts = counts.filter(|counts| container < counts.len() && counts.is_valid(container))?;
    Some(counts.value(container))
}
