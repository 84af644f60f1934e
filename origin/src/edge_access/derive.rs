//! Builds the batch of an act from scratch: from the texts that people wrote, and from the origin's own records,
//! settings and clock.
//!
//! A user's record that the edge named stays the precondition, so a batch that comes twice is applied once, and one that
//! builds upon an old record is refused by the store and not here.

use farcast_audience::viewers;
use farcast_chat::render::{self, MAX_MESSAGE_BYTES};
use farcast_chat::user::{HUES, List, account_key, token_key};
use farcast_chat::{Account, Entry, Event, LastClient, User, log, name};
use farcast_feed::time::WallTime;
use farcast_settings::Runtime;
use farcast_store::{Batch, BatchId, Key, Precondition, StoreError, Stored, encode};

use super::Refused;
use super::act::{Act, Moving};

/// Most numbers for connections that are taken at once; an edge takes 1024.
const MAX_NUMBERS: u64 = 16 * 1024;

/// The origin's own facts.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) now: WallTime,
    /// The record of the user whom the act is about.
    pub(super) stored: Option<&'a Stored<Account>>,
}

/// A user's record as edges get it: without the hash of their token, with which they could act for the user.
pub(super) fn redacted(account: Account) -> Account {
    Account { token: String::new(), ..account }
}

/// The batch of an act. `replaced` is where the edge published its viewers before.
///
/// Fails with the store's error where a record has no form in JSON.
pub(super) fn derive(
    id: BatchId,
    act: Act,
    facts: Facts<'_>,
    replaced: Option<Key>,
) -> Result<Result<Batch, StoreError>, Refused> {
    let Facts { runtime, now, .. } = facts;
    let batch = Batch::with_id(id);
    let entry = |event| Entry::new(now, event);
    Ok(match act {
        Act::Register { account } => register(batch, account, facts)?,
        Act::Seen { given } => Whole::of(given, facts).and_then(|whole| {
            whole.change(batch, |account| account.seen_at = Some(now)).map(|(batch, _)| batch)
        }),
        Act::Say { given, client, raw, network } => {
            if runtime.chat_disabled || given.user.disabled_at.is_some() {
                return Err(Refused::Unlawful("nobody, or not this user, may chat"));
            }
            if raw.len() > MAX_MESSAGE_BYTES {
                return Err(Refused::Unlawful("a line is too long"));
            }
            let body = render::message(&raw, &runtime.emoji);
            if body.is_empty() {
                return Err(Refused::Unlawful("a line shows nothing"));
            }
            Whole::of(given, facts).and_then(|whole| {
                let user = whole.account.user.clone();
                let said = entry(Event::Message { user, client: Some(client), body, raw });
                let said = Entry { network, ..said };
                log::append(batch.require(whole.unchanged()), &[said])
            })
        }
        Act::Rename { given, name, client } => {
            if given.user.disabled_at.is_some() {
                return Err(Refused::Unlawful("this user may not chat"));
            }
            if name::clean(&name).as_ref() != Ok(&name) || !is_free(&name, runtime) {
                return Err(Refused::Unlawful("a name is not clean, or not free"));
            }
            Whole::of(given, facts).and_then(|whole| {
                let old_name = whole.account.user.display_name.clone();
                let (batch, account) = whole.change(batch, |account| account.user.rename(name, now))?;
                log::append(batch, &[entry(Event::NameChanged { user: account.user, old_name, client })])
            })
        }
        Act::Recolour { given, hue } => {
            if given.user.disabled_at.is_some() {
                return Err(Refused::Unlawful("this user may not chat"));
            }
            if !HUES.contains(&hue) {
                return Err(Refused::Unlawful("there is no such colour"));
            }
            Whole::of(given, facts).and_then(|whole| {
                let (batch, Account { user, .. }) =
                    whole.change(batch, |account| account.user.recolour(hue))?;
                log::append(batch, &[entry(Event::UserChanged { user })])
            })
        }
        Act::SetEnabled { given, enabled } => {
            if given.user.is_moderator {
                return Err(Refused::Unlawful("a moderator cannot be disabled by another"));
            }
            Whole::of(given, facts).and_then(|whole| {
                let change = |account: &mut Account| account.user.set_enabled(enabled, now);
                let (batch, Account { user, .. }) = whole.change(batch, change)?;
                let listed = List::Disabled.key(&user.id);
                let batch = if enabled { batch.clear(listed) } else { batch.set(listed, &b""[..]) };
                let event = if enabled { Event::UserChanged { user } } else { Event::UserDisabled { user } };
                log::append(batch, &[entry(event)])
            })
        }
        Act::SetVisible { changes } => {
            let entries: Vec<_> =
                changes.into_iter().map(|(ids, visible)| entry(Event::Visibility { ids, visible })).collect();
            log::append(batch, &entries)
        }
        Act::Told { moving, user_id } => {
            let known = facts.stored.map(|stored| &stored.record.user);
            let Some(user) = known.filter(|user| user.id == user_id && user.disabled_at.is_none()) else {
                return Err(Refused::Unlawful("who comes or goes is nobody, or may not chat"));
            };
            let user = user.clone();
            log::append(
                batch,
                &[entry(match moving {
                    Moving::Joined(client) => Event::Joined { user, client },
                    Moving::Present(client) => Event::Present { user_id, client },
                    Moving::Parted => Event::Parted { user },
                })],
            )
        }
        Act::Numbers { last, next } => {
            let key = LastClient::key();
            let (unchanged, from) = match last {
                Some((bytes, last)) => (Precondition::Equals(key.key().clone(), bytes), last.0),
                None => (Precondition::Absent(key.key().clone()), 0),
            };
            if next.0.checked_sub(from).is_none_or(|taken| taken == 0 || taken > MAX_NUMBERS) {
                return Err(Refused::Unlawful("so many numbers are not taken at once"));
            }
            batch.require(unchanged).put(&key, &next)
        }
        Act::Viewers { key, value: None } => Ok(batch.clear(key)),
        Act::Viewers { key, value: Some(value) } => {
            if !viewers::is_lawful(&value, now) {
                return Err(Refused::Unlawful("no edge counts such viewers"));
            }
            let batch = match replaced.filter(|before| *before != key) {
                Some(before) => batch.clear(before),
                None => batch,
            };
            Ok(batch.set(key, value))
        }
    })
}

