//! The chat on this edge: sockets, connected users, and the actions of users.
//!
//! Place in the flow: [`crate::serve`] opens sockets ([`Chat::admit`], [`Chat::serve`]); what users say is rendered
//! here, once, and appended to the log in the store ([`farcast_chat`]); [`Chat::run`] follows the log and says its
//! entries to everybody. So a message is shown after it is durable, and in the same order on every edge.
//!
//! - [`frame`] and [`handshake`] are WebSocket's wire format, [`flood`], [`crowd`] and [`seats`] count, [`room`]
//!   holds the state: all without sockets.
//! - [`session`] is one connection.
//!
//! Invariants: no viewer costs a read of the log; a connection's outbox is the room's ring and a few frames of its own, so
//! who does not read is cut off and delays nobody; an idle connection has no buffers; nothing that was shown is lost; whose
//! socket is open hears all that is said from then on; nobody is refused something by what this edge remembers before the
//! store was asked whether it still is so ([`CatchUp`], [`User::revision`]).

mod crowd;
pub mod flood;
pub mod frame;
pub mod handshake;
mod http;
mod limit;
pub mod line;
mod metrics;
mod names;
mod register;
mod room;
mod seats;
mod session;

use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::http::header::USER_AGENT;
use ::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use farcast_api::{Reply, reply};
use farcast_chat::shape::{self, Private};
use farcast_chat::user::{HUES, new_id, token_hash};
use farcast_chat::{Account, Entry, Event, History, KEPT_MESSAGES, List, Refused, User, log, name, render};
use farcast_config::Networks;
use farcast_config::network;
use farcast_feed::time::WallTime;
use farcast_geo::Geo;
use farcast_settings::{CatchUp, LiveStatus, OperatorSettings, Snapshot, status_key};
use farcast_store::{Store, StoreError, Stored, Together, Versionstamp};
use moka::future::Cache;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use self::crowd::Crowd;
use self::line::Line;
use self::metrics::{Outcome, Refusal};
use self::names::Names;
use self::room::{Arrival, Coming, Expelled, Member, Room};
use self::seats::{Full, Seats};
use self::session::{ALL_LINES_WAITING, Heard, Parting, TOO_LARGE};
use crate::bucket::{Bucket, Rate};

pub use self::frame::CloseCode;
pub use self::limit::{most_connections, raise_file_limit};
pub use self::metrics::Metrics;
pub use self::register::Registrar;
pub use self::session::Ticket;

/// Age from which a user may write where only established users may (Owncast's fifteen minutes).
const ESTABLISHED_AFTER: Duration = Duration::from_secs(15 * 60);
/// Time after a broadcast's end for which the chat stays open.
const OPEN_AFTER: Duration = Duration::from_secs(300);
/// Numbers for connections that are taken from the store at once.
const IDS_AT_ONCE: u64 = 1024;
/// Rate of join and leave messages: more at once are those of a restart, not of people.
const ANNOUNCEMENTS: Rate = Rate { burst: 20, each: Duration::from_millis(200) };
/// Longest user agent that is kept, in bytes.
const MAX_AGENT_BYTES: usize = 256;
/// Tokens that are remembered as good, and for how long.
const MAX_GOOD_TOKENS: u64 = 50_000;
const GOOD_FOR: Duration = Duration::from_secs(300);
/// Interval at which users who have left are looked for.
const TICK: Duration = Duration::from_secs(1);
/// Longest wait for this edge to take the entries that are in the log already.
const SEEN_WITHIN: Duration = Duration::from_secs(1);
/// Pause after a read that failed.
const RETRY: Duration = Duration::from_millis(500);

/// The limits of networks in the chat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Messages a second of a network; 0 is no limit.
    pub lines_per_network: u32,
    /// Messages a second of all together; 0 is no limit.
    pub lines: u32,
    /// Trusted proxies: anybody may be behind the address of one.
    pub proxies: Networks,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lines_per_network: 20, lines: 50, proxies: Networks::default() }
    }
}

