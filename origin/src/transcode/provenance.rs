//! Facts about a source frame that are remembered while a codec works on it: its mark and its arrival.

use std::collections::BTreeMap;

use farcast_feed::time::{MediaTime, WallTime};

use crate::media::Mark;

/// Most source frames inside a decoder; far above any reordering, so only a stuck decoder meets it.
const MAX_FRAMES: usize = 256;

/// Facts about source frames by presentation time, to be given to the frames that are made of them.
#[derive(Debug, Default)]
pub(super) struct ProvenanceTracker {
    frames: BTreeMap<MediaTime, (WallTime, Option<Mark>)>,
    overdue: Option<Mark>,
    latest_arrival: WallTime,
}

/// The facts for one frame that was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Provenance {
    pub(super) arrived_at: WallTime,
    pub(super) mark: Option<Mark>,
}

impl ProvenanceTracker {
    /// Remembers a source frame.
    pub(super) fn insert(&mut self, pts: MediaTime, arrived_at: WallTime, mark: Option<Mark>) {
        let entry = self.frames.entry(pts).or_insert((arrived_at, None));
        entry.1 = mark.or(entry.1);
        if self.frames.len() > MAX_FRAMES
            && let Some((_, (_, mark))) = self.frames.pop_first()
        {
            self.carry(mark);
        }
    }

    /// Remembers the mark of a frame that is lost: the next frame that is made carries it.
    pub(super) fn carry(&mut self, mark: Option<Mark>) {
        self.overdue = mark.or(self.overdue);
    }

    /// The facts for a frame made at `pts`, of all source frames up to it. Of several marks the latest
    /// counts: a segment of which nothing was made does not begin.
    pub(super) fn resolve(&mut self, pts: MediaTime) -> Provenance {
        let mut mark = self.overdue.take();
        while let Some(entry) = self.frames.first_entry()
            && *entry.key() <= pts
        {
            let (arrived_at, own) = entry.remove();
            self.latest_arrival = arrived_at;
            mark = own.or(mark);
        }
        Provenance { arrived_at: self.latest_arrival, mark }
    }
}

#[cfg(test)]
mod tests {
    use farcast_feed::name::Msn;

    use super::*;

    fn mark(msn: u64) -> Option<Mark> {
        Some(Mark {
            msn: Msn(msn),
            start: MediaTime(0),
            program_date_time: WallTime(0),
            discontinuity: false,
            discontinuity_sequence: 0,
        })
    }

    #[test]
    fn a_mark_goes_to_its_own_frame_once() {
        let mut origins = ProvenanceTracker::default();
        for (n, m) in [(0, mark(1)), (1, None), (2, mark(2))] {
            origins.insert(MediaTime(n), WallTime(n as u64), m);
        }
        let marks: Vec<_> = (0..4).map(|n| origins.resolve(MediaTime(n)).mark).collect();
        assert_eq!(marks, [mark(1), None, mark(2), None]);
    }

    #[test]
    fn the_mark_of_a_lost_frame_goes_to_the_next_and_the_latest_counts() {
        let mut origins = ProvenanceTracker::default();
        origins.insert(MediaTime(0), WallTime(7), mark(1));
        origins.carry(mark(2));
        origins.insert(MediaTime(5), WallTime(9), None);
        let origin = origins.resolve(MediaTime(5));
        assert_eq!(origin, Provenance { arrived_at: WallTime(9), mark: mark(1) });
        origins.carry(mark(3));
        assert_eq!(origins.resolve(MediaTime(6)).mark, mark(3));
    }

    #[test]
    fn a_stuck_decoder_costs_bounded_memory_and_no_mark() {
        let mut origins = ProvenanceTracker::default();
        origins.insert(MediaTime(0), WallTime(0), mark(1));
        (1..5000).for_each(|n| origins.insert(MediaTime(n), WallTime(0), None));
        assert!(origins.frames.len() <= MAX_FRAMES);
        assert_eq!(origins.resolve(MediaTime(4900)).mark, mark(1));
    }
}
