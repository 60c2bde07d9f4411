//! The header: YAML in comments.

use taploom_format::{ColumnMetadata, TableMetadata};

/// The header of a table, while columns are added.
pub(crate) struct Header(String);

impl Header {
    /// A header without columns.
    pub(crate) fn new() -> Self {
        Self("# %ECSV 1.0\n# ---\n# delimiter: \",\"\n# datatype:\n".to_owned())
    }

    /// Adds a column.
    pub(crate) fn column(
        &mut self,
        name: &str,
        (datatype, subtype): (&str, Option<String>),
        metadata: &ColumnMetadata,
    ) {
        let mut members = vec![member("name", name), format!("datatype: {datatype}")];
        members.extend(subtype.map(|subtype| member("subtype", &subtype)));
        members.extend(given("unit", &metadata.unit));
        members.extend(given("description", &metadata.description));
        let meta = [
            given("ucd", &metadata.ucd),
            given("utype", &metadata.utype),
            given("xtype", &metadata.xtype),
        ];
        let meta: Vec<String> = meta.into_iter().flatten().collect();
        if !meta.is_empty() {
            members.push(format!("meta: {{{}}}", meta.join(", ")));
        }
        self.0.push_str(&format!("# - {{{}}}\n", members.join(", ")));
    }

    /// The complete header, with the metadata of the table.
    pub(crate) fn finish(mut self, table: &TableMetadata) -> String {
        let meta = [given("name", &table.name), given("description", &table.description)];
        let meta: Vec<String> = meta.into_iter().flatten().collect();
        if !meta.is_empty() {
            self.0.push_str(&format!("# meta: {{{}}}\n", meta.join(", ")));
        }
        self.0
    }
}

fn given(key: &str, value: &Option<String>) -> Option<String> {
    value.as_deref().map(|value| member(key, value))
}

/// A member of a mapping whose value is a double-quoted string; YAML 1.2, section 7.3.1.
fn member(key: &str, value: &str) -> String {
    let mut quoted = format!("{key}: \"");
    for character in value.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ if character.is_alphanumeric() => quoted.push(character),
            // Control characters, which YAML or a single line can't contain, are
            // escaped too.
            _ => quoted.push_str(&format!("\\U{:08X}", u32::from(character))),
        }
    }
    quoted.push('"');
    quoted
}
