//! An independent reader of the documents: the HTML parser of Servo.

use std::str::FromStr;
use std::sync::Arc;

use scraper::{ElementRef, Html, Selector};
use serde_json::Value;
use taploom_format::arrow_array::builder::{ListBuilder, PrimitiveBuilder, StringBuilder};
use taploom_format::arrow_array::cast::AsArray;
use taploom_format::arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use taploom_format::arrow_array::{
    Array, ArrayRef, BooleanArray, ListArray, PrimitiveArray, RecordBatch, StringArray,
};
use taploom_format::arrow_schema::{DataType, FieldRef};
use taploom_format::{CanonicalRows, ColumnMetadata, ResultSchema, TableMetadata};
use taploom_testkit::{Decoded, Oracle};

/// Parses the document, and refuses an invalid one.
#[derive(Default)]
pub struct HtmlOracle;

type Outcome<T> = Result<T, String>;

impl Oracle for HtmlOracle {
    fn decode(&mut self, bytes: &[u8], schema: &ResultSchema) -> Outcome<Decoded> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let html = Html::parse_document(text);
        if let Some(error) = html.errors.first() {
            return Err(format!("the document is not valid HTML: {error}"));
        }
        let status = first(&html, "#query-status").ok_or("the document was cut short")?;
        let canonical = CanonicalRows::new(schema).map_err(|error| error.to_string())?;
        let fields = canonical.schema().arrow().fields();
        let headers: Vec<ElementRef<'_>> = html.select(&selector("thead th")).collect();
        if headers.len() != fields.len() {
            return Err(format!("{} headers for {} columns", headers.len(), fields.len()));
        }
        let mut cells: Vec<Vec<Option<String>>> = vec![Vec::new(); fields.len()];
        let (row, cell) = (selector("tbody tr"), selector("td"));
        for row in html.select(&row) {
            let mut of_row = row.select(&cell);
            for column in &mut cells {
                let cell = of_row.next().ok_or("a row has too few cells")?;
                // An empty text is an element; a null has no element.
                column.push(cell.has_children().then(|| text_of(cell)));
            }
            if of_row.next().is_some() {
                return Err("a row has too many cells".to_owned());
            }
        }
        let columns = fields.iter().zip(&cells).map(|(field, cells)| array(field, cells));
        let columns = columns.collect::<Outcome<Vec<ArrayRef>>>()?;
        let rows = RecordBatch::try_new(Arc::clone(canonical.schema().arrow()), columns)
            .map_err(|error| error.to_string())?;
        let names = headers.iter().filter_map(|header| inner(*header, "span")).collect();
        let metadata = headers.iter().map(|header| ColumnMetadata {
            unit: inner(*header, "small"),
            ucd: header.attr("data-ucd").map(str::to_owned),
            description: header.attr("title").map(str::to_owned),
            ..ColumnMetadata::default()
        });
        let table = TableMetadata {
            name: first(&html, "caption > #name").map(text_of),
            description: first(&html, "caption > #description").map(text_of),
            ..TableMetadata::default()
        };
        Ok(Decoded::new(names, rows)
            .with_status(
                status.attr("value").map(str::to_owned),
                first(&html, "#message").map(text_of),
            )
            .with_metadata(metadata.collect(), table))
    }

    /// Texts without the characters that HTML does not allow. In arrays of texts, nothing is lost.
    fn comparable(&self, rows: RecordBatch) -> RecordBatch {
        let columns = rows.columns().iter().map(|column| match column.as_string_opt::<i32>() {
            Some(texts) => {
                let texts = texts.iter().map(|text| text.map(as_html_has_it));
                Arc::new(texts.collect::<StringArray>()) as ArrayRef
            }
            None => Arc::clone(column),
        });
        RecordBatch::try_new(rows.schema(), columns.collect()).unwrap()
    }

    fn names(&self, schema: &ResultSchema) -> Vec<String> {
        schema.columns().iter().map(|column| as_html_has_it(column.name())).collect()
    }
}

