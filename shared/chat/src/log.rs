//! The log of the chat: one order of events for everybody.
//!
//! An entry is a versionstamped append, and each append stamps the tip, which readers watch. Readers go on from the stamp
//! of the last entry that they have seen, so a reader who was away misses nothing that is still kept.

use std::time::Duration;

use bytes::Bytes;

use super::entry::Entry;
use farcast_store::limits::MAX_PAGE_ROWS;
use farcast_store::{
    Batch, Items, Key, Operation, Page, STAMP_BYTES, Scan, Store, StoreError, Tuple, Versionstamp,
    appended_key, decode, encode,
};

/// Pause after a read that failed.
const RETRY: Duration = Duration::from_millis(200);

/// An entry and its place.
pub type Placed = (Versionstamp, Entry);

/// The prefix of the keys of all entries.
#[must_use]
pub fn prefix() -> Key {
    Tuple::new().text("chat").text("log").key()
}

/// The key with the place of the newest entry: it is watched.
#[must_use]
pub fn tip() -> Key {
    Tuple::new().text("chat_tip").key()
}

/// The place behind all entries of before.
fn behind(stamp: Versionstamp) -> Key {
    appended_key(&prefix(), stamp).successor()
}

/// Adds entries to a batch, in their order. A batch takes entries once.
///
/// # Errors
/// When an entry has no form in JSON.
pub fn append(batch: Batch, entries: &[Entry]) -> Result<Batch, StoreError> {
    let mut batch = batch;
    for (order, entry) in (0..).zip(entries) {
        batch = batch.then(Operation::Append { prefix: prefix(), order, value: encode(entry)? });
    }
    Ok(batch.then(Operation::SetStamp(tip(), 0)))
}

/// A piece of the log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chunk {
    /// Its entries; what cannot be read is left out, and complained of.
    pub entries: Vec<Placed>,
    /// The place of the last one, readable or not.
    pub last: Option<Versionstamp>,
    /// True if there are more entries after it.
    pub more: bool,
}

/// The first entries behind a place.
///
/// # Errors
/// When the store fails.
pub async fn after(store: &Store, stamp: Versionstamp) -> Result<Chunk, StoreError> {
    let scan = Scan::range(behind(stamp), prefix().after_all_with_prefix());
    Ok(chunk(store.scan(scan).await?))
}

/// The last entries before a place (or of all, if none is given), the newest first.
///
/// # Errors
/// When the store fails.
pub async fn before(store: &Store, stamp: Option<Versionstamp>) -> Result<Chunk, StoreError> {
    let end = stamp.map_or_else(|| prefix().after_all_with_prefix(), |at| appended_key(&prefix(), at));
    Ok(chunk(store.scan(Scan::range(prefix(), end).reversed().rows(MAX_PAGE_ROWS)).await?))
}

fn chunk(page: Page) -> Chunk {
    let prefix = prefix();
    let mut chunk = Chunk { more: page.more, ..Chunk::default() };
    for (key, value) in page.entries {
        let stamp = match Items::behind(&prefix, &key).and_then(|mut items| items.stamp()) {
            Ok(stamp) => stamp,
            Err(error) => {
                tracing::error!(%error, "an entry of the chat's log has no place");
                continue;
            }
        };
        chunk.last = Some(stamp);
        match decode::<Entry>(&value) {
            Ok(entry) => chunk.entries.push((stamp, entry)),
            Err(error) => tracing::error!(%error, "an entry of the chat's log cannot be read"),
        }
    }
    chunk
}

/// The current end of the log: the place after its newest entry.
///
/// # Errors
/// When the store fails.
pub async fn end(store: &Store) -> Result<Versionstamp, StoreError> {
    Ok(stamp_of(store.get(&tip()).await?.as_ref()))
}

fn stamp_of(value: Option<&Bytes>) -> Versionstamp {
    let bytes = value.and_then(|value| <[u8; STAMP_BYTES]>::try_from(&value[..]).ok());
    bytes.map_or(Versionstamp::ZERO, |bytes| Versionstamp {
        order: u16::MAX,
        ..Versionstamp::from_bytes(bytes)
    })
}

/// The last known state of the log's tip.
#[derive(Clone, Debug, Default)]
pub struct Tip {
    /// None before the first look.
    seen: Option<Option<Bytes>>,
}

impl Tip {
    /// Waits until the log has grown since the last call; the first call returns at once. A read afterwards includes all
    /// earlier entries, because a later one moves the tip again. Tries until the store answers. Cancel safe.
    pub async fn moved(&mut self, store: &Store) {
        loop {
            let newest = match &self.seen {
                Some(seen) => store.changed(&tip(), seen.clone()).await,
                None => store.get(&tip()).await,
            };
            match newest {
                Ok(newest) => {
                    self.seen = Some(newest);
                    return;
                }
                Err(error) => pause(&error).await,
            }
        }
    }
}

/// Passes on all entries behind `from`, in their order, page by page, and goes on with those that come. Runs until
/// `sink` refuses or the future is dropped, which is always allowed.
pub async fn follow(store: &Store, from: Versionstamp, mut sink: impl FnMut(Vec<Placed>) -> bool) {
    let (mut at, mut tip) = (from, Tip::default());
    loop {
        tip.moved(store).await;
        loop {
            match after(store, at).await {
                Ok(Chunk { entries, last, more }) => {
                    at = last.unwrap_or(at);
                    if !entries.is_empty() && !sink(entries) {
                        return;
                    }
                    if !more {
                        break;
                    }
                    // A store that always answers at once must not keep others from running.
                    tokio::task::yield_now().await;
                }
                Err(error) => pause(&error).await,
            }
        }
    }
}

async fn pause(error: &StoreError) {
    tracing::debug!(%error, "the chat's log is read again");
    tokio::time::sleep(RETRY).await;
}

/// Removes all entries up to a place, that place included.
///
/// # Errors
/// When the store fails.
pub async fn forget(store: &Store, upto: Versionstamp) -> Result<(), StoreError> {
    store.commit(Batch::new().then(Operation::ClearRange(prefix(), behind(upto)))).await.map(drop)
}
