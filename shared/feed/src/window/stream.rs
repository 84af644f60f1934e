//! The window of a stream: those of all variants of its presentation.

use std::sync::Arc;

use super::keep::Keep;
use super::segment::{Segment, State};
use super::variant::VariantWindow;
use crate::feed::{FeedEvent, MAX_VARIANTS, Presentation, Snapshot};
use crate::name::{Epoch, VariantId};

/// The variant whose playlist an input changed. (Every other playlist's rendition reports change with it.)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Changed {
    /// Nobody's.
    Nothing,
    /// One variant's.
    One(VariantId),
    /// All.
    All,
}

/// The window of a stream.
#[derive(Clone, Debug)]
pub struct StreamWindow {
    keep: Keep,
    presentation: Arc<Presentation>,
    pub(super) windows: Vec<VariantWindow>,
    ended: bool,
}

impl StreamWindow {
    /// An empty window.
    #[must_use]
    pub fn new(presentation: Arc<Presentation>, keep: Keep) -> Self {
        let windows = (0..)
            .zip(presentation.variants.iter().take(MAX_VARIANTS))
            .map(|(id, _)| VariantWindow::new(&presentation, VariantId(id), keep))
            .collect();
        Self { keep, presentation, windows, ended: false }
    }

    /// The constants of the epoch.
    #[must_use]
    pub fn presentation(&self) -> &Arc<Presentation> {
        &self.presentation
    }

    /// The window of a variant.
    #[must_use]
    pub fn get(&self, variant: VariantId) -> Option<&VariantWindow> {
        self.windows.get(usize::from(variant.0))
    }

    /// All windows, in the ladder's order.
    pub fn iter(&self) -> impl Iterator<Item = &VariantWindow> {
        self.windows.iter()
    }

    /// Bytes of all parts that are here.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.windows.iter().flat_map(VariantWindow::all).map(Segment::held_bytes).sum()
    }

    /// True if the broadcast is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes the next event of the feed. One of an epoch that is past, or that is known, changes nothing in playlists;
    /// a part that was announced brings its bytes all the same.
    pub fn apply(&mut self, event: &FeedEvent) -> Changed {
        if let FeedEvent::Started(presentation) = event {
            return self.start(presentation);
        }
        if event.epoch() != self.presentation.epoch {
            return Changed::Nothing;
        }
        match event {
            FeedEvent::Started(_) => Changed::Nothing,
            FeedEvent::Init { epoch, variant, number, format, bytes } => {
                self.change(*variant, |window| window.add_init(*epoch, *number, format, bytes))
            }
            FeedEvent::SegmentOpened { variant, start, .. } => self.change(*variant, |w| w.open(*start)),
            FeedEvent::Part { epoch, variant, msn, meta, bytes } => {
                let changed = self.change(*variant, |window| {
                    let is_new = window.add_part(*msn, meta);
                    window.fill(*epoch, *msn, meta.index, bytes);
                    is_new
                });
                self.fit();
                changed
            }
            FeedEvent::SegmentClosed { variant, end, .. } => self.change(*variant, |window| {
                let is_new = window.close(end);
                window.confirm_end(end);
                is_new
            }),
            FeedEvent::SegmentLost { variant, start, duration, .. } => {
                self.change(*variant, |window| window.lose(*start, *duration))
            }
            FeedEvent::Ended { .. } => self.end(),
        }
    }

    /// True if what the event says is so in this window, which has been given it: it belongs to the current epoch, and
    /// followed from what was said before. Others further on can make use of it too.
    #[must_use]
    pub fn holds(&self, event: &FeedEvent) -> bool {
        if event.epoch() != self.presentation.epoch {
            return false;
        }
        let segment = |variant: VariantId, msn| self.get(variant)?.segment(event.epoch(), msn);
        match event {
            FeedEvent::Started(_) => true,
            FeedEvent::Init { epoch, variant, number, .. } => {
                self.get(*variant).is_some_and(|window| window.init_section(*epoch, *number).is_some())
            }
            FeedEvent::SegmentOpened { variant, start, .. } => segment(*variant, start.msn).is_some(),
            FeedEvent::Part { variant, msn, meta, .. } => {
                segment(*variant, *msn).is_some_and(|segment| segment.held_part(meta.index).is_some())
            }
            FeedEvent::SegmentClosed { variant, end, .. } => {
                segment(*variant, end.msn).is_some_and(|segment| segment.end.as_ref() == Some(end))
            }
            FeedEvent::SegmentLost { variant, start, .. } => {
                segment(*variant, start.msn).is_some_and(|segment| matches!(segment.state, State::Lost(_)))
            }
            FeedEvent::Ended { .. } => self.ended,
        }
    }

    /// Takes the state of the feed. Known facts change nothing; facts that are only known here stay.
    pub fn merge(&mut self, snapshot: &Snapshot) -> Changed {
        let mut changed = self.start(&snapshot.presentation);
        if snapshot.presentation.epoch != self.presentation.epoch {
            return changed;
        }
        for (window, news) in self.windows.iter_mut().zip(&snapshot.variants) {
            if window.merge(news) {
                changed = Changed::All;
            }
        }
        if snapshot.ended && self.end() == Changed::All {
            changed = Changed::All;
        }
        changed
    }

    fn start(&mut self, presentation: &Arc<Presentation>) -> Changed {
        if presentation.epoch <= self.presentation.epoch {
            return Changed::Nothing;
        }
        if self.is_continued_by(presentation) {
            self.windows.iter_mut().for_each(|window| window.continue_as(presentation.epoch));
            self.presentation = Arc::clone(presentation);
        } else {
            *self = Self::new(Arc::clone(presentation), self.keep);
        }
        Changed::All
    }

    fn is_continued_by(&self, next: &Presentation) -> bool {
        let now = &self.presentation;
        next.continues
            && !self.ended
            && next.stream == now.stream
            && next.part_target == now.part_target
            && next.target_duration_s == now.target_duration_s
            && next.variants.len() == now.variants.len()
    }

    fn end(&mut self) -> Changed {
        self.ended = true;
        let mut any = false;
        for window in &mut self.windows {
            any |= window.end();
        }
        if any { Changed::All } else { Changed::Nothing }
    }

    /// Forgets the bytes of the oldest segments, of all variants alike, until the others are as few as they are to be.
    fn fit(&mut self) {
        let Keep::Window { max_bytes } = self.keep else { return };
        let mut bytes = self.held_bytes();
        while bytes > max_bytes {
            let oldest = self.windows.iter_mut().filter_map(VariantWindow::oldest_held);
            let Some(oldest) = oldest.min_by_key(|segment| segment.start.program_date_time) else { return };
            bytes = bytes.saturating_sub(oldest.held_bytes());
            oldest.forget_parts();
        }
    }

    fn change(&mut self, variant: VariantId, change: impl FnOnce(&mut VariantWindow) -> bool) -> Changed {
        let changed = self.windows.get_mut(usize::from(variant.0)).is_some_and(change);
        if changed { Changed::One(variant) } else { Changed::Nothing }
    }

    /// Epoch that the feed is in.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.presentation.epoch
    }
}
