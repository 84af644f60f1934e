//! The chat, as its owner sees and moderates it; integrations may do some of the same.

use std::collections::HashMap;
use std::net::IpAddr;

use bytes::Bytes;
use farcast_api::body::{self, null_is_zero};
use farcast_api::time::Time;
use farcast_api::{Reply, percent_decoded, reply};
use farcast_chat::shape::{Moderated, ShownClient, ShownMessage, ShownUser};
use farcast_chat::user::Account;
use farcast_chat::{Chat, Client, History, List, Refused, SetEnabled, SetModerator, SetVisible, User};
use farcast_config::network;
use farcast_feed::time::WallTime;
use farcast_link::{Ask, MAX_REPLY_BYTES};
use farcast_settings::{Ban, Field};
use farcast_store::{Store, StoreError, Stored};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farcast_link::sender::Edges;

/// Most messages that are shown.
const MAX_MESSAGES: usize = 10_000;
/// Most bytes of them: an edge passes them on.
const MAX_MESSAGES_BYTES: usize = MAX_REPLY_BYTES - 1024;
/// Most messages of one user that are shown.
const MAX_MESSAGES_OF_ONE: usize = 1000;
/// Most addresses that are banned.
pub(crate) const MAX_BANS: usize = 1000;
/// Characters of the notes on one.
const MAX_NOTES_CHARS: usize = 255;
/// Bytes of all bans together: a value of the store. A thousand without notes fit.
pub(crate) const MAX_BANS_BYTES: usize = 99_000;

/// The setting with all bans.
pub(crate) const BANS: Field = Field("chatBans");

/// The moderation requests of the admin API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moderation {
    Clients,
    Messages,
    SetVisible,
    Disabled,
    SetEnabled,
    Moderators,
    SetModerator,
    Bans,
    Ban,
    Unban,
}

pub(super) async fn answer(
    what: Moderation,
    store: &Store,
    edges: &Edges,
    body: &[u8],
) -> Result<Reply, StoreError> {
    let chat = Chat::new(store.clone());
    match what {
        Moderation::Clients => Ok(clients(edges).await),
        Moderation::Messages => messages(&chat).await,
        Moderation::SetVisible => set_visible(&chat, body).await,
        Moderation::Disabled => users(&chat, List::Disabled).await,
        Moderation::Moderators => users(&chat, List::Moderators).await,
        Moderation::SetEnabled => set_enabled(&chat, body).await,
        Moderation::SetModerator => set_moderator(&chat, body).await,
        Moderation::Bans => bans(store).await,
        Moderation::Ban => ban(store, body).await,
        Moderation::Unban => unban(store, body).await,
    }
}

/// Asks all edges for their chat connections, without entries that no honest edge sends.
async fn ask(edges: &Edges) -> impl Iterator<Item = Client> {
    let asked = edges.ask_all::<Vec<Client>>(&Ask::Clients).await;
    asked.answers.into_iter().flatten().filter(Client::is_lawful)
}

/// The connected chat clients of all edges; those of an edge that does not answer in time are missing.
pub(crate) async fn clients(edges: &Edges) -> Reply {
    let mut clients: Vec<_> = ask(edges).await.collect();
    clients.sort_by_key(|client| (client.connected_at, client.id));
    reply::ok(&clients.iter().map(ShownClient::from).collect::<Vec<_>>())
}

/// Read from the store, so that what was set just before holds.
async fn since(store: &Store) -> Result<WallTime, StoreError> {
    let (retention, _) =
        farcast_settings::read::<farcast_settings::Retention>(store, Field("chatRetention")).await?;
    Ok(farcast_chat::since(WallTime::now(), retention.max_age()))
}

/// All messages. Each user is shown as they were, but for whether they may chat: the admin's page decides by that what it
/// offers to do.
async fn messages(chat: &Chat) -> Result<Reply, StoreError> {
    let store = chat.store();
    let since = since(store).await?;
    let (history, _) = History::load(store, MAX_MESSAGES).await?;
    let disabled: HashMap<_, _> =
        chat.listed(List::Disabled).await?.into_iter().map(|user| (user.id, user.disabled_at)).collect();
    let kept = history.newest_first().filter(|seen| seen.entry.at >= since);
    let mut json = b"[".to_vec();
    for message in kept.filter_map(ShownMessage::of) {
        let now = disabled.get(message.user_id()).copied().flatten();
        let message = message.disabled(now);
        let before = json.len();
        if before > 1 {
            json.push(b',');
        }
        if serde_json::to_writer(&mut json, &message).is_err() || json.len() > MAX_MESSAGES_BYTES {
            json.truncate(before);
            break;
        }
    }
    json.extend_from_slice(b"]\n");
    Ok(reply::with_body(StatusCode::OK, "application/json", Bytes::from(json)))
}

