//! What the server's catalogue says about the columns of a query.

use std::collections::HashMap;

use super::column::DeclaredColumn;
use super::connection::PostgresConnection;
use super::failure::Failure;
use super::sphere::Shape;
use super::types::ServerType;

impl PostgresConnection {
    /// Finds the columns whose types are shapes of pgSphere, whose object ids differ from database to database.
    pub(super) async fn find_shapes(
        &mut self,
        columns: &mut [DeclaredColumn],
    ) -> Result<(), Failure> {
        let types = columns.iter().filter(|column| column.is_of_users());
        let Some(types) = listed(types.map(|column| column.type_oid)) else { return Ok(()) };
        let rows = self
            .simple_query(&format!(
                "SELECT t.oid, t.typname FROM pg_catalog.pg_type t \
                 JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass \
                 AND d.objid = t.oid AND d.deptype = 'e' \
                 AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass \
                 JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
                 WHERE e.extname = 'pg_sphere' AND t.oid IN ({types})"
            ))
            .await?;
        let mut shapes = HashMap::new();
        for row in rows {
            if let [Some(oid), Some(name)] = &row[..]
                && let (Ok(oid), Some(shape)) = (oid.parse::<u32>(), Shape::of_type(name))
            {
                shapes.insert(oid, shape);
            }
        }
        for column in columns {
            if let Some(shape) = shapes.get(&column.type_oid) {
                column.server_type = ServerType::of_shape(*shape);
            }
        }
        Ok(())
    }

    /// Reads the comments on the columns, which are their descriptions.
    pub(super) async fn find_descriptions(
        &mut self,
        columns: &mut [DeclaredColumn],
    ) -> Result<(), Failure> {
        let tables = columns.iter().map(|column| column.origin.0).filter(|table| *table != 0);
        let Some(tables) = listed(tables) else { return Ok(()) };
        let rows = self
            .simple_query(&format!(
                "SELECT objoid, objsubid, description FROM pg_catalog.pg_description \
                 WHERE classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objsubid > 0 \
                 AND objoid IN ({tables})"
            ))
            .await?;
        let mut descriptions: HashMap<(u32, i16), String> = HashMap::new();
        for mut row in rows {
            if let [Some(table), Some(column), Some(text)] = &mut row[..]
                && let (Ok(table), Ok(column)) = (table.parse(), column.parse())
            {
                descriptions.insert((table, column), std::mem::take(text));
            }
        }
        for column in columns {
            column.description = descriptions.get(&column.origin).cloned();
        }
        Ok(())
    }
}

/// Object ids for a list in SQL, each once. `None` if there are none.
fn listed(ids: impl Iterator<Item = u32>) -> Option<String> {
    let mut ids: Vec<u32> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let words: Vec<String> = ids.iter().map(ToString::to_string).collect();
    (!words.is_empty()).then(|| words.join(", "))
}
