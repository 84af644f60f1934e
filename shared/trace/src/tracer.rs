//! Which parts are traced, and the spans of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use farcast_feed::name::{ObjectName, StreamName};
use farcast_feed::time::WallTime;
use prometheus::{IntCounter, IntCounterVec};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::config::Share;

/// Most spans of a second, by this machine's clock: a share that was chosen too high costs no more than this.
const MAX_SPANS_PER_SECOND: u32 = 2000;

/// A step of a part's way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// At the origin, from the arrival of the part's first frame to the part's closing. All others are beneath it.
    Part,
    /// From the arrival of the part's first frame to that of its last.
    Ingest,
    /// From the arrival of the part's first frame until the ladder gave it to the packager: it was passed through, or decoded
    /// and encoded.
    Ladder,
    /// From then until the part was closed.
    Package,
    /// From the closing until the part was in QUIC's hands, for an edge.
    Queue,
    /// From then until the edge confirmed it.
    Send,
    /// At an edge, from the part's first byte to its last.
    Receive,
    /// From then until it was in the window.
    Window,
    /// From then until a viewer got a playlist that lists it.
    Playlist,
    /// From the part's being in the window until its first byte went to a viewer.
    FirstByte,
}

impl Step {
    /// Its name, as people see it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Part => "part",
            Self::Ingest => "ingest",
            Self::Ladder => "ladder",
            Self::Package => "package",
            Self::Queue => "queue",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Window => "window",
            Self::Playlist => "playlist",
            Self::FirstByte => "first byte",
        }
    }
}

/// A span on its way to the collector.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    pub(crate) trace: [u8; 16],
    pub(crate) id: [u8; 8],
    /// None of [`Step::Part`].
    pub(crate) parent: Option<[u8; 8]>,
    pub(crate) step: Step,
    pub(crate) from: WallTime,
    pub(crate) to: WallTime,
    /// The part: stream, variant, epoch, segment, index.
    pub(crate) part: Arc<str>,
    pub(crate) edge: Option<Arc<str>>,
}

/// Counters.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) sent: IntCounter,
    pub(crate) dropped: IntCounterVec,
}

impl Metrics {
    pub(crate) fn dropped(&self, reason: &str, spans: usize) {
        self.dropped.with_label_values(&[reason]).inc_by(u64::try_from(spans).unwrap_or(u64::MAX));
    }
}

/// Chooses parts and takes spans of them. Cheap to clone; clones are one.
#[derive(Clone, Debug)]
pub struct Tracer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Parts whose hash is below it are traced; none stands for all.
    threshold: Option<u64>,
    /// A name that tells this program's spans from those of others of its kind.
    instance: String,
    queue: mpsc::Sender<Span>,
    /// The current second since 1970 in the upper half, the spans of it in the lower.
    budget: AtomicU64,
    metrics: Metrics,
}

/// A part that is traced.
#[derive(Clone, Debug)]
pub struct Traced {
    tracer: Tracer,
    trace: [u8; 16],
    part: Arc<str>,
}

impl Tracer {
    pub(crate) fn new(share: Share, instance: String, queue: mpsc::Sender<Span>, metrics: Metrics) -> Self {
        Self(Arc::new(Shared {
            threshold: threshold(share),
            instance,
            queue,
            budget: AtomicU64::new(0),
            metrics,
        }))
    }

    /// The part, if it is among those that are traced.
    ///
    /// Its trace id, and whether it is chosen, are a hash of what origin and edges know of it alike: stream, epoch, variant,
    /// segment, index, and the microsecond in which it was closed, by which parts of two deployments differ. With a smaller
    /// share at an edge its parts are some of the origin's. `name` is that of the part.
    #[must_use]
    pub fn part(&self, stream: &StreamName, name: &ObjectName, closed_at: WallTime) -> Option<Traced> {
        let part = format!("{stream}/{name}");
        let digest = Sha256::digest(format!("farcast part {part} {}", closed_at.0));
        let (trace, rest) = digest.split_first_chunk::<16>()?;
        let hash = u64::from_be_bytes(*rest.first_chunk()?);
        let is_chosen = self.0.threshold.is_none_or(|threshold| hash < threshold);
        is_chosen.then(|| Traced { tracer: self.clone(), trace: *trace, part: part.into() })
    }

    fn give(&self, span: Span) {
        let Shared { queue, budget, metrics, .. } = &*self.0;
        if !is_within(budget, WallTime::now()) {
            metrics.dropped("rate", 1);
        } else if queue.try_send(span).is_err() {
            metrics.dropped("queue", 1);
        }
    }
}

impl Traced {
    /// A step of its way, by this machine's clock. Never waits.
    pub fn step(&self, step: Step, from: WallTime, to: WallTime) {
        self.add(step, None, from, to);
    }

    /// A step of its way to an edge.
    pub fn step_to(&self, edge: &Arc<str>, step: Step, from: WallTime, to: WallTime) {
        self.add(step, Some(Arc::clone(edge)), from, to);
    }

    fn add(&self, step: Step, edge: Option<Arc<str>>, from: WallTime, to: WallTime) {
        let id = match step {
            Step::Part => self.root(),
            _ => span_id(&self.trace, step, [edge.as_deref().unwrap_or_default(), &self.tracer.0.instance]),
        };
        let parent = (step != Step::Part).then(|| self.root());
        let (trace, part) = (self.trace, Arc::clone(&self.part));
        // A clock may be set back.
        let to = to.max(from);
        self.tracer.give(Span { trace, id, parent, step, from, to, part, edge });
    }

    /// The id of [`Step::Part`], which an edge knows as the origin does.
    fn root(&self) -> [u8; 8] {
        span_id(&self.trace, Step::Part, ["", ""])
    }
}

/// None for all parts.
fn threshold(share: Share) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 0, and where it is 2^64 or rounded to it, casting gives the greatest number"
    )]
    let threshold = (share.get() * 2_f64.powi(64)) as u64;
    (share.get() < 1.0).then_some(threshold)
}

fn span_id(trace: &[u8; 16], step: Step, of: [&str; 2]) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update(trace);
    for text in [step.name(), of[0], of[1]] {
        hash.update(text);
        hash.update([0]);
    }
    let digest = hash.finalize();
    // Eight bytes of 32; all zero, which is no id, once in 2^64.
    digest.first_chunk().copied().unwrap_or([1; 8])
}

/// Takes one of this second's spans, if there is one left.
fn is_within(budget: &AtomicU64, now: WallTime) -> bool {
    let second = now.0 / 1_000_000;
    let take = |state: u64| {
        let taken = if state >> 32 == second { state & u64::from(u32::MAX) } else { 0 };
        (taken < u64::from(MAX_SPANS_PER_SECOND)).then_some(second << 32 | (taken + 1))
    };
    budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
}

#[cfg(test)]
#[path = "tracer_tests.rs"]
mod tests;