/// A user as who moderates sees them. Connections of an edge that does not answer in time are missing.
pub(crate) async fn user(store: &Store, edges: &Edges, id: &str) -> Result<Reply, StoreError> {
    let id = percent_decoded(id);
    let Some(Stored { record: Account { user, .. }, .. }) = Chat::new(store.clone()).account(&id).await?
    else {
        return Ok(reply::problem(StatusCode::NOT_FOUND, "there is no such user"));
    };
    let mut clients: Vec<_> = ask(edges).await.filter(|client| client.user.id == id).collect();
    clients.sort_by_key(|client| (client.connected_at, client.id));
    let since = since(store).await?;
    let (history, _) = History::load(store, MAX_MESSAGES).await?;
    let messages = history.newest_first().filter(|seen| seen.entry.at >= since).filter_map(ShownMessage::of);
    let theirs = messages.filter(|message| message.user_id() == id).take(MAX_MESSAGES_OF_ONE);
    let disabled_at = user.disabled_at;
    Ok(reply::ok(&Moderated {
        user: (&user).into(),
        connected_clients: clients.iter().map(Into::into).collect(),
        messages: theirs.map(|message| message.disabled(disabled_at)).collect(),
    }))
}

/// The newest messages as those who come to the chat are shown them.
pub(crate) async fn backlog(store: &Store) -> Result<Reply, StoreError> {
    let since = since(store).await?;
    let (history, _) = History::load(store, farcast_chat::KEPT_MESSAGES).await?;
    let shown = history.backlog(since).into_iter().filter_map(ShownMessage::of);
    Ok(reply::ok(&shown.collect::<Vec<_>>()))
}

/// Hides messages, or shows them again.
pub(crate) async fn set_visible(chat: &Chat, body: &[u8]) -> Result<Reply, StoreError> {
    let SetVisible { ids, visible } = match SetVisible::parse(body) {
        Ok(wish) => wish,
        Err(what) => return Ok(reply::bad_request(&what)),
    };
    chat.set_visible(&ids, visible, WallTime::now()).await?;
    Ok(reply::done("changed"))
}

async fn users(chat: &Chat, list: List) -> Result<Reply, StoreError> {
    let users = chat.listed(list).await?;
    Ok(reply::ok(&users.iter().map(ShownUser::from).collect::<Vec<_>>()))
}

async fn set_enabled(chat: &Chat, body: &[u8]) -> Result<Reply, StoreError> {
    let SetEnabled { user_id, enabled } = match SetEnabled::parse(body) {
        Ok(wish) => wish,
        Err(what) => return Ok(reply::bad_request(&what)),
    };
    let set = chat.set_enabled(&user_id, enabled, WallTime::now()).await;
    told(set, |user| format!("{} enabled: {enabled}", user.id))
}

async fn set_moderator(chat: &Chat, body: &[u8]) -> Result<Reply, StoreError> {
    let SetModerator { user_id, is_moderator } = match SetModerator::parse(body) {
        Ok(wish) => wish,
        Err(what) => return Ok(reply::bad_request(&what)),
    };
    let set = chat.set_moderator(&user_id, is_moderator, WallTime::now()).await;
    told(set, |user| format!("{} is moderator: {is_moderator}", user.id))
}

