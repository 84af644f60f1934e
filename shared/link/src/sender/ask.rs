//! Questions to edges: one question to all that are subscribed, and the answers that come in time.
//!
//! Place in the flow: the API of the origin asks ([`Edges::ask_all`]), a session lends its connection while it runs. An
//! answer is JSON up to the end of its stream ([`crate::Ask`]); an edge that fails is left out and counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn::{ClosedStream, Connection, ConnectionError, ReadToEndError, WriteError};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::metrics::Metrics;
use super::queue::STORE_PRIORITY;
use super::subscription::Subscriptions;
use crate::{Ask, MAX_ANSWER_BYTES, encode};

/// Longest time for an edge, from the question to the last byte of its answer.
const DEADLINE: Duration = Duration::from_secs(2);

/// Questions that are asked at once, each of all edges: others wait for their turn. Below
/// [`crate::MAX_ASKS`], and bounds what answers make the origin hold.
const MAX_QUESTIONS: usize = 4;

/// The edges that can be asked. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Edges {
    connections: Arc<Mutex<Connections>>,
    turns: Arc<Semaphore>,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Connections {
    next: u64,
    by_number: BTreeMap<u64, Connected>,
}

/// An edge that can be asked.
#[derive(Clone, Debug)]
struct Connected {
    since: Instant,
    /// Its id, by its certificate.
    name: Arc<str>,
    connection: Connection,
    subscriptions: Arc<Subscriptions>,
}

/// An edge's answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Said<T> {
    /// Its name.
    pub edge: Arc<str>,
    /// The wait of the oldest part that the edge does not have yet, by this machine's clock.
    pub lag: Duration,
    /// Its answer; none if it did not come in time, or cannot be read.
    pub answer: Option<T>,
}

/// The answers of edges.
#[derive(Debug)]
pub struct Answers<T> {
    /// The answers, in no particular order.
    pub answers: Vec<T>,
    /// Edges that gave none, or none in time, or none that can be read.
    pub failed: usize,
}

/// A connection that can be asked until this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    edges: Edges,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.edges.lock().by_number.remove(&self.number);
    }
}

/// The reason why an edge returned no answer.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("the connection failed: {0}")]
    Connection(#[from] ConnectionError),
    #[error("the question could not be sent: {0}")]
    Write(#[from] WriteError),
    #[error("the edge ended the stream: {0}")]
    Closed(#[from] ClosedStream),
    #[error("the answer could not be read: {0}")]
    Read(#[from] ReadToEndError),
    #[error("the answer is not what was asked for: {0}")]
    Answer(#[from] serde_json::Error),
    #[error("there was no answer in time")]
    Deadline,
}

impl Edges {
    /// No edges.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self { connections: Arc::default(), turns: Arc::new(Semaphore::new(MAX_QUESTIONS)), metrics }
    }

    /// Number of edges that are connected.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().by_number.len()
    }

    /// Time for which all of those that are connected have been so; none if there are none.
    #[must_use]
    pub fn settled(&self) -> Option<Duration> {
        self.lock().by_number.values().map(|edge| edge.since.elapsed()).min()
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seat(
        &self,
        name: Arc<str>,
        connection: Connection,
        subscriptions: Arc<Subscriptions>,
    ) -> Seat {
        let mut connections = self.lock();
        let number = connections.next;
        connections.next += 1;
        connections
            .by_number
            .insert(number, Connected { since: Instant::now(), name, connection, subscriptions });
        Seat { edges: self.clone(), number }
    }

    /// Asks all edges at once. Takes two seconds at most once it is its turn. When it is dropped edges may have got the
    /// question.
    pub async fn ask_all<T: DeserializeOwned + Send + 'static>(&self, ask: &Ask) -> Answers<T> {
        self.ask_all_within(ask, MAX_ANSWER_BYTES).await
    }

    /// The same with answers of at most `max_bytes`.
    pub async fn ask_all_within<T: DeserializeOwned + Send + 'static>(
        &self,
        ask: &Ask,
        max_bytes: usize,
    ) -> Answers<T> {
        let said = self.ask_each::<T>(ask, max_bytes).await;
        let all = said.len();
        let answers: Vec<_> = said.into_iter().filter_map(|said| said.answer).collect();
        Answers { failed: all - answers.len(), answers }
    }

    /// The same, with the name of each edge, and answers of at most `max_bytes`. In the order of names.
    pub async fn ask_each<T: DeserializeOwned + Send + 'static>(
        &self,
        ask: &Ask,
        max_bytes: usize,
    ) -> Vec<Said<T>> {
        // The semaphore is never closed; without a turn nothing worse happens than that more is held.
        let _turn = self.turns.acquire().await;
        let connected: Vec<_> = self.lock().by_number.values().cloned().collect();
        let question = encode(ask).map_err(|error| {
            tracing::error!(%error, "a question to edges exceeds the protocol's limits");
        });
        let mut asked = JoinSet::new();
        for Connected { name, connection, subscriptions, .. } in connected {
            let question = question.clone();
            asked.spawn(async move {
                let lag = subscriptions.lag(Instant::now());
                let Ok(question) = question else { return Said { edge: name, lag, answer: None } };
                let answer = tokio::time::timeout(DEADLINE, one(&connection, question, max_bytes)).await;
                let answer = answer.unwrap_or(Err(AskError::Deadline));
                if let Err(error) = &answer {
                    tracing::debug!(remote = %connection.remote_address(), %error, "an edge gave no answer");
                }
                Said { edge: name, lag, answer: answer.ok() }
            });
        }
        let mut all = Vec::with_capacity(asked.len());
        while let Some(said) = asked.join_next().await {
            // One that panicked says nothing.
            let said = said.ok();
            self.metrics.asked(said.as_ref().is_some_and(|said| said.answer.is_some()));
            all.extend(said);
        }
        all.sort_by(|one, other| one.edge.cmp(&other.edge));
        all
    }
}

async fn one<T: DeserializeOwned>(
    connection: &Connection,
    question: Bytes,
    max_bytes: usize,
) -> Result<T, AskError> {
    let (mut send, mut receive) = connection.open_bi().await?;
    send.set_priority(STORE_PRIORITY)?;
    send.write_chunk(question).await?;
    send.finish()?;
    Ok(serde_json::from_slice(&receive.read_to_end(max_bytes).await?)?)
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
