//! One connection of a run, from dialling to the goodbye.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::chat::frame::{Event, Opcode};
use crate::chat::judge::{Listener, Stayed};
use crate::chat::marker::{Mark, Marker};
use crate::chat::shape;
use crate::chat::socket::{Socket, SocketError};
use crate::chat::tally::Tally;
use crate::chat::users::User;
use crate::http::connection::Dialer;

/// Longest time from dialling to `CONNECTED_USER_INFO`.
const CONNECT_DEADLINE: Duration = Duration::from_secs(20);
/// Longest time for the server to answer a goodbye.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(2);

/// The state that the connections of a run share.
pub struct Shared {
    /// The counts.
    pub tally: Mutex<Tally>,
    /// Marks of the run.
    pub marker: Marker,
    /// Users, by number.
    pub users: Vec<User>,
    /// Start of the run: all its microseconds count from there.
    pub begin: Instant,
}

impl Shared {
    /// The tally, for a moment.
    pub fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Microseconds since the run began.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// A connection to make.
#[derive(Clone)]
pub struct Client {
    /// Its number.
    pub index: u32,
    /// Index of the edge, for the tally.
    pub edge: usize,
    /// The way to reach it; the path is not used.
    pub dialer: Dialer,
    /// Index of the user.
    pub user: usize,
    /// True if it reads all events and checks their shape.
    pub looks: bool,
}

/// Something to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Say {
    /// The text after the mark.
    pub words: String,
    /// Time at which it should be sent.
    pub due_us: u64,
}

enum Step {
    Say(Say),
    Stop,
    Heard(Result<(), SocketError>),
}

/// Keeps a connection until `says` is closed or the server closes; drops `connecting` when it is open or
/// will not be. Returns what it saw, if it was open.
///
/// Cancel safe: dropping it closes the connection without a goodbye.
pub async fn run(
    client: Client,
    shared: Arc<Shared>,
    mut says: mpsc::Receiver<Say>,
    connecting: mpsc::Sender<()>,
) -> Option<(Listener, Stayed)> {
    let (user, edge) = (client.user, client.edge);
    let mut ears = Ears::new(&client);
    // In a box, since it is large and soon over.
    let opening = Box::pin(timeout(CONNECT_DEADLINE, open(&client, &shared, &mut ears))).await;
    drop(connecting);
    let mut socket = match opening {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => {
            let after = ears.last_error.map_or_else(String::new, |kind| format!(" after {kind}"));
            shared.tally().failed.add(format!("{error}{after}"));
            return None;
        }
        Err(_) => {
            shared.tally().failed.add("no CONNECTED_USER_INFO in time");
            return None;
        }
    };
    drop(client);
    loop {
        let step = poll_fn(|cx| {
            match says.poll_recv(cx) {
                Poll::Ready(Some(say)) => return Poll::Ready(Step::Say(say)),
                Poll::Ready(None) => return Poll::Ready(Step::Stop),
                Poll::Pending => {}
            }
            socket.poll(cx, &mut |event| ears.take(&shared.marker, event)).map(Step::Heard)
        });
        match step.await {
            Step::Say(say) => {
                let mark = {
                    let mut tally = shared.tally();
                    let now_us = shared.now_us();
                    tally.behind.add(Duration::from_micros(now_us.saturating_sub(say.due_us)));
                    tally.judge.sent(u32::try_from(user).unwrap_or(u32::MAX), now_us)
                };
                let body = format!("{} {}", shared.marker.write(mark), say.words);
                let message = serde_json::json!({ "type": "CHAT", "body": body.trim_end() }).to_string();
                socket.send(Opcode::Text, message.as_bytes());
            }
            Step::Stop => {
                socket.close(GOODBYE_DEADLINE).await;
                return Some((ears.listener, Stayed::ToTheEnd));
            }
            Step::Heard(result) => {
                ears.settle(&shared);
                if let Err(error) = result {
                    let mut tally = shared.tally();
                    tally.closed.add(error.to_string());
                    tally.open[edge] -= 1;
                    tally.left_receipts += ears.listener.receipts();
                    return Some((ears.listener, Stayed::Left));
                }
            }
        }
    }
}

