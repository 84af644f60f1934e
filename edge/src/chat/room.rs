//! Connected users and recent messages: the chat's state on this edge, without sockets, store or clock.
//!
//! The log's entries go in ([`Room::apply`]). The messages made of them are framed once and shared by all connections, which
//! read them from one ring ([`SAID_KEPT`]): a connection that falls behind by so much is cut off, and nobody else notices. A
//! connection's place in the ring is taken before it is told that it is open ([`Room::listen`]): it gets every later
//! message.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_api::reply;
use farcast_chat::log::Placed;
use farcast_chat::shape::{self, Private, ShownMessage};
use farcast_chat::user::new_id;
use farcast_chat::{Client, Entry, Event, History, Place, Seen, User, since};
use farcast_feed::time::WallTime;
use farcast_store::Versionstamp;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::crowd::{self, Crowd};
use super::flood::{Flood, Verdict};
use super::frame;

/// Frames, each of one or several events, that a connection may lag behind.
pub(super) const SAID_KEPT: usize = 256;

/// Most messages for one connection alone that wait to be sent.
const TOLD_KEPT: usize = 16;

/// Time for which a user who was seen is not announced again.
const SEEN_FOR: Duration = Duration::from_secs(300);

/// Time after their last connection at which users have left.
const PARTED_AFTER: Duration = Duration::from_secs(10);

/// Burst of messages of a user, over all connections.
const USER_BURST: u32 = 3;

/// Most users of whom it is remembered that they were seen.
const MAX_SEEN: usize = 200_000;

/// Most users of whom a change is remembered; disabled users always are, and only moderators can disable.
const MAX_CHANGED: usize = 50_000;

/// Longest time for which a user's record may be on its way to the room: several times the store's deadlines.
const READ_WITHIN: Duration = Duration::from_secs(120);

/// Longest time for which the rendered backlog is used: messages age.
const BACKLOG_HOLDS: Duration = Duration::from_secs(10);

/// The reason why a connection is ended from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expelled {
    /// Its user may not chat.
    Disabled,
    /// Its address may not chat.
    Banned,
    /// Nobody may chat.
    ChatOff,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) user_id: String,
    /// Hash of the token with which it came: by it the user is looked up for each message, since the origin takes
    /// messages only from an edge that shows it.
    pub(super) token_hash: Box<str>,
    pub(super) address: IpAddr,
    /// The tag of their network; none where networks are not told apart.
    pub(super) network: Option<u16>,
    user_agent: Box<str>,
    place: Option<Place>,
    connected_at: WallTime,
    messages: AtomicU64,
    tell: mpsc::Sender<Bytes>,
    /// Cancelled when it is expelled.
    pub(super) end: CancellationToken,
    expelled: Mutex<Option<Expelled>>,
}

/// The facts of a new connection.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) id: u64,
    pub(super) user: User,
    pub(super) token_hash: String,
    pub(super) address: IpAddr,
    pub(super) network: Option<u16>,
    pub(super) user_agent: String,
    pub(super) place: Option<Place>,
    pub(super) now: WallTime,
}

impl Member {
    /// Sends to this connection alone; true if there was room for it.
    pub(super) fn tell(&self, frame: Bytes) -> bool {
        self.tell.try_send(frame).is_ok()
    }

