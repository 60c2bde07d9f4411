//! A program with a format of its own beside those of Taploom.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
// Named, so that the linker keeps what it registers.
use own_format as _;
use taploom::{Completion, ResultSchema};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names = Arc::new(StringArray::from(vec!["Sirius", "Canopus", "Vega"])) as ArrayRef;
    let vmag = Arc::new(Float64Array::from(vec![Some(-1.44), Some(-0.62), None])) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("name", names), ("vmag", vmag)])?;

    let spec = taploom::registry()?.request("text/markdown;bold=true")?;
    let schema = ResultSchema::derived(batch.schema());
    let mut encoder = spec.start(&schema, Box::new(std::io::stdout()))?;
    encoder.write_batch(&batch)?;
    encoder.finish(Completion::Complete)?;
    Ok(())
}
