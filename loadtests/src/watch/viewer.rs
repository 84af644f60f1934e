//! One viewer: multivariant playlist, blocking reloads with delta updates, parts as they appear.
//!
//! On HTTP/1.1 it has two connections, one that blocks for the next playlist while the other
//! downloads; on HTTP/2 one for both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::StatusCode;

use crate::check::reload::Asked;
use crate::check::siblings::{Exchange, Siblings, resolve};
use crate::http::connection::{Answer, Connection, Dialer, HttpError, Keep};
use crate::http::gzip;
use crate::playback::{Playback, Settings};
use crate::playlist::{Multivariant, Position};
use crate::watch::bodies::{Bodies, Step, View};
use crate::watch::media::{self, Item};
use crate::watch::tally::Tally;

/// Longest wait for an answer that does not block.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// Pause before a failed request is repeated.
const PAUSE: Duration = Duration::from_millis(500);
/// Time after a start or trouble for which reports of siblings may lag.
const UNSTEADY: Duration = Duration::from_secs(8);

/// The state that the viewers of one edge share.
#[derive(Default)]
pub struct Shared {
    bodies: Mutex<Bodies>,
    siblings: Mutex<Option<(Siblings, Instant)>>,
}

/// The tally that all viewers share.
pub type SharedTally = Arc<Mutex<Tally>>;

/// The variants to watch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Viewers take turns.
    Spread,
    /// This one, from 0.
    Only(usize),
}

/// A viewer's settings.
#[derive(Clone)]
pub struct Viewer {
    /// Its number, from 0.
    pub index: usize,
    /// The way to reach the edge; the path is that of the multivariant playlist.
    pub dialer: Dialer,
    /// The variants.
    pub choice: Choice,
    /// Time to stop.
    pub until: Instant,
}