    pub(super) fn counted(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn expelled(&self) -> Option<Expelled> {
        *self.expelled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expel(&self, why: Expelled) {
        self.expelled.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.end.cancel();
    }
}

/// A user who is here.
#[derive(Debug)]
struct Here {
    user: User,
    connections: usize,
    /// The connection by which they came: the one that is announced.
    announced: u64,
    flood: Flood,
}

/// A user whose last connection here is gone.
#[derive(Debug)]
struct Parting {
    /// Time at which they count as gone for good.
    at: Instant,
    user: User,
    /// As [`Here::announced`].
    announced: u64,
}

#[derive(Debug)]
struct State {
    crowd: Crowd,
    /// None until the log was read.
    history: Option<History>,
    backlog: Option<(Instant, Bytes)>,
    members: HashMap<u64, Arc<Member>>,
    users: HashMap<String, Here>,
    seen: HashMap<String, Instant>,
    parting: HashMap<String, Parting>,
    /// Users who were changed a moment ago, as they are since: their record may have been read before.
    changed: HashMap<String, (Instant, User)>,
}

/// A user who has just joined.
#[derive(Debug)]
pub(super) struct Entered {
    /// Their connection.
    pub(super) member: Arc<Member>,
    /// The user as they are now.
    pub(super) user: User,
    /// Messages for this connection alone.
    pub(super) told: mpsc::Receiver<Bytes>,
    /// The kind of arrival.
    pub(super) coming: Coming,
}

/// The kinds of arrival of a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Coming {
    /// New in the chat: the join is announced.
    New,
    /// Seen not long ago on another edge: the other edges are notified that they are here now.
    Moved,
    /// Here already, or were just now.
    Known,
}

/// The state. Shared by all connections.
#[derive(Debug)]
pub(super) struct Room {
    state: Mutex<State>,
    said: broadcast::Sender<Bytes>,
    /// The place of the newest entry of the log that was taken.
    reached: watch::Sender<Versionstamp>,
}

impl Room {
    pub(super) fn new(crowd: Crowd) -> Self {
        let state = State {
            crowd,
            history: None,
            backlog: None,
            members: HashMap::new(),
            users: HashMap::new(),
            seen: HashMap::new(),
            parting: HashMap::new(),
            changed: HashMap::new(),
        };
        let reached = watch::Sender::new(Versionstamp::ZERO);
        Self { state: Mutex::new(state), said: broadcast::channel(SAID_KEPT).0, reached }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log was read up to this end.
    pub(super) fn begin(&self, history: History, end: Versionstamp) {
        let mut state = self.lock();
        state.history = Some(history);
        state.backlog = None;
        drop(state);
        self.reached.send_replace(end);
    }

    /// Waits until the log was taken up to a commit. Cancel safe.
    pub(super) async fn reached(&self, place: Versionstamp) {
        // Fails only without a sender.
        let _ = self.reached.subscribe().wait_for(|reached| reached.commit >= place.commit).await;
    }

    /// True if the log was read.
    pub(super) fn has_begun(&self) -> bool {
        self.lock().history.is_some()
    }

    /// Takes entries of the log, in their order, and sends them to everybody. `wall` tells how old they are.
    pub(super) fn apply(&self, entries: Vec<Placed>, now: Instant, wall: WallTime) {
        let mut state = self.lock();
        let mut said = Vec::with_capacity(entries.len());
        let last = entries.last().map(|(stamp, _)| *stamp);
        for (_, entry) in entries {
            let entry = Arc::new(entry);
            state.apply(&entry, now, wall);
            said.push(shape::broadcast(&entry));
        }
        let frames = frame::texts(said.iter().map(Vec::as_slice).filter(|json| !json.is_empty()));
        if !frames.is_empty() {
            self.say(frames);
        }
        drop(state);
        if let Some(last) = last {
            self.reached.send_replace(last);
        }
    }

    /// Sends a message to all connections.
    pub(super) fn say(&self, frames: Bytes) {
        // Fails when nobody listens.
        let _ = self.said.send(frames);
    }

    /// All later messages. A connection listens before it is told that it is open, so that no message passes it by
    /// while its user is looked up.
    pub(super) fn listen(&self) -> broadcast::Receiver<Bytes> {
        self.said.subscribe()
    }

    /// A connection that listens already enters the room.
    pub(super) fn enter(&self, arrival: Arrival, now: Instant) -> Entered {
        let (tell, told) = mpsc::channel(TOLD_KEPT);
        let Arrival { id, user, token_hash, address, network, user_agent, place, now: connected_at } =
            arrival;
        let mut state = self.lock();
        let user = state.newest(user);
        let member = Arc::new(Member {
            id,
            user_id: user.id.clone(),
            token_hash: token_hash.into_boxed_str(),
            address,
            network,
            user_agent: user_agent.into_boxed_str(),
            place,
            connected_at,
            messages: AtomicU64::new(0),
            tell,
            end: CancellationToken::new(),
            expelled: Mutex::new(None),
        });
        let returned = state.parting.remove(&user.id);
        let seen = state.seen.get(&user.id).is_some_and(|at| now.duration_since(*at) < SEEN_FOR);
        state.note(&user.id, now);
        let here = state.users.entry(user.id.clone()).or_insert(Here {
            user: user.clone(),
            connections: 0,
            announced: returned.as_ref().map_or(id, |parting| parting.announced),
            flood: Flood::default(),
        });
        here.user = user.clone();
        here.connections += 1;
        let coming = match (here.connections, returned.is_some(), seen) {
            (1, false, false) => Coming::New,
            (1, false, true) => Coming::Moved,
            _ => Coming::Known,
        };
        if user.disabled_at.is_some() {
            member.expel(Expelled::Disabled);
        }
        state.members.insert(id, Arc::clone(&member));
        Entered { member, user, told, coming }
    }

    /// A connection is gone.
    pub(super) fn leave(&self, member: &Member, now: Instant) {
        let mut state = self.lock();
        state.members.remove(&member.id);
        let Some(here) = state.users.get_mut(&member.user_id) else { return };
        here.connections -= 1;
        if here.connections == 0
            && let Some(here) = state.users.remove(&member.user_id)
            && here.user.disabled_at.is_none()
        {
            let Here { user, announced, .. } = here;
            state.parting.insert(member.user_id.clone(), Parting { at: now + PARTED_AFTER, user, announced });
        }
    }

    /// The users who have left for good since the last call; forgets users who were seen long ago.
    pub(super) fn parted(&self, now: Instant) -> Vec<User> {
        let mut state = self.lock();
        state.crowd.forget(now);
        state.seen.retain(|_, at| now.duration_since(*at) < SEEN_FOR);
        state.changed.retain(|_, (at, _)| now.duration_since(*at) < READ_WITHIN);
        let due = |_: &String, parting: &mut Parting| parting.at <= now;
        state.parting.extract_if(due).map(|(_, parting)| parting.user).collect()
    }

    /// A user as the newer one of the store and of the log says: either may be ahead.
    pub(super) fn newest(&self, user: User) -> User {
        self.lock().newest(user)
    }

    /// Checks a message of a user against the rate limits of their network, and of all.
    pub(super) fn crowd(&self, member: &Member, now: Instant) -> crowd::Verdict {
        self.lock().crowd.line(member.network, now)
    }

    /// Decides on a message of a user; returns the user as they are now, and the decision.
    pub(super) fn line(&self, user_id: &str, now: Instant) -> Option<(User, Verdict)> {
        let mut state = self.lock();
        let here = state.users.get_mut(user_id)?;
        let verdict = if here.user.is_moderator { Verdict::Heard } else { here.flood.line(now, USER_BURST) };
        Some((here.user.clone(), verdict))
    }

    /// Ends the connections that `why` gives a reason for.
    pub(super) fn expel(&self, why: impl Fn(&Member) -> Option<Expelled>) {
        for member in self.lock().members.values() {
            if let Some(why) = why(member) {
                member.expel(why);
            }
        }
    }

    /// Sends to one connection; true if it is here and there was room.
    pub(super) fn tell(&self, client: u64, frame: Bytes) -> bool {
        let member = self.lock().members.get(&client).map(Arc::clone);
        member.is_some_and(|member| member.tell(frame))
    }

    /// The connections that are asked for.
    pub(super) fn clients(&self, asked: impl Fn(&Member) -> bool) -> Vec<Client> {
        let state = self.lock();
        let client = |member: &Arc<Member>| {
            Some(Client {
                id: member.id,
                user: state.users.get(&member.user_id)?.user.clone(),
                place: member.place.clone(),
                messages: member.messages.load(Ordering::Relaxed),
                user_agent: member.user_agent.to_string(),
                connected_at: member.connected_at,
                address: member.address,
            })
        };
        state.members.values().filter(|member| asked(member)).filter_map(client).collect()
    }

    /// The known messages of a user, the newest first.
    pub(super) fn messages_of(&self, user_id: &str) -> Vec<Seen> {
        let state = self.lock();
        let all = state.history.iter().flat_map(History::newest_first);
        all.filter(|seen| seen.entry.user().is_some_and(|user| user.id == user_id)).cloned().collect()
    }

    /// The newest messages as JSON; none before the log was read.
    pub(super) fn backlog(&self, max_age: Duration, wall: WallTime, now: Instant) -> Option<Bytes> {
        let mut state = self.lock();
        if let Some((at, bytes)) = &state.backlog
            && now.duration_since(*at) < BACKLOG_HOLDS
        {
            return Some(bytes.clone());
        }
        let history = state.history.as_ref()?;
        let shown = history.backlog(since(wall, max_age));
        let shown: Vec<_> = shown.into_iter().filter_map(ShownMessage::of).collect();
        let bytes = reply::json_bytes(&shown);
        state.backlog = Some((now, bytes.clone()));
        Some(bytes)
    }
}

impl State {
    fn note(&mut self, user_id: &str, now: Instant) {
        if self.seen.len() < MAX_SEEN || self.seen.contains_key(user_id) {
            self.seen.insert(user_id.to_owned(), now);
        }
    }

