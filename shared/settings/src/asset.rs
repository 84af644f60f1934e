//! Pictures that operators give: in the store, in pieces, under the hash of their content.
//!
//! An asset never changes, so edges keep what they have loaded; a process that replaces one deletes the old one.

use std::fmt;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use farcast_store::{Batch, Key, Operation, Scan, Store, StoreError, Tuple};

/// Largest asset in bytes.
pub const MAX_ASSET_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of a piece: below the limit of a value.
const PIECE_BYTES: usize = 90_000;

/// SHA-256 of an asset's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AssetHash([u8; 32]);

impl AssetHash {
    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for AssetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AssetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AssetHash({self})")
    }
}

impl From<AssetHash> for String {
    fn from(hash: AssetHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for AssetHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = "a hash has 64 hexadecimal digits";
        let mut hash = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong);
        }
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| wrong)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong)?;
        }
        Ok(Self(hash))
    }
}

/// A picture.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asset {
    /// Name of its file.
    pub file: String,
    /// Its media type.
    pub content_type: String,
    /// Hash of its bytes.
    pub hash: AssetHash,
    /// Number of pieces.
    pub len: u32,
}

/// The prefix of the keys of all pictures.
#[must_use]
pub fn assets() -> Key {
    Tuple::new().text("asset").key()
}

fn prefix(hash: AssetHash) -> Tuple {
    Tuple::new().text("asset").bytes(&hash.0)
}

/// Adds an asset's bytes, at most [`MAX_ASSET_BYTES`], to a batch; returns their name.
#[must_use]
pub fn save_asset(mut batch: Batch, file: &str, content_type: &str, bytes: &Bytes) -> (Batch, Asset) {
    let hash = AssetHash::of(bytes);
    for (index, piece) in (0..).zip(bytes.chunks(PIECE_BYTES)) {
        batch = batch.set(prefix(hash).uint(index).key(), bytes.slice_ref(piece));
    }
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    (batch, Asset { file: file.to_owned(), content_type: content_type.to_owned(), hash, len })
}

/// Removes an asset's bytes in a batch; before they are saved again in the same batch, if they are.
#[must_use]
pub fn remove_asset(batch: Batch, asset: &Asset) -> Batch {
    let all: Key = prefix(asset.hash).key();
    let end = all.after_all_with_prefix();
    batch.then(Operation::ClearRange(all, end))
}

/// An asset's bytes; none when they are not there, or not all.
///
/// # Errors
/// When the store fails.
pub async fn load_asset(store: &Store, asset: &Asset) -> Result<Option<Bytes>, StoreError> {
    let pieces =
        store.scan_all(Scan::prefix(prefix(asset.hash).key()), MAX_ASSET_BYTES / PIECE_BYTES + 1).await?;
    let mut bytes = BytesMut::new();
    for (_, piece) in pieces {
        bytes.extend_from_slice(&piece);
    }
    Ok(Some(bytes.freeze()).filter(|bytes| AssetHash::of(bytes) == asset.hash))
}
