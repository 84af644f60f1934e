//! Webhooks as they are kept.
//!
//! A webhook is a record; below its key is the cursor of its delivery, which is written with each event, so that neither
//! overwrites the other. All is private to the origin. A key of its own is stamped when webhooks come or go, to be watched.

use std::collections::BTreeMap;

use bytes::Bytes;
use farcast_chat::log;
use farcast_feed::time::WallTime;
use farcast_store::wire::PRIVATE;
use farcast_store::{
    Batch, Items, Key, Operation, Precondition, Record, Scan, Store, StoreError, Tuple, TypedKey,
    Versionstamp, decode,
};
use serde::{Deserialize, Serialize};

use super::policy::Trouble;
use super::secret::Secret;

/// Most webhooks.
pub const MAX_WEBHOOKS: usize = 100;

/// Most keys that are read: two of each webhook, and some that were made at the same time.
const MAX_ROWS: usize = MAX_WEBHOOKS * 4;

/// A webhook.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its number.
    pub id: u64,
    /// The address of its receiver.
    pub url: String,
    /// The events that it gets.
    pub events: Vec<String>,
    /// Creation time.
    pub created_at: WallTime,
    /// The secret with which its requests are signed; old webhooks have none.
    pub secret: Option<Secret>,
    /// The reason and time of its disabling, if it is disabled.
    pub disabled: Option<Disabled>,
}

impl Record for Webhook {
    const VERSION: u8 = 1;
}

/// A webhook gets nothing any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Disabled {
    /// Time of the disabling.
    pub at: WallTime,
    /// The reason.
    pub reason: String,
}

/// The progress of a webhook's delivery.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// Position in the log up to which events are done.
    pub at: Versionstamp,
    /// Time at which its receiver last took an event.
    pub last_used_at: Option<WallTime>,
    /// The current failure that holds it up, if any.
    pub trouble: Option<Trouble>,
}

impl Record for Cursor {
    const VERSION: u8 = 1;
}

impl Cursor {
    /// Before the next event.
    pub(super) async fn at_the_end(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { at: log::end(store).await?, last_used_at: None, trouble: None })
    }
}

/// A webhook and how far it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Kept {
    /// The webhook.
    pub webhook: Webhook,
    /// None for one that has not been served yet: it begins with the next event.
    pub cursor: Option<Cursor>,
}

/// A webhook is not made.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The number of webhooks is at its limit.
    #[error("there are {MAX_WEBHOOKS} webhooks: delete one first")]
    TooMany,
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The number that the last webhook got: none is given twice.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
struct LastId(u64);

impl Record for LastId {
    const VERSION: u8 = 1;
}

fn prefix() -> Tuple {
    Tuple::new().text(PRIVATE).text("webhook")
}

fn key(id: u64) -> TypedKey<Webhook> {
    TypedKey::new(prefix().uint(id).key())
}

fn cursor_key(id: u64) -> TypedKey<Cursor> {
    TypedKey::new(prefix().uint(id).text("cursor").key())
}

fn last_id() -> TypedKey<LastId> {
    TypedKey::new(Tuple::new().text(PRIVATE).text("webhook_last_id").key())
}

/// The key of the lease of the delivering origin.
pub(super) fn lease_key() -> Key {
    Tuple::new().text(PRIVATE).text("webhook_lease").key()
}

fn tip() -> Key {
    Tuple::new().text(PRIVATE).text("webhook_tip").key()
}

/// Waits until webhooks have come or gone since `seen`, and returns the next `seen`. Cancel safe.
pub(super) async fn changed(store: &Store, seen: Option<Bytes>) -> Result<Option<Bytes>, StoreError> {
    store.changed(&tip(), seen).await
}

/// All webhooks, the oldest first.
///
/// # Errors
/// The store's.
pub async fn all(store: &Store) -> Result<Vec<Kept>, StoreError> {
    let (mut webhooks, mut cursors) = (Vec::new(), BTreeMap::new());
    let prefix = prefix().key();
    for (key, value) in store.scan_all(Scan::prefix(prefix.clone()), MAX_ROWS).await? {
        let read = place(&prefix, &key).and_then(|(id, is_cursor)| {
            if is_cursor {
                cursors.insert(id, decode::<Cursor>(&value)?);
            } else {
                webhooks.push(decode::<Webhook>(&value)?);
            }
            Ok(())
        });
        if let Err(error) = read {
            tracing::error!(%error, "a webhook or its cursor cannot be read");
        }
    }
    let kept = |webhook: Webhook| Kept { cursor: cursors.remove(&webhook.id), webhook };
    Ok(webhooks.into_iter().map(kept).collect())
}

