//! Answering what the origin asks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_service::tasks::Contained;
use quinn::{Connection, RecvStream, SendStream};
use tokio::task::JoinSet;

use crate::{Ask, Frames};

/// Longest time for a question to arrive, and for its answer to be sent.
const DEADLINE: Duration = Duration::from_secs(5);

/// Longest question: what the server says to one connection.
const MAX_QUESTION_BYTES: usize = 256 * 1024;

/// The source of the answers.
pub trait Asked: Send + Sync + std::fmt::Debug + 'static {
    /// The answer to a question, as JSON. Must not take long.
    fn answer(&self, ask: Ask) -> Bytes;
}

/// Answers until the connection ends, as many questions at once as QUIC lets the origin open streams. One that panics has no
/// answer.
pub(super) async fn answer_all(connection: Connection, asked: Arc<dyn Asked>, panics: Contained) {
    let mut questions = JoinSet::new();
    loop {
        tokio::select! {
            stream = connection.accept_bi() => {
                let Ok((send, receive)) = stream else { return };
                let (asked, panics) = (Arc::clone(&asked), panics.clone());
                questions.spawn(async move {
                    let answered = panics.run(answer(send, receive, asked.as_ref()));
                    let _ = tokio::time::timeout(DEADLINE, answered).await;
                });
            }
            Some(_) = questions.join_next() => {}
        }
    }
}

async fn answer(mut send: SendStream, mut receive: RecvStream, asked: &dyn Asked) -> Option<()> {
    let mut frames = Frames::new();
    frames.feed(&receive.read_to_end(MAX_QUESTION_BYTES).await.ok()?);
    let ask: Ask = frames.next_message().ok()??;
    send.write_chunk(asked.answer(ask)).await.ok()?;
    send.finish().ok()
}
