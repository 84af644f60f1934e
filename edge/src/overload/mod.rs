//! Turning newcomers away before anybody stalls: an edge that nears a limit answers the page and the multivariant playlist of
//! new viewers with 503 and Retry-After, or leads them to another edge that has room, while those who watch go on.
//!
//! Place in the flow: [`run`] measures and decides ([`policy`]); [`crate::serve`] asks [`Overload::turns_away`] where a viewer
//! begins. A viewer (address and user agent) watches if a media playlist was asked for within
//! [`ACTIVE_FOR`](farcast_audience::viewers::ACTIVE_FOR); media, the chat and the API are answered to everybody.

mod measure;
pub mod policy;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use farcast_audience::viewers::{Active, ViewerId};
use farcast_telemetry::make::Make as _;
use http::HeaderMap;
use http::header::USER_AGENT;
use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

pub use self::measure::{Sources, run};
pub use self::policy::Reason;

/// Shortest time after which those who were turned away are to come back, in seconds.
const RETRY_S: u64 = 5;
/// They come back spread over so many seconds more.
const SPREAD_S: u64 = 10;

/// The number for no reason.
const NONE: u8 = u8::MAX;

/// Handles of the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    shed: IntCounterVec,
    led: IntCounter,
    is_on: IntGaugeVec,
    pressure: GaugeVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If one of the names is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let reasons = Reason::ALL.map(Reason::label);
        let is_on =
            Opts::new("farcast_serve_shedding", "Whether new viewers are turned away, by reason: 1 if so.");
        let is_on = registry.add(IntGaugeVec::new(is_on, &["reason"])?)?;
        for reason in reasons {
            is_on.with_label_values(&[reason]).set(0);
        }
        let pressure = Opts::new(
            "farcast_serve_pressure_ratio",
            "How near the edge is to a limit, by reason for turning new viewers away; 1 is at it. Lateness: of half a second.",
        );
        Ok(Self {
            shed: registry.counters_of(
                "farcast_serve_shed_total",
                "Requests of new viewers for the page or the multivariant playlist that were turned away, by reason.",
                "reason",
                &reasons,
            )?,
            led: registry.counter(
                "farcast_serve_shed_led_total",
                "Those of farcast_serve_shed_total that were led to another edge; all others were answered 503.",
            )?,
            is_on,
            pressure: registry.add(GaugeVec::new(pressure, &["reason"])?)?,
        })
    }
}

/// The state of overload, shared by all connections.
#[derive(Debug)]
pub struct Overload {
    /// Index of the reason for which newcomers are turned away.
    reason: AtomicU8,
    watching: Active,
    metrics: Option<Metrics>,
}

impl Overload {
    /// Nothing is near its limit. Without `metrics` nothing is counted.
    #[must_use]
    pub fn new(metrics: Option<Metrics>, now: Instant) -> Self {
        Self { reason: AtomicU8::new(NONE), watching: Active::new(now), metrics }
    }

    /// The reason for which newcomers are turned away, if they are.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        Reason::ALL.get(usize::from(self.reason.load(Ordering::Relaxed))).copied()
    }

    /// From now on newcomers are turned away for a reason, or let in.
    pub fn set(&self, reason: Option<Reason>) {
        let index = reason.map(Reason::index).and_then(|index| u8::try_from(index).ok());
        self.reason.store(index.unwrap_or(NONE), Ordering::Relaxed);
    }

    /// Notes that a viewer watches.
    pub(crate) fn watches(&self, address: IpAddr, headers: &HeaderMap, now: Instant) {
        self.watching.mark(viewer(address, headers), now);
    }

    /// The reason for which this viewer is turned away; none for one who watches already.
    pub(crate) fn turns_away(&self, address: IpAddr, headers: &HeaderMap, now: Instant) -> Option<Reason> {
        self.reason().filter(|_| !self.watching.has(viewer(address, headers), now))
    }

    /// Counts a request that was turned away; `is_led` says that it was led to another edge.
    pub(crate) fn count(&self, reason: Reason, is_led: bool) {
        let Some(metrics) = &self.metrics else { return };
        metrics.shed.with_label_values(&[reason.label()]).inc();
        if is_led {
            metrics.led.inc();
        }
    }
}

impl Default for Overload {
    fn default() -> Self {
        Self::new(None, Instant::now())
    }
}

fn viewer(address: IpAddr, headers: &HeaderMap) -> ViewerId {
    ViewerId::new(address, headers.get(USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes()))
}

/// Seconds after which somebody who was turned away is to come back: not all at once.
pub(crate) fn retry_after_s() -> u64 {
    RETRY_S + rand::random_range(0..=SPREAD_S)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use farcast_audience::viewers::ACTIVE_FOR;

    use super::*;

    #[test]
    fn who_watches_stays_and_who_comes_is_turned_away() {
        let (overload, now) = (Overload::default(), Instant::now());
        let (ada, eve) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let headers = HeaderMap::new();
        overload.watches(ada, &headers, now);
        assert_eq!(overload.turns_away(eve, &headers, now), None, "there is room");
        overload.set(Some(Reason::Egress));
        assert_eq!(overload.turns_away(ada, &headers, now), None);
        assert_eq!(overload.turns_away(eve, &headers, now), Some(Reason::Egress));
        let later = now + ACTIVE_FOR + Duration::from_millis(1);
        assert_eq!(overload.turns_away(ada, &headers, later), Some(Reason::Egress), "gone for too long");
        for reason in Reason::ALL {
            overload.set(Some(reason));
            assert_eq!(overload.reason(), Some(reason));
        }
        overload.set(None);
        assert_eq!(overload.turns_away(eve, &headers, later), None);
    }

    #[test]
    fn those_who_come_back_are_spread_in_time() {
        let times: std::collections::BTreeSet<_> = (0..1000).map(|_| retry_after_s()).collect();
        assert_eq!((times.first(), times.last()), (Some(&RETRY_S), Some(&(RETRY_S + SPREAD_S))));
    }
}
