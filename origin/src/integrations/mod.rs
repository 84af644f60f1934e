//! The API for external programs: everything below `/api/integrations/`, with an access token.
//!
//! Place in the flow: requests come by [`crate::api`]; messages go into the chat's log, rendered and sanitised once, here.
//! The order of checks is that of `openapi.yaml`: too many failures, token and its scope, method, length, content, store.
//!
//! Invariant: a token that was deleted before posts nothing, not even by a request that was under way.

mod routes;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Buf;
use farcast_api::body::{self, Whole, null_is_zero};
use farcast_api::budget::Budget;
use farcast_api::{Match, Method, Reply, reply};
use farcast_chat::{Chat, Entry, Event, log, render};
use farcast_feed::time::WallTime;
use farcast_link::Ask;
use farcast_link::sender::Edges;
use farcast_settings::{LiveStatus, OperatorSettings, Snapshot};
use farcast_store::{Batch, Store, StoreError};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, StatusCode};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use self::routes::{Endpoint, ROUTES};
use crate::admin;
use crate::brake::{self, Brake, Caller, Door};
use crate::broadcast::Air;
use crate::tokens::{self, Held, MAX_TOKENS, Scope};

pub use self::routes::listed;

/// The beginning of all paths.
pub const PREFIX: &str = "/api/integrations/";

/// Lengths of a text, in characters.
const TEXT_CHARS: std::ops::RangeInclusive<usize> = 1..=10_000;

/// The parts of the origin that programs with an access token may use.
#[derive(Debug)]
pub struct Services {
    /// The store of tokens, settings and the chat.
    pub store: Store,
    /// The settings in force.
    pub runtime: watch::Receiver<Option<Snapshot>>,
    /// The edges, to be asked who is in the chat.
    pub edges: Edges,
    /// Memory for request bodies.
    pub bodies: Arc<Budget>,
    /// The audience.
    pub status: watch::Receiver<Option<Arc<LiveStatus>>>,
    /// The broadcast that is on air.
    pub air: watch::Receiver<Air>,
}

/// The API. Shared by all connections.
#[derive(Debug)]
pub struct Integrations {
    services: Services,
    brake: Mutex<Brake>,
    /// Hashes of tokens that were right. They are not braked: a program whose token was deleted must not stop the others of
    /// its machine.
    known: Mutex<HashSet<[u8; 32]>>,
}

/// A message's text.
#[derive(Deserialize)]
struct Said {
    #[serde(deserialize_with = "null_is_zero")]
    body: String,
}

impl Integrations {
    /// An API that is not served yet.
    #[must_use]
    pub fn new(services: Services) -> Self {
        Self { services, brake: Mutex::default(), known: Mutex::default() }
    }

