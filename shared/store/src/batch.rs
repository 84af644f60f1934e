//! Writes as data: a [`Batch`] can be retried, sent in one message and recognised when it comes twice.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::key::{Key, STAMP};
use super::record::{Record, TypedKey};
use super::stamp::Versionstamp;

/// Names a batch for ever, so that an engine applies it once however often it comes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BatchId(pub [u8; 16]);

impl BatchId {
    /// A random one.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl fmt::Debug for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A condition for a batch to be applied, checked in the same instant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Precondition {
    /// The key has no value.
    Absent(Key),
    /// The key has a value.
    Present(Key),
    /// The key has this value.
    Equals(Key, Bytes),
    /// The key's value begins with these bytes; how a lease guards a batch.
    StartsWith(Key, Bytes),
}

impl Precondition {
    /// The key that it is about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Absent(key) | Self::Present(key) | Self::Equals(key, _) | Self::StartsWith(key, _) => key,
        }
    }

    /// True if it holds where the key has this value.
    #[must_use]
    pub fn holds(&self, value: Option<&[u8]>) -> bool {
        match (self, value) {
            (Self::Absent(_), value) => value.is_none(),
            (Self::Present(_), value) => value.is_some(),
            (Self::Equals(_, wanted), value) => value == Some(wanted),
            (Self::StartsWith(_, prefix), value) => value.is_some_and(|value| value.starts_with(prefix)),
        }
    }
}

/// A change. Those of a batch are applied in their order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Operation {
    /// Gives the key a value.
    Set(Key, Bytes),
    /// Takes the key's value away.
    Clear(Key),
    /// Takes the values of all keys from the first (included) to the second (not included) away.
    ClearRange(Key, Key),
    /// Adds to the key's value, a little-endian 64-bit integer, wrapping. No value counts as 0, a shorter one as padded
    /// with zeroes, a longer one as cut.
    Add(Key, i64),
    /// Gives a value to the key `prefix ‖ 0x33 ‖ versionstamp`, which no other commit can have: an entry of a log. The
    /// key is [`super::Tuple::stamp`] behind the prefix.
    Append {
        /// The beginning of the key: whole tuple items.
        prefix: Key,
        /// The place of the entry among those of this batch.
        order: u16,
        /// The value.
        value: Bytes,
    },
    /// Gives the key the value of [`Versionstamp::to_bytes`]: the tip of a log, to be watched.
    SetStamp(Key, u16),
}

/// Changes that are applied together or not at all.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Batch {
    id: BatchId,
    preconditions: Vec<Precondition>,
    operations: Vec<Operation>,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// An empty batch with a random id.
    #[must_use]
    pub fn new() -> Self {
        Self::with_id(BatchId::random())
    }

    /// An empty batch with this id. Two batches of one id must be the same batch.
    #[must_use]
    pub fn with_id(id: BatchId) -> Self {
        Self { id, preconditions: Vec::new(), operations: Vec::new() }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> BatchId {
        self.id
    }

    /// The conditions.
    #[must_use]
    pub fn preconditions(&self) -> &[Precondition] {
        &self.preconditions
    }

    /// The changes.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Adds a precondition.
    #[must_use]
    pub fn require(mut self, precondition: Precondition) -> Self {
        self.preconditions.push(precondition);
        self
    }

    /// Adds a change.
    #[must_use]
    pub fn then(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }

    /// Adds [`Operation::Set`].
    #[must_use]
    pub fn set(self, key: Key, value: impl Into<Bytes>) -> Self {
        self.then(Operation::Set(key, value.into()))
    }

    /// Adds [`Operation::Set`] with a record.
    ///
    /// # Errors
    /// When the record has no form in JSON.
    pub fn put<T: Record>(self, key: &TypedKey<T>, record: &T) -> Result<Self, super::StoreError> {
        let value = super::record::encode(record)?;
        Ok(self.set(key.key().clone(), value))
    }

    /// Adds [`Operation::Clear`].
    #[must_use]
    pub fn clear(self, key: Key) -> Self {
        self.then(Operation::Clear(key))
    }
}

/// The result of a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Committed {
    /// The place of the commit; its entries and tips differ from it by their order.
    pub stamp: Versionstamp,
}

/// The key of an entry that [`Operation::Append`] made.
#[must_use]
pub fn appended_key(prefix: &Key, stamp: Versionstamp) -> Key {
    Key::from_bytes([prefix.as_bytes(), &[STAMP], &stamp.to_bytes()].concat())
}

/// The value that [`Operation::Add`] leaves.
#[must_use]
pub fn added(value: Option<&[u8]>, delta: i64) -> Bytes {
    Bytes::copy_from_slice(&counter(value).wrapping_add(delta).to_le_bytes())
}

/// The number that a value of [`Operation::Add`] stands for.
#[must_use]
pub fn counter(value: Option<&[u8]>) -> i64 {
    let mut bytes = [0; 8];
    let value = value.unwrap_or_default();
    let len = value.len().min(bytes.len());
    bytes[..len].copy_from_slice(&value[..len]);
    i64::from_le_bytes(bytes)
}
