//! The last ten minutes, minute by minute.

use std::collections::HashMap;
use std::time::Instant;

use farcast_audience::playback::{Errors, MAX_VIEWERS, Spread, Summary, WINDOW};

use super::report::Report;

/// Seconds that are summed up together, and forgotten together.
const SLOT_S: u64 = 60;

/// Slots that are kept: [`WINDOW`].
const SLOTS: u64 = WINDOW.as_secs() / SLOT_S;

/// Sums up reports. Sans-IO; some 10 KiB, and 24 bytes for each viewer who reported.
#[derive(Debug)]
pub(super) struct Recent {
    began: Instant,
    slots: Vec<Slot>,
    sessions: HashMap<u64, Seen>,
    /// Slot in which sessions were forgotten last.
    swept: u64,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    /// Its number since the beginning.
    number: u64,
    stalls: u64,
    stalled_ms: u64,
    starts: Spread,
    latencies: Spread,
    errors: Errors,
}

/// The slots in which a session last reported, and in which its playback last stalled.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: u64,
    stalled_at: Option<u64>,
}

fn is_recent(slot: u64, now: u64) -> bool {
    slot + SLOTS > now
}

impl Recent {
    pub(super) fn new(now: Instant) -> Self {
        let slots = (0..SLOTS).map(|number| Slot { number, ..Slot::default() }).collect();
        Self { began: now, slots, sessions: HashMap::new(), swept: 0 }
    }

    fn slot_at(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() / SLOT_S
    }

    /// Notes a report.
    pub(super) fn note(&mut self, report: &Report, now: Instant) {
        let number = self.slot_at(now);
        let stalls = report.stalls();
        if let Some(session) = report.session {
            self.see(session, stalls > 0, number);
        }
        let place = usize::try_from(number % SLOTS).unwrap_or_default();
        let Some(slot) = self.slots.get_mut(place) else { return };
        if slot.number != number {
            *slot = Slot { number, ..Slot::default() };
        }
        slot.stalls += stalls;
        slot.stalled_ms += u64::try_from(report.stalled.as_millis()).unwrap_or_default();
        if let Some(start) = report.start {
            slot.starts.count(start);
        }
        if let Some(latency) = report.latency {
            slot.latencies.count(latency);
        }
        slot.errors.add(report.errors);
    }

    fn see(&mut self, session: u64, stalled: bool, now: u64) {
        if self.swept != now {
            self.swept = now;
            self.sessions.retain(|_, seen| is_recent(seen.at, now));
        }
        let most = usize::try_from(MAX_VIEWERS).unwrap_or(usize::MAX);
        if self.sessions.len() >= most && !self.sessions.contains_key(&session) {
            return;
        }
        let seen = self.sessions.entry(session).or_insert(Seen { at: now, stalled_at: None });
        seen.at = now;
        if stalled {
            seen.stalled_at = Some(now);
        }
    }

    /// The summary of the reports within [`WINDOW`].
    pub(super) fn summary(&self, now: Instant) -> Summary {
        let now = self.slot_at(now);
        let mut summary = Summary::default();
        for slot in self.slots.iter().filter(|slot| is_recent(slot.number, now)) {
            summary.stalls += slot.stalls;
            summary.stalled_ms += slot.stalled_ms;
            summary.starts.add(&slot.starts);
            summary.latencies.add(&slot.latencies);
            summary.errors.add(slot.errors);
        }
        for seen in self.sessions.values().filter(|seen| is_recent(seen.at, now)) {
            summary.viewers += 1;
            summary.stalled_viewers += u32::from(seen.stalled_at.is_some_and(|slot| is_recent(slot, now)));
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;
    use std::time::Duration;

    use super::*;

    fn report(text: &str, session: u64) -> Report {
        let mut report = Report::default();
        report.read(text.as_bytes(), &RandomState::new()).unwrap();
        report.session = Some(session);
        report
    }

    #[test]
    fn ten_minutes_are_summed_up_and_older_ones_forgotten() {
        let start = Instant::now();
        let mut recent = Recent::new(start);
        let at = |minutes: u64| start + Duration::from_secs(minutes * 60);
        recent.note(&report("internal.farcast-start=800,internal.farcast-errors-network=1", 1), at(0));
        recent.note(&report("bs,internal.farcast-stalled=1500,internal.farcast-latency=2000", 1), at(1));
        recent.note(&report("internal.farcast-latency=2000", 2), at(9));
        let summary = recent.summary(at(9));
        assert_eq!((summary.viewers, summary.stalled_viewers), (2, 1));
        assert_eq!((summary.stalls, summary.stalled_ms, summary.errors.network), (1, 1500, 1));
        assert_eq!((summary.starts.total(), summary.latencies.total()), (1, 2));
        let later = recent.summary(at(10));
        assert_eq!((later.starts.total(), later.stalls, later.viewers), (0, 1, 2));
        let later = recent.summary(at(11));
        assert_eq!((later.stalls, later.viewers, later.stalled_viewers), (0, 1, 0));
        recent.note(&report("", 3), at(30));
        assert_eq!(recent.summary(at(30)), Summary { viewers: 1, ..Summary::default() });
        assert_eq!(recent.sessions.len(), 1);
    }

    #[test]
    fn a_viewer_is_counted_once_and_their_number_is_bounded() {
        let now = Instant::now();
        let mut recent = Recent::new(now);
        for session in 0..u64::from(MAX_VIEWERS) + 5 {
            recent.note(&report("", session), now);
            recent.note(&report("bs", session), now);
        }
        let summary = recent.summary(now);
        assert_eq!((summary.viewers, summary.stalled_viewers), (MAX_VIEWERS, MAX_VIEWERS));
        assert_eq!(summary.stalls, u64::from(MAX_VIEWERS) + 5);
    }

    #[test]
    fn what_is_noted_at_most_is_lawful() {
        let now = Instant::now();
        let mut recent = Recent::new(now);
        let most = report(
            "internal.farcast-stalls=100,internal.farcast-stalled=600000,internal.farcast-start=600000",
            1,
        );
        for _ in 0..10_000 {
            recent.note(&most, now);
        }
        let json = serde_json::to_string(&recent.summary(now)).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), recent.summary(now));
    }
}
