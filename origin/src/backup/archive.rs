//! The form of a backup: a line that names it, then records, the last of which has a checksum of all before it.
//!
//! ```text
//! "farcast backup 1\n"
//! record: kind (1 byte), length of name (u32, big endian), length of content (u32), name, content
//!   'H'  first: name empty, content JSON: version of Farcast, when it was made, version of the store
//!   'F'  a file of the data folder: its name, its bytes
//!   'E'  an entry of the store: its key, its value
//!   'Z'  last: name the SHA-256 of everything before this record, content JSON: how many files and entries
//! ```
//!
//! Sans-IO for writing, since it goes to a file or to a socket; reading is from a file, and blocks.

use std::io::{self, Read};

use bytes::Bytes;
use farcast_feed::time::WallTime;
use farcast_store::Key;
use farcast_store::limits::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::MAX_FILE_BYTES;

/// The beginning of a backup; the number is that of its form.
const MAGIC: &[u8] = b"farcast backup 1\n";
/// The same up to the number.
const MAGIC_NAME: &[u8] = b"farcast backup ";
/// Most bytes of the JSON of the first and the last record.
const MAX_JSON_BYTES: u64 = 4096;
/// Most bytes of a file's name.
const MAX_NAME_BYTES: u32 = 300;

/// Largest version of a store, far beyond any: restoring counts on from it.
const MAX_VERSION: u64 = 1 << 62;

/// The header of a backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Header {
    /// Version of the origin that made it.
    pub(super) farcast: String,
    pub(super) made_at: WallTime,
    /// A bound on the versionstamps in it: see [`farcast_store::Snapshot::version`].
    pub(super) store_version: u64,
}

/// The contents of a backup, as its end counts them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) files: u64,
    pub(super) entries: u64,
}

/// A record.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Item {
    File { name: String, bytes: Vec<u8> },
    Entry(Key, Bytes),
    End(Counts),
}

/// The reason why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("it cannot be read")]
    Read(#[from] io::Error),
    #[error("this is no backup of Farcast")]
    Foreign,
    #[error("a newer Farcast made this backup: restore it with that one")]
    Newer,
    #[error("the backup is damaged: {0}")]
    Damaged(&'static str),
    #[error("the backup breaks off: the program that made it was stopped, or the copy is not whole")]
    BreaksOff,
}

/// Writes a backup, piece by piece.
#[derive(Debug)]
pub(super) struct Encoder {
    digest: Sha256,
    counts: Counts,
    out: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(header: &Header) -> Self {
        let mut new = Self { digest: Sha256::new(), counts: Counts::default(), out: MAGIC.to_vec() };
        new.record(b'H', &[], &json(header));
        new
    }

    pub(super) fn file(&mut self, name: &str, bytes: &[u8]) {
        self.counts.files += 1;
        self.record(b'F', name.as_bytes(), bytes);
    }

    pub(super) fn entry(&mut self, key: &Key, value: &[u8]) {
        self.counts.entries += 1;
        self.record(b'E', key.as_bytes(), value);
    }

    /// The bytes written since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.digest.update(&self.out);
        std::mem::take(&mut self.out)
    }

    /// The rest, up to the end.
    pub(super) fn end(mut self) -> Vec<u8> {
        let mut rest = self.take();
        let checksum = self.digest.clone().finalize();
        self.record(b'Z', &checksum, &json(&self.counts));
        rest.append(&mut self.out);
        rest
    }

    fn record(&mut self, kind: u8, name: &[u8], content: &[u8]) {
        let length = |bytes: &[u8]| {
            u32::try_from(bytes.len()).expect("the store and the files are bounded").to_be_bytes()
        };
        self.out.push(kind);
        self.out.extend_from_slice(&length(name));
        self.out.extend_from_slice(&length(content));
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(content);
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers always serialise")
}

/// Reads a backup. The items are valid once [`Item::End`] has come, and not before.
#[derive(Debug)]
pub(super) struct Decoder<R> {
    from: R,
    digest: Sha256,
    counts: Counts,
    header: Header,
}

impl<R: Read> Decoder<R> {
    pub(super) fn open(mut from: R) -> Result<Self, ArchiveError> {
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::Foreign,
            _ => ArchiveError::Read(error),
        })?;
        if magic != MAGIC {
            return Err(if magic.starts_with(MAGIC_NAME) {
                ArchiveError::Newer
            } else {
                ArchiveError::Foreign
            });
        }
        let none = Header { farcast: String::new(), made_at: WallTime(0), store_version: 0 };
        let digest = Sha256::new().chain_update(magic);
        let mut new = Self { from, digest, counts: Counts::default(), header: none };
        let (kind, name, content) = new.record()?;
        if kind != b'H' || !name.is_empty() {
            return Err(ArchiveError::Damaged("it does not begin with what it is"));
        }
        new.header = parse(&content)?;
        if new.header.store_version > MAX_VERSION {
            return Err(ArchiveError::Damaged("it is of a version that no store reaches"));
        }
        Ok(new)
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn next(&mut self) -> Result<Item, ArchiveError> {
        let before = self.digest.clone();
        let (kind, name, content) = self.record()?;
        match kind {
            b'F' => {
                self.counts.files += 1;
                let name =
                    String::from_utf8(name).map_err(|_| ArchiveError::Damaged("a file's name is no text"))?;
                Ok(Item::File { name, bytes: content })
            }
            b'E' => {
                self.counts.entries += 1;
                Ok(Item::Entry(Key::from_bytes(name), content.into()))
            }
            _ => {
                if *before.finalize() != *name {
                    return Err(ArchiveError::Damaged("its checksum is another"));
                }
                if parse::<Counts>(&content)? != self.counts {
                    return Err(ArchiveError::Damaged("it has more or less than it says"));
                }
                if self.from.read(&mut [0])? != 0 {
                    return Err(ArchiveError::Damaged("something stands behind its end"));
                }
                Ok(Item::End(self.counts))
            }
        }
    }

    fn record(&mut self) -> Result<(u8, Vec<u8>, Vec<u8>), ArchiveError> {
        let mut head = [0; 9];
        self.fill(&mut head)?;
        let [kind, a, b, c, d, e, f, g, h] = head;
        let (name, content) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        let (most_name, most_content) = match kind {
            b'H' => (0, MAX_JSON_BYTES),
            b'F' => (u64::from(MAX_NAME_BYTES), MAX_FILE_BYTES),
            b'E' => (MAX_KEY_BYTES as u64, MAX_VALUE_BYTES as u64),
            b'Z' => (32, MAX_JSON_BYTES),
            _ => return Err(ArchiveError::Damaged("it has a record of an unknown kind")),
        };
        if u64::from(name) > most_name || u64::from(content) > most_content {
            return Err(ArchiveError::Damaged("a record is longer than any can be"));
        }
        let (mut name, mut content) = (vec![0; name as usize], vec![0; content as usize]);
        self.fill(&mut name)?;
        self.fill(&mut content)?;
        Ok((kind, name, content))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ArchiveError> {
        self.from.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::BreaksOff,
            _ => ArchiveError::Read(error),
        })?;
        self.digest.update(&*bytes);
        Ok(())
    }
}

fn parse<T: for<'de> Deserialize<'de>>(content: &[u8]) -> Result<T, ArchiveError> {
    serde_json::from_slice(content)
        .map_err(|_| ArchiveError::Damaged("what it says of itself cannot be read"))
}
