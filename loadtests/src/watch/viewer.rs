//! One viewer: multivariant playlist, blocking reloads with delta updates, parts as they appear.
//!
//! On HTTP/1.1 it has two connections, one that blocks for the next playlist while the other
//! downloads; on HTTP/2 one for both.
//!
//! A session is a time on one connection. When one is lost, or the viewer is steered to another Pathway, the next session
//! goes on at the same part.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::check::reload::Asked;
use crate::http::connection::{Answer, Connection, Dialer, Keep};
use crate::http::gzip;
use crate::playlist::Multivariant;
use crate::steering::pathways::Variant;
use crate::steering::policy::Reason;
use crate::watch::media::{self, Item};
use crate::watch::objects::Objects;
use crate::watch::progress::Progress;
use crate::watch::reload::Context;
use crate::watch::request::{ANSWER_DEADLINE, MULTIVARIANT, Place, Trouble, get};
use crate::watch::shared::{Shared, SharedTally, lock, now};
use crate::watch::steerer::Steerer;

/// Pause before a failed request is repeated.
const PAUSE: Duration = Duration::from_millis(500);
/// Failures in a row after which a viewer leaves a Pathway if there is another: a connection may be lost once, and is made
/// again at once. A timeout is not repeated.
const TRIES: u32 = 2;

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
    /// True if it follows content steering.
    pub steering: bool,
    /// What servers gave under each name; `None` if that is not compared.
    pub objects: Option<Arc<Objects>>,
    /// Time to stop.
    pub until: Instant,
}

/// Why a session ended without trouble.
enum End {
    /// The broadcast is over.
    Over,
    /// The viewer goes on by another Pathway.
    Moved,
}

/// Watches until the time is over or the stream has ended. A lost connection is made again.
///
/// Cancel safe: dropping it closes its connections.
pub async fn watch(viewer: Viewer, shared: Arc<Shared>, tally: SharedTally) {
    let steerer = Steerer::new(viewer.dialer.clone(), Arc::clone(&shared), Arc::clone(&tally));
    let steerer = Arc::new(steerer);
    let mut state = State {
        viewer,
        shared,
        tally,
        steerer: Arc::clone(&steerer),
        progress: None,
        variant: None,
        independent: false,
        failures: 0,
        new_server: false,
        was_answered: false,
    };
    tokio::select! {
        () = Box::pin(state.play()) => {}
        () = steerer.follow() => {}
    }
    state.finish();
}

struct State {
    viewer: Viewer,
    shared: Arc<Shared>,
    tally: SharedTally,
    steerer: Arc<Steerer>,
    progress: Option<Progress>,
    variant: Option<Variant>,
    /// EXT-X-INDEPENDENT-SEGMENTS of the multivariant playlist.
    independent: bool,
    /// Failures since a playlist and its parts last came.
    failures: u32,
    /// True until the first playlist of a Pathway has come.
    new_server: bool,
    /// True if a playlist and its parts have come on this connection.
    was_answered: bool,
}

impl State {
    async fn play(&mut self) {
        let until = self.viewer.until;
        while now() < until {
            let trouble = match tokio::time::timeout_at(until.into(), self.session()).await {
                Ok(Ok(End::Over)) | Err(_) => return,
                Ok(Ok(End::Moved)) => continue,
                // As browsers do, at once and without a word.
                Ok(Err(trouble)) if trouble.is_goodbye() && std::mem::take(&mut self.was_answered) => {
                    continue;
                }
                Ok(Err(trouble)) => trouble,
            };
            if !matches!(trouble, Trouble::Waiting) {
                self.trouble();
                lock(&self.tally).error(trouble.to_string());
            }
            if !self.go_on_at_once(&trouble) {
                tokio::time::sleep_until((now() + PAUSE).min(until).into()).await;
            }
        }
    }

    /// After a failure: whether to try again without a pause, here or on the next Pathway. False if there is no other:
    /// then the viewer goes on with what it has.
    fn go_on_at_once(&mut self, trouble: &Trouble) -> bool {
        if !self.steerer.has_another() {
            return false;
        }
        self.failures += 1;
        if self.failures < TRIES && !trouble.is_timeout() {
            return true;
        }
        self.move_on(Reason::Failure)
    }

    /// Changes to the best Pathway. Returns false if that is the current one.
    fn move_on(&mut self, reason: Reason) -> bool {
        if !self.steerer.change(reason) {
            return false;
        }
        self.failures = 0;
        self.new_server = true;
        if let Some(progress) = &mut self.progress {
            progress.moving = true;
            // The other server is as far from the live edge as it is.
            progress.least_age = None;
        }
        true
    }

