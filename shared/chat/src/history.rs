//! The visible past of the chat: messages, and whether they are hidden.
//!
//! A plain fold over the log, so that everyone who folds the same entries has the same result. It holds the newest
//! [`KEPT_MESSAGES`] messages at most. Newcomers are shown the newest [`BACKLOG`] visible ones of these, of which one
//! network has no more than [`SHARE`] while others have written something as well: a flood pushes nobody out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::entry::{Entry, Event};
use super::log::{self, Placed};
use farcast_feed::time::WallTime;
use farcast_store::{Store, StoreError, Versionstamp};

/// Messages that newcomers are shown.
pub const BACKLOG: usize = 50;

/// Messages among them that one network may have, where there are enough of others: nine floods leave room.
pub const SHARE: usize = 5;

/// Messages that a [`History`] keeps, visible or not.
pub const KEPT_MESSAGES: usize = 500;

/// A message and whether it is seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The message's entry.
    pub entry: Arc<Entry>,
    /// The time at which it was hidden, if it is.
    pub hidden_at: Option<WallTime>,
}

/// The newest messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct History {
    messages: VecDeque<Seen>,
    limit: usize,
}

impl Default for History {
    fn default() -> Self {
        Self::new(KEPT_MESSAGES)
    }
}

impl History {
    /// Nothing yet; at most `limit` messages.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { messages: VecDeque::new(), limit }
    }

    /// Takes the next entry of the log.
    pub fn apply(&mut self, entry: &Arc<Entry>) {
        match &entry.event {
            Event::Message { .. } => {
                if self.messages.len() == self.limit {
                    self.messages.pop_front();
                }
                self.messages.push_back(Seen { entry: Arc::clone(entry), hidden_at: None });
            }
            Event::Visibility { ids, visible } => {
                let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
                for seen in &mut self.messages {
                    if ids.contains(&seen.entry.id[..]) {
                        seen.hidden_at = (!visible).then_some(entry.at);
                    }
                }
            }
            _ => {}
        }
    }

    /// The newest visible messages that are not older than `since`, the oldest first; at most [`BACKLOG`], and [`SHARE`] of a
    /// network before older ones of others.
    #[must_use]
    pub fn backlog(&self, since: WallTime) -> Vec<&Seen> {
        let visible = |(_, seen): &(usize, &Seen)| seen.hidden_at.is_none() && seen.entry.at >= since;
        let (mut shares, mut chosen, mut spare) = (HashMap::<u16, usize>::new(), Vec::new(), Vec::new());
        for (place, seen) in self.messages.iter().enumerate().rev().filter(visible) {
            let has_share = seen.entry.network.is_none_or(|network| {
                let share = shares.entry(network).or_default();
                *share += 1;
                *share <= SHARE
            });
            let pile = if has_share { &mut chosen } else { &mut spare };
            pile.push((place, seen));
            if chosen.len() == BACKLOG {
                break;
            }
        }
        chosen.extend(spare.into_iter().take(BACKLOG.saturating_sub(chosen.len())));
        chosen.sort_unstable_by_key(|(place, _)| *place);
        chosen.into_iter().map(|(_, seen)| seen).collect()
    }

    /// All messages, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Seen> {
        self.messages.iter().rev()
    }

    /// Ids of the messages of a user that are seen, the oldest first.
    #[must_use]
    pub fn visible_of(&self, user_id: &str) -> Vec<String> {
        let theirs = |seen: &&Seen| {
            seen.hidden_at.is_none() && seen.entry.user().is_some_and(|user| user.id == user_id)
        };
        self.messages.iter().filter(theirs).map(|seen| seen.entry.id.clone()).collect()
    }

    /// Reads the end of the log: the history, and where the log goes on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(store: &Store, limit: usize) -> Result<(Self, Versionstamp), StoreError> {
        let (mut pieces, mut found, mut at) = (Vec::new(), 0, None);
        // The tip first: later entries are then followed.
        let mut end = log::end(store).await?;
        loop {
            let chunk = log::before(store, at).await?;
            at = chunk.last;
            let is_message = |(_, entry): &&Placed| matches!(entry.event, Event::Message { .. });
            found += chunk.entries.iter().filter(is_message).count();
            end = chunk.entries.first().map_or(end, |(stamp, _)| end.max(*stamp));
            pieces.push(chunk.entries);
            if !chunk.more || found >= limit {
                break;
            }
        }
        let mut history = Self::new(limit);
        for (_, entry) in pieces.into_iter().rev().flat_map(|piece| piece.into_iter().rev()) {
            history.apply(&Arc::new(entry));
        }
        Ok((history, end))
    }
}

/// The time before which nothing is shown any more.
#[must_use]
pub fn since(now: WallTime, retention: Duration) -> WallTime {
    WallTime(now.0.saturating_sub(u64::try_from(retention.as_micros()).unwrap_or(u64::MAX)))
}