/// The webhook of a key, and whether the key is that of the cursor.
fn place(prefix: &Key, key: &Key) -> Result<(u64, bool), StoreError> {
    let wrong = |error: farcast_store::InvalidTuple| StoreError::Damaged(error.to_string());
    let mut items = Items::behind(prefix, key).map_err(wrong)?;
    let id = items.uint().map_err(wrong)?;
    Ok((id, items.end().is_err()))
}

/// Makes a webhook, which gets all events from now on.
///
/// # Errors
/// [`Refused`].
pub async fn create(
    store: &Store,
    url: String,
    events: Vec<String>,
    now: WallTime,
) -> Result<Webhook, Refused> {
    if all(store).await?.len() >= MAX_WEBHOOKS {
        return Err(Refused::TooMany);
    }
    let next = |last: &mut LastId| {
        last.0 += 1;
        Ok::<_, StoreError>(())
    };
    let LastId(id) = store.update(&last_id(), next, |batch| batch).await?;
    let secret = Some(Secret::random());
    let webhook = Webhook { id, url, events, created_at: now, secret, disabled: None };
    let key = key(id);
    let batch = Batch::new()
        .require(Precondition::Absent(key.key().clone()))
        .put(&key, &webhook)?
        .put(&cursor_key(id), &Cursor::at_the_end(store).await?)?
        .then(Operation::SetStamp(tip(), 0));
    store.commit(batch).await?;
    Ok(webhook)
}

/// A webhook that another server had.
#[derive(Debug)]
pub(crate) struct Wished {
    pub(crate) url: String,
    pub(crate) events: Vec<String>,
    pub(crate) created_at: WallTime,
    /// Without one its requests are not signed.
    pub(crate) secret: Option<Secret>,
}

/// A batch that makes webhooks, which get all events from when they are first served on.
///
/// # Errors
/// The store's.
pub(crate) async fn adding(store: &Store, wished: Vec<Wished>) -> Result<Batch, StoreError> {
    let last = last_id();
    let (mut id, unchanged) = match store.load(&last).await? {
        Some(stored) => (stored.record.0, Precondition::Equals(last.key().clone(), stored.bytes)),
        None => (0, Precondition::Absent(last.key().clone())),
    };
    let mut batch = Batch::new().require(unchanged).then(Operation::SetStamp(tip(), 0));
    for Wished { url, events, created_at, secret } in wished {
        id += 1;
        let webhook = Webhook { id, url, events, created_at, secret, disabled: None };
        let key = key(id);
        batch = batch.require(Precondition::Absent(key.key().clone())).put(&key, &webhook)?;
    }
    batch.put(&last, &LastId(id))
}

/// Deletes a webhook with all that is below it; returns true if there was one.
///
/// # Errors
/// The store's.
pub async fn delete(store: &Store, id: u64) -> Result<bool, StoreError> {
    let key = key(id).key().clone();
    let end = key.after_all_with_prefix();
    let batch = Batch::new()
        .require(Precondition::Present(key.clone()))
        .then(Operation::ClearRange(key, end))
        .then(Operation::SetStamp(tip(), 0));
    match store.commit(batch).await {
        Ok(_) => Ok(true),
        Err(StoreError::Precondition { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A batch that saves how far a webhook is, if it is still there and `leads` holds.
pub(super) fn save(id: u64, cursor: &Cursor, leads: Precondition) -> Result<Batch, StoreError> {
    Batch::new()
        .require(leads)
        .require(Precondition::Present(key(id).key().clone()))
        .put(&cursor_key(id), cursor)
}

/// A batch that saves as well that a webhook is disabled.
pub(super) fn disable(webhook: &Webhook, cursor: &Cursor, leads: Precondition) -> Result<Batch, StoreError> {
    save(webhook.id, cursor, leads)?.put(&key(webhook.id), webhook)
}

/// The place in the chat's log behind which a webhook still needs it: earlier entries, and the place itself, may be
/// deleted. None when no webhook needs anything. A webhook that is made later begins at the log's end.
///
/// # Errors
/// The store's: nothing may be forgotten then.
pub(super) async fn needed_behind(store: &Store) -> Result<Option<Versionstamp>, StoreError> {
    let kept = all(store).await?;
    let enabled = kept.into_iter().filter(|kept| kept.webhook.disabled.is_none());
    Ok(enabled.filter_map(|kept| kept.cursor).map(|cursor| cursor.at).min())
}
