//! Builds the batch of an act from scratch: from the texts that people wrote, and from the origin's own records,
//! settings and clock.
//!
//! A user's record that the edge named stays the precondition, so a batch that comes twice is applied once, and one that
//! builds upon an old record is refused by the store and not here.

use farcast_audience::viewers;
use farcast_chat::render::{self, MAX_MESSAGE_BYTES};
use farcast_chat::user::{HUES, List, account_key, token_key};
use farcast_chat::{Account, Entry, Event, LastClient, User, log, name};
use farcast_edge_directory::{lawful, own_key};
use farcast_feed::time::WallTime;
use farcast_settings::OperatorSettings;
use farcast_store::{Batch, BatchId, Key, Precondition, StoreError, Stored, encode};

use super::Refused;
use super::act::{Act, Moving};

/// Most numbers for connections that are taken at once; an edge takes 1024.
const MAX_NUMBERS: u64 = 16 * 1024;

/// The origin's own facts.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) runtime: &'a OperatorSettings,
    pub(super) now: WallTime,
    /// The edge's name by its certificate.
    pub(super) edge: &'a str,
    /// The record of the user whom the act is about.
    pub(super) stored: Option<&'a Stored<Account>>,
}

/// A user's record as edges get it: without the hash of their token, with which they could act for the user.
pub(super) fn redacted(account: Account) -> Account {
    Account { token: String::new(), ..account }
}

/// The reason why no batch is built for an act.
#[derive(Debug)]
pub(super) enum NoBatch {
    /// The edge may not do it.
    Refused(Refused),
    /// The store has no answer, or no form for a record.
    Store(StoreError),
}

