//! Spans of parts at this edge: until they are in the window, and from then until a viewer has something of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farcast_feed::feed::FeedEvent;
use farcast_feed::name::{ObjectKind, ObjectName, StreamName, VariantId};
use farcast_feed::time::WallTime;
use farcast_trace::{Step, Traced, Tracer};

use super::input::Input;

/// Most parts that wait for a viewer; of those beyond, the oldest had none.
const MAX_LISTED: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct Traces {
    tracer: Tracer,
    stream: StreamName,
    listed: Mutex<VecDeque<Arc<Listed>>>,
}

/// A part in the window.
#[derive(Debug)]
pub(crate) struct Listed {
    name: ObjectName,
    traced: Traced,
    since: WallTime,
    is_told: AtomicBool,
    is_sent: AtomicBool,
}

impl Listed {
    /// A viewer gets its first byte now; the first one counts.
    pub(crate) fn first_byte(&self) {
        if !self.is_sent.swap(true, Ordering::Relaxed) {
            self.traced.step(Step::FirstByte, self.since, WallTime::now());
        }
    }
}

impl Traces {
    pub(super) fn new(tracer: Tracer, stream: StreamName) -> Self {
        Self { tracer, stream, listed: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Listed>>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The parts of a batch that are traced.
    pub(super) fn chosen(&self, batch: &[Input]) -> Vec<(ObjectName, Traced)> {
        let parts = batch.iter().filter_map(|input| match input {
            Input::Feed(FeedEvent::Part { epoch, variant, msn, meta, .. }) => {
                let kind = ObjectKind::Part(*msn, meta.index);
                Some((ObjectName { epoch: *epoch, variant: *variant, kind }, meta.closed_at))
            }
            _ => None,
        });
        parts
            .filter_map(|(name, closed_at)| Some((name, self.tracer.part(&self.stream, &name, closed_at)?)))
            .collect()
    }

    /// These are in the window now, having come here at `from`.
    pub(super) fn listed(&self, parts: Vec<(ObjectName, Traced)>, from: WallTime, now: WallTime) {
        let mut listed = self.lock();
        for (name, traced) in parts {
            traced.step(Step::Window, from, now);
            if listed.len() == MAX_LISTED {
                listed.pop_front();
            }
            let (is_told, is_sent) = (AtomicBool::new(false), AtomicBool::new(false));
            listed.push_back(Arc::new(Listed { name, traced, since: now, is_told, is_sent }));
        }
    }

    /// A viewer gets the variant's playlist now.
    pub(super) fn told(&self, variant: VariantId) {
        for part in self.lock().iter().filter(|part| part.name.variant == variant) {
            if !part.is_told.swap(true, Ordering::Relaxed) {
                part.traced.step(Step::Playlist, part.since, WallTime::now());
            }
        }
    }

    /// The part, if it is traced and no viewer has had it.
    pub(super) fn unsent(&self, name: &ObjectName) -> Option<Arc<Listed>> {
        let is_it = |part: &&Arc<Listed>| part.name == *name && !part.is_sent.load(Ordering::Relaxed);
        self.lock().iter().find(is_it).cloned()
    }
}