    /// Answers a request; none if its path is none of this API. Cancel safe up to the moment when something is
    /// committed, which may then have happened.
    pub async fn answer<B>(&self, request: Request<B>, caller: impl Into<Caller>) -> Option<Reply>
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let (head, body) = request.into_parts();
        let found = ROUTES.find(head.uri.path())?;
        if head.method == http::Method::OPTIONS {
            return Some(reply::options(found.method));
        }
        let caller = caller.into();
        let held = match self.admit(&head.headers, found.endpoint.scope(), caller).await {
            Ok(held) => held,
            Err(refused) => return Some(refused),
        };
        let reply = Box::pin(self.admitted(found, &head.method, body, caller.address, &held)).await;
        if !reply.status().is_server_error() {
            tokens::used(&self.services.store, held, WallTime::now()).await;
        }
        Some(reply)
    }

    async fn admit(&self, headers: &HeaderMap, scope: Scope, caller: Caller) -> Result<Held, Reply> {
        let token = bearer(headers);
        let hash = token.map(|token| <[u8; 32]>::from(Sha256::digest(token)));
        let known = hash.is_some_and(|hash| lock(&self.known).contains(&hash));
        let guess =
            hash.map_or(0, |[a, b, c, d, e, f, g, h, ..]| u64::from_be_bytes([a, b, c, d, e, f, g, h]));
        if !known && let Some(wait) = lock(&self.brake).must_wait(&caller, Door::Http, guess, Instant::now())
        {
            return Err(brake::refused(wait));
        }
        let (Some(token), Some(hash)) = (token, hash) else { return Err(unauthorized()) };
        let found = tokens::find(&self.services.store, token).await;
        match found.map_err(|error| reply::store_failed(&error))? {
            Some(held) => {
                let mut known = lock(&self.known);
                // Those that were deleted are among them until they are tried again.
                if known.len() >= 2 * MAX_TOKENS {
                    known.clear();
                }
                known.insert(hash);
                if held.token().scopes.contains(&scope) { Ok(held) } else { Err(unauthorized()) }
            }
            None => {
                lock(&self.known).remove(&hash);
                lock(&self.brake).failed(&caller, Door::Http, guess, Instant::now());
                tracing::warn!(address = %caller.address, "an access token is not known");
                Err(unauthorized())
            }
        }
    }

    async fn admitted<B>(
        &self,
        found: Match<'_, Endpoint>,
        method: &http::Method,
        body: B,
        peer: IpAddr,
        held: &Held,
    ) -> Reply
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        if !found.method.fits(method) {
            return reply::method_not_allowed(method, found.method);
        }
        let body = match found.method {
            Method::Get => Whole::default(),
            Method::Post | Method::Act => {
                match body::read(body, body::MAX_BODY_BYTES, self.services.bodies.share(peer)).await {
                    Ok(body) => body,
                    Err(refused) => return refused,
                }
            }
        };
        let store = &self.services.store;
        let answered = match found.endpoint {
            Endpoint::Send => self.send(held, &body).await,
            Endpoint::SendAsUser => Ok(problem("no longer supported. see /api/integrations/chat/send")),
            Endpoint::System => self.system(held, &body).await,
            Endpoint::SystemToClient => Ok(self.system_to_client(found.rest, &body).await),
            Endpoint::Action => self.action(held, &body).await,
            Endpoint::Backlog => admin::chat::backlog(store).await,
            Endpoint::Status => Ok(self.status()),
            Endpoint::User => admin::chat::user(store, &self.services.edges, found.rest).await,
            Endpoint::Clients => Ok(admin::chat::clients(&self.services.edges).await),
            Endpoint::SetVisible => admin::chat::set_visible(&Chat::new(store.clone()), &body).await,
            Endpoint::StreamTitle => admin::set_stream_title(store, &body).await,
        };
        answered.unwrap_or_else(|error| reply::store_failed(&error))
    }

    async fn send(&self, held: &Held, body: &[u8]) -> Result<Reply, StoreError> {
        self.append(held, body, |raw, runtime| {
            let body = render::message(raw, &runtime.emoji);
            let (user, raw) = (held.token().user(), raw.to_owned());
            (!body.is_empty()).then_some(Event::Message { user, client: None, body, raw })
        })
        .await
    }

    async fn system(&self, held: &Held, body: &[u8]) -> Result<Reply, StoreError> {
        self.append(held, body, |raw, runtime| {
            let body = announcement(raw)?;
            Some(Event::System { name: runtime.name.clone(), body })
        })
        .await
    }

    async fn action(&self, held: &Held, body: &[u8]) -> Result<Reply, StoreError> {
        self.append(held, body, |raw, _| Some(Event::Action { body: announcement(raw)? })).await
    }

    /// Appends the entry that `event` makes of the text to the chat's log; nothing is appended if it makes none.
    async fn append(
        &self,
        held: &Held,
        body: &[u8],
        event: impl FnOnce(&str, &OperatorSettings) -> Option<Event>,
    ) -> Result<Reply, StoreError> {
        let body = match said(body) {
            Ok(body) => body,
            Err(what) => return Ok(problem(&what)),
        };
        let Some(event) = event(&body, &self.runtime()) else { return Ok(problem("invalid message")) };
        let entry = Entry::new(WallTime::now(), event);
        let batch = Batch::new().require(held.is_there());
        match self.services.store.commit(log::append(batch, &[entry])?).await {
            Ok(_) => Ok(reply::done("sent")),
            Err(StoreError::Precondition { .. }) => Ok(unauthorized()),
            Err(error) => Err(error),
        }
    }

    async fn system_to_client(&self, number: &str, body: &[u8]) -> Reply {
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let Some(client) = number.parse().ok().filter(|_| digits) else {
            return problem("invalid client id");
        };
        let body = match said(body) {
            Ok(body) => body,
            Err(what) => return problem(&what),
        };
        let Some(body) = announcement(&body) else { return problem("invalid message") };
        let ask = Ask::Tell { client, name: self.runtime().name.clone(), body };
        let told = self.services.edges.ask_all::<bool>(&ask).await;
        if told.answers.contains(&true) {
            reply::done("sent")
        } else if told.failed == 0 {
            reply::problem(StatusCode::NOT_FOUND, &format!("client {client} not found"))
        } else {
            reply::unavailable("an edge did not answer: the client may be there, and may have been told")
        }
    }

    fn status(&self) -> Reply {
        let (air, status) = (self.services.air.borrow().clone(), self.services.status.borrow().clone());
        admin::status_for_programs(air, &status.unwrap_or_default(), self.runtime().stream_title.clone())
    }

    fn runtime(&self) -> Arc<OperatorSettings> {
        let snapshot = self.services.runtime.borrow();
        snapshot.as_ref().map(|snapshot| snapshot.runtime.clone()).unwrap_or_default()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The token of a request (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The text, or the fault in it.
fn said(body: &[u8]) -> Result<String, String> {
    let Said { body } = body::json(body)?;
    if TEXT_CHARS.contains(&body.chars().count()) {
        Ok(body)
    } else {
        Err(format!("body has {} to {} characters", TEXT_CHARS.start(), TEXT_CHARS.end()))
    }
}

fn announcement(raw: &str) -> Option<String> {
    Some(render::announcement(raw)).filter(|body| !body.trim().is_empty())
}

fn problem(error: &str) -> Reply {
    reply::problem(StatusCode::BAD_REQUEST, error)
}

fn unauthorized() -> Reply {
    let refused = reply::with_body(StatusCode::UNAUTHORIZED, "text/plain; charset=utf-8", "unauthorized");
    reply::with(refused, WWW_AUTHENTICATE, "Bearer")
}

#[cfg(test)]
mod tests;