async fn open(client: &Client, shared: &Shared, ears: &mut Ears) -> Result<Socket, SocketError> {
    let dialled = Instant::now();
    let token = shared.users.get(client.user).map_or("", |user| &user.token);
    let path = format!("/ws?accessToken={}", escaped(token));
    let mut socket = Socket::connect(&client.dialer.server, &path, client.dialer.tls.as_ref()).await?;
    while !ears.greeted {
        let heard = poll_fn(|cx| socket.poll(cx, &mut |event| ears.take(&shared.marker, event))).await;
        if ears.greeted {
            ears.listener.opened_us = shared.now_us();
        }
        ears.settle(shared);
        heard?;
    }
    let mut tally = shared.tally();
    tally.opened += 1;
    tally.open[client.edge] += 1;
    tally.connecting.add(dialled.elapsed());
    drop(tally);
    Ok(socket)
}

/// The state of a connection between two readings.
struct Ears {
    listener: Listener,
    user: usize,
    looks: bool,
    /// True if `CONNECTED_USER_INFO` has come.
    greeted: bool,
    /// The last error that the server named.
    last_error: Option<String>,
    frames: u64,
    bytes: u64,
    marks: Vec<Mark>,
    looked: Vec<(shape::Event, Option<Mark>)>,
    wrong: Vec<&'static str>,
}

impl Ears {
    fn new(client: &Client) -> Self {
        Self {
            listener: Listener::new(client.index, client.edge, u64::MAX),
            user: client.user,
            looks: client.looks,
            greeted: false,
            last_error: None,
            frames: 0,
            bytes: 0,
            marks: Vec::new(),
            looked: Vec::new(),
            wrong: Vec::new(),
        }
    }

    fn take(&mut self, marker: &Marker, event: Event<'_>) {
        match event {
            Event::Text(payload) => {
                self.frames += 1;
                self.bytes += u64::try_from(payload.len()).unwrap_or(u64::MAX);
                marker.scan(payload, |mark| self.marks.push(mark));
                if self.looks || !self.greeted {
                    self.look(marker, payload);
                }
            }
            Event::Binary(_) => self.wrong.push("a binary message"),
            Event::Ping(_) | Event::Pong(_) | Event::Close { .. } => {}
        }
    }

    fn look(&mut self, marker: &Marker, payload: &[u8]) {
        for line in payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let event = shape::look(line);
            if event.kind == "CONNECTED_USER_INFO" {
                self.greeted = true;
            } else if !self.greeted {
                self.wrong.push("an event before CONNECTED_USER_INFO");
            }
            if event.kind.starts_with("ERROR_") {
                self.last_error = Some(event.kind.clone());
            }
            let mut found = None;
            marker.scan(line, |mark| found = Some(mark));
            self.looked.push((event, found));
        }
    }

    /// Tells the tally.
    fn settle(&mut self, shared: &Shared) {
        if self.frames == 0 && self.wrong.is_empty() {
            return;
        }
        let now_us = shared.now_us();
        let mut tally = shared.tally();
        tally.frames += std::mem::take(&mut self.frames);
        tally.bytes += std::mem::take(&mut self.bytes);
        for mark in self.marks.drain(..) {
            tally.judge.received(&mut self.listener, mark, now_us);
        }
        for text in self.wrong.drain(..) {
            tally.wrong.add(text);
        }
        for (event, mark) in self.looked.drain(..) {
            let owner = match (&*event.kind, mark) {
                ("CONNECTED_USER_INFO", _) => Some(self.user),
                ("CHAT", Some(mark)) => tally.judge.sender(mark).and_then(|user| usize::try_from(user).ok()),
                (_, Some(_)) => {
                    tally.wrong.add(format!("{}: the mark of a message", event.kind));
                    None
                }
                _ => None,
            };
            if let Some(owner) = owner.and_then(|user| shared.users.get(user))
                && event.user.as_ref() != Some(&owner.id)
            {
                tally.wrong.add(format!("{}: the id of another user", event.kind));
            }
            for wrong in event.wrong {
                tally.wrong.add(wrong);
            }
            tally.events.add(event.kind);
        }
    }
}

/// A value in a query (RFC 3986 §2.3).
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_escaped() {
        assert_eq!(escaped("aZ-_9+/="), "aZ-_9%2B%2F%3D");
    }
}
