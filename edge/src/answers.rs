//! What this edge answers to its origin, as JSON.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use farcast_shared::protocol::Ask;

use crate::chat::Chat;
use crate::playback::Playback;
use crate::receive::Asked;

/// Knows whom to ask for it.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) chat: Arc<Chat>,
    pub(crate) playback: Arc<Playback>,
}

impl Asked for Answers {
    fn answer(&self, ask: Ask) -> Bytes {
        let json = match ask {
            Ask::Clients => serde_json::to_vec(&self.chat.clients()),
            Ask::Tell { client, name, body } => serde_json::to_vec(&self.chat.tell(client, &name, &body)),
            Ask::Playback => serde_json::to_vec(&self.playback.summary(Instant::now())),
        };
        json.unwrap_or_default().into()
    }
}
