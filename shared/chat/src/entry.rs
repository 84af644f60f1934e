//! The entries of the chat's log.

use serde::{Deserialize, Serialize};

use super::user::{User, new_id};
use farcast_feed::time::WallTime;
use farcast_settings::{LiveStatus, OperatorSettings};
use farcast_store::Record;

/// Most ids in one [`Event::Visibility`].
pub const IDS_PER_ENTRY: usize = 500;

/// An entry of the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Names it, and its message where it is one.
    pub id: String,
    /// The time of acceptance, by the clock of the process that accepted it. The order is the log's, not that of these
    /// times.
    pub at: WallTime,
    /// The event.
    pub event: Event,
    /// A hash of the network from which a user wrote it (`farcast_config::network::tag`); none for bots, and where networks
    /// are not told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<u16>,
}

impl Record for Entry {
    const VERSION: u8 = 1;
}

/// The events of the chat. Bodies are HTML, rendered and sanitised where the entry was accepted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Event {
    /// A user, or a bot, wrote a message.
    Message {
        /// The user.
        user: User,
        /// Id of the sending connection; none for a bot.
        client: Option<u64>,
        /// The text, as HTML.
        body: String,
        /// The text, as it was written.
        raw: String,
    },
    /// A message of the server.
    System {
        /// The server's name.
        name: String,
        /// The text, as HTML.
        body: String,
    },
    /// An announcement.
    Action {
        /// The text, as HTML.
        body: String,
    },
    /// A user joined.
    Joined {
        /// The user.
        user: User,
        /// Id of the connection.
        client: u64,
    },
    /// A user who is here already connected to another edge; this is shown to nobody.
    Present {
        /// The user.
        user_id: String,
        /// Id of the connection; 0 where an earlier version wrote the entry.
        #[serde(default)]
        client: u64,
    },
    /// A user left.
    Parted {
        /// The user.
        user: User,
    },
    /// A user has another name.
    NameChanged {
        /// The user, with the new name.
        user: User,
        /// The former name.
        old_name: String,
        /// Id of the connection.
        client: u64,
    },
    /// Messages were hidden, or are shown again.
    Visibility {
        /// The ids; at most [`IDS_PER_ENTRY`].
        ids: Vec<String>,
        /// True if they are visible from now on.
        visible: bool,
    },
    /// The colour or the rights of a user have changed, and the user may still chat; only the user is informed.
    UserChanged {
        /// The user, as they are now.
        user: User,
    },
    /// A user may not chat any more: their connections are closed.
    UserDisabled {
        /// The user, as they are now.
        user: User,
    },
    /// A broadcast began.
    StreamStarted(Stream),
    /// A broadcast ended.
    StreamStopped(Stream),
    /// The broadcast has another title.
    TitleChanged(Stream),
}

/// The facts of a broadcast that webhooks receive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stream {
    /// Name of the server.
    pub name: String,
    /// The description; Markdown.
    pub summary: String,
    /// Title of the broadcast.
    pub title: String,
    /// The broadcast's state.
    pub status: LiveStatus,
}

impl Stream {
    /// The broadcast now.
    #[must_use]
    pub fn new(runtime: &OperatorSettings, status: &LiveStatus) -> Self {
        Self {
            name: runtime.name.clone(),
            summary: runtime.summary.clone(),
            title: runtime.stream_title.clone(),
            status: status.clone(),
        }
    }
}

impl Entry {
    /// An entry of now, with an id of its own.
    #[must_use]
    pub fn new(at: WallTime, event: Event) -> Self {
        Self { id: new_id(), at, event, network: None }
    }

    /// The user whose act it is, if there is one.
    #[must_use]
    pub fn user(&self) -> Option<&User> {
        match &self.event {
            Event::Message { user, .. }
            | Event::Joined { user, .. }
            | Event::Parted { user }
            | Event::NameChanged { user, .. }
            | Event::UserChanged { user }
            | Event::UserDisabled { user } => Some(user),
            Event::System { .. }
            | Event::Action { .. }
            | Event::Present { .. }
            | Event::Visibility { .. }
            | Event::StreamStarted(_)
            | Event::StreamStopped(_)
            | Event::TitleChanged(_) => None,
        }
    }
}
