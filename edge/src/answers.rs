//! This edge's answers to the origin's questions, as JSON: the connections of its chat, reports about playback and itself,
//! its metrics.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use farcast_certificates::Following;
use farcast_link::receiver::Asked;
use farcast_link::{Ask, EdgeReport};
use farcast_telemetry::metrics::Registry;

use crate::chat::Chat;
use crate::playback::Playback;
use crate::{serve, viewers};

/// Answers the questions, from the parts that know the answers.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) chat: Arc<Chat>,
    pub(crate) playback: Arc<Playback>,
    pub(crate) viewers: viewers::Metrics,
    pub(crate) served: serve::Metrics,
    pub(crate) certificates: Following,
    pub(crate) registry: Registry,
}

impl Answers {
    fn report(&self) -> EdgeReport {
        EdgeReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            viewers: self.viewers.active(),
            sent_bytes: self.served.sent_bytes(),
            announced: self.certificates.borrow().as_ref().map_or(0, |announced| announced.number),
        }
    }
}

impl Asked for Answers {
    fn answer(&self, ask: Ask) -> Bytes {
        let json = match ask {
            Ask::Clients => serde_json::to_vec(&self.chat.clients()),
            Ask::Tell { client, name, body } => serde_json::to_vec(&self.chat.tell(client, &name, &body)),
            Ask::Playback => serde_json::to_vec(&self.playback.summary(Instant::now())),
            Ask::Report => serde_json::to_vec(&self.report()),
            Ask::Metrics => match self.registry.render() {
                Ok(text) => serde_json::to_vec(&text),
                Err(error) => {
                    tracing::error!(%error, "metrics cannot be rendered");
                    Ok(Vec::new())
                }
            },
        };
        json.unwrap_or_default().into()
    }
}
