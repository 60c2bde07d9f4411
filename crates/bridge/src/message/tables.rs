//! Tables that come with a query.

use serde::Deserialize;
use serde::de::{self, Deserializer};
use taploom_jobs::http::is_web;
use taploom_jobs::{Partitioning, Secret, UserTable};
use url::Url;

/// A table that is uploaded with the query.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "GivenTable")]
pub struct UploadTable {
    /// `database.table`; the database begins with `user_`.
    pub table_name: String,
    /// The URL of the rows, in CSV.
    pub source_url: Secret<Url>,
    /// The URL of the description of the columns, in the form that the database wants.
    pub schema_url: Secret<Url>,
    /// Where the rows belong.
    pub partitioning: Partitioning,
}

/// The members of an [`UploadTable`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GivenTable {
    #[serde(deserialize_with = "user_table")]
    table_name: String,
    #[serde(deserialize_with = "web_url")]
    source_url: Secret<Url>,
    #[serde(deserialize_with = "web_url")]
    schema_url: Secret<Url>,
    partition_type: Option<PartitionType>,
    longitude_col_name: Option<String>,
    latitude_col_name: Option<String>,
    id_col_name: Option<String>,
    ref_director_database: Option<String>,
    ref_director_table: Option<String>,
    ref_director_id_col_name: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PartitionType {
    Replicated,
    Director,
    Dependent,
}

impl TryFrom<GivenTable> for UploadTable {
    type Error = String;

    fn try_from(given: GivenTable) -> Result<Self, String> {
        let needed = |name: &str, value: Option<String>| {
            value.ok_or_else(|| format!("{name} is missing, which this partitionType needs"))
        };
        let partitioning = match given.partition_type {
            None | Some(PartitionType::Replicated) => Partitioning::Replicated,
            Some(PartitionType::Director) => Partitioning::Director {
                longitude: needed("longitudeColName", given.longitude_col_name)?,
                latitude: needed("latitudeColName", given.latitude_col_name)?,
            },
            Some(PartitionType::Dependent) => Partitioning::Dependent {
                id: needed("idColName", given.id_col_name)?,
                director_database: needed("refDirectorDatabase", given.ref_director_database)?,
                director_table: needed("refDirectorTable", given.ref_director_table)?,
                director_id: needed("refDirectorIdColName", given.ref_director_id_col_name)?,
            },
        };
        let GivenTable { table_name, source_url, schema_url, .. } = given;
        Ok(Self { table_name, source_url, schema_url, partitioning })
    }
}

impl UploadTable {
    /// The table as a part of a query.
    pub(crate) fn into_table(self) -> UserTable {
        let (database, table) = self.table_name.split_once('.').unwrap_or_default();
        UserTable {
            database: database.to_owned(),
            table: table.to_owned(),
            rows: self.source_url,
            schema: self.schema_url,
            partitioning: self.partitioning,
        }
    }
}

/// The error does not repeat the URL, which may be signed.
fn web_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<Url>, D::Error> {
    let url = Url::parse(&String::deserialize(deserializer)?).ok().filter(is_web);
    url.map(Secret::new).ok_or_else(|| de::Error::custom("it is not an http or https URL"))
}

/// The database is removed with the job, so it must not be one of the catalogue.
fn user_table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let is_plain = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let parts = name.strip_prefix("user_").and_then(|rest| rest.split_once('.'));
    match parts {
        Some((database, table)) if is_plain(database) && is_plain(table) => Ok(name),
        _ => Err(de::Error::custom(
            "it is not of the form user_NAME.TABLE, with letters, digits and _ in both names",
        )),
    }
}