    async fn session(&mut self) -> Result<End, Trouble> {
        let connected_at = now();
        let (place, mut playlists) = self.arrive().await?;
        let mut downloads = match playlists.beside() {
            Some(beside) => beside,
            None => self.dial(&place).await?,
        };
        if self.progress.is_none() {
            let (view, at) = self.context(&place).reload(&mut playlists, None, Asked::default()).await?;
            self.progress = Some(Progress::new(view, at, connected_at));
        }
        loop {
            if self.move_on(Reason::Steering) {
                return Ok(End::Moved);
            }
            let Some(progress) = &self.progress else { return Err(Trouble::Waiting) };
            let (items, missed) = media::following(&progress.view.playlist, progress.next);
            let ended = progress.view.playlist.ended;
            let (view, asked) = (Arc::clone(&progress.view), progress.asked(self.new_server));
            if missed > 0 {
                lock(&self.tally).missed_parts += missed;
            }
            if ended {
                self.download(&mut downloads, &place, items).await?;
                lock(&self.tally).ended += 1;
                if let Some(progress) = &mut self.progress {
                    progress.ended = true;
                }
                return Ok(End::Over);
            }
            // The next playlist is asked for before the parts of this one are there.
            let context = self.context(&place);
            let reload = context.reload(&mut playlists, Some(view), asked);
            let (next, at) = together(reload, self.download(&mut downloads, &place, items)).await?;
            (self.failures, self.new_server, self.was_answered) = (0, false, true);
            if let Some(progress) = &mut self.progress {
                progress.view = next;
                progress.view_at = at;
                progress.live = true;
            }
        }
    }

    /// A connection to where the viewer watches; the first time, by way of the multivariant playlist.
    async fn arrive(&mut self) -> Result<(Place, Connection), Trouble> {
        let mut first = None;
        if self.steerer.pathways().is_none() {
            let server = self.viewer.dialer.server.clone();
            let here = Place { pathway: String::new(), steered: false, url: server };
            let mut connection = self.dial(&here).await?;
            self.choose(&mut connection).await?;
            first = Some((here, connection));
        }
        let (place, variant) = self.place()?;
        let new = self.variant.as_ref().is_some_and(|old| old.stable_id != variant.stable_id);
        self.variant = Some(variant);
        if new && let Some(progress) = &mut self.progress {
            progress.init = None;
        }
        if let Some(pathways) = self.steerer.pathways()
            && let Some(pathway) = pathways.get(&place.pathway)
        {
            self.shared.compare(pathway, self.independent);
        }
        let connection = match first {
            Some((here, connection)) if here.url.with_path("") == place.url.with_path("") => connection,
            _ => self.dial(&place).await?,
        };
        Ok((place, connection))
    }

    fn place(&self) -> Result<(Place, Variant), Trouble> {
        let index = match self.viewer.choice {
            Choice::Spread => {
                let pathways = self.steerer.pathways();
                let first = pathways.as_ref().and_then(|pathways| pathways.all().first());
                self.viewer.index % first.map_or(1, |pathway| pathway.variants.len().max(1))
            }
            Choice::Only(index) => index,
        };
        self.steerer.place(self.variant.as_ref(), index).ok_or(Trouble::Unreadable { what: MULTIVARIANT })
    }

    async fn dial(&self, place: &Place) -> Result<Connection, Trouble> {
        let dialer = Dialer { server: place.url.clone(), ..self.viewer.dialer.clone() };
        dialer.connect().await.map_err(|error| Trouble::Http { what: "connection", error })
    }

    async fn choose(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        let own = &self.viewer.dialer.server.path;
        let answer = get(connection, own, Keep::Body, ANSWER_DEADLINE, MULTIVARIANT).await?;
        let unreadable = || Trouble::Unreadable { what: MULTIVARIANT };
        let text = gzip::text(&answer.body, answer.is_gzip()).map_err(|_| unreadable())?;
        let multivariant = Multivariant::parse(&text).map_err(|_| unreadable())?;
        if !self.steerer.begin(&multivariant, self.viewer.steering) {
            return Err(unreadable());
        }
        self.independent = multivariant.independent_segments;
        let mut tally = lock(&self.tally);
        tally.watching += 1;
        let breaches = crate::check::single::multivariant(&multivariant);
        if self.viewer.index == 0 {
            tally.breach(breaches.into_iter().map(|b| b.with_excerpt(&text)).collect());
        }
        Ok(())
    }

    fn context(&self, place: &Place) -> Context {
        let (shared, tally) = (Arc::clone(&self.shared), Arc::clone(&self.tally));
        Context { shared, tally, index: self.viewer.index, place: place.clone() }
    }

    async fn download(
        &mut self,
        connection: &mut Connection,
        place: &Place,
        items: Vec<Item>,
    ) -> Result<(), Trouble> {
        for item in items {
            if let Some(map) = &item.map
                && !item.gap
                && self.progress.as_ref().is_some_and(|p| p.init.as_ref() != Some(map))
            {
                let answer = self.object(connection, place, map, "init section").await?;
                lock(&self.tally).received(place.counted(), answer.length);
                if let Some(progress) = &mut self.progress {
                    progress.init = Some(map.clone());
                }
            }
            let start = now();
            let result =
                if item.gap { None } else { Some(self.object(connection, place, &item.uri, "media").await) };
            self.downloaded(&item, place, start, result)?;
        }
        Ok(())
    }

