//! The state as it is on the disk: JSON with a format number and a checksum.

use std::collections::BTreeMap;
use std::path::Path;

use farcast_feed::name::StreamName;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Cursor, StateError};

/// Newest format that this program reads and the one that it writes.
const FORMAT: u64 = 2;
/// Format of a time before the first release, when the stream key's hash was here.
const BEFORE_RELEASE: u64 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u64,
    /// Checksum of `content` as written: detects a file that was cut or edited by hand.
    checksum: String,
    content: Content,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    streams: BTreeMap<StreamName, Cursor>,
}

/// Only the format, which every format has.
#[derive(Deserialize)]
struct Header {
    format: u64,
}

pub(super) fn render(cursors: &BTreeMap<StreamName, Cursor>) -> Vec<u8> {
    let content = Content { streams: cursors.clone() };
    let document = Document { format: FORMAT, checksum: checksum(&content), content };
    let mut bytes = serde_json::to_vec_pretty(&document)
        .expect("maps with text keys, texts and numbers always serialise");
    bytes.push(b'\n');
    bytes
}

/// The cursors in the `bytes` of the file at `path`.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<BTreeMap<StreamName, Cursor>, StateError> {
    let damaged = |what: String| StateError::Damaged { path: path.to_owned(), what };
    let header: Header = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if header.format > FORMAT {
        return Err(StateError::Newer { path: path.to_owned(), found: header.format, known: FORMAT });
    }
    if header.format == BEFORE_RELEASE {
        return Err(damaged("it is of a version before the first release".to_owned()));
    }
    let document: Document = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if checksum(&document.content) != document.checksum {
        return Err(damaged("the checksum does not fit".to_owned()));
    }
    Ok(document.content.streams)
}

fn checksum(content: &Content) -> String {
    let bytes = serde_json::to_vec(content).expect("maps with text keys, texts and numbers always serialise");
    hex(&Sha256::digest(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
