//! Publishers: what an ingest server hands to the owner of a broadcast.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use farcast_feed::name::StreamName;
use farcast_feed::time::WallTime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::metadata::StreamMetadata;
use crate::media::MediaEvent;

/// The channels to the owners of broadcasts, by stream: publishers are handed to them.
pub type Owners = BTreeMap<StreamName, mpsc::Sender<Publisher>>;

/// A publisher that was let in.
///
/// There is one at a time. When one takes over from a dead connection, the predecessor's
/// [`PublisherEvent::End`] is in its queue before the new publisher is delivered (unless that queue's owner
/// keeps the connection waiting for more than a second).
#[derive(Debug)]
pub struct Publisher {
    /// The publisher.
    pub info: PublisherInfo,
    /// Its events, in order; the last one is [`PublisherEvent::End`], always. Dropping the receiver ends
    /// the session.
    pub events: mpsc::Receiver<PublisherEvent>,
    /// Cancel to end the session.
    pub close: CancellationToken,
}

/// The identity of a publisher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublisherInfo {
    /// Its address.
    pub remote: SocketAddr,
    /// Its RTMP library's name for itself; the name of the program is often only in [`StreamMetadata::encoder`].
    pub encoder: String,
    /// The application: `live`.
    pub application: String,
    /// True if the connection is TLS.
    pub secure: bool,
    /// Time at which it was let in.
    pub connected_at: WallTime,
}

/// The events of a publisher.
#[derive(Clone, PartialEq, Debug)]
pub enum PublisherEvent {
    /// Its description of its stream; may come again.
    Metadata(Box<StreamMetadata>),
    /// Media with the source's own times; [`crate::ingest::Timeline`] makes the broadcast's of them.
    Media(MediaEvent),
    /// The session is over. Nothing follows.
    End(EndReason),
}

/// The outcome of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EndReason {
    /// The encoder stopped in good order.
    Unpublished,
    /// The connection was closed or lost.
    Disconnected,
    /// No data for [`crate::ingest::rtmp::session::SILENCE_DEADLINE`].
    Silence,
    /// The same encoder came back on another connection.
    TakenOver,
    /// This side closed it: by request, because the owner did not take the events, or for a shutdown.
    Closed,
    /// The encoder sends what this server does not take; the text says what to set.
    Unsupported(String),
    /// The encoder broke the protocol or a limit.
    Protocol(String),
}

impl EndReason {
    /// What [`Self::label`] gives.
    pub const LABELS: [&str; 7] =
        ["unpublished", "disconnected", "silence", "taken_over", "closed", "unsupported", "protocol"];

    /// The reason in the words of the metrics and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unpublished => "unpublished",
            Self::Disconnected => "disconnected",
            Self::Silence => "silence",
            Self::TakenOver => "taken_over",
            Self::Closed => "closed",
            Self::Unsupported(_) => "unsupported",
            Self::Protocol(_) => "protocol",
        }
    }
}

/// The reason why a connection did not get to publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The stream key is wrong.
    WrongKey,
    /// The stream key is missing.
    NoKey,
    /// Another publisher is live.
    Busy,
    /// Unknown RTMP application.
    Application,
    /// The client wanted to play.
    Play,
    /// Too many connections.
    Connections,
    /// Too many keys from its network were wrong: this one was not looked at.
    Braked,
    /// Too many connections that do not publish yet, most of them of its own network.
    Pending,
    /// Evicted in favour of a connection of another network.
    Evicted,
    /// The TLS handshake.
    Tls,
    /// The handshake or the commands took too long.
    Timeout,
    /// The client broke the protocol.
    Protocol,
    /// The client left.
    Left,
    /// The owner did not take the publisher.
    Owner,
    /// The server stops.
    Shutdown,
}

impl Refused {
    /// All reasons.
    pub const ALL: [Self; 15] = [
        Self::WrongKey,
        Self::NoKey,
        Self::Busy,
        Self::Application,
        Self::Play,
        Self::Connections,
        Self::Pending,
        Self::Braked,
        Self::Evicted,
        Self::Tls,
        Self::Timeout,
        Self::Protocol,
        Self::Left,
        Self::Owner,
        Self::Shutdown,
    ];

    /// The reason in the words of the metrics and logs.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::WrongKey => "wrong_key",
            Self::NoKey => "no_key",
            Self::Busy => "busy",
            Self::Application => "application",
            Self::Play => "play",
            Self::Connections => "connections",
            Self::Pending => "pending",
            Self::Braked => "braked",
            Self::Evicted => "evicted",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Left => "left",
            Self::Owner => "owner",
            Self::Shutdown => "shutdown",
        }
    }
}
