//! An edge's act, read from its batch: one of a few, or none.
//!
//! The forms are those of [`farcast_chat::Chat`] and [`farcast_audience::viewers`], which edges run. Only the texts
//! that people wrote, the users concerned and the records are taken from the batch; the rest is left behind.

use bytes::Bytes;
use farcast_chat::entry::IDS_PER_ENTRY;
use farcast_chat::user::{List, MAX_ID_BYTES, UserId, account_key, token_key};
use farcast_chat::{Account, Entry, Event, LastClient, log};
use farcast_store::{Batch, Key, Operation, Precondition, Record, decode};

use super::Refused;
use super::keys::Family;

/// Most entries of one act: a moderator may hide a thousand messages at once.
const MAX_ENTRIES: usize = 2;

/// The kind of a join or leave message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moving {
    Joined(u64),
    Present(u64),
    Parted,
}

/// The acts of an edge. `given` is a user's record as the edge knows it, which must be the record still.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Act {
    Register { account: Account },
    Seen { given: Account },
    Say { given: Account, client: u64, raw: String, network: Option<u16> },
    Rename { given: Account, name: String, client: u64 },
    Recolour { given: Account, hue: u16 },
    SetEnabled { given: Account, enabled: bool },
    SetVisible { changes: Vec<(Vec<String>, bool)> },
    Told { moving: Moving, user_id: String },
    Numbers { last: Option<(Bytes, LastClient)>, next: LastClient },
    Viewers { key: Key, value: Option<Bytes> },
    Announce { key: Key, value: Option<Bytes> },
}

impl Act {
    /// The user for whom it is done, who must have shown their token to the edge.
    pub(super) fn acts_for(&self) -> Option<&str> {
        match self {
            Self::Seen { given }
            | Self::Say { given, .. }
            | Self::Rename { given, .. }
            | Self::Recolour { given, .. } => Some(&given.user.id),
            Self::Told { user_id, .. } => Some(user_id),
            Self::Register { .. }
            | Self::SetEnabled { .. }
            | Self::SetVisible { .. }
            | Self::Numbers { .. }
            | Self::Viewers { .. }
            | Self::Announce { .. } => None,
        }
    }

    /// True if only moderators may do it.
    pub(super) fn moderates(&self) -> bool {
        matches!(self, Self::SetEnabled { .. } | Self::SetVisible { .. })
    }

    /// The name that somebody wants, and who that is.
    pub(super) fn wanted_name(&self) -> Option<(&str, &str)> {
        match self {
            Self::Register { account } => Some((&account.user.display_name, &account.user.id)),
            Self::Rename { given, name, .. } => Some((name, &given.user.id)),
            _ => None,
        }
    }

    /// The user whose record it is about.
    pub(super) fn account(&self) -> Option<&str> {
        match self {
            Self::SetEnabled { given, .. } => Some(&given.user.id),
            _ => self.acts_for(),
        }
    }
}

const FORM: Refused = Refused::Unlawful("it has the form of none");

fn record<T: Record>(bytes: &[u8]) -> Result<T, Refused> {
    decode(bytes).map_err(|_| Refused::Unlawful("a record cannot be read"))
}

/// True if a text is what Farcast makes as an id, or Owncast: it is put into pages and addresses.
fn is_id(text: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='))
}

/// The user of a key, by their record as the edge knows it.
fn given(key: &Key, bytes: &[u8]) -> Result<Account, Refused> {
    let account: Account = record(bytes)?;
    if account_key(&account.user.id).key() == key { Ok(account) } else { Err(FORM) }
}

/// The entries that a batch adds to the log, and what else it does.
fn entries(all: &[Operation]) -> Result<(&[Operation], Vec<Entry>), Refused> {
    let Some((Operation::SetStamp(tip, 0), rest)) = all.split_last() else { return Ok((all, Vec::new())) };
    if *tip != log::tip() {
        return Err(FORM);
    }
    let is_entry = |operation: &Operation| matches!(operation, Operation::Append { .. });
    let first = rest.iter().position(is_entry).unwrap_or(rest.len());
    let (others, appended) = rest.split_at(first);
    if appended.is_empty() || appended.len() > MAX_ENTRIES {
        return Err(FORM);
    }
    let mut entries = Vec::with_capacity(appended.len());
    for (place, operation) in (0_u16..).zip(appended) {
        match operation {
            Operation::Append { prefix, order, value } if *prefix == log::prefix() && *order == place => {
                entries.push(record(value)?);
            }
            _ => return Err(FORM),
        }
    }
    Ok((others, entries))
}

