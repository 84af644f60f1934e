//! CUBIC whose slow start ends when the path's queue begins to grow: HyStart++ (RFC 9406).
//!
//! Plain slow start ends at the first loss, when twice of what the path holds is under way: on a narrow link a third
//! of the data of an edge's first second is lost, the lowest variant's parts with it, several times in a row. The
//! window of CUBIC (RFC 9438) is quinn's; this module only decides when slow start ends.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics, CubicConfig};
use quinn_proto::RttEstimator;

/// Bounds of the growth of the round trip within a round that says that a queue builds (RFC 9406 section 4.3).
const MIN_RTT_THRESHOLD: Duration = Duration::from_millis(4);
const MAX_RTT_THRESHOLD: Duration = Duration::from_millis(16);

/// The growth is measured against this fraction of the last round's shortest round trip.
const MIN_RTT_DIVISOR: u32 = 8;

/// Round-trip samples that a round needs for a decision.
const N_RTT_SAMPLE: u32 = 8;

/// Divisor of growth in conservative slow start (CSS).
const CSS_GROWTH_DIVISOR: u64 = 4;

/// Rounds of conservative slow start before slow start ends for good.
const CSS_ROUNDS: u32 = 5;

/// Builds [`HyStart`] controllers.
#[derive(Debug, Default)]
pub(super) struct HyStartConfig {
    cubic: Arc<CubicConfig>,
}

impl ControllerFactory for HyStartConfig {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        let cubic = Arc::clone(&self.cubic).build(now, current_mtu);
        Box::new(HyStart { cubic, slow_start: SlowStart::default() })
    }
}

/// The phases of RFC 9406.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Phase {
    #[default]
    SlowStart,
    /// Conservative slow start, for so many rounds; back to slow start if the round trip falls below `baseline`.
    Conservative {
        baseline: Duration,
        rounds: u32,
    },
    Over,
}

/// The end of slow start: a plain struct, told of packets.
#[derive(Clone, Default, Debug)]
struct SlowStart {
    phase: Phase,
    last_sent: u64,
    /// The round ends when this packet, the first that is sent in it, is acknowledged.
    round_end: u64,
    /// Shortest round trip of the last round and of this one.
    last_round: Option<Duration>,
    this_round: Option<Duration>,
    samples: u32,
}

impl SlowStart {
    /// The newest packet that was sent.
    fn sent(&mut self, number: u64) {
        self.last_sent = number;
    }

    /// A packet was acknowledged after `trip`; returns the divisor of its growth.
    fn acked(&mut self, trip: Duration) -> u64 {
        if self.phase == Phase::Over {
            return 1;
        }
        let shortest = self.this_round.map_or(trip, |shortest| shortest.min(trip));
        self.this_round = Some(shortest);
        self.samples = self.samples.saturating_add(1);
        if self.samples >= N_RTT_SAMPLE {
            self.judge(shortest);
        }
        if matches!(self.phase, Phase::Conservative { .. }) { CSS_GROWTH_DIVISOR } else { 1 }
    }

    fn judge(&mut self, shortest: Duration) {
        match self.phase {
            Phase::SlowStart => {
                let Some(last) = self.last_round else { return };
                let growth = (last / MIN_RTT_DIVISOR).clamp(MIN_RTT_THRESHOLD, MAX_RTT_THRESHOLD);
                if shortest >= last.saturating_add(growth) {
                    self.phase = Phase::Conservative { baseline: shortest, rounds: 0 };
                }
            }
            Phase::Conservative { baseline, .. } if shortest < baseline => self.phase = Phase::SlowStart,
            Phase::Conservative { .. } | Phase::Over => {}
        }
    }

    /// A batch of acknowledgements up to `largest` is through; true when slow start ends with it.
    fn end_acks(&mut self, largest: u64) -> bool {
        if self.phase == Phase::Over || largest < self.round_end {
            return false;
        }
        self.round_end = self.last_sent.saturating_add(1);
        self.last_round = self.this_round.take();
        self.samples = 0;
        let Phase::Conservative { rounds, .. } = &mut self.phase else { return false };
        *rounds += 1;
        let over = *rounds >= CSS_ROUNDS;
        if over {
            self.phase = Phase::Over;
        }
        over
    }
}

/// CUBIC with [`SlowStart`].
struct HyStart {
    cubic: Box<dyn Controller>,
    slow_start: SlowStart,
}

impl Controller for HyStart {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.slow_start.sent(last_packet_number);
        self.cubic.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        let divisor = self.slow_start.acked(now.saturating_duration_since(sent));
        self.cubic.on_ack(now, sent, bytes / divisor, app_limited, rtt);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>) {
        if largest.is_some_and(|largest| self.slow_start.end_acks(largest)) {
            // quinn's CUBIC leaves slow start by a congestion event only; the third that it gives up is what
            // conservative slow start put into the queue.
            self.cubic.on_congestion_event(now, now, false, 0);
        }
        self.cubic.on_end_acks(now, in_flight, app_limited, largest);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, persistent: bool, lost_bytes: u64) {
        self.slow_start.phase = Phase::Over;
        self.cubic.on_congestion_event(now, sent, persistent, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.cubic.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.cubic.window()
    }

    fn metrics(&self) -> ControllerMetrics {
        self.cubic.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self { cubic: self.cubic.clone_box(), slow_start: self.slow_start.clone() })
    }

    fn initial_window(&self) -> u64 {
        self.cubic.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
#[path = "congestion_tests.rs"]
mod tests;
