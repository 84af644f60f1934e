//! The position of a stream.

use farcast_feed::name::{Epoch, Msn};
use farcast_feed::time::WallTime;
use serde::{Deserialize, Serialize};

/// The position of a stream, and the facts that must be equal for a restarted origin to continue it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Its timeline.
    pub epoch: Epoch,
    /// First number that may be used after a restart: every number below it may have been used.
    pub next_msn: Msn,
    /// Discontinuities so far.
    pub discontinuity_sequence: u64,
    /// EXT-X-TARGETDURATION of the epoch.
    pub target_duration_s: u32,
    /// PART-TARGET of the epoch in milliseconds; 0, from an older version: that of its latency level.
    #[serde(default)]
    pub part_target_ms: u32,
    /// Latency level of the epoch, 0 to 4.
    pub latency_level: u8,
    /// Equal for equal ladders; its writer defines how.
    pub ladder_fingerprint: String,
    /// True if the broadcast runs; true after a crash in the middle of one.
    pub live: bool,
    /// Time of the last media input.
    pub last_media_wall_time: WallTime,
}

impl Cursor {
    /// Segment `msn` begins: it and the number after it are used up.
    pub fn begin_segment(&mut self, msn: Msn, now: WallTime) {
        self.next_msn = self.next_msn.max(msn.next().next());
        self.last_media_wall_time = now;
        self.live = true;
    }

    /// The broadcast ended in order and `next` was never used: the reservation is taken back.
    pub fn end_at(&mut self, next: Msn) {
        self.next_msn = next;
        self.live = false;
    }
}

#[cfg(test)]
pub(crate) fn sample(next_msn: u64) -> Cursor {
    Cursor {
        epoch: Epoch(3),
        next_msn: Msn(next_msn),
        discontinuity_sequence: 2,
        target_duration_s: 4,
        part_target_ms: 500,
        latency_level: 2,
        ladder_fingerprint: "abc".to_owned(),
        live: true,
        last_media_wall_time: WallTime(1_700_000_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_clean_end_leaves_no_jump_and_a_crash_one_number() {
        let mut cursor = sample(10);
        cursor.begin_segment(Msn(10), WallTime(1));
        // A crash here: 10 is in the making, 11 was never used.
        assert_eq!(cursor.next_msn, Msn(12));
        cursor.end_at(Msn(11));
        assert_eq!((cursor.next_msn, cursor.live), (Msn(11), false));
    }

    proptest! {
        #[test]
        fn a_number_is_reserved_before_its_segment_begins(first in 0_u64..u64::MAX / 2, count in 1_usize..50) {
            let mut cursor = sample(first);
            let mut msn = Msn(first);
            for begun in 0..count {
                // The background write of the previous segment put this on the disk.
                prop_assert!(begun == 0 || cursor.next_msn > msn);
                cursor.begin_segment(msn, WallTime(0));
                msn = msn.next();
            }
        }
    }
}
