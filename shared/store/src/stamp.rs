//! Versionstamps: the store's own order of commits.

use serde::{Deserialize, Serialize};

/// Bytes of a versionstamp.
pub const STAMP_BYTES: usize = 12;

/// The place of a commit in the order of all commits, and of an entry within its commit. A commit that begins after
/// another was acknowledged has the greater stamp. Opaque but for its order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Versionstamp {
    /// Place of the commit, assigned by the engine.
    pub commit: [u8; 10],
    /// Place within the commit: what the caller gave.
    pub order: u16,
}

impl Versionstamp {
    /// Before every commit.
    pub const ZERO: Self = Self { commit: [0; 10], order: 0 };

    /// Big endian, so that bytes sort as stamps.
    #[must_use]
    pub fn to_bytes(self) -> [u8; STAMP_BYTES] {
        let mut bytes = [0; STAMP_BYTES];
        let (commit, order) = bytes.split_at_mut(self.commit.len());
        commit.copy_from_slice(&self.commit);
        order.copy_from_slice(&self.order.to_be_bytes());
        bytes
    }

    /// The reverse of [`Self::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: [u8; STAMP_BYTES]) -> Self {
        let [commit @ .., high, low] = bytes;
        Self { commit, order: u16::from_be_bytes([high, low]) }
    }
}
