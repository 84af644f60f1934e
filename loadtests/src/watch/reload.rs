//! A reload of a viewer's Media Playlist: asked for, judged, and merged if it came as a delta.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::check::reload::Asked;
use crate::check::siblings::Exchange;
use crate::http::connection::{Connection, Keep};
use crate::watch::bodies::{Step, View};
use crate::watch::request::{ANSWER_DEADLINE, Place, Trouble, get, query};
use crate::watch::shared::{Shared, SharedTally, UNSTEADY, lock, now};

/// The input of a reload, apart from the state that a download changes at the same time.
pub(super) struct Context {
    pub(super) shared: Arc<Shared>,
    pub(super) tally: SharedTally,
    /// Number of the viewer.
    pub(super) index: usize,
    pub(super) place: Place,
}

impl Context {
    /// The next view after `before`, and when it was complete.
    pub(super) async fn reload(
        &self,
        connection: &mut Connection,
        before: Option<Arc<View>>,
        asked: Asked,
    ) -> Result<(Arc<View>, Instant), Trouble> {
        const WHAT: &str = "media playlist";
        let target = before.as_ref().map_or(Duration::ZERO, |view| view.playlist.target_duration());
        // A server gives up after three target durations; this is later.
        let limit = ANSWER_DEADLINE + target * 3;
        let full = Asked { skip: false, ..asked };
        for asked in [asked, full] {
            let sent = now();
            let path = query(&self.place.url.path, asked);
            let answer = get(connection, &path, Keep::Body, limit, WHAT).await?;
            let exchange = Exchange { asked: sent, answered: now() };
            let (step, breaches) =
                lock(&self.shared.bodies).step(&answer.body, answer.is_gzip(), asked, before.as_ref());
            {
                let mut tally = lock(&self.tally);
                tally.playlists += 1;
                tally.received(self.place.counted(), answer.length);
                tally.breach(breaches);
            }
            match step {
                Step::View(view) => {
                    self.audit(&view, exchange);
                    return Ok((view, exchange.answered));
                }
                Step::Refetch if asked.skip => {}
                Step::Refetch | Step::Broken => break,
            }
        }
        Err(Trouble::Unreadable { what: WHAT })
    }

    /// The first viewers of an edge compare the variants.
    fn audit(&self, view: &View, exchange: Exchange) {
        /// Enough to have one on each variant of any sensible ladder.
        const AUDITORS: usize = 16;
        if self.index >= AUDITORS {
            return;
        }
        let breaches = match lock(&self.shared.siblings).get_mut(&self.place.pathway) {
            Some((siblings, trouble)) => {
                let steady = now().saturating_duration_since(*trouble) > UNSTEADY;
                siblings.observe(self.place.url.bare_path(), &view.playlist, exchange, steady)
            }
            None => Vec::new(),
        };
        if !breaches.is_empty() {
            lock(&self.tally).breach(breaches);
        }
    }
}