/// The store, the values and the limits that a [`Chat`] works with.
#[derive(Debug)]
pub struct Config {
    /// The store of users and log.
    pub store: Store,
    /// The settings in force, once they were read.
    pub runtime: watch::Receiver<Option<Snapshot>>,
    /// The status of the broadcast, once it was read.
    pub status: watch::Receiver<Option<Arc<LiveStatus>>>,
    /// The places of addresses.
    pub geo: Arc<Geo>,
    /// Handles of the metrics.
    pub metrics: Metrics,
    /// Most connections.
    pub max_connections: usize,
    /// The limits of networks.
    pub limits: Limits,
}

/// The chat. Shared by all connections.
#[derive(Debug)]
pub struct Chat {
    config: Config,
    acts: farcast_chat::Chat,
    room: Room,
    names: Names,
    settings: CatchUp,
    log_end: Together<Versionstamp>,
    seats: Arc<Seats>,
    /// Places of messages that wait for the store.
    waiting: Arc<Semaphore>,
    ids: tokio::sync::Mutex<Range<u64>>,
    announcements: Mutex<Bucket>,
    registrar: Mutex<Registrar>,
    /// Hashes of tokens whose users might chat a moment ago.
    good_tokens: Cache<String, ()>,
}

/// A message for one connection, as a frame.
fn tell(what: Private<'_>) -> Bytes {
    frame::text(&shape::private(what, &new_id(), WallTime::now()))
}

