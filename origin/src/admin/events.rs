//! The event stream of the admin page: the live overview, warnings and log lines, as server-sent events.
//!
//! Place in the flow: opened here for authenticated callers ([`super::entry`]); carried by the origin's own listener
//! ([`crate::api::server`]) or by the link to the edge that passes it on ([`farcast_link::sender`]). The data come from
//! [`super::overview`] and the newest lines of the log.
//!
//! Invariants: nothing is kept for a slow reader: each piece is made when the one before is gone, of what is newest then. A
//! stream ends with the login by which it was opened, within [`LOOK`], and at the latest after [`STREAM_LIFETIME`].
//!
//! Standards: HTML, "Server-sent events".

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_api::events::{self, STREAM_LIFETIME};
use farcast_api::reply::json_bytes;
use farcast_api::{Reply, reply};
use farcast_feed::query::parameters;
use farcast_feed::time::WallTime;
use farcast_link::sender::EventBody;
use farcast_telemetry::recent::{Line, News};
use futures_util::{StreamExt as _, stream};
use http::header::SET_COOKIE;
use http::request::Parts as Head;
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde::Serialize;

use super::overview::{Reader, event};
use super::session::Token;
use super::shape::LogEntry;
use super::{Admin, Managed, read};
use crate::brake::Caller;

/// Most streams at once: a few people with a few pages.
const MAX_STREAMS: usize = 24;
/// Most of these by one session, or by the password.
const MAX_OF_LOGIN: usize = 6;
/// Interval at which the login and the log are checked: does the login still hold, has the log grown.
const LOOK: Duration = Duration::from_secs(1);
/// Longest silence of a stream: proxies and edges take a connection on which nothing comes for dead.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Time after which a browser reconnects when a stream has ended (`retry` of server-sent events).
const RETRY_MS: u32 = 2_000;
/// Number of the newest warnings that are sent.
const WARNINGS: usize = 50;

/// The header by which a browser says up to where it has read.
const LAST_EVENT_ID: &str = "last-event-id";

/// The login by which a stream was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Login {
    Session(Token),
    /// The admin password that this mark identifies.
    Password(String),
}

/// The streams that are open. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<Mutex<Vec<(u64, Login)>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
struct Place {
    streams: Streams,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(number, _)| *number != self.number);
    }
}

