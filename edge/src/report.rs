//! What this edge answers to the origin's questions: who is in its chat, and how it goes here.

use std::sync::Arc;

use bytes::Bytes;
use farcast_shared::protocol::{Ask, EdgeReport};

use crate::chat::Chat;
use crate::receive::Asked;
use crate::{serve, viewers};

/// Knows the answers.
#[derive(Debug)]
pub struct Answers {
    chat: Arc<Chat>,
    viewers: viewers::Metrics,
    served: serve::Metrics,
}

impl Answers {
    /// Answers from these.
    #[must_use]
    pub fn new(chat: Arc<Chat>, viewers: viewers::Metrics, served: serve::Metrics) -> Self {
        Self { chat, viewers, served }
    }

    fn report(&self) -> EdgeReport {
        EdgeReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            viewers: self.viewers.active(),
            sent_bytes: self.served.sent_bytes(),
        }
    }
}

impl Asked for Answers {
    fn answer(&self, ask: Ask) -> Bytes {
        match ask {
            Ask::Report => serde_json::to_vec(&self.report()).unwrap_or_default().into(),
            ask => self.chat.answer(ask),
        }
    }
}
