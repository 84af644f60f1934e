//! Leases: a key that one holder has for a time.
//!
//! The value begins with the holder's id, so that [`Precondition::StartsWith`] guards a batch with it (a holder that
//! was overtaken can change nothing more, however late its batch arrives), followed by the end of the lease and a note
//! by which others know the holder. [`Lease::acquire`] decides whether a lease has ended by the clock of the process
//! that wants it: clocks must agree to a fraction of the duration. A process that cannot rely on that watches the value
//! change, and takes the lease from the value that it saw last ([`Lease::take`]).

use std::time::Duration;

use bytes::Bytes;

use super::batch::{Batch, BatchId, Precondition};
use super::key::Key;
use super::{Store, StoreError};
use farcast_feed::time::WallTime;

/// Bytes of a holder's id.
const HOLDER_BYTES: usize = 16;

/// Bytes of the end.
const END_BYTES: usize = 8;

/// A lease that is held.
#[derive(Clone, Debug)]
pub struct Lease {
    key: Key,
    holder: BatchId,
    note: Bytes,
}

/// The reason why a lease was not granted.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Another holder has it.
    #[error("another holds it for {0:?} more")]
    Held(Duration),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Lease {
    /// Takes the lease of a key until `now + lasts`, if it is free or has ended. When the future is dropped the lease
    /// may be held until then.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn acquire(store: &Store, key: Key, now: WallTime, lasts: Duration) -> Result<Self, Refused> {
        let before = store.get(&key).await?;
        let left = before.as_deref().map(|value| end(value).since(now)).unwrap_or_default();
        if !left.is_zero() {
            return Err(Refused::Held(left));
        }
        Self::take(store, key, before, Bytes::new(), now, lasts).await
    }

    /// Takes the lease of a key until `now + lasts`, with a note for others, if its value is still the one that was
    /// `seen`: the caller has decided that nobody holds it. When the future is dropped the lease may be held until
    /// then.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn take(
        store: &Store,
        key: Key,
        seen: Option<Bytes>,
        note: Bytes,
        now: WallTime,
        lasts: Duration,
    ) -> Result<Self, Refused> {
        let lease = Self { key, holder: BatchId::random(), note };
        let free = match seen {
            None => Precondition::Absent(lease.key.clone()),
            Some(value) => Precondition::Equals(lease.key.clone(), value),
        };
        match store.commit(lease.write(Batch::new().require(free), now.after(lasts))).await {
            Ok(_) => Ok(lease),
            Err(StoreError::Precondition { .. }) => Err(Refused::Held(lasts)),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps it until `now + lasts`; also when it has ended, if nobody took it. When the future is dropped it may be kept.
    ///
    /// # Errors
    /// [`Refused::Held`] when somebody else has taken it.
    pub async fn renew(&self, store: &Store, now: WallTime, lasts: Duration) -> Result<(), Refused> {
        match store.commit(self.write(Batch::new().require(self.guard()), now.after(lasts))).await {
            Ok(_) => Ok(()),
            Err(StoreError::Precondition { .. }) => Err(Refused::Held(lasts)),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives it back, if it is still held.
    ///
    /// # Errors
    /// When the store failed: it ends by itself then.
    pub async fn release(self, store: &Store) -> Result<(), StoreError> {
        match store.commit(Batch::new().require(self.guard()).clear(self.key)).await {
            Ok(_) | Err(StoreError::Precondition { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The precondition by which only the holder can commit a batch.
    #[must_use]
    pub fn guard(&self) -> Precondition {
        Precondition::StartsWith(self.key.clone(), Bytes::copy_from_slice(&self.holder.0))
    }

    fn write(&self, batch: Batch, end: WallTime) -> Batch {
        batch.set(self.key.clone(), [&self.holder.0[..], &end.0.to_be_bytes(), &self.note].concat())
    }
}

/// The holder's note about itself; empty when there is none.
#[must_use]
pub fn note(value: &[u8]) -> &[u8] {
    value.get(HOLDER_BYTES + END_BYTES..).unwrap_or_default()
}

/// The end of a lease; one that cannot be read has ended.
fn end(value: &[u8]) -> WallTime {
    let end = value.get(HOLDER_BYTES..HOLDER_BYTES + END_BYTES).and_then(|rest| rest.try_into().ok());
    WallTime(end.map_or(0, u64::from_be_bytes))
}
