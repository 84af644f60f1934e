//! The records' keys and bytes in the store.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_routing::{EdgeId, EdgeRecord, InvalidEdgeId, InvalidRecord, MAX_EDGES};
use farcast_store::{Batch, Items, Key, Scan, Store, StoreError, Tuple};
use farcast_telemetry::throttle::Throttle;

/// Version of the records' form. A reader skips newer ones.
const VERSION: u8 = 1;

/// Interval of warnings about records that cannot be used.
const COMPLAIN: Duration = Duration::from_secs(600);

/// The prefix of all records' keys.
#[must_use]
pub fn prefix() -> Key {
    Tuple::new().text("edges").key()
}

/// The key of an edge's record.
pub(crate) fn key(id: &EdgeId) -> Key {
    Tuple::new().text("edges").text(id.as_str()).key()
}

/// The edge of a record's key.
fn edge_of(key: &Key) -> Option<EdgeId> {
    let mut items = Items::behind(&prefix(), key).ok()?;
    let id = EdgeId::new(&items.text().ok()?).ok()?;
    items.end().ok().map(|()| id)
}

/// True if a key is that of an edge's record.
#[must_use]
pub fn is_record_key(key: &Key) -> bool {
    edge_of(key).is_some()
}

/// True if a key is that of the record of the edge of this name.
#[must_use]
pub fn own_key(edge: &str, key: &Key) -> bool {
    edge_of(key).is_some_and(|id| id.as_str() == edge)
}

/// The reason why an edge may not publish a value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unlawful {
    /// The edge's name is none that a record may have.
    #[error(transparent)]
    Name(#[from] InvalidEdgeId),
    /// The record cannot be read, or is out of bounds.
    #[error(transparent)]
    Record(#[from] InvalidRecord),
    /// The record's form is another version's.
    #[error("the record has a form that this version does not know")]
    Version,
    /// It is the record of another edge.
    #[error("the record is that of another edge")]
    Other,
}

fn read(value: &[u8]) -> Result<EdgeRecord, Unlawful> {
    match value.split_first() {
        Some((&VERSION, json)) => Ok(EdgeRecord::parse(json)?),
        _ => Err(Unlawful::Version),
    }
}

fn bytes_of(record: &EdgeRecord) -> Result<Bytes, InvalidRecord> {
    let mut bytes = vec![VERSION];
    bytes.extend(record.to_json()?);
    Ok(bytes.into())
}

/// What the origin writes for an edge of this name that wants `value` under `key`: the key, and the record as it was
/// understood.
///
/// # Errors
/// [`Unlawful`]: nothing is to be written.
pub fn lawful(edge: &str, key: &Key, value: &[u8]) -> Result<(Key, Bytes), Unlawful> {
    let (id, record) = (EdgeId::new(edge)?, read(value)?);
    if record.id != id || edge_of(key).as_ref() != Some(&id) {
        return Err(Unlawful::Other);
    }
    Ok((self::key(&id), bytes_of(&record)?))
}

/// Publishes an edge's record in place of its former one. When the future is dropped it may be published.
///
/// # Errors
/// The store's; [`StoreError::Damaged`] for a record that readers would refuse.
pub async fn publish(store: &Store, record: &EdgeRecord) -> Result<(), StoreError> {
    let bytes = bytes_of(record).map_err(|error| StoreError::Damaged(error.to_string()))?;
    store.commit(Batch::new().set(key(&record.id), bytes)).await.map(drop)
}

/// Takes an edge's record back, when it stops. When the future is dropped it may be taken back.
///
/// # Errors
/// The store's: others take the edge for lost then.
pub async fn withdraw(store: &Store, id: &EdgeId) -> Result<(), StoreError> {
    store.commit(Batch::new().clear(key(id))).await.map(drop)
}

/// A record with its bytes in the store.
pub(crate) struct Found {
    pub(crate) key: Key,
    pub(crate) value: Bytes,
    /// None if it cannot be used.
    pub(crate) record: Option<EdgeRecord>,
}

/// Reads all records.
#[derive(Debug)]
pub(crate) struct Reader {
    complaints: Mutex<Throttle>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { complaints: Mutex::new(Throttle::new(COMPLAIN)) }
    }
}

impl Reader {
    /// All records. Cancel safe.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn all(&self, store: &Store) -> Result<Vec<Found>, StoreError> {
        let entries = store.scan_all(Scan::prefix(prefix()), MAX_EDGES).await?;
        Ok(entries.into_iter().map(|(key, value)| self.found(key, value)).collect())
    }

    fn found(&self, key: Key, value: Bytes) -> Found {
        let record = read(&value).and_then(|record| {
            if edge_of(&key).as_ref() == Some(&record.id) { Ok(record) } else { Err(Unlawful::Other) }
        });
        if let Err(error) = &record
            && let Some(suppressed) = self.complain()
        {
            tracing::warn!(%error, suppressed, "an edge's record cannot be used");
        }
        Found { key, value, record: record.ok() }
    }

    fn complain(&self) -> Option<u64> {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).admit(Instant::now())
    }
}
