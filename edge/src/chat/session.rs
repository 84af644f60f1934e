//! One connection of the chat, from its upgrade to its end.
//!
//! Messages are read, and checked against the rate limits, when they arrive, also while an earlier one waits for the
//! store: messages at an ordinary pace during a pause of the store are no flood when the pause is over.

use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use farcast_chat::User;
use farcast_chat::shape::Private;
use farcast_feed::time::WallTime;
use farcast_store::limits::COMMIT_DEADLINE;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use prometheus::IntGauge;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::flood::{Flood, Verdict};
use super::frame::{self, CloseCode, Incoming, Reader};
use super::line::Line;
use super::metrics::{Ended, Outcome};
use super::room::{Entered, Expelled, Member};
use super::seats::Seat;
use super::{Chat, crowd, tell};

/// Longest time for the upgrade after its answer.
const UPGRADE_DEADLINE: Duration = Duration::from_secs(10);
/// Longest time for a write (Owncast's write deadline).
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// Longest time for the last message.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Longest time for the peer to close after that: the side that closes first keeps the port busy.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);
/// Interval of pings, and longest silence of the peer (Owncast's ping and pong).
const PING_EVERY: Duration = Duration::from_secs(54);
const SILENCE: Duration = Duration::from_secs(60);
/// Time after joining at which users are welcomed.
const WELCOME_AFTER: Duration = Duration::from_secs(7);
/// Bytes that are read at once.
const READ_BYTES: usize = 1024;
/// Frames of the ring that are written at once.
const WRITE_TOGETHER: usize = 32;

/// Longest message that is delivered, in bytes (`maxSocketPayloadSize`).
const MAX_LINE_BYTES: usize = 2048;

/// Messages of a connection that wait for the store; then it is not read. More than a user may say in the time that a
/// message waits: [`COMMIT_DEADLINE`] at one per 667 ms.
const LINES_WAITING: usize = 24;
/// Messages of all connections that wait for the store: 8 MiB at most.
pub(super) const ALL_LINES_WAITING: usize = 4096;

/// The state that an upgrade needs after its answer.
#[derive(Debug)]
pub struct Ticket {
    pub(super) upgrade: OnUpgrade,
    pub(super) token: Option<String>,
    pub(super) user_agent: String,
    pub(super) address: IpAddr,
    pub(super) seat: Seat,
    /// All messages since before the answer.
    pub(super) said: broadcast::Receiver<Bytes>,
}

/// The peer's bytes.
struct Socket {
    io: TokioIo<Upgraded>,
    reader: Reader,
    /// Read, but not looked at.
    rest: Vec<u8>,
}

/// The end of reading.
enum Gone {
    Closed,
    Broken(CloseCode),
}

impl Socket {
    /// The next message or frame. Cancel safe.
    async fn next(&mut self) -> Result<Incoming, Gone> {
        loop {
            while !self.rest.is_empty() {
                let (taken, incoming) = self.reader.read(&self.rest).map_err(Gone::Broken)?;
                self.rest.drain(..taken);
                if let Some(incoming) = incoming {
                    return Ok(incoming);
                }
            }
            // An idle connection holds nothing.
            self.rest = Vec::new();
            if self.fill().await == 0 {
                return Err(Gone::Closed);
            }
        }
    }

