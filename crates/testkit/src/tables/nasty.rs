//! One table with all difficulties.

use taploom_format::Datatype;

use crate::tables::lists::{ROWS, shaped};
use crate::tables::{SHAPES, Table, TestColumn, cells};

/// Every datatype in every shape, and names, units and descriptions that are hard to write: all
/// values that cause problems for formats and readers, in about 80 columns and 12 rows.
pub fn nasty() -> Table {
    let mut columns: Vec<TestColumn> =
        SHAPES.iter().flat_map(|(datatype, _)| shaped(*datatype)).collect();
    for (index, column) in columns.iter_mut().enumerate() {
        let metadata = &mut column.metadata;
        let kind = if index % 2 == 0 { "min" } else { "max" };
        metadata.ucd = Some(format!("meta.number;stat.{kind}"));
        metadata.description = Some(format!("<&> \"ångström\" ]]> 星 😀\n2nd line of {index}"));
        metadata.id = format!("col_{index}").parse().ok();
        metadata.utype = Some("ex:model.\"role\"".to_owned());
        if metadata.datatype.is_some_and(|datatype| !datatype.is_text()) {
            metadata.unit = Some("km.s**-1".to_owned());
        }
    }
    let names =
        ["same", "same", "Same", "same_2", "<a & \"b\">", "x'y,z", "星😀", "]]>", "a\\b", "x.y"];
    columns.extend(names.iter().map(|name| {
        TestColumn::same(*name, cells(Datatype::Int, None, ROWS, false)).of(Datatype::Int, None)
    }));
    Table::of("the nasty table", columns)
}
