//! Access control for edges' calls of the store: all of them pass it.
//!
//! Place in the flow: an edge's call comes over its link ([`farcast_link::sender`]) → [`keys`] decides whether an edge may use these
//! keys → [`act`] reads a batch as one of the few acts of an honest edge → [`derive`](mod@derive) builds the batch again
//! from the origin's own records → the store. An edge may have been taken over: none of its claims about a user, rendered
//! text, time or rights is believed, only the texts that people wrote to it and the user for whom it acts, and the latter
//! only where it has shown their token ([`shown`]).
//!
//! - [`keys`], [`act`], [`derive`](mod@derive), [`shown`] and [`quota`] are plain; this file holds the store and the clock.
//!
//! Invariants: a key or act that is not listed is refused; every batch that is committed was made here; one edge cannot fill
//! the store or keep it busy ([`quota`]); each refusal is counted, and logged at a bounded rate.

mod act;
mod derive;
mod keys;
mod metrics;
mod quota;
mod shown;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_chat::user::{List, UserId, account_key};
use farcast_chat::{Account, Chat, name};
use farcast_feed::time::WallTime;
use farcast_link::sender::StoreAccess;
use farcast_settings::{OperatorSettings, Snapshot};
use farcast_store::wire::{Answer, Reply, Request};
use farcast_store::{Batch, Key, LimitError, Store, StoreError, Stored, decode, encode};
use tokio::sync::watch;

use self::act::Act;
use self::derive::{Facts, NoBatch};
use self::keys::{Family, Right};
use self::quota::{Quota, Spent};
use self::shown::Shown;

pub use self::metrics::Metrics;

/// Edges that are remembered; beyond it the one that was quiet for longest is forgotten. As many as may be connected, and
/// those of before.
const MAX_EDGES: usize = 2048;

/// Interval of log lines about refusals to an edge.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// The reason why an edge is refused. Nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The key is the origin's alone.
    #[error("only the origin may use this key")]
    Private,
    /// No edge has to do with the key, or not in this way.
    #[error("edges may not do this")]
    NotListed,
    /// The batch is none of the acts of an edge, or says what cannot be.
    #[error("the act is not valid: {0}")]
    Unlawful(&'static str),
    /// The edge acts for a user whose token it has not shown.
    #[error("it has not shown the token of the user for whom it acts")]
    NotShown,
    /// The edge moderates, and no moderator is connected to it.
    #[error("no moderator has come to it")]
    NoModerator,
    /// The edge has used up its quota.
    #[error("it has used up its {0}")]
    Quota(Spent),
}

impl From<Refused> for StoreError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Private => LimitError::Private.into(),
            // It may try again: an honest edge is delayed, and loses nothing.
            Refused::Quota(_) => Self::Unavailable(refused.to_string()),
            _ => LimitError::NotForEdges.into(),
        }
    }
}

/// The remembered state of an edge.
#[derive(Debug, Default)]
struct Edge {
    quota: Quota,
    shown: Shown,
    /// The key under which it publishes its viewers: there is one.
    viewers: Option<Key>,
    heard_at: Option<Instant>,
    told_at: Option<Instant>,
    /// Refusals since the last log line.
    refusals: u64,
}

/// The access control. Shared by all links.
#[derive(Debug)]
pub struct EdgeAccess {
    store: Store,
    chat: Chat,
    runtime: watch::Receiver<Option<Snapshot>>,
    metrics: Metrics,
    edges: Mutex<HashMap<String, Edge>>,
}

impl EdgeAccess {
    /// Access control for `store`, by the settings in force.
    #[must_use]
    pub fn new(store: Store, runtime: watch::Receiver<Option<Snapshot>>, metrics: Metrics) -> Self {
        Self { chat: Chat::new(store.clone()), store, runtime, metrics, edges: Mutex::default() }
    }

    fn runtime(&self) -> Arc<OperatorSettings> {
        self.runtime.borrow().as_ref().map(|snapshot| Arc::clone(&snapshot.runtime)).unwrap_or_default()
    }

    fn with<T>(&self, name: &str, now: Instant, work: impl FnOnce(&mut Edge) -> T) -> T {
        // A panic leaves wrong counts at most.
        let mut edges = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        if !edges.contains_key(name) {
            if edges.len() >= MAX_EDGES
                && let Some(quiet) =
                    edges.iter().min_by_key(|(_, edge)| edge.heard_at).map(|(name, _)| name.clone())
            {
                edges.remove(&quiet);
            }
            edges.insert(name.to_owned(), Edge::default());
        }
        let edge = edges.entry(name.to_owned()).or_default();
        edge.heard_at = Some(now);
        work(edge)
    }

    fn refuse(&self, name: &str, refused: Refused, now: Instant) {
        self.metrics.refused(refused);
        let told = self.with(name, now, |edge| {
            edge.refusals += 1;
            let is_due = edge.told_at.is_none_or(|at| now.duration_since(at) >= TELL_EVERY);
            is_due.then(|| {
                edge.told_at = Some(now);
                std::mem::take(&mut edge.refusals)
            })
        });
        if let Some(refusals) = told {
            tracing::warn!(edge = name, refusals, reason = %refused, "an edge was refused a call that no honest edge makes, or makes so often");
        }
    }

