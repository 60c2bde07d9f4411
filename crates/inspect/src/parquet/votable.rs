//! The VOTable in a footer.

use taploom_model::counted;
use taploom_votable::{ReadOptions, TableChoice, VotableReader};

use super::footer::Footer;
use crate::report::Inspection;

/// The key with the version of the convention; Parquet in the VO 1.0, 2.2.
const CONTENT_KEY: &str = "IVOA.VOTable-Parquet.content";

/// Copies units, UCDs and descriptions from the FIELDs, which are in the order of the top-level columns.
pub(super) fn describe(inspection: &mut Inspection, footer: &Footer) {
    let Some((_, content)) = footer.keys.iter().find(|(key, _)| key == CONTENT_KEY) else { return };
    if let Some(parquet) = &mut inspection.parquet {
        parquet.votable_bytes = Some(content.len() as u64);
    }
    let options = ReadOptions::default().with_table(TableChoice::First);
    let reader = match VotableReader::with_options(content.as_bytes(), options) {
        Ok(reader) => reader,
        Err(error) => {
            inspection.problems.push(format!("the VOTable in the footer can't be read: {error:#}"));
            return;
        }
    };
    let fields = reader.schema().columns();
    let roots = footer.leaves.last().map_or(0, |leaf| leaf.root + 1);
    if fields.len() != roots {
        let why = format!(
            "the VOTable in the footer has {}, and the file has {}",
            counted(fields.len() as u64, "FIELD"),
            counted(roots as u64, "column")
        );
        inspection.problems.push(why);
        return;
    }
    for (column, leaf) in inspection.columns.iter_mut().zip(&footer.leaves) {
        if let Some(field) = fields.get(leaf.root) {
            let metadata = field.metadata();
            column.unit.clone_from(&metadata.unit);
            column.ucd.clone_from(&metadata.ucd);
            column.description.clone_from(&metadata.description);
        }
    }
}
