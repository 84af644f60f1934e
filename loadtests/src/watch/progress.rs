//! A viewer's place in the presentation, which survives a lost connection and a change of the Pathway.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::check::reload::Asked;
use crate::playback::{Playback, Settings, Stall};
use crate::playlist::Position;
use crate::watch::bodies::View;
use crate::watch::media::{self, Item};
use crate::watch::shared::now;

/// The place.
pub(super) struct Progress {
    pub(super) view: Arc<View>,
    pub(super) view_at: Instant,
    /// The next part to download, on whichever Pathway.
    pub(super) next: Position,
    pub(super) playback: Playback,
    pub(super) connected_at: Instant,
    pub(super) begun: bool,
    pub(super) ended: bool,
    /// True if the backlog of the start is behind it, so that ages of parts mean something.
    pub(super) live: bool,
    pub(super) least_age: Option<Duration>,
    pub(super) part_target: Duration,
    pub(super) init: Option<String>,
    /// True from a change of the Pathway until the viewer has media of the new one and plays.
    pub(super) moving: bool,
}

impl Progress {
    /// Of a viewer that begins with `view`.
    pub(super) fn new(view: Arc<View>, view_at: Instant, connected_at: Instant) -> Self {
        let playlist = &view.playlist;
        let part_target = playlist.part_target.unwrap_or_else(|| playlist.target_duration());
        let hold_back =
            playlist.server_control.and_then(|control| control.part_hold_back).unwrap_or(part_target * 3);
        let next = media::start(playlist, hold_back);
        // Four fifths: parts may be as short as 85 % of the target.
        let playback = Playback::new(Settings { hold_back, resume: part_target * 4 / 5 });
        Self {
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
            moving: false,
        }
    }

    /// The next request: a delta only while the copy is young enough (§6.3.7), and none from a server that is new.
    pub(super) fn asked(&self, new_server: bool) -> Asked {
        let playlist = &self.view.playlist;
        let control = playlist.server_control.unwrap_or_default();
        if !control.can_block_reload {
            return Asked::default();
        }
        let age = now().saturating_duration_since(self.view_at);
        let young = control.can_skip_until.is_some_and(|until| age < until / 2);
        Asked { position: Some(playlist.next()), skip: young && !new_server }
    }

    /// Notes that an item is in the buffer at `now`. Returns the stall that it ends, and the one that a change of the
    /// Pathway cost if the viewer is over it.
    pub(super) fn loaded(&mut self, item: &Item, now: Instant) -> (Option<Stall>, Option<Duration>) {
        self.advance(item);
        let stall = self.playback.loaded(now, item.length);
        if !self.moving || self.playback.stalled(now).is_some() {
            return (stall, None);
        }
        self.moving = false;
        (stall, Some(stall.map_or(Duration::ZERO, |stall| stall.length)))
    }

    /// Moves on by one item: to the next part, or to the next segment when it was a whole one or the last part.
    fn advance(&mut self, item: &Item) {
        let from = self.next.msn;
        for segment in self.view.playlist.segments.iter().filter(|segment| segment.msn >= from) {
            let msn = segment.msn;
            if segment.uri.as_ref() == Some(&item.uri) {
                self.next = Position { msn: msn + 1, part: 0 };
                return;
            }
            if let Some((_, index)) = segment.parts.iter().zip(0..).find(|(part, _)| part.uri == item.uri) {
                let whole = segment.is_complete() && segment.parts.len() as u64 == index + 1;
                self.next = if whole {
                    Position { msn: msn + 1, part: 0 }
                } else {
                    Position { msn, part: index + 1 }
                };
                return;
            }
        }
    }
}
