//! Answering requests from the live window.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use farcast_feed::hls::{Answer, Directives, Form, Refusal};
use farcast_feed::name::{ObjectKind, ObjectName, VariantId};
use farcast_feed::window::{Lookup, State as SegmentState, StreamWindow, VariantWindow};
use farcast_link::receiver::FetchError;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Live;
use super::object::Object;
use super::rendering::Playlist;
use super::state::State;
use super::waiter::Waiter;

/// A request is held for this many target durations (RFC 8216bis §6.2.5.2: 503 after three).
const BLOCKED_TARGETS: u32 = 3;

/// Most parts of a segment that are put together here; one with more is fetched whole.
const MAX_JOINED_PARTS: u32 = 256;

/// A media playlist as the answer to a request.
#[derive(Clone, Debug)]
pub struct Media {
    /// The playlist.
    pub playlist: Playlist,
    /// True if it is the first that has what a blocking request asked for.
    pub first: bool,
}

/// The reason why a request does not get its object. The server maps it to a status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// Not found, or not available any more.
    #[error("not found")]
    NotFound,
    /// There is no broadcast.
    #[error("there is no broadcast")]
    NoBroadcast,
    /// The directives ask for what lies too far ahead.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The object did not come in time.
    #[error("nothing new came in time")]
    TimedOut,
    /// The origin has not been heard of, or an object could not be fetched from it.
    #[error("the origin cannot be reached")]
    Unavailable,
}

impl Live {
    /// EXT-X-TARGETDURATION, which cache lifetimes are made of; a second without a broadcast.
    #[must_use]
    pub fn target_duration(&self) -> Duration {
        self.read().target_duration()
    }

    /// Rank of a variant among the ladder's rates, 0 for the lowest: what urgency is made of.
    #[must_use]
    pub fn rank(&self, variant: VariantId) -> usize {
        let state = self.read();
        let Some(window) = &state.window else { return 0 };
        let ladder = window.presentation();
        let Some(own) = ladder.variant(variant) else { return 0 };
        ladder.variants.iter().filter(|other| other.nominal_bps < own.nominal_bps).count()
    }

    /// True while there is a broadcast that goes on.
    #[must_use]
    pub fn has_broadcast(&self) -> bool {
        self.read().window.as_ref().is_some_and(|window| !window.has_ended())
    }

    /// True if viewers can be given all variants of a broadcast.
    #[must_use]
    pub fn is_playable(&self) -> bool {
        self.read().window.as_ref().is_some_and(|window| window.is_settled())
    }

    /// The variants of the broadcast, and the throughput in bits per second below which a player cannot follow even the lowest:
    /// three quarters of its average as it was measured, since what an encoder sends may be far from what is expected of it. A
    /// player at the live edge waits for parts while they are made, so that what it measures is near the average however fast
    /// its network is. Nothing without a broadcast.
    #[must_use]
    pub fn ladder(&self) -> (Vec<VariantId>, u64) {
        let state = self.read();
        let Some(window) = &state.window else { return (Vec::new(), 0) };
        let variants = &window.presentation().variants;
        let measured = |id| window.get(id).and_then(VariantWindow::measured_bps).map(|(_, average)| average);
        let average = variants
            .iter()
            .map(|variant| measured(variant.id).filter(|bps| *bps > 0).unwrap_or(variant.nominal_bps));
        let needed = average.min().unwrap_or_default() / 4 * 3;
        (variants.iter().map(|variant| variant.id).collect(), needed)
    }

    /// The multivariant playlist, as soon as it names all variants, or after a bounded wait those that
    /// can be played.
    ///
    /// # Errors
    /// [`Failure::NoBroadcast`], [`Failure::Unavailable`], or [`Failure::TimedOut`] when nothing could be played in time.
    pub async fn multivariant(&self) -> Result<Playlist, Failure> {
        let settled = self
            .wait(self.any_change.subscribe(), |state| {
                let stream = window(state)?;
                if stream.is_settled() {
                    return Ok(self.render_multivariant(state));
                }
                if stream.has_ended() { Err(Failure::NoBroadcast) } else { Ok(None) }
            })
            .await;
        match settled {
            Err(Failure::TimedOut) => self.render_multivariant(&self.read()).ok_or(Failure::TimedOut),
            settled => settled,
        }
    }

