//! The hub: where the packagers' events meet the edges' queues.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_feed::feed::{FeedEvent, Presentation, SegmentState, Snapshot};
use farcast_feed::name::{Epoch, ObjectName, StreamName, VariantId};
use farcast_feed::window::{BacklogPart, Changed, Keep, StreamWindow};
use farcast_trace::Tracer;

use super::edge_queue::EdgeQueue;
use super::metrics::{ChannelMetrics, Metrics};
use super::queue::Queue;
use super::record::Record;
use super::traces::Traces;
use crate::{Have, StreamHeader, Subscribe, ToEdge, encode, snapshot_messages};

/// Epochs that are known to be over, so that an edge that comes back late hears of it.
const MAX_ENDED: usize = 32;

/// Bound of a queue before there is a presentation; nothing waits in it then.
const IDLE_BOUND: Duration = Duration::from_secs(8);

/// Settings of a [`Hub`].
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// The stream whose feed this is.
    pub stream: StreamName,
    /// Most bytes of parts that are kept for newcomers and fetches. The window of a 10 Mbit/s ladder
    /// is about 60 MB.
    pub window_bytes: usize,
    /// Lag of an edge at which it loses segments, in target durations. Two: no player at the live
    /// edge still wants anything that arrives later.
    pub queue_targets: u32,
    /// Takes spans of parts on their way to edges.
    pub tracer: Option<Tracer>,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self { stream: StreamName::live(), window_bytes: 512 * 1024 * 1024, queue_targets: 2, tracer: None }
    }
}

#[derive(Debug)]
struct State {
    /// `None` before the first broadcast.
    window: Option<StreamWindow>,
    ended: VecDeque<Epoch>,
    edges: HashMap<u64, Arc<EdgeQueue>>,
    next_edge: u64,
}

/// Takes the feed and sends it to every subscribed edge. Cheap to clone; all clones are one hub.
#[derive(Clone, Debug)]
pub struct Hub {
    config: Arc<HubConfig>,
    metrics: ChannelMetrics,
    state: Arc<Mutex<State>>,
}

/// An edge's place in the hub, given up when dropped.
#[derive(Debug)]
pub(super) struct Subscription {
    hub: Hub,
    id: u64,
    /// The number with which the edge wants its segments marked.
    pub(super) number: u16,
    pub(super) queue: Arc<EdgeQueue>,
    pub(super) metrics: ChannelMetrics,
    pub(super) traces: Option<Traces>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.lock().edges.remove(&self.id);
        self.metrics.edges.dec();
    }
}

impl Hub {
    /// A hub without edges.
    #[must_use]
    pub fn new(config: HubConfig, metrics: &Metrics) -> Self {
        let state = State { window: None, ended: VecDeque::new(), edges: HashMap::new(), next_edge: 0 };
        let metrics = metrics.channel(&config.stream);
        Self { config: Arc::new(config), metrics, state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bound(&self, presentation: &Presentation) -> Duration {
        Duration::from_secs(u64::from(presentation.target_duration_s.max(1)))
            * self.config.queue_targets.max(1)
    }

    /// Takes the feed's next event. Never waits for an edge: the cost is one queue entry per edge.
    ///
    /// `Ended` of an epoch that is not known here (the origin was restarted and the encoder never came
    /// back) reaches the edges all the same. Any other event of an unknown epoch is ignored.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "publishing gives the event away; nobody has a use for it after"
    )]
    pub fn publish(&self, event: FeedEvent) {
        let record = match Record::new(&event) {
            Ok(record) => record,
            Err(error) => {
                self.metrics.encode_errors.inc();
                tracing::error!(%error, epoch = event.epoch().0, "a feed event exceeds the protocol's limits");
                return;
            }
        };
        let now = Instant::now();
        let mut state = self.lock();
        let known = self.take(&mut state.window, &event);
        if let FeedEvent::Ended { epoch } = &event {
            state.ended.retain(|ended| ended != epoch);
            state.ended.push_back(*epoch);
            if state.ended.len() > MAX_ENDED {
                state.ended.pop_front();
            }
        } else if !known {
            return;
        }
        let bytes = state.window.as_ref().map_or(0, StreamWindow::held_bytes);
        self.metrics.window_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        for edge in state.edges.values() {
            edge.with(|queue| {
                if let FeedEvent::Started(presentation) = &event {
                    queue.push(&event, record.clone(), now);
                    queue.present(presentation, self.bound(presentation));
                } else {
                    queue.push(&event, record.clone(), now);
                }
            });
            edge.changed.notify_one();
        }
    }

