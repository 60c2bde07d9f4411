//! Columns that a format can't hold are named before the first byte, and cells when they arrive.

use std::io;
use std::slice::from_ref;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Int64Array, ListArray, RecordBatch, UnionArray, new_null_array};
use arrow_schema::{DataType, Field, UnionFields};
use taploom_format::{
    ColumnMetadata, Completion, Datatype, EncodeContext, Envelope, EnvelopeUse, Error, ErrorKind,
    ResultSchema,
};

use super::{control, said};
use crate::checks::{Check, Checks};
use crate::sinks::SharedSink;
use crate::subject::Subject;
use crate::tables::{SHAPES, Table, TestColumn, as_given, cells, long, wide};

/// Every datatype in every shape.
pub(super) fn shapes() -> impl Iterator<Item = (Datatype, Option<&'static str>)> {
    SHAPES.iter().flat_map(|(datatype, shapes)| shapes.iter().map(|shape| (*datatype, *shape)))
}

pub(super) fn a_type_that_is_not_supported_names_the_column(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    control(subject, checks)?;
    let fields = UnionFields::from_fields(vec![Field::new("a", DataType::Int64, true)]);
    let values = Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let unions = UnionArray::try_new(fields, vec![0].into(), None, vec![values]);
    let unions = Arc::new(unions.map_err(said)?);
    refused(subject, checks, "unions", unions, ColumnMetadata::default())
}

pub(super) fn a_type_that_is_declared_as_refused_is_refused(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    control(subject, checks)?;
    for (datatype, shape) in shapes() {
        if subject.refuses(datatype, shape) {
            let metadata = ColumnMetadata {
                datatype: Some(datatype),
                arraysize: shape.and_then(|text| text.parse().ok()),
                ..Default::default()
            };
            let array = as_given(&cells(datatype, shape, 1, false), datatype, shape);
            let name = format!("{datatype} {}", shape.unwrap_or("scalar"));
            refused(subject, checks, &name, array, metadata)?;
        }
    }
    Ok(())
}

/// A column that the format can't hold is named before the first byte.
fn refused(
    subject: &Subject<'_>,
    checks: &mut Checks,
    name: &str,
    array: ArrayRef,
    metadata: ColumnMetadata,
) -> Check {
    let fine = Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("fine", fine), (name, array)]).map_err(said)?;
    let schema = ResultSchema::new(batch.schema(), vec![ColumnMetadata::default(), metadata]);
    let sink = SharedSink::default();
    let started =
        subject.start(&schema.map_err(said)?, &EncodeContext::default(), Box::new(sink.clone()));
    let Err(error) = started else {
        return Err(format!("start took a column of {name}, which the format can't hold"));
    };
    let what = |what: &str| format!("a column of {name}: {what}");
    checks.equal(what("kind of the error"), &error.kind(), &ErrorKind::UnsupportedColumn)?;
    checks.equal(what("column that the error names"), &error.column(), &Some(name))?;
    checks.equal(what("bytes written before the error"), &sink.len(), &0)
}

pub(super) fn more_columns_than_there_may_be_are_an_error(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let most = subject.most_columns().unwrap_or(usize::MAX - 1);
    let table = subject.table(wide(most))?;
    subject.reads_back(checks, &table, from_ref(&table.given), from_ref(&table.expected))?;
    let started =
        subject.start(&wide(most + 1).schema, &EncodeContext::default(), Box::new(io::sink()));
    match started {
        Ok(_) => Err(format!("{} columns were taken, and {most} are declared", most + 1)),
        Err(error) => checks.equal("kind", &error.kind(), &ErrorKind::UnsupportedColumn),
    }
}

pub(super) fn a_value_that_stands_for_null_is_named(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    for (datatype, _) in SHAPES {
        let Some(reserved) = subject.reserved(*datatype) else { continue };
        let metadata = ColumnMetadata { datatype: Some(*datatype), ..Default::default() };
        let longs = vec![Some(1), None, Some(reserved)];
        let longs = Arc::new(Int64Array::from(longs)) as ArrayRef;
        let batch = RecordBatch::try_from_iter_with_nullable([("n", longs, true)]).map_err(said)?;
        let schema = ResultSchema::new(batch.schema(), vec![metadata]).map_err(said)?;
        let mut encoder = subject
            .start(&schema, &EncodeContext::default(), Box::new(io::sink()))
            .map_err(said)?;
        encoder.write_batch(&batch.slice(0, 2)).map_err(said)?;
        let written = encoder
            .write_batch(&batch.slice(2, 1))
            .and_then(|()| encoder.finish(Completion::Complete).map(drop));
        let what = format!("{datatype} {reserved}, which stands for null");
        names_cell(checks, &what, written, 3)?;
    }
    Ok(())
}

