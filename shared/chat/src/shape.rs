//! The chat in Owncast's JSON: what sockets, the API and webhooks say.
//!
//! Where Owncast's versions differ, 0.0.10's form holds, and newer fields stand beside it.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::json;

use super::client::{Client, Place};
use super::entry::{Entry, Event, Stream};
use super::history::Seen;
use super::render;
use super::user::User;
use farcast_api::time::Time;
use farcast_feed::time::WallTime;

/// The scope of a moderator.
const MODERATOR: &str = "MODERATOR";

/// A user.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownUser<'a> {
    id: &'a str,
    display_name: &'a str,
    display_color: u16,
    created_at: Time,
    previous_names: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    name_changed_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Time>,
    scopes: &'static [&'static str],
    is_bot: bool,
    authenticated: bool,
}

impl<'a> From<&'a User> for ShownUser<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: &user.id,
            display_name: &user.display_name,
            display_color: user.display_color,
            created_at: Time(user.created_at),
            previous_names: &user.previous_names,
            name_changed_at: user.name_changed_at.map(Time),
            disabled_at: user.disabled_at.map(Time),
            scopes: if user.is_moderator { &[MODERATOR] } else { &[] },
            is_bot: user.is_bot,
            authenticated: false,
        }
    }
}

/// A message.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownMessage<'a> {
    r#type: &'static str,
    id: &'a str,
    timestamp: Time,
    user: ShownUser<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden_at: Option<Time>,
    visible: bool,
    body: &'a str,
}

impl<'a> ShownMessage<'a> {
    /// The message of an entry, if it is one.
    #[must_use]
    pub fn new(entry: &'a Entry, hidden_at: Option<WallTime>) -> Option<Self> {
        let Event::Message { user, client, body, .. } = &entry.event else { return None };
        Some(Self {
            r#type: "CHAT",
            id: &entry.id,
            timestamp: Time(entry.at),
            user: user.into(),
            client_id: *client,
            hidden_at: hidden_at.map(Time),
            visible: hidden_at.is_none(),
            body,
        })
    }

    /// With the time since which the user may not chat, by the current record. A message carries its user as they were.
    #[must_use]
    pub fn disabled(mut self, since: Option<WallTime>) -> Self {
        self.user.disabled_at = since.map(Time);
        self
    }

    /// The user's id.
    #[must_use]
    pub fn user_id(&self) -> &str {
        self.user.id
    }

    /// A message of the history.
    #[must_use]
    pub fn of(seen: &'a Seen) -> Option<Self> {
        Self::new(&seen.entry, seen.hidden_at)
    }
}

/// A user as moderators see them: with their messages, the newest first, and their connections.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moderated<'a> {
    /// The user.
    pub user: ShownUser<'a>,
    /// Their connections, in the order in which they were opened.
    pub connected_clients: Vec<ShownConnection<'a>>,
    /// Their messages, hidden or not.
    pub messages: Vec<ShownMessage<'a>>,
}

/// A connection of a user who is named beside it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownConnection<'a> {
    id: u64,
    connected_at: Time,
    message_count: u64,
    user_agent: &'a str,
    geo: Option<&'a Place>,
}

impl<'a> From<&'a Client> for ShownConnection<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            id: client.id,
            connected_at: Time(client.connected_at),
            message_count: client.messages,
            user_agent: &client.user_agent,
            geo: client.place.as_ref(),
        }
    }
}

/// A connection as the API shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownClient<'a> {
    user: ShownUser<'a>,
    geo: Option<&'a Place>,
    message_count: u64,
    user_agent: &'a str,
    connected_at: Time,
    ip_address: IpAddr,
    #[serde(rename = "clientID")]
    client_id: String,
}

impl<'a> From<&'a Client> for ShownClient<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            user: (&client.user).into(),
            geo: client.place.as_ref(),
            message_count: client.messages,
            user_agent: &client.user_agent,
            connected_at: Time(client.connected_at),
            ip_address: client.address,
            client_id: client.id.to_string(),
        }
    }
}