impl Chat {
    /// A chat that does nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            acts: farcast_chat::Chat::new(config.store.clone()),
            room: Room::new(Crowd::new(config.limits.lines_per_network, config.limits.lines)),
            names: Names::default(),
            settings: CatchUp::new(config.store.clone(), config.runtime.clone()),
            log_end: Together::default(),
            seats: Seats::new(config.max_connections),
            waiting: Arc::new(Semaphore::new(ALL_LINES_WAITING)),
            ids: tokio::sync::Mutex::new(0..0),
            announcements: Mutex::default(),
            registrar: Mutex::default(),
            good_tokens: Cache::builder().max_capacity(MAX_GOOD_TOKENS).time_to_live(GOOD_FOR).build(),
            config,
        }
    }

    /// Connections of the chat that are open.
    pub(crate) fn connections(&self) -> u64 {
        u64::try_from(self.config.metrics.connections.get()).unwrap_or_default()
    }

    /// All connections to this edge, for the origin.
    pub(crate) fn clients(&self) -> Vec<farcast_chat::Client> {
        self.room.clients(|_| true)
    }

    /// Sends the server's message to one connection: HTML that was made safe. Returns whether the connection is here.
    pub(crate) fn tell(&self, client: u64, name: &str, body: &str) -> bool {
        self.room.tell(client, tell(Private::System { name, body }))
    }

    fn runtime(&self) -> Option<Arc<OperatorSettings>> {
        self.config.runtime.borrow().as_ref().map(|snapshot| Arc::clone(&snapshot.runtime))
    }

    /// Brings this edge up to date with the settings.
    #[must_use]
    pub fn settings(&self) -> &CatchUp {
        &self.settings
    }

    /// Waits until this edge has taken all that was in the log before this call; for a second at most.
    async fn caught_up_with_log(&self) {
        let seen = async {
            if let Ok(end) = self.log_end.read(log::end(self.acts.store())).await {
                self.room.reached(end).await;
            }
        };
        let _ = tokio::time::timeout(SEEN_WITHIN, seen).await;
    }

    /// The network that somebody is counted with. None of this machine, which is its owner's or a proxy without
    /// `trusted_proxies`, and of a proxy itself: behind these all would be one network.
    fn network(&self, address: IpAddr) -> Option<IpAddr> {
        let is_anybody = address.to_canonical().is_loopback() || self.config.limits.proxies.contain(address);
        (!is_anybody).then(|| network::of(address))
    }

    /// True if an address is banned: an IPv6 address with its whole network. A proxy is not, since it is anybody.
    fn bans(&self, set: &OperatorSettings, address: IpAddr) -> bool {
        let (network, now) = (network::of(address), WallTime::now());
        set.chat_bans.iter().any(|ban| network::of(ban.address) == network && ban.holds(now))
            && !self.config.limits.proxies.contain(address)
    }

    /// True if an address is banned, also when that was changed elsewhere a moment ago.
    async fn is_banned(&self, address: IpAddr) -> bool {
        let is_banned = || self.runtime().is_some_and(|set| self.bans(&set, address));
        if !is_banned() {
            return false;
        }
        self.settings.caught_up().await;
        let is_banned = is_banned();
        if is_banned {
            self.config.metrics.refused(Refusal::Banned);
        }
        is_banned
    }

    fn status(&self) -> Option<Arc<LiveStatus>> {
        self.config.status.borrow().clone()
    }

    /// Follows the log, the settings and the clock until `shutdown`. Cancel safe.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let all = async {
            tokio::join!(self.follow(), self.tick(), self.follow_settings());
        };
        shutdown.run_until_cancelled(all).await;
    }

    async fn follow(&self) {
        let store = self.acts.store();
        let end = loop {
            match self.read_log(store).await {
                Ok((history, end)) => {
                    self.room.begin(history, end);
                    break end;
                }
                Err(error) => {
                    tracing::debug!(%error, "the chat's log is read again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        };
        let metrics = &self.config.metrics;
        log::follow(store, end, |entries| {
            let now = WallTime::now();
            let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
            entries.iter().for_each(|(_, entry)| metrics.delay.observe(now.since(entry.at).as_secs_f64()));
            let started = entries.iter().any(|(_, entry)| matches!(entry.event, Event::StreamStarted(_)));
            if entries.iter().any(|(_, entry)| matches!(entry.event, Event::UserDisabled { .. })) {
                self.good_tokens.invalidate_all();
            }
            entries.iter().for_each(|(_, entry)| self.names.apply(entry));
            self.room.apply(entries, Instant::now(), now);
            metrics.events.inc_by(count);
            if started && let Some(welcome) = self.welcome() {
                self.room.say(welcome);
            }
            true
        })
        .await;
    }

    /// The end of the log, and the moderators; later changes are followed.
    async fn read_log(&self, store: &Store) -> Result<(History, Versionstamp), StoreError> {
        let read = History::load(store, KEPT_MESSAGES).await?;
        match self.acts.listed(List::Moderators).await {
            Ok(moderators) => self.names.begin(&moderators),
            Err(error) if error.may_pass() => return Err(error),
            Err(error) => tracing::error!(%error, "the moderators cannot be read: their names can be taken"),
        }
        Ok(read)
    }

    async fn tick(&self) {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            let now = Instant::now();
            self.registrar.lock().unwrap_or_else(PoisonError::into_inner).forget(now);
            for user in self.room.parted(now) {
                if self.announces() && self.may_announce() {
                    let entry = Entry::new(WallTime::now(), Event::Parted { user });
                    if let Err(error) = self.acts.tell(&[entry]).await {
                        tracing::debug!(%error, "a leave was not told");
                    }
                }
            }
        }
    }

    /// Ends the connections that the settings forbid.
    async fn follow_settings(&self) {
        let mut runtime = self.config.runtime.clone();
        loop {
            if let Some(set) = self.runtime() {
                // Looked up, not searched: there may be a thousand bans and as many connections.
                let now = WallTime::now();
                let held = set.chat_bans.iter().filter(|ban| ban.holds(now));
                let banned: HashSet<_> = held.map(|ban| network::of(ban.address)).collect();
                self.room.expel(|member| {
                    let may_be = set.chat_disabled || banned.contains(&network::of(member.address));
                    may_be.then(|| self.forbidden(&set, member)).flatten()
                });
            }
            if runtime.changed().await.is_err() {
                return;
            }
        }
    }

    fn forbidden(&self, set: &OperatorSettings, member: &Member) -> Option<Expelled> {
        if set.chat_disabled {
            return Some(Expelled::ChatOff);
        }
        self.bans(set, member.address).then_some(Expelled::Banned)
    }

    fn expel_one(&self, member: &Arc<Member>) {
        if let Some(set) = self.runtime() {
            self.room.expel(|other| if other.id == member.id { self.forbidden(&set, other) } else { None });
        }
    }

    /// Answers a request that opens a socket: with 101 and a ticket for [`Self::serve`], or without. Outcomes as Owncast's.
    /// Cancel safe.
    pub async fn admit<B>(
        self: &Arc<Self>,
        request: &mut ::http::Request<B>,
        address: IpAddr,
    ) -> (Reply, Option<Ticket>) {
        let refused = |reply: Reply| (reply, None);
        let plain =
            |status, text: &'static str| refused(reply::with_body(status, "text/plain; charset=utf-8", text));
        let Some(accepted) = handshake::accept(request.method(), request.version(), request.headers()) else {
            return plain(StatusCode::BAD_REQUEST, "a WebSocket handshake is expected here");
        };
        let is_off = || self.runtime().is_none_or(|set| set.chat_disabled);
        if self.runtime().is_none() || !self.room.has_begun() {
            return refused(reply::store_not_reached(self.acts.store()));
        }
        if is_off() {
            // It may have been turned on elsewhere a moment ago.
            self.settings.caught_up().await;
            if is_off() {
                return plain(StatusCode::OK, "CHAT_DISABLED");
            }
        }
        if self.is_banned(address).await {
            return plain(StatusCode::FORBIDDEN, "banned");
        }
        let seat = match self.seats.take(self.network(address)) {
            Ok(seat) => seat,
            Err(full) => {
                self.config.metrics.refused(match full {
                    Full::All => Refusal::Connections,
                    Full::Network => Refusal::ConnectionsOfNetwork,
                });
                return plain(StatusCode::OK, "ERROR_MAX_CONNECTIONS_EXCEEDED");
            }
        };
        let ticket = Ticket {
            token: http::access_token(request.uri().query()),
            user_agent: agent(request.headers()),
            address,
            seat,
            said: self.room.listen(),
            upgrade: hyper::upgrade::on(request),
        };
        let mut reply = Response::new(Bytes::new());
        *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *reply.headers_mut() = accepted;
        (reply, Some(ticket))
    }

    /// The user of a token; or the last message for a user who may not join.
    async fn arrival(
        &self,
        token: Option<&str>,
        address: IpAddr,
        user_agent: String,
    ) -> Result<Arrival, Parting> {
        // Nobody joins without a token: Owncast's clients register then.
        let token = token.ok_or(Parting::silent(CloseCode::Policy))?;
        let away = |error: StoreError| {
            tracing::debug!(%error, "nobody can join the chat now");
            Parting::silent(CloseCode::TryAgain)
        };
        let account = self.acts.whose(token).await.map_err(away)?;
        let account = account.ok_or_else(|| Parting::saying(Private::NeedsRegistration))?;
        if account.record.user.disabled_at.is_some() {
            return Err(Parting::saying(Private::Disabled));
        }
        let now = WallTime::now();
        let account = self.acts.seen(account, now).await.map_err(away)?;
        let id = self.next_id().await.map_err(away)?;
        let place = self.config.geo.lookup(address);
        let network = self.network(address).map(network::tag);
        let token_hash = token_hash(token);
        Ok(Arrival { id, user: account.record.user, token_hash, address, network, user_agent, place, now })
    }

    async fn next_id(&self) -> Result<u64, StoreError> {
        let mut ids = self.ids.lock().await;
        if let Some(id) = ids.next() {
            return Ok(id);
        }
        // From 1 on: Owncast leaves a number of 0 out.
        let first = self.acts.client_ids(IDS_AT_ONCE).await? + 1;
        *ids = first + 1..first + IDS_AT_ONCE;
        Ok(first)
    }

    fn is_live(&self) -> bool {
        self.status().is_some_and(|status| status.online)
    }

    /// True if join and leave messages are sent now.
    fn announces(&self) -> bool {
        self.is_live() && self.runtime().is_some_and(|set| set.chat_join_messages)
    }

    fn may_announce(&self) -> bool {
        let mut bucket = self.announcements.lock().unwrap_or_else(PoisonError::into_inner);
        let may = bucket.take(ANNOUNCEMENTS, Instant::now());
        if !may {
            self.config.metrics.unannounced.inc();
        }
        may
    }

    /// Announces that a user joined, or that they are present by another connection.
    async fn on_arrival(self: Arc<Self>, user: User, client: u64, coming: Coming) -> Option<Bytes> {
        let event = match coming {
            Coming::New => Event::Joined { user, client },
            Coming::Moved => Event::Present { user_id: user.id, client },
            Coming::Known => return None,
        };
        if self.announces()
            && self.may_announce()
            && let Err(error) = self.acts.tell(&[Entry::new(WallTime::now(), event)]).await
        {
            tracing::debug!(%error, "a coming was not told");
        }
        None
    }

    /// The message for a user who has just joined, and for all when a broadcast begins.
    fn welcome(&self) -> Option<Bytes> {
        let set = self.runtime().filter(|set| !set.welcome_message.trim().is_empty())?;
        let body = render::announcement(&set.welcome_message);
        (!body.is_empty()).then(|| tell(Private::System { name: &set.name, body: &body }))
    }

    /// Does what a user wants; the result is a message for them only.
    async fn say(self: Arc<Self>, member: Arc<Member>, heard: Heard) -> Option<Bytes> {
        let set = self.runtime()?;
        let done = if tokio::time::Instant::now() < heard.until {
            match &heard.line {
                Line::Chat { body } => self.message(&set, &member, &heard, body).await,
                Line::NameChange { new_name } => self.rename(&member, &heard, new_name).await,
                Line::ColorChange { new_color } => self.recolour(&member, &heard, *new_color).await,
            }
        } else {
            Err(StoreError::Unavailable("it was away for too long".to_owned()).into())
        };
        let (outcome, words) = match done {
            Ok(Done::Taken) => (Outcome::Accepted, None),
            Ok(Done::NotTaken(outcome, words)) => (outcome, words),
            // The log says so, too.
            Err(Refused::Disabled | Refused::Unknown) => (Outcome::Refused, None),
            Err(Refused::Store(error)) => {
                tracing::debug!(%error, "a line was not taken");
                let words = match error {
                    StoreError::Unknown(_) => {
                        "The chat was interrupted: look whether your last line is there."
                    }
                    _ => "The chat is interrupted, your last line was not delivered. Try again in a moment.",
                };
                (Outcome::Failed, Some(tell(Private::Action(words))))
            }
        };
        self.config.metrics.line(outcome);
        words
    }

    /// The record of a connection's user. While the store is away, as when the origin restarts, a message waits for it.
    /// Looked up by the token: an origin that has restarted learns by that for whom this edge acts.
    async fn account(
        &self,
        member: &Member,
        until: tokio::time::Instant,
    ) -> Result<Stored<Account>, Refused> {
        loop {
            match self.acts.whose_hash(&member.token_hash).await {
                Err(error) if error.may_pass() && tokio::time::Instant::now() < until => {
                    tokio::time::sleep(RETRY).await;
                }
                found => return found?.ok_or(Refused::Unknown),
            }
        }
    }

    async fn message(
        &self,
        set: &OperatorSettings,
        member: &Member,
        heard: &Heard,
        raw: &str,
    ) -> Result<Done, Refused> {
        let Heard { user, at: now, until, .. } = heard;
        let Ok(body) = render::try_message(raw, &set.emoji) else {
            return Ok(Done::NotTaken(Outcome::TooLarge, Some(tell(Private::Action(TOO_LARGE)))));
        };
        if body.is_empty() {
            return Ok(Done::NotTaken(Outcome::Refused, None));
        }
        let action = |words: &str| Ok(Done::NotTaken(Outcome::Refused, Some(tell(Private::Action(words)))));
        if self.is_over(*now).await {
            return action(
                "The stream has ended, and the chat with it. It opens again with the next stream.",
            );
        }
        let is_new = now.since(user.created_at) < ESTABLISHED_AFTER;
        if set.chat_established_users && is_new && !user.is_moderator {
            self.settings.caught_up().await;
            let still = self.runtime().is_some_and(|set| set.chat_established_users);
            if still && !self.account(member, *until).await?.record.user.is_moderator {
                return action(
                    "You have not been an established chat participant long enough to take part in chat. \
                     Please enjoy the stream and try again later.",
                );
            }
        }
        let account = self.account(member, *until).await?;
        let client = Some(member.id);
        // Made once, whatever is tried again: it is one message.
        let network = member.network;
        let blank = Entry { network, ..Entry::new(*now, Event::Action { body: String::new() }) };
        let entry = |user: &User| Entry {
            event: Event::Message { user: user.clone(), client, body: body.clone(), raw: raw.to_owned() },
            ..blank.clone()
        };
        self.acts.act(account, entry).await?;
        member.counted();
        Ok(Done::Taken)
    }

    /// True if the last broadcast ended so long ago that the chat has, too. The store is asked before somebody is refused.
    async fn is_over(&self, now: WallTime) -> bool {
        let is_over = |status: &LiveStatus| {
            !status.online && status.disconnected_at.is_some_and(|at| now.since(at) > OPEN_AFTER)
        };
        if !self.status().is_some_and(|status| is_over(&status)) {
            return false;
        }
        match self.acts.store().load(&status_key()).await {
            Ok(Some(stored)) => is_over(&stored.record),
            Ok(None) | Err(_) => true,
        }
    }

    async fn rename(&self, member: &Member, heard: &Heard, wanted: &str) -> Result<Done, Refused> {
        // As they are in the store: another edge may have given them another name a moment ago.
        let account = self.account(member, heard.until).await?;
        let user = &account.record.user;
        let Ok(wanted) = name::clean(wanted) else {
            return unchanged(user, Some("A name needs letters that can be seen."));
        };
        if wanted == user.display_name {
            return unchanged(user, None);
        }
        if self.names_of_now().await.is_none_or(|set| self.names.is_taken(&wanted, &set, Some(&user.id))) {
            let words = format!("You cannot change your name to **{}**.", render::escape_markdown(&wanted));
            return unchanged(user, Some(&words));
        }
        self.acts.rename(account, &wanted, member.id, heard.at).await?;
        Ok(Done::Taken)
    }

    async fn recolour(&self, member: &Member, heard: &Heard, wanted: i64) -> Result<Done, Refused> {
        let account = self.account(member, heard.until).await?;
        let user = &account.record.user;
        let Some(hue) = u16::try_from(wanted).ok().filter(|hue| HUES.contains(hue)) else {
            return unchanged(user, Some("A colour is a whole number from 0 to 360."));
        };
        if hue == user.display_color {
            return unchanged(user, None);
        }
        self.acts.recolour(account, hue, heard.at).await?;
        Ok(Done::Taken)
    }

    /// The settings, after this edge has seen which names were taken before: rarely asked for, so the store always is.
    async fn names_of_now(&self) -> Option<Arc<OperatorSettings>> {
        tokio::join!(self.settings.caught_up(), self.caught_up_with_log());
        self.runtime()
    }
}

/// The outcome of a chat message.
enum Done {
    Taken,
    /// Nothing changed; the message, if any, is for its user only.
    NotTaken(Outcome, Option<Bytes>),
}

/// A user stays unchanged: they are told why, if there is a reason to give, and who they are.
fn unchanged(user: &User, words: Option<&str>) -> Result<Done, Refused> {
    let words = words.map(|words| tell(Private::Action(words))).unwrap_or_default();
    Ok(Done::NotTaken(Outcome::Refused, Some([words, tell(Private::Connected(user))].concat().into())))
}

/// A program's name for itself, for people.
fn agent(headers: &HeaderMap) -> String {
    let agent = headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    let agent = agent.unwrap_or_default();
    let mut end = agent.len().min(MAX_AGENT_BYTES);
    while !agent.is_char_boundary(end) {
        end -= 1;
    }
    agent[..end].chars().filter(|c| !c.is_control()).collect()
}

/// Feeds hostile bytes to all that reads what chatters send: what a fuzz target calls.
pub fn fuzz(bytes: &[u8]) {
    for incoming in frame::fuzz(bytes) {
        if let frame::Incoming::Text(text) = incoming {
            let _ = line::parse(&text);
        }
    }
}