impl From<Refused> for NoBatch {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<StoreError> for NoBatch {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The batch of an act. `replaced` is where the edge published its viewers before.
///
/// # Errors
/// [`NoBatch`].
pub(super) fn derive(
    id: BatchId,
    act: Act,
    facts: Facts<'_>,
    replaced: Option<Key>,
) -> Result<Batch, NoBatch> {
    let batch = Batch::with_id(id);
    match act {
        Act::Register { account } => register(batch, account, facts),
        Act::Seen { given } => seen(batch, given, facts),
        Act::Say { given, client, raw, network } => {
            let body = line(&given, &raw, facts)?;
            let whole = Whole::of(given, facts)?;
            let user = whole.account.user.clone();
            let said = Event::Message { user, client: Some(client), body, raw };
            let entry = Entry { network, ..facts.entry(said) };
            Ok(log::append(batch.require(whole.unchanged()), &[entry])?)
        }
        Act::Rename { given, name, client } => rename(batch, given, name, client, facts),
        Act::Recolour { given, hue } => recolour(batch, given, hue, facts),
        Act::SetEnabled { given, enabled } => set_enabled(batch, given, enabled, facts),
        Act::SetVisible { changes } => {
            let events = changes.into_iter().map(|(ids, visible)| Event::Visibility { ids, visible });
            let entries: Vec<_> = events.map(|event| facts.entry(event)).collect();
            Ok(log::append(batch, &entries)?)
        }
        Act::Told { moving, user_id } => told(batch, moving, user_id, facts),
        Act::Numbers { last, next } => numbers(batch, last, &next),
        Act::Announce { key, value: None } => match own_key(facts.edge, &key) {
            true => Ok(batch.clear(key)),
            false => Err(unlawful("an edge takes back another's record")),
        },
        Act::Announce { key, value: Some(value) } => match lawful(facts.edge, &key, &value) {
            Ok((key, value)) => Ok(batch.set(key, value)),
            Err(_) => Err(unlawful("an edge's record is out of bounds, or another's")),
        },
        Act::Viewers { key, value: None } => Ok(batch.clear(key)),
        Act::Viewers { key, value: Some(value) } => {
            if !viewers::is_lawful(&value, facts.now) {
                return Err(unlawful("no edge counts such viewers"));
            }
            let batch = match replaced.filter(|before| *before != key) {
                Some(before) => batch.clear(before),
                None => batch,
            };
            Ok(batch.set(key, value))
        }
    }
}

fn unlawful(why: &'static str) -> NoBatch {
    NoBatch::Refused(Refused::Unlawful(why))
}

impl Facts<'_> {
    /// An entry of the chat's log, of now.
    fn entry(&self, event: Event) -> Entry {
        Entry::new(self.now, event)
    }
}

fn seen(batch: Batch, given: Account, facts: Facts<'_>) -> Result<Batch, NoBatch> {
    let (batch, _) = Whole::of(given, facts)?.change(batch, |account| account.seen_at = Some(facts.now))?;
    Ok(batch)
}

/// The rendered text of a chat message, as viewers see it.
fn line(given: &Account, raw: &str, Facts { runtime, .. }: Facts<'_>) -> Result<String, NoBatch> {
    if runtime.chat_disabled || given.user.disabled_at.is_some() {
        return Err(unlawful("nobody, or not this user, may chat"));
    }
    if raw.len() > MAX_MESSAGE_BYTES {
        return Err(unlawful("a line is too long"));
    }
    let body = render::message(raw, &runtime.emoji);
    if body.is_empty() {
        return Err(unlawful("a line shows nothing"));
    }
    Ok(body)
}

fn rename(
    batch: Batch,
    given: Account,
    name: String,
    client: u64,
    facts: Facts<'_>,
) -> Result<Batch, NoBatch> {
    if given.user.disabled_at.is_some() {
        return Err(unlawful("this user may not chat"));
    }
    if name::clean(&name).as_ref() != Ok(&name) || !is_free(&name, facts.runtime) {
        return Err(unlawful("a name is not clean, or not free"));
    }
    let whole = Whole::of(given, facts)?;
    let old_name = whole.account.user.display_name.clone();
    let (batch, account) = whole.change(batch, |account| account.user.rename(name, facts.now))?;
    let event = Event::NameChanged { user: account.user, old_name, client };
    Ok(log::append(batch, &[facts.entry(event)])?)
}

fn recolour(batch: Batch, given: Account, hue: u16, facts: Facts<'_>) -> Result<Batch, NoBatch> {
    if given.user.disabled_at.is_some() {
        return Err(unlawful("this user may not chat"));
    }
    if !HUES.contains(&hue) {
        return Err(unlawful("there is no such colour"));
    }
    let (batch, Account { user, .. }) =
        Whole::of(given, facts)?.change(batch, |account| account.user.recolour(hue))?;
    Ok(log::append(batch, &[facts.entry(Event::UserChanged { user })])?)
}

fn set_enabled(batch: Batch, given: Account, enabled: bool, facts: Facts<'_>) -> Result<Batch, NoBatch> {
    if given.user.is_moderator {
        return Err(unlawful("a moderator cannot be disabled by another"));
    }
    let change = |account: &mut Account| account.user.set_enabled(enabled, facts.now);
    let (batch, Account { user, .. }) = Whole::of(given, facts)?.change(batch, change)?;
    let listed = List::Disabled.key(&user.id);
    let batch = if enabled { batch.clear(listed) } else { batch.set(listed, &b""[..]) };
    let event = if enabled { Event::UserChanged { user } } else { Event::UserDisabled { user } };
    Ok(log::append(batch, &[facts.entry(event)])?)
}

fn told(batch: Batch, moving: Moving, user_id: String, facts: Facts<'_>) -> Result<Batch, NoBatch> {
    let known = facts.stored.map(|stored| &stored.record.user);
    let Some(user) = known.filter(|user| user.id == user_id && user.disabled_at.is_none()) else {
        return Err(unlawful("who comes or goes is nobody, or may not chat"));
    };
    let user = user.clone();
    let event = match moving {
        Moving::Joined(client) => Event::Joined { user, client },
        Moving::Present(client) => Event::Present { user_id, client },
        Moving::Parted => Event::Parted { user },
    };
    Ok(log::append(batch, &[facts.entry(event)])?)
}

/// Takes the numbers of connections up to `next`, after those that were taken until `last`.
fn numbers(
    batch: Batch,
    last: Option<(bytes::Bytes, LastClient)>,
    next: &LastClient,
) -> Result<Batch, NoBatch> {
    let key = LastClient::key();
    let (unchanged, from) = match last {
        Some((bytes, last)) => (Precondition::Equals(key.key().clone(), bytes), last.0),
        None => (Precondition::Absent(key.key().clone()), 0),
    };
    if next.0.checked_sub(from).is_none_or(|taken| taken == 0 || taken > MAX_NUMBERS) {
        return Err(unlawful("so many numbers are not taken at once"));
    }
    Ok(batch.require(unchanged).put(&key, next)?)
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

    /// Adds a change of it, which requires that it is unchanged until then; returns it as it is afterwards.
    fn change(self, batch: Batch, change: impl FnOnce(&mut Account)) -> Result<(Batch, Account), StoreError> {
        let batch = batch.require(self.unchanged());
        let mut account = self.account;
        change(&mut account);
        Ok((batch.put(&account_key(&account.user.id), &account)?, account))
    }
}

fn register(batch: Batch, account: Account, facts: Facts<'_>) -> Result<Batch, NoBatch> {
    let Facts { runtime, now, .. } = facts;
    let User { id, display_name, display_color, .. } = account.user;
    // Names that are given are not looked at: they may have a forbidden word in them.
    let suggested =
        || runtime.suggested_usernames.iter().any(|name| name::clean(name).as_ref() == Ok(&display_name));
    let is_lawful = name::clean(&display_name).as_ref() == Ok(&display_name)
        && (is_free(&display_name, runtime) || name::is_random(&display_name) || suggested());
    if !is_lawful || !HUES.contains(&display_color) {
        return Err(unlawful("a name is not clean, or not free"));
    }
    let user = User { id, display_color, ..User::new(display_name, now) };
    let account = Account { user, seen_at: None, token: account.token };
    let (key, by_token) = (account_key(&account.user.id), token_key(&account.token));
    let batch = batch
        .require(Precondition::Absent(key.key().clone()))
        .require(Precondition::Absent(by_token.key().clone()));
    let id = farcast_chat::user::UserId(account.user.id.clone());
    Ok(batch.put(&key, &account)?.put(&by_token, &id)?)
}

/// True if a name may be taken: the same that edges ask.
fn is_free(name: &str, runtime: &OperatorSettings) -> bool {
    !name::is_forbidden(name, &runtime.forbidden_usernames)
        && !name::is_reserved(name, &runtime.reserved_usernames)
        && !name::is_reserved(name, std::slice::from_ref(&runtime.name))
}