/// A user's record with the fields that edges do not know.
struct Whole {
    account: Account,
    bytes: bytes::Bytes,
}

impl Whole {
    /// Of the record as an edge knows it.
    fn of(given: Account, facts: Facts<'_>) -> Result<Self, StoreError> {
        let token = facts.stored.map(|stored| stored.record.token.clone()).unwrap_or_default();
        let account = Account { token, ..given };
        // Its very bytes: another version may have written them.
        let bytes = match facts.stored.filter(|stored| stored.record == account) {
            Some(stored) => stored.bytes.clone(),
            None => encode(&account)?,
        };
        Ok(Self { account, bytes })
    }

    fn unchanged(&self) -> Precondition {
        Precondition::Equals(account_key(&self.account.user.id).key().clone(), self.bytes.clone())
    }

    /// Adds a change of it, which requires that it is unchanged until then; gives it as it is afterwards.
    fn change(self, batch: Batch, change: impl FnOnce(&mut Account)) -> Result<(Batch, Account), StoreError> {
        let batch = batch.require(self.unchanged());
        let mut account = self.account;
        change(&mut account);
        Ok((batch.put(&account_key(&account.user.id), &account)?, account))
    }
}

fn register(batch: Batch, account: Account, facts: Facts<'_>) -> Result<Result<Batch, StoreError>, Refused> {
    let Facts { runtime, now, .. } = facts;
    let User { id, display_name, display_color, .. } = account.user;
    // Names that are given are not looked at: they may have a forbidden word in them.
    let suggested =
        || runtime.suggested_usernames.iter().any(|name| name::clean(name).as_ref() == Ok(&display_name));
    let is_lawful = name::clean(&display_name).as_ref() == Ok(&display_name)
        && (is_free(&display_name, runtime) || name::is_random(&display_name) || suggested());
    if !is_lawful || !HUES.contains(&display_color) {
        return Err(Refused::Unlawful("a name is not clean, or not free"));
    }
    let user = User { id, display_color, ..User::new(display_name, now) };
    let account = Account { user, seen_at: None, token: account.token };
    let (key, by_token) = (account_key(&account.user.id), token_key(&account.token));
    let batch = batch
        .require(Precondition::Absent(key.key().clone()))
        .require(Precondition::Absent(by_token.key().clone()));
    let id = farcast_chat::user::UserId(account.user.id.clone());
    Ok(batch.put(&key, &account).and_then(|batch| batch.put(&by_token, &id)))
}

/// True if a name may be taken: the same that edges ask.
fn is_free(name: &str, runtime: &Runtime) -> bool {
    !name::is_forbidden(name, &runtime.forbidden_usernames)
        && !name::is_reserved(name, &runtime.reserved_usernames)
        && !name::is_reserved(name, std::slice::from_ref(&runtime.name))
}
