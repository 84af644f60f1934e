//! What an origin asks an edge: each a bidirectional stream of the origin's.

use serde::{Deserialize, Serialize};

/// Questions that an origin may have open at an edge.
pub const MAX_ASKS: u32 = 16;

/// Longest answer in bytes: some 50,000 connections of the chat.
pub const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// A question: the first and only message of its stream. The answer is JSON, up to the end of the stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// Who is connected to the chat? A list of [`crate::chat::Client`].
    Clients,
    /// Tell one connection of the chat what the server has to say. Whether it is here.
    Tell {
        /// The connection's number.
        client: u64,
        /// Name of the server.
        name: String,
        /// What it says; HTML that was made safe, at most 128 KiB.
        body: String,
    },
    /// How does playback go for viewers? A [`crate::playback::Summary`]. An edge that does not know the question yet closes
    /// the stream without an answer.
    Playback,
}
