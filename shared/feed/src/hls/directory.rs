//! All windows of a presentation: the feed goes in, playlists come out.

use std::sync::Arc;

use super::media::Form;
use super::window::Window;
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

/// The windows of all variants, which share one presentation.
#[derive(Clone, Debug)]
pub struct Windows {
    presentation: Arc<Presentation>,
    windows: Vec<Window>,
    ended: bool,
}

impl Windows {
    /// Empty windows.
    #[must_use]
    pub fn new(presentation: Arc<Presentation>) -> Self {
        let windows = (0..)
            .zip(presentation.variants.iter().take(MAX_VARIANTS))
            .map(|(id, _)| Window::new(&presentation, VariantId(id)))
            .collect();
        Self { presentation, windows, ended: false }
    }

    /// The constants of the epoch.
    #[must_use]
    pub fn presentation(&self) -> &Arc<Presentation> {
        &self.presentation
    }

    /// The window of a variant.
    #[must_use]
    pub fn get(&self, variant: VariantId) -> Option<&Window> {
        self.windows.get(usize::from(variant.0))
    }

    /// All windows, in the ladder's order.
    pub fn iter(&self) -> impl Iterator<Item = &Window> {
        self.windows.iter()
    }

    /// True if the broadcast is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes the next event of the feed. One of an epoch that is past, or that is known, changes nothing.
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
            FeedEvent::Part { variant, msn, meta, .. } => self.change(*variant, |w| w.add_part(*msn, meta)),
            FeedEvent::SegmentClosed { variant, end, .. } => self.change(*variant, |w| w.close(end)),
            FeedEvent::SegmentLost { variant, start, duration, .. } => {
                self.change(*variant, |window| window.lose(*start, *duration))
            }
            FeedEvent::Ended { .. } => self.end(),
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

    /// The media playlist of a variant.
    #[must_use]
    pub fn render_media(&self, variant: VariantId, form: Form) -> Option<String> {
        let window = self.get(variant)?;
        let others = self.windows.iter().filter(|other| other.variant != variant);
        Some(window.render(form, others.filter_map(Window::report)))
    }

    fn start(&mut self, presentation: &Arc<Presentation>) -> Changed {
        if presentation.epoch <= self.presentation.epoch {
            return Changed::Nothing;
        }
        if self.is_continued_by(presentation) {
            self.windows.iter_mut().for_each(|window| window.continue_as(presentation.epoch));
            self.presentation = Arc::clone(presentation);
        } else {
            *self = Self::new(Arc::clone(presentation));
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

    fn change(&mut self, variant: VariantId, change: impl FnOnce(&mut Window) -> bool) -> Changed {
        let changed = self.windows.get_mut(usize::from(variant.0)).is_some_and(change);
        if changed { Changed::One(variant) } else { Changed::Nothing }
    }

    /// Epoch that the feed is in.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.presentation.epoch
    }
}