    /// The newer of two records of a user: the given one, and the one that the log brought.
    fn newest(&self, user: User) -> User {
        let changed = self.changed.get(&user.id).map(|(_, known)| known);
        let here = self.users.get(&user.id).map(|here| &here.user);
        let newer = |known: &&User| known.revision >= user.revision;
        match changed.into_iter().chain(here).filter(newer).max_by_key(|known| known.revision) {
            Some(known) => known.clone(),
            None => user,
        }
    }

    fn apply(&mut self, entry: &Arc<Entry>, now: Instant, wall: WallTime) {
        if let Some(history) = &mut self.history {
            history.apply(entry);
        }
        self.backlog = None;
        match &entry.event {
            Event::Message { user, client, .. } => {
                let is_ours = client.is_some_and(|client| self.members.contains_key(&client));
                // A user without limits takes no room of others.
                if !is_ours && !user.is_bot && !user.is_moderator {
                    // It may have waited long for the store: the time of arrival counts.
                    let said_at = now.checked_sub(wall.since(entry.at)).unwrap_or(now);
                    self.crowd.elsewhere(entry.network, said_at);
                    if let Some(here) = self.users.get_mut(&user.id) {
                        here.flood.elsewhere(said_at, USER_BURST);
                    }
                }
                self.note(&user.id, now);
            }
            Event::Joined { user, client } => self.is_here(&user.id, *client, now),
            Event::Present { user_id, client } => self.is_here(user_id, *client, now),
            Event::Parted { user } => drop(self.seen.remove(&user.id)),
            Event::NameChanged { user, .. } | Event::UserChanged { user } => {
                self.note(&user.id, now);
                self.update(user, entry, now);
            }
            Event::UserDisabled { user } => {
                self.update(user, entry, now);
                // The store may have enabled them again already.
                if self.newest(user.clone()).disabled_at.is_none() {
                    return;
                }
                self.parting.remove(&user.id);
                for member in self.members.values().filter(|member| member.user_id == user.id) {
                    member.expel(Expelled::Disabled);
                }
            }
            Event::System { .. }
            | Event::Action { .. }
            | Event::Visibility { .. }
            | Event::StreamStarted(_)
            | Event::StreamStopped(_)
            | Event::TitleChanged(_) => {}
        }
    }

    /// Somebody came to some edge: if it is another one, they have not left this one for good. If it is this one, they may
    /// be gone already.
    fn is_here(&mut self, user_id: &str, client: u64, now: Instant) {
        self.note(user_id, now);
        if self.parting.get(user_id).is_some_and(|parting| parting.announced != client) {
            self.parting.remove(user_id);
        }
    }

    /// A user has changed: their connections are told, and so are connections that are opening.
    fn update(&mut self, user: &User, entry: &Entry, now: Instant) {
        if self.newest(user.clone()).revision > user.revision {
            return;
        }
        let has_room = self.changed.len() < MAX_CHANGED || self.changed.contains_key(&user.id);
        if has_room || user.disabled_at.is_some() {
            self.changed.insert(user.id.clone(), (now, user.clone()));
        }
        let Some(here) = self.users.get_mut(&user.id) else { return };
        here.user = user.clone();
        let told = frame::text(&shape::private(Private::Connected(user), &new_id(), entry.at));
        for member in self.members.values().filter(|member| member.user_id == user.id) {
            member.tell(told.clone());
        }
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
