//! Detects the compression of a file.

use std::io::{BufRead, Read};

use taploom_model::{Resources, Result};

use crate::error::invalid;

/// A compression, recognized by the first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// A compression that is not supported: its name, and a program that decompresses it to standard
    /// output.
    Other { name: &'static str, program: &'static str },
}

impl Compression {
    pub(super) fn of(beginning: &[u8]) -> Option<Self> {
        let other = |name, program| Some(Self::Other { name, program });
        match beginning {
            // The third byte is the method: deflate.
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // A skippable frame; RFC 8878, 3.1.2.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => other("bzip2", "bzip2 -dc"),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => other("xz", "xz -dc"),
            [0x04, 0x22, 0x4d, 0x18, ..] => other("lz4", "lz4 -dc"),
            [b'P', b'K', 3, 4, ..] => other("zip", "unzip -p"),
            [0x1f, 0x9d, ..] => other("compress", "uncompress -c"),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Other { name, .. } => name,
        }
    }

    /// The decompressed bytes of a stream.
    pub(super) fn decoder(
        self,
        source: &str,
        stream: impl BufRead + Send + 'static,
        resources: &Resources,
    ) -> Result<Box<dyn Read + Send>> {
        match self {
            #[cfg(feature = "compression")]
            Self::Gzip => Ok(Box::new(super::gzip::Members::new(stream))),
            #[cfg(feature = "compression")]
            Self::Zstd => super::zstd::decoder(source, stream, resources.memory_budget),
            #[cfg(not(feature = "compression"))]
            Self::Gzip | Self::Zstd => {
                let _ = (stream, resources);
                Err(invalid(format!(
                    "source {source}: compressed by {}, which this program was built without",
                    self.name()
                )))
            }
            Self::Other { name, program } => Err(invalid(format!(
                "source {source}: compressed by {name}, which is not supported; decompress it first: \
                 {program} FILE | taploom encode -"
            ))),
        }
    }
}