fn told(set: Result<User, Refused>, done: impl FnOnce(&User) -> String) -> Result<Reply, StoreError> {
    match set {
        Ok(user) => Ok(reply::done(&done(&user))),
        Err(Refused::Store(error)) => Err(error),
        Err(refused) => Ok(reply::bad_request(&refused.to_string())),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownBan {
    ip_address: IpAddr,
    notes: String,
    created_at: Time,
    expires_at: Option<Time>,
}

impl From<Ban> for ShownBan {
    fn from(Ban { address, notes, created_at, expires_at }: Ban) -> Self {
        Self { ip_address: address, notes, created_at: Time(created_at), expires_at: expires_at.map(Time) }
    }
}

async fn bans(store: &Store) -> Result<Reply, StoreError> {
    let (bans, _) = farcast_settings::read::<Vec<Ban>>(store, BANS).await?;
    let now = WallTime::now();
    let held = bans.into_iter().filter(|ban| ban.holds(now));
    Ok(reply::ok(&held.map(ShownBan::from).collect::<Vec<_>>()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BanWish {
    value: String,
    #[serde(default, deserialize_with = "null_is_zero")]
    notes: String,
    #[serde(default)]
    expires_at: Option<String>,
}

/// The address that is to be banned.
///
/// # Errors
/// The fault, in one line.
pub(crate) fn checked_ban(address: &str, notes: &str) -> Result<IpAddr, String> {
    let address = canonical(address)?;
    if address.is_loopback() {
        return Err("this machine cannot be banned from itself".to_owned());
    }
    if notes.chars().count() > MAX_NOTES_CHARS {
        return Err(format!("notes have at most {MAX_NOTES_CHARS} characters"));
    }
    Ok(address)
}

/// IPv4 in the clothes of IPv6 is IPv4, as edges see it.
fn canonical(address: &str) -> Result<IpAddr, String> {
    let address = address.trim().parse::<IpAddr>();
    address.map(|address| address.to_canonical()).map_err(|_| "Invalid IP address".to_owned())
}

impl BanWish {
    fn address(&self) -> Result<IpAddr, String> {
        canonical(&self.value)
    }

    /// The end of the ban; none if it is permanent.
    fn expires_at(&self, now: WallTime) -> Result<Option<WallTime>, String> {
        let Some(text) = &self.expires_at else { return Ok(None) };
        let wrong = || "expiresAt is a time to come, such as 2026-03-14T18:30:00Z".to_owned();
        let end: Timestamp = text.parse().map_err(|_| wrong())?;
        let end = u64::try_from(end.as_microsecond()).map(WallTime).map_err(|_| wrong())?;
        if end > now { Ok(Some(end)) } else { Err(wrong()) }
    }
}

/// The reason why an address was not banned.
#[derive(Debug, thiserror::Error)]
enum NotBanned {
    #[error("there are {MAX_BANS} banned addresses: remove one first")]
    TooMany,
    #[error("all bans have more than {MAX_BANS_BYTES} bytes: shorten the notes, or remove one first")]
    TooLong,
    #[error(transparent)]
    Store(#[from] StoreError),
}

async fn ban(store: &Store, body: &[u8]) -> Result<Reply, StoreError> {
    let wish: BanWish = match body::json(body) {
        Ok(wish) => wish,
        Err(what) => return Ok(reply::bad_request(&what)),
    };
    let address = match checked_ban(&wish.value, &wish.notes) {
        Ok(address) => address,
        Err(what) => return Ok(reply::bad_request(&what)),
    };
    let (now, network) = (WallTime::now(), network::of(address));
    let expires_at = match wish.expires_at(now) {
        Ok(expires_at) => expires_at,
        Err(what) => return Ok(reply::bad_request(&what)),
    };
    let added = farcast_settings::update(store, BANS, |bans: &mut Vec<Ban>| {
        // Those that have ended make room.
        bans.retain(|ban| ban.holds(now));
        let room = bans.len() < MAX_BANS;
        match bans.iter_mut().find(|ban| network::of(ban.address) == network) {
            Some(ban) => {
                ban.notes.clone_from(&wish.notes);
                ban.expires_at = expires_at;
            }
            None if !room => return Err(NotBanned::TooMany),
            None => bans.push(Ban { address, notes: wish.notes.clone(), created_at: now, expires_at }),
        }
        let bytes = serde_json::to_string(bans).map_or(usize::MAX, |text| text.len());
        if bytes > MAX_BANS_BYTES { Err(NotBanned::TooLong) } else { Ok(()) }
    })
    .await;
    match added {
        Ok(_) => Ok(reply::done("IP address banned")),
        Err(NotBanned::Store(error)) => Err(error),
        Err(refused) => Ok(reply::bad_request(&refused.to_string())),
    }
}

/// Removes the ban of an address; does nothing if there is none. An IPv6 ban covers the whole network, so any of its
/// addresses ends it.
async fn unban(store: &Store, body: &[u8]) -> Result<Reply, StoreError> {
    let address = match body::json::<BanWish>(body).and_then(|wish| wish.address()) {
        Ok(address) => address,
        Err(what) => return Ok(reply::bad_request(&what)),
    };
    let network = network::of(address);
    farcast_settings::update(store, BANS, |bans: &mut Vec<Ban>| {
        bans.retain(|ban| network::of(ban.address) != network);
        Ok::<_, StoreError>(())
    })
    .await?;
    Ok(reply::done("IP address unbanned"))
}

#[cfg(test)]
#[path = "chat_tests.rs"]
mod tests;
