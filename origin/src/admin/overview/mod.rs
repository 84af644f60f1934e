//! The live overview for the dashboard: the broadcast, its input, each variant, each edge, the machine.
//!
//! Place in the flow: [`super::events`] sends it to the open dashboards. It is computed every [`EVERY`] while there is
//! one, and once for all of them; without one, no edge is asked and nothing is computed.
//!
//! Invariants: reports of edges are not trusted beyond what can be shown ([`edge`]); nothing waits for a reader, who
//! gets the newest state and never an older one.

mod edge;
mod rung;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_api::reply::json_bytes;
use farcast_api::time::Time;
use farcast_feed::name::VariantId;
use farcast_feed::time::WallTime;
use farcast_link::roster::Roster;
use farcast_link::sender::Edges;
use farcast_link::{Ask, EdgeReport, MAX_REPORT_BYTES};
use farcast_settings::{LiveStatus, Snapshot, VariantSpec};
use prometheus::Registry;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::edge::{EdgeState, Sent};
use self::rung::{Counts, Rung};
use super::read;
use super::shape::Status;
use crate::broadcast::Air;
use crate::series::Series;
use crate::statistics::Statistics;
use crate::transcode::DropReason;
use crate::{ingest, plan, transcode};

/// Interval at which the overview is computed.
const EVERY: Duration = Duration::from_secs(2);

/// Longest validity of a measurement of the machine: twice the interval of the measurements.
const MEASURED_WITHIN_S: u64 = 120;

/// Counters on the way from the encoder to the variants.
#[derive(Clone)]
pub struct Counted {
    /// The input.
    pub ingest: ingest::Metrics,
    /// Its speed.
    pub plan: plan::Metrics,
    /// The encoding.
    pub transcode: transcode::Metrics,
}

impl Counted {
    /// Registers the metrics of the three: the server's, which takes the publishers of all streams, and a stream's.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(server: &Registry, stream: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            ingest: ingest::Metrics::new(server)?,
            plan: plan::Metrics::new(stream)?,
            transcode: transcode::Metrics::new(stream)?,
        })
    }
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counted(…)")
    }
}

/// The sources of the overview.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) air: watch::Receiver<Air>,
    pub(super) status: watch::Receiver<Option<Arc<LiveStatus>>>,
    pub(super) runtime: watch::Receiver<Option<Snapshot>>,
    pub(super) edges: Edges,
    pub(super) roster: Arc<Roster>,
    pub(super) statistics: Statistics,
    pub(super) counted: Counted,
}

/// Computes the overview once for all its readers.
#[derive(Debug)]
pub struct Overview {
    sources: Sources,
    readers: watch::Sender<usize>,
    /// The newest state, as the event that all readers are sent; none without readers.
    newest: watch::Sender<Option<Bytes>>,
    over: CancellationToken,
}

/// A reader of the overview.
#[derive(Debug)]
pub(super) struct Reader {
    overview: Arc<Overview>,
    newest: watch::Receiver<Option<Bytes>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct State {
    time: Time,
    status: Status,
    was_on_air: bool,
    ingest: Option<Ingest>,
    rungs: Vec<Rung>,
    edges: Vec<EdgeState>,
    machine: Machine,
}

/// The measured input of the encoder.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ingest {
    bit_rate: u64,
    /// None before it was measured.
    speed: Option<f64>,
    drift: f64,
}

#[derive(Serialize)]
struct Machine {
    cpu: Option<f64>,
    memory: Option<f64>,
    disk: Option<f64>,
}

/// The counters at the previous computation.
#[derive(Debug)]
struct Before {
    at: Instant,
    /// The ladder of the broadcast.
    ladder: Vec<VariantSpec>,
    counts: Counts,
    sent: Sent,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.overview.readers.send_modify(|readers| *readers = readers.saturating_sub(1));
    }
}

impl Reader {
    /// The event of the newest state, if it is another than at the last call.
    pub(super) fn news(&mut self) -> Option<Bytes> {
        if !self.newest.has_changed().unwrap_or(false) {
            return None;
        }
        self.newest.borrow_and_update().clone()
    }

    /// Waits until there may be news; false once there will be none. Cancel safe.
    pub(super) async fn wait(&mut self) -> bool {
        tokio::select! {
            () = self.overview.over.cancelled() => false,
            changed = self.newest.changed() => {
                // To wait for it is not to read it: that does `news`.
                self.newest.mark_changed();
                changed.is_ok()
            }
        }
    }

    /// True if the origin goes on, false while it shuts down.
    pub(super) fn goes_on(&self) -> bool {
        !self.overview.over.is_cancelled()
    }
}

