//! Sends a result from a temporary file as the body of a request.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use futures::Stream;
use taploom_scratch::ScratchReader;

/// Bytes that are read at a time.
const CHUNK: u64 = 256 << 10;

/// Reads a part of a file. Each call starts again, whether or not an earlier stream was read to its end, so that an
/// upload can be repeated.
pub(crate) fn read(
    file: &ScratchReader,
    Range { start, end }: Range<u64>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<> {
    futures::stream::try_unfold((file.clone(), start), move |(file, offset)| async move {
        if offset == end {
            return Ok(None);
        }
        let wanted = (end - offset).min(CHUNK);
        let read = move || {
            let mut chunk = vec![0; usize::try_from(wanted).unwrap_or(0)];
            file.read_exact_at(&mut chunk, offset)?;
            Ok::<_, io::Error>((Bytes::from(chunk), file))
        };
        let (chunk, file) = tokio::task::spawn_blocking(read).await??;
        Ok(Some((chunk, (file, offset + wanted))))
    })
}
