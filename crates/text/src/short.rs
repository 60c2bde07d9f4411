//! Short texts, copied with a constant size.

/// Maximum bytes of a short text; every number fits.
pub(crate) const ROOM: usize = 32;

/// Appends a text. A short text is copied by moves of constant size; a slice of variable length
/// would need a call.
#[inline]
pub(crate) fn append_text(text: &[u8], to: &mut Vec<u8>) {
    if text.len() > ROOM {
        to.extend_from_slice(text);
        return;
    }
    let start = to.len();
    to.extend_from_slice(&[0; ROOM]);
    if let Some(room) = to[start..].first_chunk_mut() {
        put(text, room);
    }
    to.truncate(start + text.len());
}

/// A buffer that short texts are written to, one after the other. The offset of the next text
/// stays in a register. The length of a vector would be read from memory and written back for
/// every text, each waiting for the one before.
pub(crate) struct Line<'a> {
    bytes: &'a mut [u8],
    /// The offset of the next text.
    pub(crate) at: usize,
}

impl<'a> Line<'a> {
    /// Writes from this offset on.
    pub(crate) fn new(bytes: &'a mut [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Bytes between the offset and the end of the buffer.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Writes a text; the buffer must have room for [`ROOM`] bytes and for the text.
    #[inline]
    pub(crate) fn put(&mut self, text: &[u8]) {
        if text.len() > ROOM {
            self.put_long(text);
        } else if let Some(room) = self.bytes.get_mut(self.at..).and_then(<[u8]>::first_chunk_mut) {
            put(text, room);
            self.at += text.len();
        }
    }

    /// Writes the first `length` of these bytes, if there is room for all of them.
    #[inline]
    pub(crate) fn put_beginning(&mut self, bytes: &[u8; ROOM], length: usize) {
        if let Some(room) = self.bytes.get_mut(self.at..).and_then(<[u8]>::first_chunk_mut) {
            *room = *bytes;
            self.at += length;
        }
    }

    /// Writes a byte, then the first `length` of these bytes, if there is room for all of them.
    #[inline]
    pub(crate) fn put_behind(&mut self, byte: u8, bytes: &[u8; ROOM], length: usize) {
        let room = self.bytes.get_mut(self.at..).and_then(<[u8]>::split_first_mut);
        if let Some((first, room)) = room
            && let Some(room) = room.first_chunk_mut()
        {
            *first = byte;
            *room = *bytes;
            self.at += 1 + length;
        }
    }

    /// Writes a text; the buffer must have room for it.
    pub(crate) fn put_long(&mut self, text: &[u8]) {
        self.bytes[self.at..self.at + text.len()].copy_from_slice(text);
        self.at += text.len();
    }
}

/// A short text in a buffer of constant size, so that one of several can be chosen without a
/// branch.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    pub(crate) bytes: [u8; ROOM],
    pub(crate) length: usize,
}

impl Word {
    /// A text of at most [`ROOM`] bytes.
    pub(crate) fn new(text: &str) -> Self {
        let mut bytes = [0; ROOM];
        Line::new(&mut bytes, 0).put(text.as_bytes());
        Self { bytes, length: text.len() }
    }
}

/// Copies a text that fits: its beginning and its end, which may overlap.
#[inline]
fn put(text: &[u8], room: &mut [u8; ROOM]) {
    if !put_ends::<16>(text, room) && !put_ends::<8>(text, room) && !put_ends::<4>(text, room) {
        room.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
    }
}

#[inline]
fn put_ends<const N: usize>(text: &[u8], room: &mut [u8; ROOM]) -> bool {
    let (Some(first), Some(last)) = (text.first_chunk::<N>(), text.last_chunk::<N>()) else {
        return false;
    };
    if let Some(to) = room.first_chunk_mut() {
        *to = *first;
    }
    if let Some(to) = room[text.len() - N..].first_chunk_mut() {
        *to = *last;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_moved_whole() {
        let text: Vec<u8> = (1..=80).collect();
        for length in 0..=ROOM + 3 {
            let mut to = b"before".to_vec();
            append_text(&text[..length], &mut to);
            assert_eq!(to, [b"before", &text[..length]].concat());
        }
    }
}