    /// A media playlist, when the directives allow it to be answered (RFC 8216bis §6.2.5.2).
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn media(&self, variant: VariantId, directives: &Directives) -> Result<Media, Failure> {
        let Some(changes) = self.changes.get(usize::from(variant.0)) else {
            return Err(Failure::NotFound);
        };
        let form = if directives.skip { Form::Delta } else { Form::Full };
        self.wait(changes.subscribe(), |state| {
            let stream = window(state)?;
            let window = stream.get(variant).ok_or(Failure::NotFound)?;
            match window.answer(directives) {
                Answer::Wait => Ok(None),
                Answer::Refuse(refusal) => Err(refusal.into()),
                Answer::Ready { .. } if !window.is_playable() => Err(Failure::NotFound),
                Answer::Ready { first } => {
                    if let Some(traces) = &self.traces {
                        traces.told(variant);
                    }
                    let playlist = self.render_media(state, stream, variant, form);
                    playlist.map(|playlist| Some(Media { playlist, first })).ok_or(Failure::NotFound)
                }
            }
        })
        .await
    }

    /// A media object: from here, or fetched; one that a playlist hints at is waited for.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn object(&self, name: ObjectName) -> Result<Object, Failure> {
        // Nearly all requests are for parts that are held. Each waiting request keeps room for everything that it might come
        // to, so large and rare cases are boxed.
        let mut here = self.held(&name);
        if here.is_none() {
            here = Box::pin(self.cached(&name)).await;
        }
        if here.is_none() && self.await_hinted(&name).await? {
            // It is among the held parts now, unless much happened at once; then it is fetched.
            here = self.held(&name);
            if here.is_none() {
                here = Box::pin(self.cached(&name)).await;
            }
        }
        if let Some(object) = here {
            self.metrics.hits.inc();
            return Ok(object);
        }
        self.metrics.misses.inc();
        Box::pin(self.fetched(name)).await.map(Object::from)
    }

    /// The object, if all of its bytes are in the cache.
    async fn cached(&self, name: &ObjectName) -> Option<Object> {
        if let Some(bytes) = self.cache.get(name).await {
            return Some(bytes.into());
        }
        let ObjectKind::Segment(msn) = name.kind else { return None };
        let count = self.complete_parts(name)?;
        let mut chunks = Vec::with_capacity(usize::try_from(count).ok()?);
        for index in 0..count {
            let part = ObjectName { kind: ObjectKind::Part(msn, index), ..*name };
            let held = self.held(&part).and_then(|object| object.into_chunks().pop_front());
            chunks.push(match held {
                Some(bytes) => bytes,
                None => self.cache.get(&part).await?,
            });
        }
        Some(chunks.into_iter().collect())
    }

    /// From the parts that are held outside the cache.
    fn held(&self, name: &ObjectName) -> Option<Object> {
        let state = self.read();
        let window = state.window.as_ref()?.get(name.variant)?;
        match name.kind {
            ObjectKind::Init(number) => {
                window.init_section(name.epoch, number).map(|init| init.bytes.clone().into())
            }
            ObjectKind::Part(msn, index) => {
                let segment = window.segment(name.epoch, msn)?;
                let (part, bytes) = segment.held_part(index)?;
                let mut object = Object::from(bytes.clone());
                let is_newest = window.last().is_some_and(|last| last.msn() == msn)
                    && index.saturating_add(1) == segment.part_count;
                object.born = is_newest.then_some(part.meta.closed_at);
                object.traced = self.traces.as_ref().and_then(|traces| traces.unsent(name));
                Some(object)
            }
            ObjectKind::Segment(_) => None,
        }
    }

    /// Number of parts of a complete segment, if it can be put together from them.
    fn complete_parts(&self, name: &ObjectName) -> Option<u32> {
        let ObjectKind::Segment(msn) = name.kind else { return None };
        let state = self.read();
        let segment = state.window.as_ref()?.get(name.variant)?.segment(name.epoch, msn)?;
        let whole =
            matches!(segment.state, SegmentState::Closed(_)) && !segment.listed_parts().iter().any(|p| p.gap);
        (whole && (1..=MAX_JOINED_PARTS).contains(&segment.part_count)).then_some(segment.part_count)
    }

    /// Waits while the object is hinted at. True if it is known then.
    async fn await_hinted(&self, name: &ObjectName) -> Result<bool, Failure> {
        let Some(changes) = self.changes.get(usize::from(name.variant.0)) else {
            return Err(Failure::NotFound);
        };
        self.wait(changes.subscribe(), |state| {
            let window = window(state)?.get(name.variant).ok_or(Failure::NotFound)?;
            match window.lookup(name) {
                Lookup::Present => Ok(Some(true)),
                Lookup::Pending => Ok(None),
                Lookup::Absent => Err(Failure::NotFound),
            }
        })
        .await
    }

    /// Fetches an object, once for all who ask for it at the same time.
    async fn fetched(&self, name: ObjectName) -> Result<Bytes, Failure> {
        let fetch = async {
            let fetch = self.fetch.fetch(self.config.stream.clone(), name);
            let outcome =
                timeout(self.config.fetch_deadline, fetch).await.unwrap_or(Err(FetchError::Timeout));
            self.metrics.fetched(outcome.as_ref().map(|_| ()).map_err(|error| *error));
            outcome
        };
        self.cache.get_or_fetch(name, fetch).await.map_err(|error| match *error {
            FetchError::NotFound => Failure::NotFound,
            FetchError::LinkDown | FetchError::Timeout | FetchError::Busy => Failure::Unavailable,
        })
    }

    /// Calls `check` now and after each change until it has an answer, for three target durations.
    /// The clock is never reset: the object is late either way.
    async fn wait<T>(
        &self,
        mut changes: watch::Receiver<u64>,
        mut check: impl FnMut(&State) -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        changes.borrow_and_update();
        let deadline = {
            let state = self.read();
            if let Some(answer) = check(&state)? {
                return Ok(answer);
            }
            state.target_duration() * BLOCKED_TARGETS
        };
        let _counted = Waiter::new(&self.metrics.waiters, &self.metrics.blocked_seconds);
        timeout(deadline, async {
            loop {
                // The senders live as long as this does.
                if changes.changed().await.is_err() {
                    return Err(Failure::TimedOut);
                }
                if let Some(answer) = check(&self.read())? {
                    return Ok(answer);
                }
            }
        })
        .await
        .unwrap_or(Err(Failure::TimedOut))
    }

    fn render_media(
        &self,
        state: &State,
        window: &StreamWindow,
        variant: VariantId,
        form: Form,
    ) -> Option<Playlist> {
        let renderings = state.renderings(variant)?;
        // A delta without anything to skip is the full playlist: rendered once, not twice.
        let nothing_to_skip = window.get(variant).is_none_or(|window| window.skippable() == 0);
        let form = if nothing_to_skip { Form::Full } else { form };
        let (slot, kind) = match form {
            Form::Full => (&renderings.full, "full"),
            Form::Delta => (&renderings.delta, "delta"),
        };
        self.once(slot, kind, || window.render_media(variant, form))
    }

    fn render_multivariant(&self, state: &State) -> Option<Playlist> {
        let window = state.window.as_ref()?;
        let renderings: Arc<_> = state.multivariant_rendering();
        self.once(&renderings.full, "multivariant", || window.render_multivariant(state.pathway.as_deref()))
    }

    fn once(
        &self,
        slot: &OnceLock<Option<Playlist>>,
        kind: &str,
        render: impl FnOnce() -> Option<String>,
    ) -> Option<Playlist> {
        slot.get_or_init(|| {
            self.metrics.renderings.with_label_values(&[kind]).inc();
            render().map(Playlist::new)
        })
        .clone()
    }
}

/// The window, or why there is none.
fn window(state: &State) -> Result<&StreamWindow, Failure> {
    match &state.window {
        Some(window) => Ok(window),
        None if state.link_up => Err(Failure::NoBroadcast),
        None => Err(Failure::Unavailable),
    }
}