/// The author of the server's messages.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Server<'a> {
    display_name: &'a str,
}

/// The messages of a socket. One serialisation per event serves all connections.
#[derive(Serialize)]
#[serde(tag = "type")]
enum Said<'a> {
    #[serde(rename = "SYSTEM")]
    System { id: &'a str, timestamp: Time, body: &'a str, user: Server<'a> },
    #[serde(rename = "CHAT_ACTION")]
    Action { id: &'a str, timestamp: Time, body: &'a str },
    #[serde(rename = "USER_JOINED")]
    Joined { id: &'a str, timestamp: Time, user: ShownUser<'a> },
    #[serde(rename = "USER_PARTED")]
    Parted { id: &'a str, timestamp: Time, user: ShownUser<'a> },
    #[serde(rename = "NAME_CHANGE", rename_all = "camelCase")]
    NameChange { id: &'a str, timestamp: Time, user: ShownUser<'a>, old_name: &'a str },
    #[serde(rename = "VISIBILITY-UPDATE")]
    Visibility { id: &'a str, timestamp: Time, ids: [&'a str; 1], visible: bool },
    #[serde(rename = "CONNECTED_USER_INFO")]
    Connected { id: &'a str, timestamp: Time, user: ShownUser<'a> },
    #[serde(rename = "ERROR_USER_DISABLED")]
    Disabled { id: &'a str, timestamp: Time, user: Option<ShownUser<'a>> },
}

fn line(out: &mut Vec<u8>, said: &impl Serialize) {
    if !out.is_empty() {
        out.push(b'\n');
    }
    // Nothing here can fail to have a form in JSON.
    let _ = serde_json::to_writer(out, said);
}

/// The text that all sockets get for an entry: JSON, an object per line; empty for none.
#[must_use]
pub fn broadcast(entry: &Entry) -> Vec<u8> {
    let (id, timestamp) = (&entry.id[..], Time(entry.at));
    let mut out = Vec::new();
    let action = |out: &mut Vec<u8>, body: &str| line(out, &Said::Action { id, timestamp, body });
    match &entry.event {
        Event::Message { .. } => {
            if let Some(message) = ShownMessage::new(entry, None) {
                line(&mut out, &message);
            }
        }
        Event::System { name, body } => {
            line(&mut out, &Said::System { id, timestamp, body, user: Server { display_name: name } });
        }
        Event::Action { body } => action(&mut out, body),
        Event::Joined { user, .. } => line(&mut out, &Said::Joined { id, timestamp, user: user.into() }),
        Event::Parted { user } => line(&mut out, &Said::Parted { id, timestamp, user: user.into() }),
        Event::NameChanged { user, old_name, .. } => {
            line(&mut out, &Said::NameChange { id, timestamp, user: user.into(), old_name });
        }
        // One by one: clients of Owncast before 0.0.11 look at `id`, later ones at `ids`.
        Event::Visibility { ids, visible } => ids.iter().for_each(|id| {
            line(&mut out, &Said::Visibility { id, timestamp, ids: [id], visible: *visible });
        }),
        Event::UserDisabled { user } => {
            action(
                &mut out,
                &told(&format!("**{}** has been removed from chat.", quoted(&user.display_name))),
            );
        }
        Event::StreamStarted(_) => action(&mut out, &told("Stay tuned, the stream is **starting**!")),
        Event::StreamStopped(_) => action(&mut out, &told("The stream is ending.")),
        Event::TitleChanged(stream) if !stream.title.is_empty() => {
            action(&mut out, &told(&format!("Stream title changed to **{}**", quoted(&stream.title))));
        }
        Event::Present { .. } | Event::UserChanged { .. } | Event::TitleChanged(_) => {}
    }
    out
}

fn quoted(text: &str) -> String {
    render::escape_markdown(text)
}

fn told(markdown: &str) -> String {
    render::announcement(markdown)
}

