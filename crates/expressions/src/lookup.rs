//! Finds values in a list of literals: `x IN (1, 2, 3)`.
//!
//! Comparing every value with every literal takes rows × literals. The literals are sorted once instead, and each value
//! is looked up among them.

use std::cmp::Ordering;

use arrow_array::{Array, ArrayRef, BooleanArray, UInt64Array};
use arrow_buffer::BooleanBuffer;
use arrow_ord::ord::make_comparator;
use arrow_schema::{ArrowError, DataType, SortOptions};
use arrow_select::{concat::concat, take::take};

use crate::compare::Comparison;
use crate::evaluate::evaluate;
use crate::node::{Form, Node};

/// Fewer literals are compared one by one, which is as fast.
const LEAST: usize = 8;

/// Values of one type, none of them null.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    /// Ascending, each value once.
    sorted: ArrayRef,
}

impl Lookup {
    fn new(values: &[ArrayRef]) -> Result<Self, ArrowError> {
        let values: Vec<&dyn Array> = values.iter().map(|value| &**value).collect();
        let values = concat(&values)?;
        let compare = make_comparator(&values, &values, SortOptions::default())?;
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_unstable_by(|left, right| compare(*left, *right));
        order.dedup_by(|left, right| compare(*left, *right).is_eq());
        let order: UInt64Array = order.into_iter().map(|at| at as u64).collect();
        Ok(Self { sorted: take(&values, &order, None)? })
    }

    /// Whether each of the values is in the list; null for null. Values are equal if `cmp::eq` says so: it and the
    /// comparator have the same order of all values, in which floats are equal only if their bits are.
    pub(crate) fn find(&self, values: &dyn Array) -> Result<BooleanArray, ArrowError> {
        let compare = make_comparator(&self.sorted, values, SortOptions::default())?;
        let is_in = |row: usize| {
            let (mut from, mut to) = (0, self.sorted.len());
            while from < to {
                let middle = from.midpoint(to);
                match compare(middle, row) {
                    Ordering::Less => from = middle + 1,
                    Ordering::Equal => return true,
                    Ordering::Greater => to = middle,
                }
            }
            false
        };
        let is_in = BooleanBuffer::collect_bool(values.len(), is_in);
        Ok(BooleanArray::new(is_in, values.nulls().cloned()))
    }
}

