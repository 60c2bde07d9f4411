//! Builds the columns of a batch, in the Arrow types that carry the datatypes of VOTable.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int16Builder, Int32Builder,
    Int64Builder, StringBuilder, UInt8Builder,
};
use arrow_array::{ArrayRef, ListArray, RecordBatch, RecordBatchOptions};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, SchemaRef};
use taploom_model::{
    Arraysize, CellShape, Column, Datatype, Error, ErrorKind, Result, VoType, counted,
};

/// One column: how its cells are serialised, and the cells so far.
pub(super) struct ColumnCells {
    pub(super) name: String,
    pub(super) datatype: Datatype,
    /// The length of each string in an array of strings.
    pub(super) string_length: Option<u64>,
    /// The number of values in every cell, or `None` if cells differ.
    pub(super) fixed: Option<u64>,
    /// The number of values in one step along the last dimension.
    pub(super) stride: u64,
    pub(super) null: Option<Null>,
    pub(super) elements: Elements,
    vo_type: VoType,
    /// The dimensions of the list that carries a cell, in elements.
    dimensions: Option<Arraysize>,
    lists: Option<Lists>,
}

/// The value that stands for null; VOTable 1.4, 4.7.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Null {
    Integer(i64),
    Float(f64),
}

/// The elements of all cells, in sequence.
pub(super) enum Elements {
    Boolean(BooleanBuilder),
    UnsignedByte(UInt8Builder),
    Short(Int16Builder),
    Int(Int32Builder),
    Long(Int64Builder),
    Float(Float32Builder),
    Double(Float64Builder),
    Text(StringBuilder),
}

/// The ends of the lists of a column.
struct Lists {
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl ColumnCells {
    pub(super) fn new(column: &Column) -> Result<Self> {
        let vo_type = column.vo_type()?.clone();
        let datatype = vo_type.datatype;
        // BINARY counts primitives: the characters of a string, and a complex number as one.
        let shape = vo_type.arraysize.as_ref();
        let cell = vo_type.cell();
        let null = column.metadata().null_value.as_deref();
        let null = null.and_then(|null| match datatype {
            datatype if datatype.is_integer() => null.parse().ok().map(Null::Integer),
            // Rounded, as the values are that it is compared with.
            Datatype::Float | Datatype::FloatComplex => {
                null.parse::<f32>().ok().map(|null| Null::Float(null.into()))
            }
            _ => null.parse().ok().map(Null::Float),
        });
        Ok(Self {
            name: column.name().to_owned(),
            datatype,
            string_length: match cell {
                CellShape::Texts { length, .. } => Some(u64::from(length)),
                _ => None,
            },
            fixed: shape.map_or(Some(1), Arraysize::fixed),
            stride: shape.map_or(1, Arraysize::stride),
            null,
            elements: Elements::of(datatype),
            dimensions: cell.dimensions().cloned(),
            lists: cell.dimensions().map(|_| Lists::new()),
            vo_type,
        })
    }

    /// Whether cells are lists.
    pub(super) fn is_list(&self) -> bool {
        self.lists.is_some()
    }

    /// Ends a cell of which all elements were appended.
    pub(super) fn end_cell(&mut self) -> Result<(), String> {
        let Some(lists) = &mut self.lists else { return Ok(()) };
        let (start, end) = (lists.last(), self.elements.len());
        let added = (end as u64).saturating_sub(u64::from(start.unsigned_abs()));
        if !self.dimensions.as_ref().is_some_and(|dimensions| dimensions.takes(added)) {
            let values = if self.datatype.is_complex() { added / 2 } else { added };
            let do_not = if values == 1 { "does not" } else { "do not" };
            return Err(format!("{} {do_not} fit {}", counted(values, "value"), self.vo_type));
        }
        lists.end(end, true)
    }

    /// Appends a null cell.
    pub(super) fn append_null(&mut self) -> Result<(), String> {
        match &mut self.lists {
            Some(lists) => lists.end(self.elements.len(), false),
            None => {
                self.elements.append_null();
                Ok(())
            }
        }
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let elements = self.elements.finish();
        let Some(lists) = &mut self.lists else { return Ok(elements) };
        let Lists { ends, mut nulls } = std::mem::replace(lists, Lists::new());
        let DataType::List(item) = self.vo_type.carrier() else { return Ok(elements) };
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        let lists = ListArray::try_new(item, offsets, elements, nulls.finish());
        Ok(Arc::new(lists.map_err(internal)?))
    }
}

/// All columns as a batch.
pub(super) fn finish(
    columns: &mut [ColumnCells],
    schema: &SchemaRef,
    rows: usize,
) -> Result<RecordBatch> {
    let arrays = columns.iter_mut().map(ColumnCells::finish).collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options).map_err(internal)
}

fn internal(error: arrow_schema::ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "can't make a batch of the rows").with_source(error)
}

impl Lists {
    fn new() -> Self {
        Self { ends: vec![0], nulls: NullBufferBuilder::new(0) }
    }

    fn last(&self) -> i32 {
        self.ends.last().copied().unwrap_or_default()
    }

    fn end(&mut self, end: usize, is_valid: bool) -> Result<(), String> {
        let end =
            i32::try_from(end).map_err(|_| "more elements than a batch may have".to_owned())?;
        self.ends.push(end);
        self.nulls.append(is_valid);
        Ok(())
    }
}

impl Elements {
    fn of(datatype: Datatype) -> Self {
        match datatype {
            Datatype::Boolean | Datatype::Bit => Self::Boolean(BooleanBuilder::new()),
            Datatype::UnsignedByte => Self::UnsignedByte(UInt8Builder::new()),
            Datatype::Short => Self::Short(Int16Builder::new()),
            Datatype::Int => Self::Int(Int32Builder::new()),
            Datatype::Long => Self::Long(Int64Builder::new()),
            Datatype::Float | Datatype::FloatComplex => Self::Float(Float32Builder::new()),
            Datatype::Double | Datatype::DoubleComplex => Self::Double(Float64Builder::new()),
            Datatype::Char | Datatype::UnicodeChar => Self::Text(StringBuilder::new()),
        }
    }

    fn builder(&mut self) -> &mut dyn ArrayBuilder {
        match self {
            Self::Boolean(builder) => builder,
            Self::UnsignedByte(builder) => builder,
            Self::Short(builder) => builder,
            Self::Int(builder) => builder,
            Self::Long(builder) => builder,
            Self::Float(builder) => builder,
            Self::Double(builder) => builder,
            Self::Text(builder) => builder,
        }
    }

    fn len(&mut self) -> usize {
        self.builder().len()
    }

    fn finish(&mut self) -> ArrayRef {
        self.builder().finish()
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::UnsignedByte(builder) => builder.append_null(),
            Self::Short(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Long(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
        }
    }
}
