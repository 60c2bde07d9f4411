//! Checks all pages of a file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;

use taploom_thrift as thrift;

use super::chunk::Chunk;
use super::footer::Footer;
use super::pages::{DATA_PAGE, DATA_PAGE_V2, PageHeader, PageState};
use crate::report::{Inspection, Readable};

/// Maximum number of problems that are described one by one.
const MOST_TOLD: u64 = 10;
/// Maximum number of row groups and of columns that are named.
const MOST_NAMED: usize = 20;

/// Reads every page, and reports the damaged ones. Returns whether all pages have checksums; `None` without
/// pages.
pub(super) fn pages(
    file: &File,
    footer: &Footer,
    inspection: &mut Inspection,
) -> io::Result<Option<bool>> {
    let (mut pages, mut with_checksums, mut damaged) = (0, 0, 0);
    let (mut row_groups, mut columns) = (BTreeSet::new(), BTreeSet::new());
    for chunk in &footer.chunks {
        let mut tally = |state| {
            pages += 1;
            with_checksums += u64::from(state == PageState::Right);
        };
        let Some(why) = chunk_damage(file, chunk, &mut tally)? else { continue };
        damaged += 1;
        row_groups.insert(chunk.row_group);
        columns.insert(chunk.leaf);
        if damaged <= MOST_TOLD {
            let column = footer.leaves.get(chunk.leaf as usize);
            let column = column.map(|leaf| leaf.path.join(".")).unwrap_or_default();
            let group = chunk.row_group + 1;
            inspection.problems.push(format!("column {column:?}, row group {group}: {why}"));
        }
    }
    if damaged > MOST_TOLD {
        inspection.problems.push(format!("{} more column chunks are damaged", damaged - MOST_TOLD));
    }
    if let Some(parquet) = &mut inspection.parquet {
        parquet.checked_pages = Some(pages);
    }
    let lost = row_groups.iter().filter_map(|group| footer.row_groups.get(*group as usize));
    let rows = |rows: i64| u64::try_from(rows).unwrap_or(0);
    let lost: u64 = lost.map(|group| rows(group.rows)).sum();
    let names = columns.iter().filter_map(|leaf| footer.leaves.get(*leaf as usize));
    inspection.readable = Some(Readable {
        rows: rows(footer.rows).saturating_sub(lost),
        of: Some(rows(footer.rows)),
        damaged_row_groups: row_groups
            .iter()
            .take(MOST_NAMED)
            .map(|group| u64::from(*group) + 1)
            .collect(),
        damaged_columns: names.take(MOST_NAMED).map(|leaf| leaf.path.join(".")).collect(),
    });
    Ok((pages > 0).then_some(with_checksums == pages))
}

/// Describes the damage of a chunk, if there is any.
fn chunk_damage(
    file: &File,
    chunk: &Chunk,
    tally: &mut impl FnMut(PageState),
) -> io::Result<Option<String>> {
    let Some(end) = chunk.start.checked_add(chunk.bytes) else {
        return Ok(Some("it is not within the file".to_owned()));
    };
    let (mut at, mut values, mut page) = (chunk.start, 0_u64, 0_u64);
    while at < end {
        page += 1;
        let header = match PageHeader::read(file, at) {
            Ok(header) => header,
            Err(thrift::Error::Io(error)) => return Err(error),
            Err(broken) => {
                return Ok(Some(format!("the header of page {page} is damaged: {broken}")));
            }
        };
        let start = at.saturating_add(header.length);
        if start.saturating_add(header.compressed) > end {
            return Ok(Some(format!("page {page}, at byte {at}, goes beyond its column chunk")));
        }
        let state = header.check(file, start)?;
        match state {
            PageState::Right | PageState::Unknown => tally(state),
            PageState::Wrong => {
                return Ok(Some(format!(
                    "page {page}, at byte {at}, does not have the checksum in its header"
                )));
            }
            PageState::Short => return Ok(Some(format!("the file ends within page {page}"))),
        }
        if matches!(header.page_type, DATA_PAGE | DATA_PAGE_V2) {
            values = values.saturating_add(header.values);
        }
        at = start + header.compressed;
    }
    Ok((values != chunk.values)
        .then(|| format!("its pages have {values} values, and the footer says {}", chunk.values)))
}
