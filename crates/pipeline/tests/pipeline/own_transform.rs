//! A transform written by a user of the crate, in about thirty lines: it filters rows, removes a column and
//! stops early.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch};
use arrow_select::filter::filter_record_batch;
use futures::executor::block_on;
use taploom_model::{
    BatchSource, Column, ColumnMetadata, Error, ErrorKind, Result, ResultSchema, RowSource, Step,
};
use taploom_pipeline::{Flow, Transform, Transformed};

/// The stars brighter than a limit, without their last column, and only the first few of them.
struct Bright {
    schema: ResultSchema,
    faintest: f64,
    left: usize,
}

impl Bright {
    fn new(source: &ResultSchema, faintest: f64, most: usize) -> Result<Self> {
        let kept = source.columns().len() - 1;
        let arrow = source.arrow().project(&(0..kept).collect::<Vec<_>>()).map_err(internal)?;
        let columns = source.columns()[..kept].iter().map(Column::resolved).collect();
        let schema = ResultSchema::new(Arc::new(arrow), columns)?;
        let schema = schema.with_table(source.table().clone());
        Ok(Self { schema, faintest, left: most })
    }
}

impl Transform for Bright {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
        let magnitudes = batch.column(1).as_primitive::<Float64Type>();
        let are_bright = BooleanArray::from_unary(magnitudes, |mag| mag < self.faintest);
        let kept = (0..self.schema.columns().len()).collect::<Vec<_>>();
        let bright = batch.project(&kept).map_err(internal)?;
        let bright = filter_record_batch(&bright, &are_bright).map_err(internal)?;
        let bright = bright.slice(0, bright.num_rows().min(self.left));
        self.left -= bright.num_rows();
        Ok(if self.left == 0 { Flow::Last(bright) } else { Flow::More(bright) })
    }
}

fn internal(cause: arrow_schema::ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "can't choose the bright stars").with_source(cause)
}

#[test]
fn rows_and_columns_are_chosen() {
    let column = |values: &[f64]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ("mag", column(&[0.0, 7.5, -1.4, 2.0])),
        ("mag_error", column(&[0.1, 0.1, 0.1, 0.1])),
    ])
    .unwrap();
    let unit = |unit: Option<&str>| ColumnMetadata {
        unit: unit.map(str::to_owned),
        ..ColumnMetadata::default()
    };
    let columns = vec![unit(None), unit(Some("mag")), unit(Some("mag"))];
    let schema = ResultSchema::new(batch.schema(), columns).unwrap();
    let source = BatchSource::new(schema, std::iter::repeat_n(batch, 1000).map(Ok));
    let bright = Bright::new(source.schema(), 6.0, 4).unwrap();
    let mut source = Transformed::new(source, bright);

    let names: Vec<_> = source.schema().columns().iter().map(Column::name).collect();
    assert_eq!(names, ["id", "mag"]);
    assert_eq!(source.schema().columns()[1].metadata().unit.as_deref(), Some("mag"));
    let mut magnitudes = Vec::new();
    while let Step::Rows(batch) = block_on(source.next()).unwrap() {
        assert_eq!(batch.schema().fields(), source.schema().arrow().fields());
        magnitudes.extend_from_slice(batch.column(1).as_primitive::<Float64Type>().values());
    }
    assert_eq!(magnitudes, [0.0, -1.4, 2.0, 0.0]);
}
