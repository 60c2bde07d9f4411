//! Arrow IPC files and streams.

use arrow_array::RecordBatchReader;
use arrow_schema::ArrowError;
use async_trait::async_trait;
use taploom_model::{BatchSource, Result, RowSource};

use self::beginning::is_stream;
use self::by_footer::FileBatches;
use self::in_turn::StreamBatches;
use super::batches::{batches, slices, unreadable};
use super::described::{FileSchema, in_arrow};
use crate::error::{damaged, invalid};
use crate::guard::guarded;
use crate::plugin::{Place, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;

mod beginning;
mod by_footer;
mod in_turn;
mod memory;
mod unsupported;

/// The source type.
struct Arrow;

register_source!(
    /// The source of Arrow IPC files and streams.
    ARROW = Arrow
);

#[async_trait]
impl SourceType for Arrow {
    const INFO: SourceInfo = SourceInfo::new("arrow", "an Arrow file or stream")
        .with_extensions(&["arrow"])
        .with_mark(beginning::is_arrow);

    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let name = place.text();
        guarded(name, || open(place, name, request))
    }
}

fn open(place: Place<'_>, name: &str, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    let broken = |error: ArrowError| match error {
        ArrowError::NotYetImplemented(why) => invalid(format!("source {name}: {why}")),
        error => damaged(format!("source {name}: not a whole Arrow file")).with_source(error),
    };
    if is_stream(place.beginning()) {
        source(StreamBatches::new(place.into_reader()?).map_err(broken)?, name, request)
    } else {
        source(FileBatches::new(place.into_file()?).map_err(broken)?, name, request)
    }
}

/// Batches in a file may have any size, so they are sliced; the slices share their memory.
fn source(
    reader: impl RecordBatchReader + Send + 'static,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let described = FileSchema::new(reader.schema(), request, |arrow| Ok(in_arrow(arrow)))?;
    let most = request.batch_rows.max(1);
    let source = name.to_owned();
    let reader = reader.map(move |batch| batch.map_err(|error| unreadable(&source, "", error)));
    let slices = batches(reader, name.to_owned()).flat_map(move |batch| match batch {
        Err(error) => vec![Err(error)],
        Ok(batch) => slices(&batch, most).into_iter().map(Ok).collect(),
    });
    let ending = described.ending(name);
    Ok(Box::new(BatchSource::new(described.schema, slices).with_ending(ending)))
}