    /// Puts an event into the window; false for one that belongs to nothing that is known.
    fn take(&self, window: &mut Option<StreamWindow>, event: &FeedEvent) -> bool {
        match (window, event) {
            (Some(window), event) => {
                window.apply(event);
                window.holds(event)
            }
            (none, FeedEvent::Started(presentation)) => {
                *none = Some(self.empty(presentation));
                true
            }
            (None, _) => false,
        }
    }

    fn empty(&self, presentation: &Arc<Presentation>) -> StreamWindow {
        StreamWindow::new(Arc::clone(presentation), Keep::Window { max_bytes: self.config.window_bytes })
    }

    /// Takes the state of the feed of one that joins late, a relay: the feed goes on from it. The parts that it announces
    /// come as events. Edges that are subscribed get the state too, unless it is what they know.
    pub fn merge(&self, snapshot: &Snapshot) {
        let now = Instant::now();
        let mut state = self.lock();
        let State { window, edges, .. } = &mut *state;
        let window = window.get_or_insert_with(|| self.empty(&snapshot.presentation));
        if window.merge(snapshot) == Changed::Nothing {
            return;
        }
        for edge in edges.values() {
            edge.with(|queue| self.bring_up_to_date(queue, window, None, now));
            edge.changed.notify_one();
        }
    }

    /// Adds an edge: its queue begins with all that it must know, and the feed goes on from there.
    pub(super) fn subscribe(&self, wish: &Subscribe) -> Subscription {
        let now = Instant::now();
        let mut queue = Queue::new(IDLE_BOUND);
        let mut state = self.lock();
        let presentation = state.window.as_ref().map(|window| Arc::clone(window.presentation()));
        if let Some(have) = &wish.have
            && state.ended.contains(&have.epoch)
            && presentation.as_ref().is_none_or(|current| current.epoch != have.epoch)
        {
            push_message(&mut queue, &ToEdge::Ended { epoch: have.epoch });
        }
        match &state.window {
            Some(window) => self.bring_up_to_date(&mut queue, window, wish.have.as_ref(), now),
            None => push_message(&mut queue, &ToEdge::Idle),
        }
        let queue = Arc::new(EdgeQueue::new(queue));
        let id = state.next_edge;
        state.next_edge += 1;
        state.edges.insert(id, Arc::clone(&queue));
        self.metrics.edges.inc();
        let (number, metrics) = (wish.number, self.metrics.clone());
        Subscription { hub: self.clone(), id, number, queue, metrics, traces: None }
    }

    /// Gives a newcomer's queue the window's state, and the newest parts that the newcomer lacks.
    fn bring_up_to_date(&self, queue: &mut Queue, window: &StreamWindow, have: Option<&Have>, now: Instant) {
        let snapshot = window.snapshot();
        let epoch = snapshot.presentation.epoch;
        queue.present(&snapshot.presentation, self.bound(&snapshot.presentation));
        for message in snapshot_messages(&snapshot) {
            push_message(queue, &message);
        }
        for (variant, lane) in (0..).map(VariantId).zip(&snapshot.variants) {
            if let Some(open) = lane.segments.last().filter(|s| s.state == SegmentState::Open) {
                queue.resume(epoch, variant, open.start);
            }
        }
        let have = have.filter(|have| have.epoch == epoch);
        let next = |variant: VariantId| {
            let next = have.and_then(|have| have.variants.get(usize::from(variant.0)));
            next.map(|next| (next.msn, next.part)).unwrap_or_default()
        };
        for BacklogPart { variant, msn, meta, bytes } in window.backlog(next) {
            let stream = StreamHeader { epoch, variant, msn, backlog: true };
            let event = FeedEvent::Part { epoch, variant, msn, meta, bytes };
            if let Ok(Record::Part(pieces)) = Record::new(&event) {
                queue.push_backlog(stream, meta.index, pieces, now);
            }
        }
    }

    /// An object of the window in pieces.
    #[must_use]
    pub fn object(&self, name: &ObjectName) -> Option<Vec<Bytes>> {
        self.lock().window.as_ref()?.object(name)
    }

    /// What takes spans of the stream's parts, where there is something.
    #[must_use]
    pub fn tracer(&self) -> Option<&Tracer> {
        self.config.tracer.as_ref()
    }

    /// The stream that this hub carries.
    #[must_use]
    pub fn stream(&self) -> &StreamName {
        &self.config.stream
    }

    /// Number of edges that are subscribed.
    #[must_use]
    pub fn edges(&self) -> usize {
        self.lock().edges.len()
    }
}

fn push_message(queue: &mut Queue, message: &ToEdge) {
    match encode(message) {
        Ok(bytes) => queue.push_control(bytes),
        Err(error) => tracing::error!(%error, "a snapshot exceeds the protocol's limits"),
    }
}
