//! The constants that a broadcast promises its players for its whole life.

use std::time::Duration;

use farcast_feed::feed::{Presentation, Variant};
use farcast_feed::name::{Epoch, StreamName, VariantId};
use farcast_feed::time::WallTime;

/// Fewest segments that a live playlist lists (Apple's authoring specification, 8.11).
const MIN_WINDOW_SEGMENTS: u32 = 6;
/// Least time that it lists: room to rewind a goal, small in memory: one minute of a variant of
/// 6 Mbit/s is 45 MB. CAN-SKIP-UNTIL (six target durations) fits in for every latency level.
const MIN_WINDOW: Duration = Duration::from_secs(60);

/// The API's latency level: how long parts and segments should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LatencyLevel {
    /// 0: parts of a third of a second, segments of 2 s.
    Lowest,
    /// 1: parts of 0.5 s, segments of 2 s.
    Low,
    /// 2, the default: parts of 0.5 s, segments of 4 s.
    #[default]
    Medium,
    /// 3: parts of 1 s, segments of 4 s.
    High,
    /// 4: parts of 1 s, segments of 6 s.
    Highest,
}

/// A number that is no latency level.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("latency level {0} is not within 0 to 4")]
pub struct InvalidLatencyLevel(pub u8);

impl TryFrom<u8> for LatencyLevel {
    type Error = InvalidLatencyLevel;

    fn try_from(level: u8) -> Result<Self, InvalidLatencyLevel> {
        Ok(match level {
            0 => Self::Lowest,
            1 => Self::Low,
            2 => Self::Medium,
            3 => Self::High,
            4 => Self::Highest,
            _ => return Err(InvalidLatencyLevel(level)),
        })
    }
}

impl LatencyLevel {
    /// PART-TARGET.
    ///
    /// The third of a second is written as 0.334 s: ten frames at 30 per second, five at 15 and eight
    /// at 24 then fit, whose part would otherwise lose a frame and, at 15, fall below 85 %.
    #[must_use]
    pub fn part_target(self) -> Duration {
        Duration::from_millis(match self {
            Self::Lowest => 334,
            Self::Low | Self::Medium => 500,
            Self::High | Self::Highest => 1000,
        })
    }

    /// Target length of segments.
    #[must_use]
    pub fn segment_target(self) -> Duration {
        Duration::from_secs(match self {
            Self::Lowest | Self::Low => 2,
            Self::Medium | Self::High => 4,
            Self::Highest => 6,
        })
    }
}

/// Length of finished media in playlists: a minute, or six segments of the longest kind if that is more.
#[must_use]
pub fn window(target_duration_s: u32) -> Duration {
    let segments = Duration::from_secs(target_duration_s.into()) * MIN_WINDOW_SEGMENTS;
    MIN_WINDOW.max(segments)
}

/// The presentation of an epoch; whether it is keyed is the planner's to add. `part_target` and `target_duration_s` are
/// the planner's; `ladder` is name and nominal bit rate (bits per second) of each variant, in configured order.
#[must_use]
pub fn presentation(
    stream: StreamName,
    epoch: Epoch,
    continues: bool,
    started_at: WallTime,
    part_target: Duration,
    target_duration_s: u32,
    ladder: impl IntoIterator<Item = (String, u64)>,
) -> Presentation {
    let variant = |(id, (name, nominal_bps))| Variant { id: VariantId(id), name, nominal_bps };
    Presentation {
        stream,
        epoch,
        continues,
        started_at,
        part_target,
        target_duration_s,
        keyed: false,
        window: window(target_duration_s),
        variants: (0..).zip(ladder).map(variant).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_the_promised_targets() {
        let targets: Vec<_> = (0..=4)
            .map(|level| LatencyLevel::try_from(level).unwrap())
            .map(|level| (level.part_target().as_millis(), level.segment_target().as_secs()))
            .collect();
        assert_eq!(targets, [(334, 2), (500, 2), (500, 4), (1000, 4), (1000, 6)]);
        assert_eq!(LatencyLevel::try_from(5), Err(InvalidLatencyLevel(5)));
    }

    #[test]
    fn the_window_is_a_minute_or_six_segments() {
        assert_eq!(window(4), Duration::from_secs(60));
        assert_eq!(window(12), Duration::from_secs(72));
    }
}