/// The reason why a viewer starts again.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{what}: {error}")]
    Http { what: &'static str, error: HttpError },
    #[error("{what}: status {status}")]
    Status { what: &'static str, status: StatusCode },
    #[error("{what}: no playlist")]
    Unreadable { what: &'static str },
    #[error("not on the air")]
    Waiting,
}

/// Watches until the time is over or the stream has ended. A lost connection is made again.
///
/// Cancel safe: dropping it closes its connections.
pub async fn watch(viewer: Viewer, shared: Arc<Shared>, tally: SharedTally) {
    let mut state = State { viewer, shared, tally, progress: None, variant_path: None };
    let until = state.viewer.until;
    while Instant::now() < until {
        let trouble = match tokio::time::timeout_at(until.into(), state.session()).await {
            Ok(Ok(())) | Err(_) => break,
            Ok(Err(trouble)) => trouble,
        };
        if !matches!(trouble, Trouble::Waiting) {
            state.trouble();
            lock(&state.tally).error(trouble.to_string());
        }
        tokio::time::sleep_until((Instant::now() + PAUSE).min(until).into()).await;
    }
    state.finish();
}

struct State {
    viewer: Viewer,
    shared: Arc<Shared>,
    tally: SharedTally,
    progress: Option<Progress>,
    variant_path: Option<String>,
}

/// The state that survives a lost connection.
struct Progress {
    view: Arc<View>,
    view_at: Instant,
    next: Position,
    playback: Playback,
    connected_at: Instant,
    begun: bool,
    ended: bool,
    /// True if the backlog of the start is behind it, so that ages of parts mean something.
    live: bool,
    least_age: Option<Duration>,
    part_target: Duration,
    init: Option<String>,
}

impl State {
    async fn session(&mut self) -> Result<(), Trouble> {
        let connected_at = Instant::now();
        let http = |error| Trouble::Http { what: "connection", error };
        let mut playlists = self.viewer.dialer.connect().await.map_err(http)?;
        let mut downloads = match playlists.beside() {
            Some(beside) => beside,
            None => self.viewer.dialer.connect().await.map_err(http)?,
        };
        let path = match &self.variant_path {
            Some(path) => path.clone(),
            None => self.choose(&mut playlists).await?,
        };
        if self.progress.is_none() {
            let (view, asked_at) = self.reload(&mut playlists, &path, None, Asked::default()).await?;
            self.begin(view, asked_at, connected_at);
        }
        loop {
            let Some(progress) = &self.progress else { return Err(Trouble::Waiting) };
            let (items, missed) = media::following(&progress.view.playlist, progress.next);
            let ended = progress.view.playlist.ended;
            let (view, asked) = (Arc::clone(&progress.view), self.asked());
            if missed > 0 {
                lock(&self.tally).missed_parts += missed;
            }
            if ended {
                self.download(&mut downloads, &path, items).await?;
                lock(&self.tally).ended += 1;
                if let Some(progress) = &mut self.progress {
                    progress.ended = true;
                }
                return Ok(());
            }
            // The next playlist is asked for before the parts of this one are there.
            let (shared, tally, index) =
                (Arc::clone(&self.shared), Arc::clone(&self.tally), self.viewer.index);
            let context = Context { shared, tally, index };
            let reload = context.reload(&mut playlists, &path, Some(view), asked);
            let (next, downloaded) = tokio::join!(reload, self.download(&mut downloads, &path, items));
            downloaded?;
            let (next, at) = next?;
            if let Some(progress) = &mut self.progress {
                progress.view = next;
                progress.view_at = at;
                progress.live = true;
            }
        }
    }

    async fn choose(&mut self, connection: &mut Connection) -> Result<String, Trouble> {
        const WHAT: &str = "multivariant playlist";
        let own = self.viewer.dialer.server.path.clone();
        let answer = get(connection, &own, Keep::Body, ANSWER_DEADLINE, WHAT).await?;
        let unreadable = || Trouble::Unreadable { what: WHAT };
        let text = gzip::text(&answer.body, answer.is_gzip()).map_err(|_| unreadable())?;
        let multivariant = Multivariant::parse(&text).map_err(|_| unreadable())?;
        let streams = &multivariant.streams;
        let index = match self.viewer.choice {
            Choice::Spread => self.viewer.index % streams.len(),
            Choice::Only(index) => index.min(streams.len() - 1),
        };
        let paths = || streams.iter().map(|stream| resolve(&own, &stream.uri));
        let siblings = || Siblings::new(paths()).independent(multivariant.independent_segments);
        lock(&self.shared.siblings).get_or_insert_with(|| (siblings(), Instant::now()));
        let path = resolve(&own, &streams[index].uri);
        self.variant_path = Some(path.clone());
        let mut tally = lock(&self.tally);
        tally.watching += 1;
        let breaches = crate::check::single::multivariant(&multivariant);
        if self.viewer.index == 0 {
            tally.breach(breaches.into_iter().map(|b| b.with_excerpt(&text)).collect());
        }
        Ok(path)
    }

    fn begin(&mut self, view: Arc<View>, view_at: Instant, connected_at: Instant) {
        let playlist = &view.playlist;
        let part_target = playlist.part_target.unwrap_or_else(|| playlist.target_duration());
        let hold_back =
            playlist.server_control.and_then(|control| control.part_hold_back).unwrap_or(part_target * 3);
        let next = media::start(playlist, hold_back);
        // Four fifths: parts may be as short as 85 % of the target.
        let playback = Playback::new(Settings { hold_back, resume: part_target * 4 / 5 });
        self.progress = Some(Progress {
            view,
            view_at,
            next,
            playback,
            connected_at,
            begun: false,
            ended: false,
            live: false,
            least_age: None,
            part_target,
            init: None,
        });
    }

    /// The next request: a delta only while the copy is young enough (§6.3.7).
    fn asked(&self) -> Asked {
        let Some(progress) = &self.progress else { return Asked::default() };
        let playlist = &progress.view.playlist;
        let control = playlist.server_control.unwrap_or_default();
        if !control.can_block_reload {
            return Asked::default();
        }
        let young = |until: Duration| progress.view_at.elapsed() < until / 2;
        Asked { position: Some(playlist.next()), skip: control.can_skip_until.is_some_and(young) }
    }

    async fn reload(
        &self,
        connection: &mut Connection,
        path: &str,
        before: Option<Arc<View>>,
        asked: Asked,
    ) -> Result<(Arc<View>, Instant), Trouble> {
        let (shared, tally, index) = (Arc::clone(&self.shared), Arc::clone(&self.tally), self.viewer.index);
        Context { shared, tally, index }.reload(connection, path, before, asked).await
    }

    async fn download(
        &mut self,
        connection: &mut Connection,
        base: &str,
        items: Vec<Item>,
    ) -> Result<(), Trouble> {
        for item in items {
            if let Some(map) = &item.map
                && !item.gap
                && self.progress.as_ref().is_some_and(|p| p.init.as_ref() != Some(map))
            {
                let uri = resolve(base, map);
                let answer = get(connection, &uri, Keep::Length, ANSWER_DEADLINE, "init section").await?;
                lock(&self.tally).bytes += u64::try_from(answer.length).unwrap_or(u64::MAX);
                if let Some(progress) = &mut self.progress {
                    progress.init = Some(map.clone());
                }
            }
            let start = Instant::now();
            let result = if item.gap {
                None
            } else {
                let uri = resolve(base, &item.uri);
                Some(get(connection, &uri, Keep::Length, ANSWER_DEADLINE, "media").await)
            };
            self.downloaded(&item, start, result)?;
        }
        Ok(())
    }

    fn downloaded(
        &mut self,
        item: &Item,
        start: Instant,
        result: Option<Result<Answer, Trouble>>,
    ) -> Result<(), Trouble> {
        let Some(progress) = &mut self.progress else { return Ok(()) };
        let now = Instant::now();
        let mut tally = lock(&self.tally);
        if item.discontinuity {
            tally.discontinuities += 1;
            progress.least_age = None;
        }
        let mut lost = None;
        match result {
            Some(Ok(answer)) => {
                tally.media += 1;
                tally.bytes += u64::try_from(answer.length).unwrap_or(u64::MAX);
                tally.downloads.add(now - start);
                if let Some(age) = item.end_us.and_then(age_of).filter(|_| progress.live) {
                    tally.latency.add(age);
                    let least = progress.least_age.map_or(age, |least| least.min(age));
                    progress.least_age = Some(least);
                    tally.late_parts += u64::from(age > least + progress.part_target);
                }
            }
            Some(Err(trouble @ Trouble::Status { .. })) => {
                tally.missed_parts += 1;
                tally.error(trouble.to_string());
            }
            // The connection is gone; the part is asked for again on the next one.
            Some(Err(trouble)) => lost = Some(trouble),
            None => tally.missed_parts += 1,
        }
        if let Some(trouble) = lost {
            return Err(trouble);
        }
        advance(progress, item);
        if let Some(stall) = progress.playback.loaded(now, item.length) {
            tally.stall(stall);
        }
        if progress.playback.has_begun() && !progress.begun {
            progress.begun = true;
            tally.playing += 1;
            tally.first_picture.add(now - progress.connected_at);
        }
        Ok(())
    }

    fn trouble(&self) {
        if let Some((_, trouble)) = lock(&self.shared.siblings).as_mut() {
            *trouble = Instant::now();
        }
    }

    fn finish(&mut self) {
        let Some(progress) = &mut self.progress else { return };
        let now = Instant::now();
        progress.playback.advance(now);
        if let Some(stall) = progress.playback.stalled(now)
            && !progress.ended
        {
            lock(&self.tally).stall(stall);
        }
    }
}

/// Moves on by one item: to the next part, or to the next segment when it was a whole one or the last part.
fn advance(progress: &mut Progress, item: &Item) {
    let playlist = &progress.view.playlist;
    let from = progress.next.msn;
    for segment in playlist.segments.iter().filter(|segment| segment.msn >= from) {
        if segment.uri.as_ref() == Some(&item.uri) {
            progress.next = Position { msn: segment.msn + 1, part: 0 };
            return;
        }
        if let Some((_, index)) = segment.parts.iter().zip(0..).find(|(part, _)| part.uri == item.uri) {
            let whole = segment.is_complete() && segment.parts.len() as u64 == index + 1;
            let msn = segment.msn;
            progress.next =
                if whole { Position { msn: msn + 1, part: 0 } } else { Position { msn, part: index + 1 } };
            return;
        }
    }
}

/// The input of a reload, apart from the state that a download changes at the same time.
struct Context {
    shared: Arc<Shared>,
    tally: SharedTally,
    index: usize,
}

impl Context {
    async fn reload(
        &self,
        connection: &mut Connection,
        path: &str,
        before: Option<Arc<View>>,
        asked: Asked,
    ) -> Result<(Arc<View>, Instant), Trouble> {
        const WHAT: &str = "media playlist";
        let target = before.as_ref().map_or(Duration::ZERO, |view| view.playlist.target_duration());
        // A server gives up after three target durations; this is later.
        let limit = ANSWER_DEADLINE + target * 3;
        let full = Asked { skip: false, ..asked };
        for asked in [asked, full] {
            let sent = Instant::now();
            let answer = get(connection, &query(path, asked), Keep::Body, limit, WHAT).await?;
            let exchange = Exchange { asked: sent, answered: Instant::now() };
            let (step, breaches) =
                lock(&self.shared.bodies).step(&answer.body, answer.is_gzip(), asked, before.as_ref());
            {
                let mut tally = lock(&self.tally);
                tally.playlists += 1;
                tally.bytes += u64::try_from(answer.length).unwrap_or(u64::MAX);
                tally.breach(breaches);
            }
            match step {
                Step::View(view) => {
                    self.audit(path, &view, exchange);
                    return Ok((view, exchange.answered));
                }
                Step::Refetch if asked.skip => {}
                Step::Refetch | Step::Broken => break,
            }
        }
        Err(Trouble::Unreadable { what: WHAT })
    }

    /// The first viewers of an edge compare the variants.
    fn audit(&self, path: &str, view: &View, exchange: Exchange) {
        /// Enough to have one on each variant of any sensible ladder.
        const AUDITORS: usize = 16;
        if self.index >= AUDITORS {
            return;
        }
        let breaches = match lock(&self.shared.siblings).as_mut() {
            Some((siblings, trouble)) => {
                let steady = trouble.elapsed() > UNSTEADY;
                siblings.observe(path, &view.playlist, exchange, steady)
            }
            None => Vec::new(),
        };
        if !breaches.is_empty() {
            lock(&self.tally).breach(breaches);
        }
    }
}

fn query(path: &str, asked: Asked) -> String {
    // Directives in the order that the standard demands of clients (§6.2.5).
    match (asked.position, asked.skip) {
        (None, false) => path.to_owned(),
        (None, true) => format!("{path}?_HLS_skip=YES"),
        (Some(Position { msn, part }), false) => format!("{path}?_HLS_msn={msn}&_HLS_part={part}"),
        (Some(Position { msn, part }), true) => {
            format!("{path}?_HLS_msn={msn}&_HLS_part={part}&_HLS_skip=YES")
        }
    }
}

async fn get(
    connection: &mut Connection,
    path: &str,
    keep: Keep,
    limit: Duration,
    what: &'static str,
) -> Result<Answer, Trouble> {
    let answer = connection.get(path, keep, limit).await.map_err(|error| Trouble::Http { what, error })?;
    match answer.status {
        StatusCode::OK => Ok(answer),
        StatusCode::NOT_FOUND | StatusCode::SERVICE_UNAVAILABLE if what == "multivariant playlist" => {
            Err(Trouble::Waiting)
        }
        status => Err(Trouble::Status { what, status }),
    }
}

/// The age by this machine's clock; `None` when it is in the future.
fn age_of(end_us: i64) -> Option<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    now.checked_sub(Duration::from_micros(u64::try_from(end_us).ok()?))
}

/// The state behind a lock; a panicked holder leaves counts, which stay usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_in_the_demanded_order() {
        let position = Some(Position { msn: 3, part: 1 });
        assert_eq!(query("/p", Asked { position, skip: true }), "/p?_HLS_msn=3&_HLS_part=1&_HLS_skip=YES");
        assert_eq!(query("/p", Asked::default()), "/p");
    }
}