    /// Reads what has come into `rest`; returns its length, 0 at the end. Cancel safe. Only reading needs room: while
    /// nothing comes, none is kept for it.
    fn fill(&mut self) -> impl Future<Output = usize> {
        std::future::poll_fn(|context| {
            let mut room = [MaybeUninit::uninit(); READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut room);
            let read = ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer));
            let filled = if read.is_ok() { buffer.filled() } else { &[] };
            self.rest.extend_from_slice(filled);
            Poll::Ready(filled.len())
        })
    }

    /// Writes all of it. Not cancel safe.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        match timeout(WRITE_DEADLINE, self.io.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended::Left),
            Err(_) => Err(Ended::Slow),
        }
    }

    /// Sends the last message and the close frame, and waits a little for the peer to close.
    async fn close(&mut self, Parting { words, code }: Parting) {
        let last = [words.unwrap_or_default(), frame::close(code)].concat();
        let said = timeout(LAST_WORDS, async {
            self.io.write_all(&last).await?;
            self.io.flush().await
        });
        if matches!(said.await, Ok(Ok(()))) {
            let drained = async {
                while self.fill().await > 0 {
                    self.rest.clear();
                }
            };
            let _ = timeout(CLOSE_DEADLINE, drained).await;
        }
    }
}

/// Counts a connection, and takes it out of the room however it ends.
struct Place<'a> {
    chat: &'a Chat,
    member: Arc<Member>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.chat.room.leave(&self.member, Instant::now().into_std());
        self.chat.config.metrics.connections.dec();
    }
}

/// An accepted message that waits for its turn.
pub(super) struct Heard {
    /// The author, as they were then.
    pub(super) user: User,
    pub(super) line: Line,
    /// Arrival time.
    pub(super) at: WallTime,
    /// The end of its wait for the store.
    pub(super) until: Instant,
    _waiting: Waiting,
}

/// A place among [`ALL_LINES_WAITING`], counted.
struct Waiting {
    _permit: OwnedSemaphorePermit,
    count: IntGauge,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.count.dec();
    }
}

/// Work for a user; the result is a message for them only.
type Pending = Pin<Box<dyn Future<Output = Option<Bytes>> + Send>>;

/// The last message to a user.
pub(super) struct Parting {
    /// Frames before the one that closes.
    pub(super) words: Option<Bytes>,
    pub(super) code: CloseCode,
}

impl Parting {
    /// The user may not be here, and is told why.
    pub(super) fn saying(why: Private<'_>) -> Self {
        Self { words: Some(tell(why)), code: CloseCode::Policy }
    }

    pub(super) fn silent(code: CloseCode) -> Self {
        Self { words: None, code }
    }
}

/// The end of a connection.
struct End {
    why: Ended,
    /// None where nobody would read it.
    parting: Option<Parting>,
}

impl End {
    fn saying(why: Ended, code: CloseCode) -> Self {
        Self { why, parting: Some(Parting::silent(code)) }
    }
}

impl From<Ended> for End {
    fn from(why: Ended) -> Self {
        Self { why, parting: None }
    }
}

enum Step {
    Said(Result<Bytes, RecvError>),
    Told(Bytes),
    Done(Option<Bytes>),
    Came(Result<Incoming, Gone>),
    Timer,
    Expelled,
    Draining,
}

impl Chat {
    /// Serves a connection until it ends or `shutdown`, when it is told to come back (1012).
    pub async fn serve(self: Arc<Self>, ticket: Ticket, shutdown: CancellationToken) {
        let Ticket { upgrade, token, user_agent, address, seat, said } = ticket;
        let Ok(Ok(upgraded)) = timeout(UPGRADE_DEADLINE, upgrade).await else { return };
        let mut socket = Socket { io: TokioIo::new(upgraded), reader: Reader::default(), rest: Vec::new() };
        let arrival = tokio::select! {
            () = shutdown.cancelled() => return socket.close(Parting::silent(CloseCode::Restart)).await,
            arrival = Box::pin(self.arrival(token.as_deref(), address, user_agent)) => arrival,
        };
        let arrival = match arrival {
            Ok(arrival) => arrival,
            Err(parting) => {
                self.config.metrics.ended(Ended::Refused);
                return socket.close(parting).await;
            }
        };
        let Entered { member, user, told, coming } = self.room.enter(arrival, Instant::now().into_std());
        self.config.metrics.connections.inc();
        let place = Place { chat: &self, member: Arc::clone(&member) };
        // It may have been forbidden in between.
        self.expel_one(&member);
        let end = if member.end.is_cancelled() {
            End { why: Ended::Refused, parting: Some(last_words(&member)) }
        } else {
            match socket.write(&tell(Private::Connected(&user))).await {
                Ok(()) => {
                    let pending: Pending = Box::pin(Arc::clone(&self).on_arrival(user, member.id, coming));
                    self.converse(&mut socket, &member, told, said, pending, &shutdown).await
                }
                Err(why) => why.into(),
            }
        };
        drop(place);
        self.config.metrics.ended(end.why);
        if let Some(parting) = end.parting {
            socket.close(parting).await;
        }
        drop(seat);
    }