/// A message for one socket only.
#[derive(Clone, Copy, Debug)]
pub enum Private<'a> {
    /// The user.
    Connected(&'a User),
    /// Something went wrong, or was refused; Markdown.
    Action(&'a str),
    /// The server greets them; HTML.
    System {
        /// The server's name.
        name: &'a str,
        /// The text.
        body: &'a str,
    },
    /// The user may not chat.
    Disabled,
    /// The token is unknown.
    NeedsRegistration,
}

/// A message for one socket, as JSON.
#[must_use]
pub fn private(told_to: Private<'_>, id: &str, now: WallTime) -> Vec<u8> {
    let (mut out, timestamp) = (Vec::new(), Time(now));
    match told_to {
        Private::Connected(user) => line(&mut out, &Said::Connected { id, timestamp, user: user.into() }),
        Private::Action(markdown) => {
            line(&mut out, &Said::Action { id, timestamp, body: &told(markdown) });
        }
        Private::System { name, body } => {
            line(&mut out, &Said::System { id, timestamp, body, user: Server { display_name: name } });
        }
        Private::Disabled => line(&mut out, &Said::Disabled { id, timestamp, user: None }),
        Private::NeedsRegistration => out.extend_from_slice(br#"{"type":"ERROR_NEEDS_REGISTRATION"}"#),
    }
    out
}

/// A webhook's event: its name there, and its `eventData`; none for entries that webhooks do not get.
#[must_use]
pub fn webhook(entry: &Entry) -> Option<(&'static str, serde_json::Value)> {
    let (id, timestamp) = (&entry.id, Time(entry.at));
    Some(match &entry.event {
        Event::Message { user, client, body, raw } => (
            "CHAT",
            json!({
                "user": ShownUser::from(user), "clientId": client, "body": body, "rawBody": raw, "id": id,
                "visible": true, "timestamp": timestamp,
            }),
        ),
        Event::Joined { user, client } => (
            "USER_JOINED",
            json!({
                "type": "USER_JOINED", "id": id, "timestamp": timestamp, "user": ShownUser::from(user),
                "clientId": client,
            }),
        ),
        Event::Parted { user } => (
            "USER_PARTED",
            json!({
                "type": "USER_PARTED", "id": id, "timestamp": timestamp, "user": ShownUser::from(user),
            }),
        ),
        Event::NameChanged { user, client, .. } => (
            "NAME_CHANGE",
            json!({
                "type": "NAME_CHANGE", "id": id, "timestamp": timestamp, "user": ShownUser::from(user),
                "clientId": client, "newName": user.display_name,
            }),
        ),
        Event::Visibility { ids, visible } => (
            "VISIBILITY-UPDATE",
            json!({
                "type": "VISIBILITY-UPDATE", "id": id, "timestamp": timestamp, "ids": ids, "visible": visible,
                "MessageIDs": ids, "Visible": visible, "user": null, "body": "",
            }),
        ),
        Event::StreamStarted(stream) => ("STREAM_STARTED", of_stream(entry, stream)),
        Event::StreamStopped(stream) => ("STREAM_STOPPED", of_stream(entry, stream)),
        Event::TitleChanged(stream) => ("STREAM_TITLE_UPDATED", of_stream(entry, stream)),
        Event::System { .. }
        | Event::Action { .. }
        | Event::Present { .. }
        | Event::UserChanged { .. }
        | Event::UserDisabled { .. } => return None,
    })
}

fn of_stream(entry: &Entry, stream: &Stream) -> serde_json::Value {
    let status = &stream.status;
    json!({
        "id": entry.id, "name": stream.name, "summary": stream.summary, "streamTitle": stream.title,
        "timestamp": Time(entry.at),
        "status": {
            "online": status.online,
            "viewerCount": status.viewers,
            "overallMaxViewerCount": status.overall_peak,
            "sessionMaxViewerCount": status.session_peak,
            "lastConnectTime": status.connected_at.map(Time),
            "lastDisconnectTime": status.disconnected_at.map(Time),
            "versionNumber": env!("CARGO_PKG_VERSION"),
            "streamTitle": stream.title,
        },
    })
}
