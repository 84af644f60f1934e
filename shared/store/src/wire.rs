//! The store's calls as messages: how an edge reaches the origin's engine.
//!
//! Each call is a [`Request`], and a [`Reply`] to it. A watch is one whose reply waits. A connection that breaks before the
//! reply leaves a commit's result unknown; all else is merely repeated.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Store;
use super::batch::{Batch, Committed, Operation};
use super::error::StoreError;
use super::key::{Key, Tuple};
use super::limits::LimitError;
use super::scan::{Page, Scan};

/// A call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// [`super::Engine::get`].
    Get(Key),
    /// [`super::Engine::scan`].
    Scan(Scan),
    /// [`super::Engine::commit`].
    Commit(Batch),
    /// [`super::Engine::changed`].
    Changed(Key, Option<Bytes>),
}

/// Its answer.
pub type Reply = Result<Answer, StoreError>;

/// The result of a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// Answer to [`Request::Get`] and [`Request::Changed`].
    Value(Option<Bytes>),
    /// Answer to [`Request::Scan`].
    Page(Page),
    /// Answer to [`Request::Commit`].
    Committed(Committed),
}

impl Request {
    /// True if it touches keys that are the origin's alone ([`PRIVATE`]): credentials and the like, which no edge
    /// needs.
    #[must_use]
    pub fn is_private(&self) -> bool {
        let prefix = private();
        let begins = |key: &Key| key.as_bytes().starts_with(prefix.as_bytes());
        let overlaps = |from: &Key, to: &Key| *from < prefix.after_all_with_prefix() && *to > prefix;
        match self {
            Self::Get(key) | Self::Changed(key, _) => begins(key),
            Self::Scan(scan) => overlaps(&scan.from, &scan.to),
            Self::Commit(batch) => {
                batch.preconditions().iter().any(|precondition| begins(precondition.key()))
                    || batch.operations().iter().any(|operation| match operation {
                        Operation::ClearRange(from, to) => overlaps(from, to),
                        Operation::Set(key, _)
                        | Operation::Clear(key)
                        | Operation::Add(key, _)
                        | Operation::Append { prefix: key, .. }
                        | Operation::SetStamp(key, _) => begins(key),
                    })
            }
        }
    }
}

/// First item of the keys that are the origin's alone.
pub const PRIVATE: &str = "private";

fn private() -> Key {
    Tuple::new().text(PRIVATE).key()
}

impl Store {
    /// Answers a call with one try of the engine: it is the edge that tries again. A watch waits without end; everything
    /// else is answered within [`super::limits::DEADLINE`]. All keys but those of [`PRIVATE`] are served; which of the
    /// others an edge may use is decided before this.
    pub async fn answer(&self, request: Request) -> Reply {
        if request.is_private() {
            return Err(LimitError::Private.into());
        }
        match request {
            Request::Get(key) => self.get(&key).await.map(Answer::Value),
            Request::Scan(scan) => self.scan(scan).await.map(Answer::Page),
            Request::Commit(batch) => self.try_commit(Arc::new(batch)).await.map(Answer::Committed),
            Request::Changed(key, seen) => self.changed(&key, seen).await.map(Answer::Value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::Precondition;
    use super::*;

    #[test]
    fn what_is_the_origins_alone_is_recognised_wherever_it_stands() {
        let key = |text: &str| Tuple::new().text(text).key();
        let (own, secret) = (key("config"), Tuple::new().text(PRIVATE).text("password").key());
        let range = |from: &Key, to: &Key| Scan::range(from.clone(), to.clone());
        let commit = |operation| Request::Commit(Batch::new().then(operation));
        for (request, is_private) in [
            (Request::Get(own.clone()), false),
            (Request::Get(key("private2")), false),
            (Request::Get(secret.clone()), true),
            (Request::Changed(secret.clone(), None), true),
            (Request::Scan(range(&own, &key("private"))), false),
            (Request::Scan(range(&own, &key("viewers"))), true),
            (Request::Scan(range(&secret, &secret.successor())), true),
            (Request::Scan(range(&key("private").after_all_with_prefix(), &key("viewers"))), false),
            (commit(Operation::Add(own.clone(), 1)), false),
            (commit(Operation::Clear(secret.clone())), true),
            (commit(Operation::ClearRange(own.clone(), key("viewers"))), true),
            (commit(Operation::Append { prefix: secret.clone(), order: 0, value: Bytes::new() }), true),
            (Request::Commit(Batch::new().require(Precondition::Absent(secret.clone()))), true),
        ] {
            assert_eq!(request.is_private(), is_private, "{request:?}");
        }
    }
}