pub(super) fn a_null_that_can_not_be_is_named(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    for (datatype, shape) in shapes() {
        if subject.refuses(datatype, shape) || subject.has_null_in(datatype, shape) {
            continue;
        }
        let expected = cells(datatype, shape, 12, false);
        let given = as_given(&expected, datatype, shape);
        let column = TestColumn::converted("n", given, expected);
        let table = subject.table(Table::of("nulls", vec![column.of(datatype, shape)]))?;
        let null = new_null_array(table.given.column(0).data_type(), 1);
        let null = RecordBatch::try_new(table.given.schema(), vec![null]).map_err(said)?;
        let mut encoder = subject
            .start(&table.schema, &EncodeContext::default(), Box::new(io::sink()))
            .map_err(said)?;
        encoder.write_batch(&table.given).map_err(said)?;
        let written = encoder
            .write_batch(&null)
            .and_then(|()| encoder.finish(Completion::Complete).map(drop));
        let what = format!("a null of {datatype} {}", shape.unwrap_or("scalar"));
        names_cell(checks, &what, written, table.given.num_rows() as u64 + 1)?;
    }
    Ok(())
}

/// An arraysize says how many elements a list has, whether a datatype is given or the format keeps the Arrow type.
pub(super) fn a_list_of_another_shape_is_named(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    control(subject, checks)?;
    let lists = (0..10).map(|row| Some(vec![Some(row); if row == 7 { 3 } else { 2 }]));
    let lists = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("n", lists)]).map_err(said)?;
    for datatype in [Some(Datatype::Int), None] {
        let arraysize = "2x*".parse().ok();
        let metadata = ColumnMetadata { datatype, arraysize, ..Default::default() };
        let schema = ResultSchema::new(batch.schema(), vec![metadata]).map_err(said)?;
        let mut encoder = subject
            .start(&schema, &EncodeContext::default(), Box::new(io::sink()))
            .map_err(said)?;
        encoder.write_batch(&batch.slice(0, 5)).map_err(said)?;
        let written = encoder
            .write_batch(&batch.slice(5, 5))
            .and_then(|()| encoder.finish(Completion::Complete).map(drop));
        let given = datatype.map_or("no datatype", Datatype::as_str);
        let what = format!("three elements in a column of pairs, with {given}");
        names_cell(checks, &what, written, 8)?;
    }
    Ok(())
}

fn names_cell(checks: &mut Checks, what: &str, written: Result<(), Error>, row: u64) -> Check {
    let Err(error) = written else { return Err(format!("{what}, was written without an error")) };
    checks.equal(format!("{what}: kind"), &error.kind(), &ErrorKind::InvalidValue)?;
    checks.equal(format!("{what}: column"), &error.column(), &Some("n"))?;
    checks.equal(format!("{what}: row"), &error.row(), &Some(row))
}

pub(super) fn an_envelope_is_written_or_refused(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    control(subject, checks)?;
    let table = subject.table(long(10))?;
    let context = EncodeContext::default().with_envelope(envelope());
    let sink = SharedSink::default();
    let started = subject.start(&table.schema, &context, Box::new(sink.clone()));
    match (subject.plugin.info().envelope, started) {
        (EnvelopeUse::Written, Ok(mut encoder)) => {
            encoder.write_batch(&table.given).map_err(said)?;
            encoder.finish(Completion::Overflow).map_err(said)?;
            let decoded =
                subject.check_read(checks, &sink.bytes(), &table, from_ref(&table.expected))?;
            checks.equal("status", &decoded.status.as_deref(), &Some("OVERFLOW"))?;
            checks.equal(
                "unit of the last column, which only the envelope has",
                &decoded.columns.last().and_then(|column| column.unit.as_deref()),
                &Some("furlong"),
            )
        }
        (EnvelopeUse::Refused, Err(error)) => {
            checks.equal("kind", &error.kind(), &ErrorKind::InvalidOption)
        }
        (EnvelopeUse::Written, Err(error)) => Err(said(error)),
        (EnvelopeUse::Refused, Ok(_)) => {
            Err("an envelope was taken, and FormatInfo says that it is refused".to_owned())
        }
    }
}

fn envelope() -> Envelope {
    let fields = "<FIELD name=\"id\" datatype=\"long\"/><FIELD name=\"real\" datatype=\"double\"/>\
        <FIELD name=\"flag\" datatype=\"boolean\"/>\
        <FIELD name=\"text\" datatype=\"unicodeChar\" arraysize=\"*\"/>\
        <FIELD name=\"again\" datatype=\"int\" unit=\"furlong\"/>";
    let header = "<?xml version=\"1.0\"?>\
        <VOTABLE version=\"1.3\" xmlns=\"http://www.ivoa.net/xml/VOTable/v1.3\">\
        <RESOURCE type=\"results\"><TABLE>";
    let overflow = "<INFO name=\"QUERY_STATUS\" value=\"OVERFLOW\"/>";
    Envelope {
        header: format!("{header}{fields}"),
        footer: "</TABLE></RESOURCE></VOTABLE>".to_owned(),
        footer_overflow: format!("</TABLE>{overflow}</RESOURCE></VOTABLE>"),
    }
}