impl Overview {
    pub(super) fn new(sources: Sources) -> Self {
        let (readers, newest) = (watch::channel(0).0, watch::channel(None).0);
        Self { sources, readers, newest, over: CancellationToken::new() }
    }

    pub(super) fn reader(self: &Arc<Self>) -> Reader {
        self.readers.send_modify(|readers| *readers += 1);
        let mut newest = self.newest.subscribe();
        newest.mark_changed();
        Reader { overview: Arc::clone(self), newest }
    }

    /// Computes the overview while there are readers, until `shutdown`; then readers are told that there will be no
    /// more.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.make() => {}
        }
        self.over.cancel();
    }

    async fn make(&self) {
        let mut readers = self.readers.subscribe();
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = None;
        loop {
            if *readers.borrow_and_update() == 0 {
                self.newest.send_replace(None);
                before = None;
                // It lives as long as this does.
                let _ = readers.wait_for(|readers| *readers > 0).await;
                tick.reset_immediately();
            }
            tick.tick().await;
            let (state, now) = self.look(before.take()).await;
            self.newest.send_replace(Some(event("state", None, &json_bytes(&state))));
            before = Some(now);
        }
    }

    async fn look(&self, before: Option<Before>) -> (State, Before) {
        let Sources { air, status, runtime, edges, roster, statistics, counted } = &self.sources;
        let said = edges.ask_each::<EdgeReport>(&Ask::Report, MAX_REPORT_BYTES).await;
        let at = Instant::now();
        let nothing = Sent::default();
        let (sent, elapsed) = before.as_ref().map_or((&nothing, Duration::ZERO), |before| {
            (&before.sent, at.saturating_duration_since(before.at))
        });
        let (edges, sent) = edge::states(roster.edges(), said, (sent, elapsed));

        let air = air.borrow().clone();
        let status = status.borrow().clone().unwrap_or_default();
        let title = runtime.borrow().as_ref().map(|set| set.runtime.stream_title.clone());
        let ladder = air.output.as_ref().map(|output| output.specs.clone()).unwrap_or_default();
        let counts = counted.counts(ladder.len());
        let earlier = before.as_ref().filter(|before| before.ladder == ladder);
        let transcodes: Vec<_> = ladder.iter().map(VariantSpec::transcodes_video).collect();
        let rungs =
            rung::judge(&transcodes, &counts, earlier.map(|before| (&before.counts, elapsed.as_secs_f64())));
        let ingest = air.broadcaster.is_some().then(|| counted.ingest());
        let state = State {
            time: Time(WallTime::now()),
            was_on_air: status.connected_at.is_some() || status.disconnected_at.is_some(),
            status: read::shown(air, &status, title.unwrap_or_default()),
            ingest,
            rungs,
            edges,
            machine: Machine::of(statistics, WallTime::now()),
        };
        (state, Before { at, ladder, counts, sent })
    }
}

impl Counted {
    fn counts(&self, variants: usize) -> Counts {
        let variants = u16::try_from(variants).unwrap_or(u16::MAX);
        Counts {
            decoded: self.transcode.decoded_frames(),
            late: self.transcode.dropped_frames(DropReason::EncoderBehind),
            rungs: (0..variants).map(|place| self.transcode.rung(VariantId(place))).collect(),
        }
    }

    fn ingest(&self) -> Ingest {
        let rounded = |value: f64| if value.is_finite() { (value * 1000.0).round() / 1000.0 } else { 0.0 };
        Ingest {
            bit_rate: self.ingest.bit_rate_bps(),
            speed: Some(rounded(self.plan.speed())).filter(|speed| *speed > 0.0),
            drift: rounded(self.plan.drift_s()),
        }
    }
}

impl Machine {
    fn of(statistics: &Statistics, now: WallTime) -> Self {
        let start = WallTime(now.0.saturating_sub(MEASURED_WITHIN_S * 1_000_000));
        let newest = |series: &Series| series.since(start).last().map(|sample| sample.value);
        Self {
            cpu: newest(&statistics.cpu),
            memory: newest(&statistics.memory),
            disk: newest(&statistics.disk),
        }
    }
}

/// An event as it is sent. `json` is one document.
pub(super) fn event(name: &str, id: Option<&str>, json: &[u8]) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    // JSON has no line breaks within; the one at its end ends the line.
    let json = json.strip_suffix(b"\n").unwrap_or(json);
    [format!("event: {name}\n{id}data: ").as_bytes(), json, b"\n\n"].concat().into()
}
