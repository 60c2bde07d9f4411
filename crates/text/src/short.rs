//! Texts of a few bytes, moved as a whole.

/// Bytes that a short text has at most: any number has fewer.
pub(crate) const ROOM: usize = 32;

/// Appends a text. A short one is copied by moves of constant size, where a slice of as many bytes takes
/// a call.
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

/// Appends the first bytes of some that there are more of.
#[inline]
pub(crate) fn append_beginning(bytes: &[u8; ROOM], length: usize, to: &mut Vec<u8>) {
    let end = to.len() + length;
    to.extend_from_slice(bytes);
    to.truncate(end);
}

/// Puts a text that has room: its beginning and its end, which may overlap.
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
