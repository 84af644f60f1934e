//! What happens in the chat: the entries of its log.

use serde::{Deserialize, Serialize};

use super::user::{User, new_id};
use farcast_feed::time::WallTime;
use farcast_settings::{LiveStatus, Runtime};
use farcast_store::Record;

/// Most ids in one [`Event::Visibility`].
pub const IDS_PER_ENTRY: usize = 500;

/// An entry of the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Names it, and its message where it is one.
    pub id: String,
    /// When it was accepted, by the clock of who accepted it. The order is the log's, not that of these times.
    pub at: WallTime,
    /// What happened.
    pub event: Event,
    /// From which network a user said it ([`farcast_config::network::tag`]); none of bots, and where networks are not told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<u16>,
}

impl Record for Entry {
    const VERSION: u8 = 1;
}

/// What happened. Bodies are HTML, rendered and sanitised where the entry was accepted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Event {
    /// A user, or a bot, said something.
    Message {
        /// Who.
        user: User,
        /// By which connection; none for a bot.
        client: Option<u64>,
        /// What, as HTML.
        body: String,
        /// What, as it was written.
        raw: String,
    },
    /// The server said something.
    System {
        /// What the server is called.
        name: String,
        /// What, as HTML.
        body: String,
    },
    /// Something is told.
    Action {
        /// What, as HTML.
        body: String,
    },
    /// A user came.
    Joined {
        /// Who.
        user: User,
        /// By which connection.
        client: u64,
    },
    /// A user who is known to be here connected to another edge; nobody is told.
    Present {
        /// Who.
        user_id: String,
        /// By which connection; 0 where an earlier version wrote the entry.
        #[serde(default)]
        client: u64,
    },
    /// A user left.
    Parted {
        /// Who.
        user: User,
    },
    /// A user has another name.
    NameChanged {
        /// Who, with the new name.
        user: User,
        /// What they were called.
        old_name: String,
        /// By which connection.
        client: u64,
    },
    /// Messages were hidden, or are shown again.
    Visibility {
        /// Which; at most [`IDS_PER_ENTRY`].
        ids: Vec<String>,
        /// Whether they are seen from now on.
        visible: bool,
    },
    /// A user's rights have changed, but not to nothing, or their colour; only they are told.
    UserChanged {
        /// Who, as they are now.
        user: User,
    },
    /// A user may not chat any more: their connections are closed.
    UserDisabled {
        /// Who, as they are now.
        user: User,
    },
    /// A broadcast began.
    StreamStarted(Stream),
    /// A broadcast ended.
    StreamStopped(Stream),
    /// The broadcast has another title.
    TitleChanged(Stream),
}

/// What webhooks are told of a broadcast.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stream {
    /// Name of the server.
    pub name: String,
    /// What it is about; Markdown.
    pub summary: String,
    /// Title of the broadcast.
    pub title: String,
    /// Its state.
    pub status: LiveStatus,
}

impl Stream {
    /// The broadcast now.
    #[must_use]
    pub fn new(runtime: &Runtime, status: &LiveStatus) -> Self {
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

    /// Whose doing it is.
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
