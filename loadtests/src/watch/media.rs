//! The next download of a viewer, given a playlist and the viewer's position.

use std::time::Duration;

use crate::playlist::{MediaPlaylist, Position};

/// A part, or a whole segment whose parts are no longer listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// URI as written.
    pub uri: String,
    /// Its length.
    pub length: Duration,
    /// Capture time of its last sample, microseconds since 1970; `None` without dates.
    pub end_us: Option<i64>,
    /// EXT-X-MAP that it needs.
    pub map: Option<String>,
    /// True if it has no media here.
    pub gap: bool,
    /// True if a discontinuity precedes it.
    pub discontinuity: bool,
}

/// The position at which a viewer begins: the last independent part that has at least `hold_back` after its beginning.
#[must_use]
pub fn start(playlist: &MediaPlaylist, hold_back: Duration) -> Position {
    let mut after = Duration::ZERO;
    for segment in playlist.segments.iter().rev() {
        if segment.parts.is_empty() {
            after += segment.length();
            if after >= hold_back {
                return Position { msn: segment.msn, part: 0 };
            }
        }
        for (part, index) in segment.parts.iter().zip(0_u64..).collect::<Vec<_>>().into_iter().rev() {
            after += part.duration;
            if part.independent && after >= hold_back {
                return Position { msn: segment.msn, part: index };
            }
        }
    }
    Position { msn: playlist.media_sequence, part: 0 }
}

/// The items from `from` on, and the number of segments among them that left the window or lost their parts.
#[must_use]
pub fn following(playlist: &MediaPlaylist, from: Position) -> (Vec<Item>, u64) {
    let mut items = Vec::new();
    let mut missed = playlist.media_sequence.saturating_sub(from.msn);
    let mut date: Option<i64> = None;
    for segment in &playlist.segments {
        date = segment.program_date_time_us.or(date);
        let mut end_us = date;
        let mut item = |uri: &str, length: Duration, gap, first: bool| {
            end_us =
                end_us.map(|at| at.saturating_add(i64::try_from(length.as_micros()).unwrap_or(i64::MAX)));
            Item {
                uri: uri.to_owned(),
                length,
                end_us,
                map: segment.map.clone(),
                gap: gap || segment.gap,
                discontinuity: first && segment.discontinuity,
            }
        };
        if segment.msn >= from.msn {
            let first = if segment.msn == from.msn { from.part } else { 0 };
            match &segment.uri {
                Some(uri) if segment.parts.is_empty() && first == 0 => {
                    items.push(item(uri, segment.length(), false, true));
                }
                _ if segment.parts.is_empty() => missed += u64::from(!segment.gap),
                _ => {
                    for (part, index) in segment.parts.iter().zip(0..) {
                        let item = item(&part.uri, part.duration, part.gap, index == 0);
                        if index >= first {
                            items.push(item);
                        }
                    }
                }
            }
        }
        let length = i64::try_from(segment.length().as_micros()).unwrap_or(i64::MAX);
        date = date.map(|at| at.saturating_add(length));
    }
    (items, missed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playlist::sample;

    fn playlist() -> MediaPlaylist {
        MediaPlaylist::parse(&sample::live(7)).unwrap()
    }

    #[test]
    fn a_viewer_begins_at_an_independent_part_with_enough_behind_it() {
        // The open segment has one second; the hold back of 1.5 s needs the one before.
        assert_eq!(start(&playlist(), Duration::from_millis(1500)), Position { msn: 14, part: 0 });
        assert_eq!(start(&playlist(), Duration::from_millis(900)), Position { msn: 15, part: 0 });
        assert_eq!(start(&playlist(), Duration::from_secs(10)), Position { msn: 10, part: 0 });
        assert_eq!(start(&playlist(), Duration::from_secs(100)), Position { msn: 7, part: 0 });
    }

    #[test]
    fn what_follows_is_parts_near_the_end_and_segments_before() {
        let (items, missed) = following(&playlist(), Position { msn: 11, part: 0 });
        let uris: Vec<_> = items.iter().map(|i| i.uri.as_str()).collect();
        assert_eq!(uris[..3], ["1/11.m4s", "1/12.0.m4s", "1/12.1.m4s"]);
        assert_eq!(uris.len(), 1 + 3 * 4 + 2);
        assert_eq!(missed, 0);
        let (tail, _) = following(&playlist(), Position { msn: 15, part: 1 });
        assert_eq!(tail.len(), 1);
        let date = playlist().segments[8].program_date_time_us.unwrap();
        assert_eq!(tail[0].end_us, Some(date + 1_000_000), "two parts of half a second after the date");
        assert_eq!(following(&playlist(), playlist().next()).0, []);
    }

    #[test]
    fn what_left_the_window_is_missed() {
        let (items, missed) = following(&playlist(), Position { msn: 5, part: 2 });
        assert_eq!((missed, items[0].uri.as_str()), (2, "1/7.m4s"));
        assert_eq!(following(&playlist(), Position { msn: 8, part: 2 }).1, 1, "its parts are not listed");
    }
}
