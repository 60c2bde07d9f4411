//! The TIMESYS elements to which counted columns refer.

use std::collections::HashSet;

use serde_json::Value;
use taploom_format::{
    Resource, Result, ResultSchema, TableMetadata, TimeOrigin, TimeSys, VocabularyTerm, XmlId,
};

/// Makes one TIMESYS, with the origin of the counts, per time scale and reference position.
pub(super) struct TimeSystems {
    taken: HashSet<String>,
    given: Vec<TimeSys>,
    made: Vec<TimeSys>,
}

impl TimeSystems {
    /// Reads the ids and the TIMESYS elements of a result.
    pub(super) fn new(schema: &ResultSchema) -> Self {
        let mut taken = HashSet::new();
        if let Ok(table) = serde_json::to_value(schema.table()) {
            collect_ids(&table, &mut taken);
        }
        for column in schema.columns() {
            if let Ok(field) = serde_json::to_value(column.metadata()) {
                collect_ids(&field, &mut taken);
            }
        }
        let mut given = Vec::new();
        for resource in [&schema.table().resource, &schema.table().document] {
            collect_timesys(resource, &mut given);
        }
        Self { taken, given, made: Vec::new() }
    }

    /// The TIMESYS of a counted column; a new one is added to `table`. It has the time scale and the
    /// reference position of the TIMESYS to which the column referred, or else the ones that apply to a
    /// timestamp without a TIMESYS (DALI 1.1, 3.3.3).
    pub(super) fn counting(
        &mut self,
        table: &mut TableMetadata,
        reference: Option<&XmlId>,
    ) -> Result<TimeSys> {
        let given = self.given.iter().find(|system| Some(&system.id) == reference);
        let (timescale, refposition) = match given {
            Some(given) => (given.timescale.clone(), given.refposition.clone()),
            None => (VocabularyTerm::UTC, VocabularyTerm::UNKNOWN),
        };
        let same = |made: &&TimeSys| made.timescale == timescale && made.refposition == refposition;
        if let Some(made) = self.made.iter().find(same) {
            return Ok(made.clone());
        }
        let numbered = (2_usize..).map(|number| format!("unix_time_{number}"));
        let mut ids = std::iter::once("unix_time".to_owned()).chain(numbered);
        // The range has no end, so a free id is always found.
        let id = ids.find(|id| !self.taken.contains(id)).unwrap_or_default();
        self.taken.insert(id.clone());
        let (id, timeorigin) = (XmlId::try_from(id)?, Some(TimeOrigin::UNIX_EPOCH));
        let system = TimeSys { id, timeorigin, timescale, refposition };
        self.made.push(system.clone());
        table.resource.timesys.push(system.clone());
        Ok(system)
    }
}

fn collect_timesys(resource: &Resource, into: &mut Vec<TimeSys>) {
    into.extend_from_slice(&resource.timesys);
    for inner in &resource.resources {
        collect_timesys(inner, into);
    }
}

fn collect_ids(value: &Value, into: &mut HashSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(id)) = members.get("ID") {
                into.insert(id.clone());
            }
            members.values().for_each(|member| collect_ids(member, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, into)),
        _ => {}
    }
}
