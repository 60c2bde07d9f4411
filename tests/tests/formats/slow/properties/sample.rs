//! A random table.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, UInt8Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Schema};
use proptest::sample::Index;
use taploom::{ColumnMetadata, Datatype, ResultSchema, VoType};
use taploom_testkit::Table;

/// A table with rows before and after it, so that it is a slice of its arrays.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) columns: Vec<SampleColumn>,
    pub(crate) rows: Range<usize>,
    pub(crate) cuts: Vec<Index>,
}

#[derive(Debug, Clone)]
pub(crate) struct SampleColumn {
    pub(crate) name: String,
    pub(crate) datatype: Datatype,
    pub(crate) arraysize: Option<&'static str>,
    pub(crate) nullable: bool,
    pub(crate) cells: Vec<Option<Vec<Option<Element>>>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Element {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Sample {
    pub(crate) fn table(&self) -> Table {
        let fields = self
            .columns
            .iter()
            .map(|column| Field::new(&column.name, column.vo_type().carrier(), column.nullable));
        let arrow = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let arrays = self.columns.iter().map(SampleColumn::array).collect();
        let all = RecordBatch::try_new(Arc::clone(&arrow), arrays).unwrap();
        let given = all.slice(self.rows.start, self.rows.len());
        let metadata = self.columns.iter().map(|column| ColumnMetadata {
            datatype: Some(column.datatype),
            arraysize: column.arraysize.map(|text| text.parse().unwrap()),
            ..Default::default()
        });
        let schema = ResultSchema::new(arrow, metadata.collect()).unwrap();
        // In a column that is not nullable, readers may read a value as null.
        let columns = given.schema_ref().fields().iter().zip(given.columns());
        let columns = columns.map(|(field, cells)| (field.name(), Arc::clone(cells), true));
        let expected = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        Table { name: "a table made up", schema, expected, given }
    }

    pub(crate) fn batches(&self, table: &Table) -> Vec<RecordBatch> {
        let rows = self.rows.len();
        let mut cuts: Vec<usize> = self.cuts.iter().map(|cut| cut.index(rows + 1)).collect();
        cuts.extend([0, rows]);
        cuts.sort_unstable();
        cuts.windows(2).map(|cut| table.given.slice(cut[0], cut[1] - cut[0])).collect()
    }
}

impl SampleColumn {
    pub(crate) fn vo_type(&self) -> VoType {
        vo_type(self.datatype, self.arraysize)
    }

    fn array(&self) -> ArrayRef {
        let vo_type = self.vo_type();
        let elements = elements_of(
            self.cells.iter().flatten().flatten().map(Option::as_ref),
            &vo_type.datatype.element(),
        );
        let nulls: NullBuffer = self.cells.iter().map(Option::is_some).collect();
        if vo_type.is_list() {
            let lengths = self.cells.iter().map(|cell| cell.as_ref().map_or(0, Vec::len));
            let offsets = OffsetBuffer::from_lengths(lengths);
            let DataType::List(item) = vo_type.carrier() else { unreachable!() };
            return Arc::new(ListArray::new(item, offsets, elements, Some(nulls)));
        }
        let cells = self.cells.iter().map(|cell| cell.as_ref()?[0].as_ref());
        elements_of(cells, &vo_type.datatype.element())
    }
}

fn elements_of<'a>(
    elements: impl Iterator<Item = Option<&'a Element>>,
    data_type: &DataType,
) -> ArrayRef {
    macro_rules! array {
        ($array:ty, $variant:ident($value:ident) => $cell:expr) => {{
            let cells = elements.map(|element| match element {
                Some(Element::$variant($value)) => Some($cell),
                None => None,
                Some(other) => panic!("{other:?} among {data_type}"),
            });
            Arc::new(cells.collect::<$array>())
        }};
    }
    match data_type {
        DataType::Boolean => array!(BooleanArray, Boolean(value) => *value),
        DataType::UInt8 => array!(UInt8Array, Integer(value) => *value as u8),
        DataType::Int16 => array!(Int16Array, Integer(value) => *value as i16),
        DataType::Int32 => array!(Int32Array, Integer(value) => *value as i32),
        DataType::Int64 => array!(Int64Array, Integer(value) => *value),
        DataType::Float32 => array!(Float32Array, Float(value) => *value as f32),
        DataType::Float64 => array!(Float64Array, Float(value) => *value),
        DataType::Utf8 => array!(StringArray, Text(value) => value.as_str()),
        other => panic!("{other} carries no datatype"),
    }
}

pub(crate) fn vo_type(datatype: Datatype, arraysize: Option<&str>) -> VoType {
    let arraysize = arraysize.map(|text| text.parse().unwrap());
    VoType { datatype, arraysize, xtype: None }
}
