//! What a session tells its owner.

use super::StreamKey;

/// What the peer wants to publish, and who it says it is.
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

/// What a peer failed to do in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expired {
    /// [`super::HANDSHAKE_DEADLINE`].
    Handshake,
    /// [`super::PUBLISH_DEADLINE`].
    Publish,
    /// [`super::SILENCE_DEADLINE`].
    Silence,
}

/// Why a session refused its peer by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The application is not [`super::APPLICATION`].
    Application,
    /// No stream key.
    NoKey,
    /// It wants to play.
    Play,
}
