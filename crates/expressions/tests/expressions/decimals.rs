//! Decimals beside floats.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Decimal32Array, Decimal128Array, Decimal256Array, Float32Array, Float64Array,
    RecordBatch,
};
use arrow_buffer::i256;
use taploom_expressions::Condition;
use taploom_model::ResultSchema;

#[test]
fn a_decimal_equals_the_float_of_its_digits() {
    let long = 10_i128.pow(19);
    let longer = i256::from_i128(10_i128.pow(29));
    let huge = i256::from_string(&format!("5{}", "0".repeat(69))).unwrap();
    let floats = Float32Array::from(vec![0.1, -2.5, 16_777_218.0, f32::INFINITY]);
    let doubles = Float64Array::from(vec![0.1, -2.5, 16_777_217.0, f64::INFINITY]);
    let small = Decimal32Array::from(vec![1, -25, 0, 0]).with_precision_and_scale(9, 1);
    // The third is nearest to another single float than its nearest double, which lies half way between two.
    let large = vec![long, -25 * long, 1_677_721_700_000_000_000_000_000_001, 0];
    let large = Decimal128Array::from(large).with_precision_and_scale(38, 20);
    let larger = vec![longer, longer * i256::from_i128(-25), i256::ZERO, huge];
    let larger = Decimal256Array::from(larger).with_precision_and_scale(76, 30);
    let batch = RecordBatch::try_from_iter([
        ("f", Arc::new(floats) as ArrayRef),
        ("d", Arc::new(doubles)),
        ("small", Arc::new(small.unwrap())),
        ("large", Arc::new(large.unwrap())),
        ("larger", Arc::new(larger.unwrap())),
    ])
    .unwrap();
    let schema = ResultSchema::derived(batch.schema());
    for (condition, expected) in [
        ("f = small", [true, true, false, false]),
        ("small = f", [true, true, false, false]),
        ("d = small", [true, true, false, false]),
        ("f = d", [false, true, false, true]),
        ("f > d", [true, false, true, false]),
        ("f = large", [true, true, true, false]),
        ("d = large", [true, true, true, false]),
        ("f = larger", [true, true, false, false]),
        ("larger < 1e39", [true, true, true, false]),
        // A decimal that is larger than all single floats is not infinite.
        ("larger >= f", [true, true, false, false]),
        ("f IS DISTINCT FROM small", [false, false, true, true]),
    ] {
        let predicate = condition.parse::<Condition>().unwrap().bind(&schema).unwrap();
        let found = predicate.evaluate(&batch).unwrap();
        let found: Vec<bool> = found.iter().map(|holds| holds.unwrap()).collect();
        assert_eq!(found, expected, "{condition}");
    }
}
