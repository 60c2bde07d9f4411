//! Detects encrypted Parquet files.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use taploom_thrift::{Reader, Taken};

/// The magic bytes of a file with an encrypted footer; Parquet modular encryption, 5.1.
pub(super) const ENCRYPTED_FOOTER: &[u8] = b"PARE";
/// The magic bytes of any other file.
const FOOTER: &[u8] = b"PAR1";

/// The field of FileMetaData that names the encryption algorithm. Only files with encrypted columns and a
/// readable footer have it.
const ENCRYPTION_ALGORITHM: i16 = 8;

/// The encrypted part of the file, as text for a message. `None` if nothing is encrypted, and for a damaged
/// footer.
///
/// The Parquet crate reports encrypted columns as damage, because it ignores the fields that describe the
/// encryption.
pub(super) fn encrypted(file: &mut File) -> Option<&'static str> {
    let position = file.stream_position().ok()?;
    let found = look(file);
    file.seek(SeekFrom::Start(position)).ok()?;
    found
}

fn look(file: &mut File) -> Option<&'static str> {
    let end = file.seek(SeekFrom::End(-8)).ok()?;
    let mut trailer = [0; 8];
    file.read_exact(&mut trailer).ok()?;
    let (length, mark) = trailer.split_first_chunk::<4>()?;
    if mark == ENCRYPTED_FOOTER {
        return Some("it is encrypted");
    }
    if mark != FOOTER {
        return None;
    }
    let length = u64::from(u32::from_le_bytes(*length));
    file.seek(SeekFrom::Start(end.checked_sub(length)?)).ok()?;
    let mut footer = Vec::new();
    file.take(length).read_to_end(&mut footer).ok()?;
    let mut names_algorithm = false;
    // Damage after the field does not matter.
    let _ = Reader::new(&footer).each_field(|_, id, _| {
        names_algorithm |= id == ENCRYPTION_ALGORITHM;
        Ok(Taken::No)
    });
    names_algorithm.then_some("some or all of its columns are encrypted")
}