    async fn converse(
        self: &Arc<Self>,
        socket: &mut Socket,
        member: &Arc<Member>,
        mut told: mpsc::Receiver<Bytes>,
        mut said: broadcast::Receiver<Bytes>,
        pending: Pending,
        shutdown: &CancellationToken,
    ) -> End {
        let (mut pending, mut waiting) = (Some(pending), VecDeque::new());
        let (mut flood, came) = (Flood::default(), Instant::now());
        let (mut heard, mut pinged, mut welcomed) = (came, came, false);
        let mut timer = pin!(tokio::time::sleep(WELCOME_AFTER));
        // Made once: each would put itself into a list that all connections share, at every step.
        let (mut expelled, mut draining) = (pin!(member.end.cancelled()), pin!(shutdown.cancelled()));
        loop {
            if pending.is_none()
                && let Some(heard) = waiting.pop_front()
            {
                pending = Some(Box::pin(Arc::clone(self).say(Arc::clone(member), heard)) as Pending);
            }
            let step = tokio::select! {
                () = &mut expelled => Step::Expelled,
                () = &mut draining => Step::Draining,
                frames = said.recv() => Step::Said(frames),
                Some(frame) = told.recv() => Step::Told(frame),
                frame = done(&mut pending) => Step::Done(frame),
                incoming = socket.next(), if waiting.len() < LINES_WAITING => Step::Came(incoming),
                () = &mut timer => Step::Timer,
            };
            let written = match step {
                Step::Expelled => return End { why: Ended::Refused, parting: Some(last_words(member)) },
                Step::Draining => return End::saying(Ended::Draining, CloseCode::Restart),
                Step::Said(Ok(first)) => match more(first, &mut said) {
                    Some(frames) => socket.write(&frames).await,
                    None => Err(Ended::Slow),
                },
                // There is no room for a last message to a connection that does not read.
                Step::Said(Err(_)) => Err(Ended::Slow),
                Step::Told(frame) => socket.write(&frame).await,
                Step::Done(frame) => {
                    pending = None;
                    match frame {
                        Some(frame) => socket.write(&frame).await,
                        None => Ok(()),
                    }
                }
                Step::Came(Err(Gone::Closed)) => return Ended::Left.into(),
                Step::Came(Err(Gone::Broken(code))) => return End::saying(Ended::Protocol, code),
                Step::Came(Ok(incoming)) => {
                    heard = Instant::now();
                    match incoming {
                        Incoming::Close => return End::saying(Ended::Left, CloseCode::Normal),
                        Incoming::Ping(payload) => socket.write(&frame::pong(&payload)).await,
                        Incoming::Pong => Ok(()),
                        Incoming::Text(text) => match self.on_line(member, &mut flood, &text) {
                            Judged::Ignored => Ok(()),
                            Judged::Refused(words) => socket.write(&words).await,
                            Judged::Heard(heard) => {
                                waiting.push_back(heard);
                                Ok(())
                            }
                        },
                    }
                }
                Step::Timer => {
                    let now = Instant::now();
                    let mut written = Ok(());
                    if !welcomed && now >= came + WELCOME_AFTER {
                        welcomed = true;
                        if self.is_live()
                            && let Some(welcome) = self.welcome()
                        {
                            written = socket.write(&welcome).await;
                        }
                    }
                    if now >= pinged + PING_EVERY && written.is_ok() {
                        pinged = now;
                        written = socket.write(&frame::ping()).await;
                    }
                    if now >= heard + SILENCE {
                        written = Err(Ended::Silent);
                    }
                    let next = (pinged + PING_EVERY).min(heard + SILENCE);
                    timer.as_mut().reset(next);
                    written
                }
            };
            if let Err(why) = written {
                return why.into();
            }
        }
    }

