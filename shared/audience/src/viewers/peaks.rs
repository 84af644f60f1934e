//! The largest numbers of viewers: of this session, and of all.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use farcast_feed::time::WallTime;
use farcast_store::{Record, Tuple, TypedKey};

/// Time after the end of a session for which a program that starts still shows its peak.
pub const PEAK_KEPT: Duration = Duration::from_secs(5 * 60);

/// The peaks, as Owncast counts them: only viewers who are seen while a publisher is connected count, and each session
/// starts at zero. To be saved each minute while live and at the end of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Peaks {
    live: bool,
    saved: SavedPeaks,
}

/// The peaks as they are in the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SavedPeaks {
    /// Most viewers of the session.
    pub session: u64,
    /// Most viewers ever.
    pub overall: u64,
    /// Time at which the session was last known to go on, in milliseconds since 1970.
    pub live_until_ms: u64,
}

impl Record for SavedPeaks {
    const VERSION: u8 = 1;
}

/// The key of the peaks in the store.
#[must_use]
pub fn peaks_key() -> TypedKey<SavedPeaks> {
    TypedKey::new(Tuple::new().text("viewer_peaks").key())
}

impl Peaks {
    /// The valid rest of the saved peaks. The session's peak is forgotten when its end is longer ago than
    /// [`PEAK_KEPT`].
    #[must_use]
    pub fn restore(saved: SavedPeaks, now: WallTime) -> Self {
        let ago = now.since(WallTime(saved.live_until_ms.saturating_mul(1000)));
        let session = if ago <= PEAK_KEPT { saved.session } else { 0 };
        Self { live: false, saved: SavedPeaks { session, ..saved } }
    }

    /// A session begins. `resumed` when it is the one that a restart of the program interrupted: its peak goes on then.
    pub fn connected(&mut self, resumed: bool, now: WallTime) {
        if !resumed {
            self.saved.session = 0;
        }
        self.live = true;
        self.seen_live(now);
    }

    /// The session ends; its peak stays until the next begins.
    pub fn disconnected(&mut self, now: WallTime) {
        if self.live {
            self.seen_live(now);
        }
        self.live = false;
    }

    /// Takes the current number of viewers. Ignored while nobody publishes.
    pub fn observe(&mut self, viewers: u64, now: WallTime) {
        if self.live {
            self.seen_live(now);
            self.saved.session = self.saved.session.max(viewers);
            self.saved.overall = self.saved.overall.max(self.saved.session);
        }
    }

    /// Most viewers of the session, or of the last one.
    #[must_use]
    pub fn session(&self) -> u64 {
        self.saved.session
    }

    /// Most viewers ever.
    #[must_use]
    pub fn overall(&self) -> u64 {
        self.saved.overall
    }

    /// The peaks to save.
    #[must_use]
    pub fn saved(&self) -> SavedPeaks {
        self.saved
    }

    fn seen_live(&mut self, now: WallTime) {
        self.saved.live_until_ms = now.0 / 1000;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: WallTime = WallTime(1_700_000_000_000_000);

    fn at(seconds: u64) -> WallTime {
        START.after(Duration::from_secs(seconds))
    }

    fn shown(peaks: &Peaks) -> (u64, u64) {
        (peaks.session(), peaks.overall())
    }

    #[test]
    fn peaks_grow_only_while_somebody_publishes() {
        let mut peaks = Peaks::default();
        peaks.observe(7, at(0));
        assert_eq!(shown(&peaks), (0, 0));
        peaks.connected(false, at(1));
        peaks.observe(5, at(2));
        peaks.observe(3, at(3));
        assert_eq!(shown(&peaks), (5, 5));
        peaks.disconnected(at(4));
        peaks.observe(9, at(5));
        assert_eq!(shown(&peaks), (5, 5));
    }

    #[test]
    fn each_session_starts_at_zero_and_all_make_the_overall_peak() {
        let mut peaks = Peaks::default();
        for (viewers, overall) in [(5, 5), (3, 5), (8, 8)] {
            peaks.connected(false, at(0));
            assert_eq!(peaks.session(), 0);
            peaks.observe(viewers, at(1));
            assert_eq!(shown(&peaks), (viewers, overall));
            peaks.disconnected(at(2));
        }
    }

    #[test]
    fn a_restart_keeps_the_sessions_peak_for_five_minutes_after_its_end() {
        let mut peaks = Peaks::default();
        peaks.connected(false, at(0));
        peaks.observe(5, at(60));
        let crashed = peaks.saved();
        peaks.disconnected(at(100));
        peaks.disconnected(at(200));
        peaks.observe(1, at(200));
        let ended = peaks.saved();
        for (saved, end) in [(crashed, 60), (ended, 100)] {
            assert_eq!(shown(&Peaks::restore(saved, at(end + 300))), (5, 5));
            assert_eq!(shown(&Peaks::restore(saved, at(end + 301))), (0, 5));
            assert_eq!(shown(&Peaks::restore(saved, START)), (5, 5), "the clock was set back");
        }
    }

    #[test]
    fn a_session_that_a_restart_interrupted_goes_on_with_its_peak() {
        let saved = SavedPeaks { session: 5, overall: 9, live_until_ms: at(0).0 / 1000 };
        for (resumed, session) in [(true, 5), (false, 0)] {
            let mut peaks = Peaks::restore(saved, at(10));
            peaks.connected(resumed, at(11));
            assert_eq!(shown(&peaks), (session, 9));
        }
    }

    #[test]
    fn golden_record() {
        let saved = SavedPeaks { session: 5, overall: 9, live_until_ms: 60_000 };
        let bytes = farcast_store::encode(&saved).unwrap();
        assert_eq!(&bytes[..], b"\x01{\"session\":5,\"overall\":9,\"live_until_ms\":60000}");
    }
}