fn as_html_has_it(text: &str) -> String {
    let replaced = text.chars().map(|c| match c {
        '\r' => '\n',
        '\t' | '\n' | '\u{c}' => c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fdd0}'..='\u{fdef}' => '\u{fffd}',
        other if u32::from(other) % 0x10000 >= 0xfffe => '\u{fffd}',
        other => other,
    });
    replaced.collect()
}

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn first<'a>(html: &'a Html, path: &str) -> Option<ElementRef<'a>> {
    html.select(&selector(path)).next()
}

fn inner(element: ElementRef<'_>, path: &str) -> Option<String> {
    element.select(&selector(path)).next().map(text_of)
}

fn text_of(element: ElementRef<'_>) -> String {
    element.text().collect()
}

fn array(field: &FieldRef, cells: &[Option<String>]) -> Outcome<ArrayRef> {
    Ok(match field.data_type() {
        DataType::Boolean => {
            let values = cells.iter().map(|cell| cell.as_deref().map(boolean).transpose());
            Arc::new(values.collect::<Outcome<BooleanArray>>()?)
        }
        DataType::UInt8 => numbers::<UInt8Type>(cells)?,
        DataType::Int16 => numbers::<Int16Type>(cells)?,
        DataType::Int32 => numbers::<Int32Type>(cells)?,
        DataType::Int64 => numbers::<Int64Type>(cells)?,
        DataType::Float32 => numbers::<Float32Type>(cells)?,
        DataType::Float64 => numbers::<Float64Type>(cells)?,
        DataType::Utf8 => Arc::new(cells.iter().cloned().collect::<StringArray>()),
        DataType::List(item) => list(item, cells)?,
        other => return Err(format!("{other} is not canonical")),
    })
}

fn list(item: &FieldRef, cells: &[Option<String>]) -> Outcome<ArrayRef> {
    let mut lengths = ListBuilder::new(StringBuilder::new());
    for cell in cells {
        match cell {
            Some(cell) => lengths.append_value(elements(item.data_type(), cell)?),
            None => lengths.append_null(),
        }
    }
    let texts = lengths.finish();
    let values: Vec<Option<String>> =
        texts.values().as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect();
    let values = array(item, &values)?;
    let list = ListArray::try_new(
        Arc::clone(item),
        texts.offsets().clone(),
        values,
        texts.nulls().cloned(),
    );
    Ok(Arc::new(list.map_err(|error| error.to_string())?))
}

/// The elements of an array, each as text.
fn elements(data_type: &DataType, cell: &str) -> Outcome<Vec<Option<String>>> {
    if data_type == &DataType::Utf8 {
        let json: Value = serde_json::from_str(cell).map_err(|error| error.to_string())?;
        let items = json.as_array().ok_or("not an array")?.iter();
        return Ok(items.map(|item| item.as_str().map(str::to_owned)).collect());
    }
    let inner = cell.strip_prefix('[').and_then(|cell| cell.strip_suffix(']'));
    let inner = inner.ok_or_else(|| format!("{cell:?} is not an array"))?;
    let items = inner.split(", ").filter(|item| !item.is_empty());
    Ok(items.map(|item| (item != "null").then(|| item.to_owned())).collect())
}

fn boolean(text: &str) -> Outcome<bool> {
    text.parse().map_err(|_| format!("{text:?} is not a boolean"))
}

fn numbers<T: ArrowPrimitiveType<Native: FromStr>>(cells: &[Option<String>]) -> Outcome<ArrayRef> {
    let mut builder = PrimitiveBuilder::<T>::new();
    for cell in cells {
        let value = cell.as_ref().map(|text| text.parse());
        builder.append_option(value.transpose().map_err(|_| format!("{cell:?} is not a number"))?);
    }
    let array: PrimitiveArray<T> = builder.finish();
    Ok(Arc::new(array))
}
