//! The state of the live window, as a plain struct: inputs and the time go in, changes come out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use farcast_feed::feed::{FeedEvent, MAX_VARIANTS, Presentation};
use farcast_feed::name::{ObjectKind, ObjectName, VariantId};
use farcast_feed::time::WallTime;
use farcast_feed::window::{Changed, Keep, StreamWindow, VariantWindow};

use super::input::Input;
use super::lag::LagMeter;
use super::rendering::Renderings;

/// Shortest time for which an ended broadcast is served beyond its window's length.
const ENDED_GRACE: Duration = Duration::from_secs(60);

/// The changes of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Changes {
    /// Bit per variant.
    pub(super) variants: u64,
    /// True if anything changed, the link's state included.
    pub(super) any: bool,
}

const _: () = assert!(MAX_VARIANTS <= 64, "a bit per variant");

impl Changes {
    fn all() -> Self {
        Self { variants: u64::MAX, any: true }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct State {
    pub(super) link_up: bool,

    pub(super) window: Option<StreamWindow>,
    /// The pathway of this edge, while players may choose between edges.
    pub(super) pathway: Option<String>,
    pub(super) lag: LagMeter,
    /// Grows whenever a playlist changes.
    pub(super) version: u64,
    ended_at: Option<Instant>,
    /// Per variant, the renderings of the current version, or of the last one.
    renderings: [Mutex<Arc<Renderings>>; MAX_VARIANTS],
    multivariant: Mutex<Arc<Renderings>>,
}

impl State {
    pub(super) fn apply(&mut self, batch: Vec<Input>, now: Instant, wall: WallTime) -> Changes {
        let mut changes = Changes::default();
        for input in batch {
            match &input {
                Input::Feed(FeedEvent::Part { epoch, variant, msn, meta, .. }) => {
                    let name = ObjectName {
                        epoch: *epoch,
                        variant: *variant,
                        kind: ObjectKind::Part(*msn, meta.index),
                    };
                    if self.awaits(&name) {
                        self.lag.arrived(meta.closed_at, now, wall);
                    }
                }
                Input::Feed(FeedEvent::Started(_)) => self.lag.restart(),
                _ => {}
            }
            match input {
                Input::Up => {
                    changes.any |= !self.link_up;
                    self.link_up = true;
                }
                Input::Down => {
                    changes.any |= self.link_up;
                    self.link_up = false;
                }
                Input::Snapshot(snapshot) => {
                    let window = self.window.get_or_insert_with(|| empty(&snapshot.presentation));
                    note(&mut changes, window.merge(&snapshot));
                }
                Input::Feed(event) => self.take(&event, &mut changes),
            }
        }
        if changes.variants != 0 {
            changes.any = true;
            self.version += 1;
        }
        match &self.window {
            Some(window) if window.has_ended() => self.ended_at = self.ended_at.or(Some(now)),
            _ => self.ended_at = None,
        }
        changes
    }

    /// True if a part is the next of its variant, and not one of those that a newcomer fetches.
    fn awaits(&self, part: &ObjectName) -> bool {
        let window = self.window.as_ref().and_then(|window| window.get(part.variant));
        window.and_then(VariantWindow::hint).as_ref() == Some(part)
    }

    fn take(&mut self, event: &FeedEvent, changes: &mut Changes) {
        let changed = match (&mut self.window, event) {
            (Some(window), event) => window.apply(event),
            (none, FeedEvent::Started(presentation)) => {
                *none = Some(empty(presentation));
                Changed::All
            }
            (None, _) => Changed::Nothing,
        };
        note(changes, changed);
    }

    /// Sets the pathway of this edge: the multivariant playlist changes with it.
    pub(super) fn set_pathway(&mut self, pathway: Option<String>) -> Changes {
        if self.pathway == pathway {
            return Changes::default();
        }
        self.pathway = pathway;
        self.version += 1;
        Changes { any: true, ..Changes::default() }
    }

    /// Time at which an ended broadcast is to be forgotten: after its playlist's length (RFC 8216bis §6.2.2).
    pub(super) fn expires_at(&self) -> Option<Instant> {
        let window = self.window.as_ref()?;
        self.ended_at?.checked_add(window.presentation().window + ENDED_GRACE)
    }

    pub(super) fn expire(&mut self, now: Instant) -> Changes {
        if self.expires_at().is_none_or(|at| now < at) {
            return Changes::default();
        }
        self.window = None;
        self.ended_at = None;
        self.version += 1;
        Changes::all()
    }

    /// EXT-X-TARGETDURATION; a second while there is no broadcast.
    pub(super) fn target_duration(&self) -> Duration {
        let seconds = self.window.as_ref().map_or(1, |window| window.presentation().target_duration_s.max(1));
        Duration::from_secs(u64::from(seconds))
    }

    pub(super) fn renderings(&self, variant: VariantId) -> Option<Arc<Renderings>> {
        let slot = self.renderings.get(usize::from(variant.0))?;
        Some(current(slot, self.version))
    }

    pub(super) fn multivariant_rendering(&self) -> Arc<Renderings> {
        current(&self.multivariant, self.version)
    }
}

fn empty(presentation: &Arc<Presentation>) -> StreamWindow {
    StreamWindow::new(Arc::clone(presentation), Keep::Listed)
}

fn note(changes: &mut Changes, changed: Changed) {
    match changed {
        Changed::Nothing => {}
        Changed::One(variant) => changes.variants |= 1 << variant.0,
        Changed::All => *changes = Changes::all(),
    }
}

fn current(slot: &Mutex<Arc<Renderings>>, version: u64) -> Arc<Renderings> {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if slot.version != version {
        *slot = Arc::new(Renderings::new(version));
    }
    Arc::clone(&slot)
}