    async fn admitted(&self, edge: &str, request: Request, request_bytes: usize) -> Result<Reply, Refused> {
        let now = Instant::now();
        let written = if matches!(request, Request::Commit(_)) { request_bytes } else { 0 };
        self.with(edge, now, |edge| edge.quota.call(written, now))?;
        let reply = match request {
            Request::Commit(batch) => {
                keys::check_batch(&batch)?;
                return self.commit(edge, &batch, now).await;
            }
            Request::Get(key) => {
                let family = keys::check(&key, Right::Get)?;
                let value = self.store.get(&key).await;
                value.and_then(|value| self.read(edge, family, &key, value, now)).map(Answer::Value)
            }
            Request::Changed(key, seen) => {
                keys::check(&key, Right::Watch)?;
                self.store.changed(&key, seen).await.map(Answer::Value)
            }
            Request::Scan(scan) => {
                keys::check_scan(&scan)?;
                self.store.scan(scan).await.map(Answer::Page)
            }
        };
        let bytes = match &reply {
            Ok(Answer::Value(value)) => value.as_ref().map_or(0, Bytes::len),
            Ok(Answer::Page(page)) => {
                page.entries.iter().map(|(key, value)| key.as_bytes().len() + value.len()).sum()
            }
            _ => 0,
        };
        self.with(edge, now, |edge| edge.quota.was_read(bytes, now));
        Ok(reply)
    }

    /// The value as the edge may see it, and the facts that reading it has shown.
    fn read(
        &self,
        edge: &str,
        family: Family,
        key: &Key,
        value: Option<Bytes>,
        now: Instant,
    ) -> Result<Option<Bytes>, StoreError> {
        let Some(bytes) = value else { return Ok(None) };
        match family {
            Family::Token => {
                let UserId(id) = decode(&bytes)?;
                self.with(edge, now, |edge| edge.shown.token(&id));
                Ok(Some(bytes))
            }
            Family::User => {
                let account: Account = decode(&bytes)?;
                if *account_key(&account.user.id).key() == *key && account.user.is_moderator {
                    self.with(edge, now, |edge| edge.shown.moderator(&account.user.id));
                }
                Ok(Some(encode(&derive::redacted(account))?))
            }
            _ => Ok(Some(bytes)),
        }
    }

    async fn commit(&self, edge: &str, batch: &Batch, now: Instant) -> Result<Reply, Refused> {
        match self.try_commit(edge, batch, now).await {
            Ok(reply) => Ok(reply),
            Err(NoBatch::Store(error)) => Ok(Err(error)),
            Err(NoBatch::Refused(refused)) => Err(refused),
        }
    }

    async fn try_commit(&self, edge: &str, batch: &Batch, now: Instant) -> Result<Reply, NoBatch> {
        let act = act::read(batch)?;
        if let Some(id) = act.acts_for()
            && !self.with(edge, now, |edge| edge.shown.has(id))
        {
            return Err(Refused::NotShown.into());
        }
        if act.moderates() {
            let moderator = self.moderator(edge, now).await?.ok_or(Refused::NoModerator)?;
            tracing::info!(edge, moderator, "a moderator acted through an edge");
        }
        self.with(edge, now, |edge| edge.quota.act(&act, now))?;
        if let Some((name, id)) = act.wanted_name()
            && self.is_moderators(name, id).await?
        {
            return Err(Refused::Unlawful("a name can be taken for a moderator's").into());
        }
        let stored = match act.account() {
            Some(id) => self.chat.account(id).await?,
            None => None,
        };
        let runtime = self.runtime();
        let facts = Facts { runtime: &runtime, now: WallTime::now(), edge, stored: stored.as_ref() };
        let place = match &act {
            Act::Viewers { key, value: Some(_) } => {
                self.with(edge, now, |edge| edge.viewers.replace(key.clone()))
            }
            _ => None,
        };
        let (says, began) = (matches!(act, Act::Say { .. }), Instant::now());
        let derived = derive::derive(batch.id(), act, facts, place);
        if says {
            self.with(edge, now, |edge| edge.quota.was_rendered(began.elapsed(), now));
        }
        Ok(self.store.answer(Request::Commit(derived?)).await)
    }

    /// True if a name can be mistaken for that of a moderator other than the user of this id. Edges check the same; one
    /// that was taken over does not.
    async fn is_moderators(&self, name: &str, id: &str) -> Result<bool, StoreError> {
        let wanted = name::skeleton(name);
        let moderators = self.chat.listed(List::Moderators).await?;
        Ok(moderators.iter().any(|user| user.id != id && name::skeleton(&user.display_name) == wanted))
    }

    /// A moderator whose token the edge has shown, and who still is one.
    async fn moderator(&self, edge: &str, now: Instant) -> Result<Option<String>, StoreError> {
        let known = self.with(edge, now, |edge| edge.shown.moderators());
        for id in known {
            if let Some(Stored { record, .. }) = self.chat.account(&id).await?
                && record.user.is_moderator
                && record.user.disabled_at.is_none()
            {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

impl StoreAccess for EdgeAccess {
    fn answer<'a>(
        &'a self,
        edge: &'a str,
        request: Request,
        request_bytes: usize,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + 'a>> {
        Box::pin(async move {
            match self.admitted(edge, request, request_bytes).await {
                Ok(reply) => reply,
                Err(refused) => {
                    self.refuse(edge, refused, Instant::now());
                    Err(refused.into())
                }
            }
        })
    }
}