/// Reads the act that a batch is.
pub(super) fn read(batch: &Batch) -> Result<Act, Refused> {
    let (others, entries) = entries(batch.operations())?;
    match (batch.preconditions(), others, &entries[..]) {
        ([Precondition::Equals(key, before)], others, [entry]) if Family::of(key) == Some(Family::User) => {
            of_user(key, given(key, before)?, others, entry)
        }
        ([Precondition::Equals(key, before)], [Operation::Set(set, _)], [])
            if Family::of(key) == Some(Family::User) && set == key =>
        {
            Ok(Act::Seen { given: given(key, before)? })
        }
        ([], [], [_, ..]) => of_nobody(entries),
        (
            [Precondition::Absent(key), Precondition::Absent(by_token)],
            [Operation::Set(set, account), Operation::Set(set_token, id)],
            [],
        ) if key == set && by_token == set_token => {
            let account = given(key, account)?;
            let is_whole = *token_key(&account.token).key() == *by_token
                && record::<UserId>(id)?.0 == account.user.id
                && is_id(&account.user.id)
                && is_id(&account.token);
            if is_whole { Ok(Act::Register { account }) } else { Err(FORM) }
        }
        ([Precondition::Equals(key, last)], [Operation::Set(set, next)], [])
            if Family::of(key) == Some(Family::LastClient) && set == key =>
        {
            Ok(Act::Numbers { last: Some((last.clone(), record(last)?)), next: record(next)? })
        }
        ([Precondition::Absent(key)], [Operation::Set(set, next)], [])
            if Family::of(key) == Some(Family::LastClient) && set == key =>
        {
            Ok(Act::Numbers { last: None, next: record(next)? })
        }
        ([], [Operation::Set(key, value)], []) if Family::of(key) == Some(Family::Viewers) => {
            Ok(Act::Viewers { key: key.clone(), value: Some(value.clone()) })
        }
        ([], [Operation::Clear(key)], []) if Family::of(key) == Some(Family::Viewers) => {
            Ok(Act::Viewers { key: key.clone(), value: None })
        }
        ([], [Operation::Set(key, value)], []) if Family::of(key) == Some(Family::Announcement) => {
            Ok(Act::Announce { key: key.clone(), value: Some(value.clone()) })
        }
        ([], [Operation::Clear(key)], []) if Family::of(key) == Some(Family::Announcement) => {
            Ok(Act::Announce { key: key.clone(), value: None })
        }
        _ => Err(FORM),
    }
}

/// Acts that build upon a user's record, and are shown in the chat.
fn of_user(key: &Key, given: Account, others: &[Operation], entry: &Entry) -> Result<Act, Refused> {
    let sets = |operation: &Operation| matches!(operation, Operation::Set(set, _) if set == key);
    match &entry.event {
        Event::Message { client: Some(client), raw, .. } if others.is_empty() => {
            Ok(Act::Say { given, client: *client, raw: raw.clone(), network: entry.network })
        }
        Event::NameChanged { user, client, .. } if matches!(others, [renamed] if sets(renamed)) => {
            Ok(Act::Rename { given, name: user.display_name.clone(), client: *client })
        }
        Event::UserChanged { user } if matches!(others, [recoloured] if sets(recoloured)) => {
            Ok(Act::Recolour { given, hue: user.display_color })
        }
        Event::UserChanged { .. } | Event::UserDisabled { .. } => {
            let enabled = matches!(entry.event, Event::UserChanged { .. });
            let list = List::Disabled.key(&given.user.id);
            let lists = |operation: &Operation| match operation {
                Operation::Clear(key) => enabled && *key == list,
                Operation::Set(key, _) => !enabled && *key == list,
                _ => false,
            };
            let is_whole = match others {
                [listed] => lists(listed),
                [changed, listed] => sets(changed) && lists(listed),
                _ => false,
            };
            if is_whole { Ok(Act::SetEnabled { given, enabled }) } else { Err(FORM) }
        }
        _ => Err(FORM),
    }
}

/// Acts that build upon nothing.
fn of_nobody(entries: Vec<Entry>) -> Result<Act, Refused> {
    let told = |moving, user_id| Ok(Act::Told { moving, user_id });
    if let [Entry { event, .. }] = &entries[..] {
        match event {
            Event::Joined { user, client } => return told(Moving::Joined(*client), user.id.clone()),
            Event::Present { user_id, client } => return told(Moving::Present(*client), user_id.clone()),
            Event::Parted { user } => return told(Moving::Parted, user.id.clone()),
            _ => {}
        }
    }
    let mut changes = Vec::with_capacity(entries.len());
    for entry in entries {
        match entry.event {
            Event::Visibility { ids, visible }
                if (1..=IDS_PER_ENTRY).contains(&ids.len())
                    // Message ids from a moderator: unknown ones change nothing.
                    && ids.iter().all(|id| (1..=MAX_ID_BYTES).contains(&id.len())) =>
            {
                changes.push((ids, visible));
            }
            _ => return Err(FORM),
        }
    }
    Ok(Act::SetVisible { changes })
}