impl Streams {
    /// A place, if there is one left.
    fn enter(&self, login: &Login) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_login = open.iter().filter(|(_, other)| other == login).count();
        if open.len() >= MAX_STREAMS || of_login >= MAX_OF_LOGIN {
            return None;
        }
        let number = open.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
        open.push((number, login.clone()));
        Some(Place { streams: self.clone(), number })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogNews {
    /// True if these lines follow those that were sent before; else they are all that there are.
    goes_on: bool,
    lines: Vec<LogEntry>,
}

/// The state of one event stream: determines its next event.
#[derive(Debug)]
struct Source {
    admin: Arc<Managed>,
    started_at: WallTime,
    login: Login,
    reader: Reader,
    once: bool,
    ends_at: Instant,
    told_at: Instant,
    has_begun: bool,
    /// Lines of the log that were told; none before any were.
    log_read: Option<u64>,
    /// Number of the log line with which to go on.
    log_from: u64,
    /// The warnings that were sent: their total count so far, and true if the password was set apart.
    warnings: Option<(u64, bool)>,
    told_state: bool,
    _place: Place,
}

impl Admin {
    /// Opens a stream for a caller who may have one.
    ///
    /// # Errors
    /// The reply with the reason of the refusal.
    pub async fn events(&self, head: &Head, caller: impl Into<Caller>) -> Result<Response<EventBody>, Reply> {
        let mark = self.managed.credentials.password_mark();
        let admitted = self.admit(&head.headers, caller.into()).await?;
        let Some(once) = once(head.uri.query()) else {
            return Err(reply::bad_request("once is true or false"));
        };
        let login = admitted.session.map_or(Login::Password(mark), Login::Session);
        let Some(place) = self.streams.enter(&login) else {
            return Err(reply::unavailable("too many streams of events are open, close a page of the admin"));
        };
        let now = Instant::now();
        let source = Source {
            admin: Arc::clone(&self.managed),
            started_at: self.started_at,
            login,
            reader: self.overview.reader(),
            once,
            ends_at: now + STREAM_LIFETIME,
            told_at: now,
            has_begun: false,
            log_read: None,
            log_from: log_from(&head.headers, self.started_at),
            warnings: None,
            told_state: false,
            _place: place,
        };
        let pieces = stream::unfold(source, Source::next).map(|piece| Ok(Frame::data(piece)));
        let mut reply = events::reply(StreamBody::new(pieces).boxed_unsync());
        if let Some(cookie) = admitted.exemption {
            reply.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(reply)
    }
}

/// The head of a stream alone.
pub(super) fn head() -> Reply {
    events::reply(Bytes::new())
}

/// The parameter `once`: true if the stream is to end when everything was sent once; none if its value is not valid.
fn once(query: Option<&str>) -> Option<bool> {
    let given = parameters(query.unwrap_or_default()).filter(|(_, name, _)| *name == "once").last();
    match given.map(|(_, _, value)| value) {
        None | Some("false") => Some(false),
        Some("true") => Some(true),
        Some(_) => None,
    }
}

/// Number of lines of this run's log that a reader has, by its `Last-Event-ID`.
fn log_from(headers: &HeaderMap, started_at: WallTime) -> u64 {
    let said = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let read = said.and_then(|id| id.split_once('-')).and_then(|(run, read)| {
        let is_this = run.parse::<u64>().is_ok_and(|run| run == started_at.0);
        if is_this { read.parse::<u64>().ok() } else { None }
    });
    // Nobody has read so many: all that is kept is told.
    read.unwrap_or(u64::MAX)
}

impl Source {
    /// The next piece and what comes after it; none when the stream is over. Cancel safe, as what is dropped with it is
    /// this stream.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        loop {
            if !self.goes_on() {
                return None;
            }
            if let Some(piece) = self.piece() {
                self.told_at = Instant::now();
                return Some((piece, self));
            }
            if self.once && self.told_state {
                return None;
            }
            // Whatever it was, it is looked at.
            if let Ok(false) = tokio::time::timeout(LOOK, self.reader.wait()).await {
                return None;
            }
        }
    }

    fn goes_on(&self) -> bool {
        let Managed { credentials, sessions, .. } = &*self.admin;
        let mark = credentials.password_mark();
        let holds = match &self.login {
            Login::Session(token) => sessions.goes_on(token, &mark, WallTime::now()),
            Login::Password(with) => *with == mark,
        };
        holds && self.reader.goes_on() && Instant::now() < self.ends_at
    }

    fn piece(&mut self) -> Option<Bytes> {
        if !self.has_begun {
            self.has_begun = true;
            return Some(format!("retry: {RETRY_MS}\n\n").into());
        }
        if let Some(log) = self.log() {
            return Some(log);
        }
        if let Some(warnings) = self.warnings() {
            return Some(warnings);
        }
        if let Some(state) = self.reader.news() {
            self.told_state = true;
            return Some(state);
        }
        (self.told_at.elapsed() >= HEARTBEAT).then(|| Bytes::from_static(b": here\n\n"))
    }

    fn log(&mut self) -> Option<Bytes> {
        let News { lines, goes_on, count } = self.admin.recent.since(self.log_read.unwrap_or(self.log_from));
        if self.log_read == Some(count) {
            return None;
        }
        self.log_read = Some(count);
        let news = LogNews { goes_on, lines: read::entries(lines) };
        let id = format!("{}-{count}", self.started_at.0);
        Some(event("log", Some(&id), &json_bytes(&news)))
    }

    fn warnings(&mut self) -> Option<Bytes> {
        let Managed { recent, credentials, .. } = &*self.admin;
        let now = (recent.warned(), credentials.password_is_apart());
        if self.warnings == Some(now) {
            return None;
        }
        self.warnings = Some(now);
        let lines = super::warnings(&self.admin, self.started_at);
        let newest: Vec<Line> = lines.into_iter().rev().take(WARNINGS).rev().collect();
        Some(event("warnings", None, &json_bytes(&read::entries(newest))))
    }
}
