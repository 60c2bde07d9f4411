//! Metadata that are dropped or changed.

use serde_json::Value;

use super::{Fault, Planted, planted};
use crate::format::Shape;

const COLUMNS: &str = "metadata_of_columns_read_back";
const TABLE: &str = "metadata_of_the_table_read_back";

pub(super) const FAULTS: &[Planted] = &[
    planted(Fault::UnitsDropped, "drops units", COLUMNS, "unit"),
    planted(Fault::UcdsDropped, "drops UCDs", COLUMNS, "ucd"),
    planted(Fault::UtypesDropped, "drops utypes", COLUMNS, "utype"),
    planted(Fault::DescriptionsDropped, "drops descriptions", COLUMNS, "description"),
    planted(
        Fault::DescriptionsCutAtLineBreak,
        "cuts descriptions at a line break",
        COLUMNS,
        "description",
    ),
    planted(Fault::IdsDropped, "drops IDs", COLUMNS, "ID"),
    planted(Fault::RefsDropped, "drops references", COLUMNS, "ref"),
    planted(Fault::XtypesDropped, "drops xtypes", COLUMNS, "xtype"),
    planted(Fault::ArraysizesDropped, "drops arraysizes", COLUMNS, "arraysize"),
    planted(Fault::DatatypesWrong, "calls every datatype double", COLUMNS, "datatype"),
    planted(Fault::WidthsDropped, "drops widths", COLUMNS, "width"),
    planted(Fault::PrecisionsDropped, "drops precisions", COLUMNS, "precision"),
    planted(Fault::ValuesDropped, "drops domains", COLUMNS, "values"),
    planted(Fault::OptionsOfValuesDropped, "drops the options of domains", COLUMNS, "values"),
    planted(Fault::LinksDropped, "drops links of columns", COLUMNS, "links"),
    planted(Fault::MetadataShifted, "gives a column the unit of the one before", COLUMNS, "unit"),
    planted(
        Fault::NamesInLowerCase,
        "writes names in lower case",
        "every_table_reads_back",
        "names of the columns",
    ),
    planted(Fault::TableNameDropped, "drops the name of the table", TABLE, "name"),
    planted(Fault::TableDescriptionDropped, "drops its description", TABLE, "description"),
    planted(Fault::TableInfosDropped, "drops its INFOs", TABLE, "infos"),
    planted(Fault::TableParamsDropped, "drops its PARAMs", TABLE, "params"),
    planted(Fault::TableGroupsDropped, "drops its GROUPs", TABLE, "groups"),
    planted(Fault::NestedGroupsDropped, "drops GROUPs within GROUPs", TABLE, "groups"),
    planted(Fault::TableLinksDropped, "drops its LINKs", TABLE, "links"),
    planted(Fault::CoosysDropped, "drops systems of coordinates", TABLE, "coosys"),
    planted(Fault::TimesysDropped, "drops systems of time", TABLE, "timesys"),
    planted(Fault::ServicesDropped, "drops descriptions of services", TABLE, "resources"),
    planted(Fault::ResourceInfosDropped, "drops INFOs of the RESOURCE", TABLE, "infos"),
    planted(Fault::DocumentDropped, "drops what stands around the RESOURCE", TABLE, "document"),
    planted(
        Fault::UndeclaredKept,
        "keeps metadata that nobody declared",
        "no_metadata_are_kept_undeclared",
        "unit of columns",
    )
    .in_shape(Shape::Bare),
];

pub(crate) fn break_header(fault: Fault, header: &mut Value) {
    let column_member = match fault {
        Fault::UnitsDropped => "unit",
        Fault::UcdsDropped => "ucd",
        Fault::UtypesDropped => "utype",
        Fault::DescriptionsDropped => "description",
        Fault::IdsDropped => "ID",
        Fault::RefsDropped => "ref",
        Fault::XtypesDropped => "xtype",
        Fault::ArraysizesDropped => "arraysize",
        Fault::WidthsDropped => "width",
        Fault::PrecisionsDropped => "precision",
        Fault::ValuesDropped => "values",
        Fault::LinksDropped => "links",
        _ => "",
    };
    let table_member = match fault {
        Fault::TableNameDropped => "name",
        Fault::TableDescriptionDropped => "description",
        Fault::TableInfosDropped => "infos",
        Fault::TableParamsDropped => "params",
        Fault::TableGroupsDropped => "groups",
        Fault::TableLinksDropped => "links",
        Fault::DocumentDropped => "document",
        _ => "",
    };
    if !table_member.is_empty() {
        remove(&mut header["table"], table_member);
    }
    let resource_member = match fault {
        Fault::CoosysDropped => "coosys",
        Fault::TimesysDropped => "timesys",
        Fault::ServicesDropped => "resources",
        Fault::ResourceInfosDropped => "infos",
        _ => "",
    };
    if !resource_member.is_empty() {
        remove(&mut header["table"]["resource"], resource_member);
    }
    if fault == Fault::NestedGroupsDropped {
        for group in header["table"]["groups"].as_array_mut().into_iter().flatten() {
            remove(group, "groups");
        }
    }
    let mut before = Value::Null;
    for column in header["columns"].as_array_mut().into_iter().flatten() {
        remove(column, column_member);
        match fault {
            Fault::DescriptionsCutAtLineBreak => {
                change(column, "description", |text| {
                    text.split('\n').next().unwrap_or_default().to_owned()
                });
            }
            Fault::DatatypesWrong => change(column, "datatype", |_| "double".to_owned()),
            Fault::NamesInLowerCase => change(column, "name", str::to_lowercase),
            Fault::OptionsOfValuesDropped if column["values"].is_object() => {
                remove(&mut column["values"], "options");
            }
            Fault::MetadataShifted if !column["unit"].is_null() || !before.is_null() => {
                let unit = column["unit"].clone();
                column["unit"] = std::mem::replace(&mut before, unit);
            }
            _ => {}
        }
    }
}

fn remove(value: &mut Value, member: &str) {
    if let Some(members) = value.as_object_mut() {
        members.remove(member);
    }
}

fn change(value: &mut Value, member: &str, change: impl Fn(&str) -> String) {
    if let Some(text) = value[member].as_str() {
        value[member] = change(text).into();
    }
}
