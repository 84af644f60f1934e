//! Webhooks: who is to be told of which events. They are called from the event log.

use farcast_shared::api::{Reply, body, reply};
use farcast_shared::store::wire::PRIVATE;
use farcast_shared::store::{
    Batch, Key, Precondition, Record, Scan, Store, StoreError, Tuple, TypedKey, decode,
};
use farcast_shared::time::WallTime;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::address;
use super::shape::ShownWebhook;

/// Most webhooks.
const MAX_WEBHOOKS: usize = 100;
/// Longest address in characters.
const MAX_URL_CHARS: usize = 2048;
/// What a webhook may be told of.
const EVENTS: [&str; 8] = [
    "CHAT",
    "USER_JOINED",
    "USER_PARTED",
    "NAME_CHANGE",
    "VISIBILITY-UPDATE",
    "STREAM_STARTED",
    "STREAM_STOPPED",
    "STREAM_TITLE_UPDATED",
];

/// A webhook as it is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Webhook {
    pub(super) id: u64,
    pub(super) url: String,
    pub(super) events: Vec<String>,
    pub(super) created_at: WallTime,
    pub(super) last_used_at: Option<WallTime>,
}

impl Record for Webhook {
    const VERSION: u8 = 1;
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

fn last_id() -> TypedKey<LastId> {
    TypedKey::new(Tuple::new().text(PRIVATE).text("webhook_last_id").key())
}

async fn all(store: &Store) -> Result<Vec<(Key, Webhook)>, StoreError> {
    let mut webhooks = Vec::new();
    for (key, value) in store.scan_all(Scan::prefix(prefix().key()), MAX_WEBHOOKS * 2).await? {
        match decode::<Webhook>(&value) {
            Ok(webhook) => webhooks.push((key, webhook)),
            Err(error) => tracing::error!(%error, "a webhook cannot be read"),
        }
    }
    Ok(webhooks)
}

pub(super) async fn list(store: &Store) -> Result<Reply, StoreError> {
    let shown: Vec<_> =
        all(store).await?.into_iter().map(|(_, webhook)| ShownWebhook::from(webhook)).collect();
    Ok(reply::ok(&shown))
}

#[derive(Deserialize)]
struct Wish {
    url: String,
    events: Vec<String>,
}

fn refused(error: &str) -> Reply {
    reply::problem(StatusCode::BAD_REQUEST, error)
}

pub(super) async fn create(store: &Store, body: &[u8]) -> Result<Reply, StoreError> {
    let Wish { url, mut events } = match body::json(body) {
        Ok(wish) => wish,
        Err(what) => return Ok(refused(&what)),
    };
    if url.chars().count() > MAX_URL_CHARS {
        return Ok(refused(&format!("an address has at most {MAX_URL_CHARS} characters")));
    }
    if let Err(what) = address::web(&url) {
        return Ok(refused(&what));
    }
    events.sort();
    events.dedup();
    if events.is_empty() || !events.iter().all(|event| EVENTS.contains(&event.as_str())) {
        return Ok(refused("one or more invalid event provided"));
    }
    if all(store).await?.len() >= MAX_WEBHOOKS {
        return Ok(refused(&format!("there are {MAX_WEBHOOKS} webhooks: delete one first")));
    }
    let next = |last: &mut LastId| {
        last.0 += 1;
        Ok::<_, StoreError>(())
    };
    let LastId(id) = store.update(&last_id(), next, |batch| batch).await?;
    let webhook = Webhook { id, url, events, created_at: WallTime::now(), last_used_at: None };
    let key = key(id);
    let batch = Batch::new().require(Precondition::Absent(key.key().clone())).put(&key, &webhook)?;
    store.commit(batch).await?;
    Ok(reply::ok(&ShownWebhook::from(webhook)))
}

/// A number, or a text of one: Owncast's description has the text, its server the number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
struct Which {
    id: Id,
}

pub(super) async fn delete(store: &Store, body: &[u8]) -> Result<Reply, StoreError> {
    let id = match body::json::<Which>(body) {
        Ok(Which { id: Id::Number(id) }) => Some(id),
        Ok(Which { id: Id::Text(text) }) => text.parse().ok(),
        Err(what) => return Ok(refused(&what)),
    };
    let Some(id) = id else { return Ok(refused("an id is a number")) };
    let key = key(id).key().clone();
    let batch = Batch::new().require(Precondition::Present(key.clone())).clear(key);
    match store.commit(batch).await {
        Ok(_) => Ok(reply::done("deleted webhook")),
        Err(StoreError::Precondition { .. }) => {
            Ok(reply::problem(StatusCode::NOT_FOUND, &format!("{id} not found")))
        }
        Err(error) => Err(error),
    }
}