/// One of the comparisons `value = item`, for the items of a list.
pub(crate) fn one_of(equal: Vec<Node>) -> Node {
    // Which rows are decided before an item is calculated is a matter of their order.
    let may_fail = |node: &Node| matches!(node, Node::Compare { right, .. } if right.may_fail());
    if equal.len() < LEAST || equal.iter().any(may_fail) {
        return Node::Or(equal);
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut conditions = Vec::new();
    let mut has_null = false;
    for node in &equal {
        if let Node::Constant(null) = node
            && null.is_null(0)
        {
            if !has_null {
                conditions.push(node.clone());
            }
            has_null = true;
            continue;
        }
        let Some((value, item)) = literal(node) else {
            conditions.push(node.clone());
            continue;
        };
        let (forms, data_type) = (forms(value), item.data_type().clone());
        let same = |group: &&mut Group<'_>| group.forms == forms && group.data_type == data_type;
        match groups.iter_mut().find(same) {
            Some(group) => group.members.push((node, item)),
            None => groups.push(Group { value, forms, data_type, members: vec![(node, item)] }),
        }
    }
    let mut has_lookup = false;
    for Group { value, members, .. } in groups {
        let (nodes, items): (Vec<&Node>, Vec<ArrayRef>) = members.into_iter().unzip();
        match Some(&items).filter(|items| items.len() >= LEAST).map(|items| Lookup::new(items)) {
            Some(Ok(lookup)) => {
                has_lookup = true;
                conditions.push(Node::Found { value: Box::new(value.clone()), lookup });
            }
            _ => conditions.extend(nodes.into_iter().cloned()),
        }
    }
    match has_lookup {
        true => Node::In { equal, conditions },
        false => Node::Or(equal),
    }
}

/// Literals with which the value is compared in one form.
struct Group<'a> {
    value: &'a Node,
    forms: Vec<&'a Form>,
    data_type: DataType,
    members: Vec<(&'a Node, ArrayRef)>,
}

/// The sides of a comparison with a literal, if both have the same type.
fn literal(node: &Node) -> Option<(&Node, ArrayRef)> {
    let Node::Compare { comparison: Comparison::Equal, left, right, is_mixed: false } = node else {
        return None;
    };
    right.constant()?;
    let item = evaluate(right, &|_| None, 1).ok()?.array;
    item.is_valid(0).then_some((left, item))
}

/// The forms that a value takes on, the last one first.
fn forms(mut node: &Node) -> Vec<&Form> {
    let mut forms = Vec::new();
    while let Node::Convert(inner, form) = node {
        forms.push(form);
        node = inner;
    }
    forms
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests {
    use std::sync::{Arc, LazyLock};

    use arrow_array::cast::AsArray;
    use arrow_array::{FixedSizeBinaryArray, Float64Array, RecordBatch, StringArray};
    use arrow_cast::cast;
    use arrow_schema::TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use sqlparser::parser::Parser;
    use taploom_model::ResultSchema;

    use super::*;
    use crate::bind::{Binder, WHAT};
    use crate::evaluate::repeated;
    use crate::parse::parse;

    const TEXTS: &str = "0|-0|1|2|3|-1|1.5|2.5|0.1|NaN|inf|-inf|127|255|9223372036854775807|18446744073709551615|\
                         9007199254740993|true|false|a|b|A|é|2027-01-31|2027-02-01|2027-01-31T12:00:00|\
                         2027-01-31T12:00:00.000001|12:00:00|12:00:01|12:00:00.5";

    const LITERALS: &str = "NULL|0|-0.0|1|1.0|1e0|2|3|-1|1.5|2.50|0.1|1e-1|'NaN'|'inf'|'-inf'|127|255|300|1e30|\
                            9223372036854775807|18446744073709551615|9007199254740992|9007199254740993|\
                            9007199254740993.5|TRUE|FALSE|'a'|'b'|'A'|'é'|''|'2027-01-31'|DATE '2027-02-01'|\
                            '2027-01-31 12:00:00'|TIMESTAMP '2027-01-31 12:00:00.000001'|'12:00:00'|TIME '12:00:01'|\
                            '12:00:00.5'|X'61'|X''|X'C3A9'|X'30313233343536373839303132333435'|\
                            '30313233-3435-3637-3839-303132333435'";

    /// A column of every type, with nulls.
    fn columns() -> Vec<ArrayRef> {
        use DataType::*;
        let texts = Arc::new(StringArray::from_iter_values(TEXTS.split('|'))) as ArrayRef;
        // What is not of the type becomes null.
        let cast_all = |from: &ArrayRef, types: Vec<DataType>| -> Vec<ArrayRef> {
            types.iter().map(|data_type| cast(from, data_type).unwrap()).collect()
        };
        let dictionary = |values| Dictionary(Box::new(Int16), Box::new(values));
        let mut columns = cast_all(&texts, vec![Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32]);
        columns.extend(cast_all(&texts, vec![UInt64, Float32, Float64, Boolean]));
        columns.extend(cast_all(&texts, vec![Utf8, LargeUtf8, Utf8View, dictionary(Utf8)]));
        columns.extend(cast_all(&texts, vec![Binary, Date32, Date64, Time32(Second)]));
        columns.extend(cast_all(&texts, vec![Time32(Millisecond), Time64(Nanosecond)]));
        columns.extend(cast_all(&texts, vec![Decimal128(20, 2), Decimal256(40, 3)]));
        let timestamps = [Second, Millisecond, Microsecond, Nanosecond];
        let utc = || Some("+00:00".into());
        columns.extend(cast_all(&texts, timestamps.map(|unit| Timestamp(unit, None)).to_vec()));
        columns.extend(cast_all(&texts, timestamps.map(|unit| Timestamp(unit, utc())).to_vec()));
        let narrow = cast(&texts, &Decimal128(5, 1)).unwrap();
        columns.extend(cast_all(&narrow, vec![Decimal32(5, 1), Decimal64(6, 1), Float16]));
        let bytes = cast(&texts, &Binary).unwrap();
        columns.extend(cast_all(&bytes, vec![LargeBinary, BinaryView]));
        let counts = cast(&texts, &Int64).unwrap();
        columns.extend(cast_all(&counts, vec![Duration(Second), Duration(Nanosecond)]));
        columns.extend(cast_all(&counts, vec![dictionary(Int64)]));
        let nans = [Some(-f64::NAN), Some(f64::NAN), Some(-0.0), Some(0.0), None, Some(2.0)];
        columns.push(Arc::new(Float64Array::from(nans.to_vec())));
        let ids = [Some(*b"0123456789012345"), None, Some(*b"0123456789012346")].into_iter();
        columns
            .push(Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, 16).unwrap()));
        columns
    }

    struct Table {
        schema: ResultSchema,
        batch: RecordBatch,
    }

    impl Table {
        fn new(column: ArrayRef) -> Self {
            let batch = RecordBatch::try_from_iter_with_nullable([("c", column, true)]).unwrap();
            Self { schema: ResultSchema::derived(batch.schema()), batch }
        }

        fn bind(&self, condition: &str) -> Option<Node> {
            let expr = parse(WHAT, condition, Parser::parse_expr).unwrap();
            Binder::new(&self.schema).condition(&expr).ok()
        }

        /// `None` if a number is too large to be calculated.
        fn evaluate(&self, condition: &str) -> Option<BooleanArray> {
            let column = |column: usize| Some(ArrayRef::clone(self.batch.column(column)));
            let rows = self.batch.num_rows();
            let values = evaluate(&self.bind(condition).unwrap(), &column, rows).ok()?;
            Some(repeated(values, rows).array.as_boolean().clone())
        }
    }

    /// An expression of a column, and the literals that it can be compared with.
    struct Case {
        column: ArrayRef,
        value: &'static str,
        literals: Vec<&'static str>,
    }

    fn cases() -> Vec<Case> {
        let mut cases = Vec::new();
        for column in columns() {
            let table = Table::new(Arc::clone(&column));
            let before = cases.len();
            for value in ["c", "c + 1", "-c"] {
                let fits = |literal: &&str| table.bind(&format!("{value} = {literal}")).is_some();
                let literals: Vec<&str> = LITERALS.split('|').filter(fits).collect();
                if literals.len() < 2 {
                    continue;
                }
                let many = vec![literals.join(", "); LEAST].join(", ");
                let node = table.bind(&format!("{value} IN ({many})"));
                let data_type = column.data_type();
                assert!(matches!(node, Some(Node::In { .. })), "{data_type:?} {value}");
                cases.push(Case { column: Arc::clone(&column), value, literals });
            }
            assert!(cases.len() > before, "{:?}", column.data_type());
        }
        cases
    }

    static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases);

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 8,
            rng_seed: RngSeed::Fixed(7),
            failure_persistence: None,
            ..Default::default()
        })]

        /// In every type, a list is the chain of its comparisons.
        #[test]
        fn a_lookup_finds_what_comparisons_find(
            rows in prop::collection::vec(0_u64..1000, 0..40),
            chosen in prop::collection::vec(0_usize..1000, 8..60),
            (first, different) in (0_usize..1000, 1_usize..12),
            has_null in any::<bool>(),
        ) {
            for Case { column, value, literals } in &*CASES {
                let rows: UInt64Array = rows.iter().map(|row| row % column.len() as u64).collect();
                let table = Table::new(take(column, &rows, None).unwrap());
                // Few different ones are all looked up, so that no comparison hides a wrong null.
                let choose = |at: &usize| literals[(first + at % different) % literals.len()];
                let list = chosen.iter().map(choose).filter(|item| has_null || *item != "NULL");
                let list: Vec<&str> = list.chain([literals[1]; LEAST]).collect();
                let chain: Vec<String> = list.iter().map(|item| format!("{value} = {item}")).collect();
                let (list, chain) = (list.join(", "), chain.join(" OR "));
                for (found, expected) in [
                    (format!("{value} IN ({list})"), chain.clone()),
                    (format!("{value} NOT IN ({list})"), format!("NOT ({chain})")),
                ] {
                    let data_type = column.data_type();
                    prop_assert_eq!(table.evaluate(&found), table.evaluate(&expected), "{:?} {}", data_type, found);
                }
            }
        }
    }
}
