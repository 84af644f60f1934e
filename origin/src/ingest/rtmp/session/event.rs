//! The events of a session for its owner.

use crate::ingest::key::StreamKey;

/// The stream that the peer wants to publish, and its own description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishRequest {
    /// The key that it gave.
    pub key: StreamKey,
    /// The application: always [`super::APPLICATION`].
    pub application: String,
    /// `flashVer` of its connect command, such as `FMLE/3.0 (compatible; FMSc/1.0)`; control
    /// characters removed, not long.
    pub encoder: String,
}

/// A step that a peer failed to take in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expired {
    /// [`super::HANDSHAKE_DEADLINE`].
    Handshake,
    /// [`super::PUBLISH_DEADLINE`].
    Publish,
    /// [`super::SILENCE_DEADLINE`].
    Silence,
}

/// The reason why a session refused its peer by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The application is not [`super::APPLICATION`].
    Application,
    /// No stream key.
    NoKey,
    /// The client wants to play.
    Play,
}