    /// Section or media, compared with what others gave under the same name.
    async fn object(
        &self,
        connection: &mut Connection,
        place: &Place,
        uri: &str,
        what: &'static str,
    ) -> Result<Answer, Trouble> {
        let path = place.path_of(uri, what)?;
        let keep = if self.viewer.objects.is_some() { Keep::Digest } else { Keep::Length };
        let answer = get(connection, &path, keep, ANSWER_DEADLINE, what).await?;
        if let (Some(objects), Some(digest)) = (&self.viewer.objects, answer.digest) {
            // Pathways may have other paths; what their playlists call a variant's media is the same.
            let stable_id = self.variant.as_ref().and_then(|variant| variant.stable_id.as_deref());
            let name = format!("{} {uri}", stable_id.unwrap_or(place.url.bare_path()));
            let (compared, breach) = objects.note(name, &place.url.authority(), digest);
            let mut tally = lock(&self.tally);
            tally.steering.compared += u64::from(compared);
            tally.breach(breach.into_iter().collect());
        }
        Ok(answer)
    }

    fn downloaded(
        &mut self,
        item: &Item,
        place: &Place,
        start: Instant,
        result: Option<Result<Answer, Trouble>>,
    ) -> Result<(), Trouble> {
        let now = now();
        let result = match result {
            // The connection is gone; the part is asked for again on the next one.
            Some(Err(trouble)) if !matches!(trouble, Trouble::Status { .. }) => return Err(trouble),
            // Another Pathway may have it.
            Some(Err(trouble)) if self.steerer.has_another() => return Err(trouble),
            result => result,
        };
        if let Some(Ok(answer)) = &result {
            self.steerer.measured(answer.length, now - start);
        }
        let Some(progress) = &mut self.progress else { return Ok(()) };
        let mut tally = lock(&self.tally);
        if item.discontinuity {
            tally.discontinuities += 1;
            progress.least_age = None;
        }
        match result {
            Some(Ok(answer)) => {
                tally.media += 1;
                tally.received(place.counted(), answer.length);
                tally.downloads.add(now - start);
                if let Some(age) = item.end_us.and_then(age_of).filter(|_| progress.live) {
                    tally.latency.add(age);
                    let least = progress.least_age.map_or(age, |least| least.min(age));
                    progress.least_age = Some(least);
                    tally.late_parts += u64::from(age > least + progress.part_target);
                }
            }
            Some(Err(trouble)) => {
                tally.missed_parts += 1;
                tally.error(trouble.to_string());
            }
            None => tally.missed_parts += 1,
        }
        let (stall, gap) = progress.loaded(item, now);
        if let Some(stall) = stall {
            tally.stall(stall);
        }
        tally.gap(gap);
        if progress.playback.has_begun() && !progress.begun {
            progress.begun = true;
            tally.playing += 1;
            tally.first_picture.add(now - progress.connected_at);
        }
        Ok(())
    }

    fn trouble(&self) {
        if let Ok((place, _)) = self.place() {
            self.shared.trouble(&place.pathway);
        }
    }

    fn finish(&mut self) {
        let Some(progress) = &mut self.progress else { return };
        let now = now();
        progress.playback.advance(now);
        if let Some(stall) = progress.playback.stalled(now)
            && !progress.ended
        {
            let mut tally = lock(&self.tally);
            tally.stall(stall);
            tally.gap(progress.moving.then_some(stall.length));
        }
    }
}

/// Waits for a playlist and for the parts of the one before it. A download that fails ends both: the server may hold the
/// playlist back for long. One that goes on is not cut by a playlist that fails.
async fn together<T>(
    reload: impl Future<Output = Result<T, Trouble>>,
    download: impl Future<Output = Result<(), Trouble>>,
) -> Result<T, Trouble> {
    let (mut reload, mut download) = (std::pin::pin!(reload), std::pin::pin!(download));
    tokio::select! {
        biased;
        downloaded = &mut download => {
            downloaded?;
            reload.await
        }
        next = &mut reload => {
            download.await?;
            next
        }
    }
}

/// The age by this machine's clock; `None` when it is in the future.
fn age_of(end_us: i64) -> Option<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    now.checked_sub(Duration::from_micros(u64::try_from(end_us).ok()?))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const GONE: Trouble = Trouble::Elsewhere { what: "media" };

    #[tokio::test(start_paused = true)]
    async fn a_download_that_fails_does_not_wait_for_the_playlist() {
        let playlist = pending::<Result<(), Trouble>>();
        let both = tokio::time::timeout(PAUSE, together(playlist, ready(Err(GONE)))).await;
        assert!(matches!(both, Ok(Err(Trouble::Elsewhere { .. }))), "{both:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_playlist_that_fails_does_not_cut_a_download() {
        let mut complete = false;
        let download = async {
            tokio::time::sleep(PAUSE).await;
            complete = true;
            Ok(())
        };
        let both = together(ready(Err::<(), _>(GONE)), download).await;
        assert!(both.is_err() && complete, "{both:?}");
    }
}