    /// Decides on a message that has arrived now.
    fn on_line(self: &Arc<Self>, member: &Arc<Member>, flood: &mut Flood, text: &str) -> Judged {
        let now = Instant::now();
        let refused = |outcome: Outcome, words: &str| {
            self.config.metrics.line(outcome);
            Judged::Refused(tell(Private::Action(words)))
        };
        if text.len() > MAX_LINE_BYTES {
            return refused(Outcome::TooLarge, TOO_LARGE);
        }
        let Some((user, of_user)) = self.room.line(&member.user_id, now.into_std()) else {
            return Judged::Ignored;
        };
        if !user.is_moderator {
            match (flood.line(now.into_std(), 1), of_user) {
                (Verdict::Heard, Verdict::Heard) => {}
                (Verdict::StillMuted, _) | (_, Verdict::StillMuted) => {
                    self.config.metrics.line(Outcome::Muted);
                    return Judged::Ignored;
                }
                _ => return refused(Outcome::Muted, FLOODING),
            }
            match self.room.crowd(member, now.into_std()) {
                crowd::Verdict::Heard => {}
                crowd::Verdict::Network => return refused(Outcome::Network, NETWORK_FLOODING),
                crowd::Verdict::Room => return refused(Outcome::Room, ROOM_FULL),
            }
        }
        // Unknown events are ignored, as Owncast does.
        let Some(line) = super::line::parse(text) else { return Judged::Ignored };
        let Ok(permit) = Arc::clone(&self.waiting).try_acquire_owned() else {
            return refused(Outcome::Waiting, ROOM_FULL);
        };
        let count = self.config.metrics.waiting.clone();
        count.inc();
        let waiting = Waiting { _permit: permit, count };
        let until = now + COMMIT_DEADLINE;
        Judged::Heard(Heard { user, line, at: WallTime::now(), until, _waiting: waiting })
    }
}

const FLOODING: &str = "You are temporarily blocked from sending chat messages due to perceived flooding.";
const NETWORK_FLOODING: &str =
    "Too much is said from your network, your last line was not delivered. Try again in a moment.";
const ROOM_FULL: &str = "Too much is said at once, your last line was not delivered. Try again in a moment.";
pub(super) const TOO_LARGE: &str = "Sorry, that message exceeded the maximum size and can't be delivered.";

enum Judged {
    Ignored,
    Refused(Bytes),
    Heard(Heard),
}

/// Waits for the pending work; for ever when there is none.
async fn done(pending: &mut Option<Pending>) -> Option<Bytes> {
    match pending {
        Some(pending) => pending.await,
        None => std::future::pending().await,
    }
}

/// Frames that are written together; none when the connection fell behind.
fn more(first: Bytes, said: &mut broadcast::Receiver<Bytes>) -> Option<Bytes> {
    if said.is_empty() {
        return Some(first);
    }
    let mut together = first.to_vec();
    for _ in 1..WRITE_TOGETHER {
        match said.try_recv() {
            Ok(frames) => together.extend_from_slice(&frames),
            Err(TryRecvError::Lagged(_)) => return None,
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    Some(together.into())
}

fn last_words(member: &Member) -> Parting {
    match member.expelled() {
        Some(Expelled::Disabled) => Parting::saying(Private::Disabled),
        Some(Expelled::Banned) => Parting::silent(CloseCode::Policy),
        Some(Expelled::ChatOff) | None => Parting::silent(CloseCode::GoingAway),
    }
}
