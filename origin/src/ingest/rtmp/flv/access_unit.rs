//! Access units out of tags: FLV has one in each, encoders in the field send one for each slice, or the parameter sets
//! and delimiters in tags of their own.
//!
//! A picture is complete when the next one begins, and to wait for that costs a frame of delay. So a track is held back
//! only at its beginning, and from when it is seen that its pictures are in pieces.

use farcast_feed::time::WallTime;

use super::avc::Field;

/// Pictures at the beginning of a track that are held until the next begins: five seconds of 30 a second. An
/// encoder that makes slices by size shows it once something moves.
const PROBED_PICTURES: u32 = 150;

/// Most tags of one access unit: one for each macroblock row of 8K, and headers. Tags beyond are an access unit of
/// their own.
const MAX_PARTS: usize = 320;

/// The decoding and presentation time of a tag, in the source's milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Times {
    pub(super) timestamp_ms: u32,
    pub(super) composition_ms: i32,
}

/// The place of a tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// No part of a picture: belongs to the next one.
    Before,
    /// A part of a picture.
    Picture {
        /// True if it can only continue the picture before it.
        continues: bool,
        /// True if it begins a picture, or the first field of one, whatever its time says.
        begins: bool,
        /// The field that it is of.
        field: Option<Field>,
    },
}

/// The contents of one tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Part<T> {
    pub(super) times: Times,
    /// Marked as a key frame.
    pub(super) flagged: bool,
    pub(super) arrived_at: WallTime,
    pub(super) place: Place,
    pub(super) content: T,
}

/// The tags of a picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct AccessUnit<T> {
    pub(super) times: Times,
    pub(super) flagged: bool,
    /// Arrival time of the last of its tags.
    pub(super) arrived_at: WallTime,
    pub(super) contents: Vec<T>,
}

/// The state of the last picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Last {
    timestamp_ms: u32,
    field: Option<Field>,
}

/// Joins the tags of a track.
#[derive(Debug)]
pub(super) struct Joiner<T> {
    /// Tags that wait for their picture.
    before: Vec<Part<T>>,
    /// The picture that is not known to be complete.
    open: Option<AccessUnit<T>>,
    last: Option<Last>,
    /// Pictures so far, up to [`PROBED_PICTURES`].
    probed: u32,
    /// Pictures come in pieces.
    pieces: bool,
}

/// The result of a tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Joined<T> {
    /// Complete pictures, in order.
    pub(super) complete: [Option<AccessUnit<T>>; 2],
    /// The tag belongs to a picture that had been given out, and is left out.
    pub(super) late: bool,
}

impl<T> Default for Joined<T> {
    fn default() -> Self {
        Self { complete: [None, None], late: false }
    }
}

impl<T> Default for Joiner<T> {
    fn default() -> Self {
        Self { before: Vec::new(), open: None, last: None, probed: 0, pieces: false }
    }
}

impl<T> Joiner<T> {
    /// Takes the next tag.
    pub(super) fn push(&mut self, part: Part<T>) -> Joined<T> {
        let mut joined = Joined::default();
        let Place::Picture { continues, begins, field } = part.place else {
            if self.before.len() >= MAX_PARTS {
                self.before.remove(0);
            }
            self.before.push(part);
            return joined;
        };
        let same_time = self.last.is_some_and(|last| last.timestamp_ms == part.times.timestamp_ms);
        let second_field = match (self.last.and_then(|last| last.field), field) {
            (Some(first), Some(second)) => second.completes(first),
            _ => false,
        };
        let belongs = self.last.is_some() && (continues || second_field || (same_time && !begins));
        if belongs {
            self.pieces = true;
            match &mut self.open {
                Some(open) if open.contents.len() < MAX_PARTS => {
                    open.flagged |= part.flagged;
                    open.arrived_at = part.arrived_at;
                    // Parameter sets between the fields or slices of a picture stay where they are.
                    open.contents.extend(self.before.drain(..).map(|part| part.content));
                    open.contents.push(part.content);
                    if second_field && let Some(last) = &mut self.last {
                        last.field = None;
                    }
                    return joined;
                }
                Some(_) => {}
                None => {
                    joined.late = true;
                    return joined;
                }
            }
        }
        joined.complete[0] = self.open.take();
        self.last = Some(Last { timestamp_ms: part.times.timestamp_ms, field });
        let flagged = part.flagged || self.before.iter().any(|part| part.flagged);
        let (times, arrived_at) = (part.times, part.arrived_at);
        let contents = self.before.drain(..).chain([part]).map(|part| part.content).collect();
        let unit = AccessUnit { times, flagged, arrived_at, contents };
        self.probed = (self.probed + 1).min(PROBED_PICTURES);
        if self.pieces || self.probed < PROBED_PICTURES {
            self.open = Some(unit);
        } else {
            joined.complete[1] = Some(unit);
        }
        joined
    }

    /// The source has ended: the picture that is held is complete.
    pub(super) fn finish(&mut self) -> Option<AccessUnit<T>> {
        self.before.clear();
        self.last = None;
        self.open.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: Place = Place::Picture { continues: false, begins: false, field: None };
    const FIRST: Place = Place::Picture { continues: false, begins: true, field: None };
    const NEXT: Place = Place::Picture { continues: true, begins: false, field: None };

    fn part(timestamp_ms: u32, place: Place, content: u32) -> Part<u32> {
        let times = Times { timestamp_ms, composition_ms: 0 };
        Part { times, flagged: content == 100, arrived_at: WallTime(u64::from(content)), place, content }
    }

    /// Contents of the pictures that come of tags, and how many were late.
    fn join(joiner: &mut Joiner<u32>, parts: &[(u32, Place, u32)]) -> (Vec<Vec<u32>>, usize) {
        let (mut out, mut late) = (Vec::new(), 0);
        for &(time, place, content) in parts {
            let joined = joiner.push(part(time, place, content));
            late += usize::from(joined.late);
            out.extend(joined.complete.into_iter().flatten().map(|unit| unit.contents));
        }
        (out, late)
    }

    fn all(parts: &[(u32, Place, u32)]) -> Vec<Vec<u32>> {
        let mut joiner = Joiner::default();
        let (mut out, late) = join(&mut joiner, parts);
        assert_eq!(late, 0);
        out.extend(joiner.finish().map(|unit| unit.contents));
        out
    }

    #[test]
    fn tags_of_one_time_are_one_picture() {
        assert_eq!(
            all(&[(0, FIRST, 1), (0, SLICE, 2), (0, NEXT, 3), (40, FIRST, 4)]),
            [vec![1, 2, 3], vec![4]]
        );
    }

    #[test]
    fn slices_go_on_with_their_picture_whatever_their_time_says() {
        assert_eq!(all(&[(0, FIRST, 1), (7, NEXT, 2), (40, FIRST, 3)]), [vec![1, 2], vec![3]]);
    }

    #[test]
    fn two_pictures_of_one_time_stay_two() {
        assert_eq!(all(&[(0, FIRST, 1), (0, FIRST, 2)]), [vec![1], vec![2]]);
    }

    #[test]
    fn parameter_sets_and_delimiters_go_to_the_picture_after_them() {
        let parts = [(0, FIRST, 1), (0, Place::Before, 2), (40, Place::Before, 3), (40, FIRST, 4)];
        assert_eq!(all(&parts), [vec![1], vec![2, 3, 4]]);
    }

    #[test]
    fn nothing_is_held_once_a_track_has_shown_that_its_pictures_are_whole() {
        let mut joiner = Joiner::default();
        let pictures = PROBED_PICTURES;
        let parts: Vec<_> = (0..pictures).map(|n| (n * 40, FIRST, n)).collect();
        let (out, _) = join(&mut joiner, &parts);
        assert_eq!(out.len(), pictures as usize, "the last of them is not held any more");
        assert_eq!(join(&mut joiner, &[(9000, FIRST, 7)]).0, [vec![7]]);
        let (out, late) =
            join(&mut joiner, &[(9000, NEXT, 8), (9040, FIRST, 9), (9040, NEXT, 10), (9080, FIRST, 11)]);
        assert_eq!((out, late), (vec![vec![9, 10]], 1), "one picture is damaged, those after it are whole");
    }

    #[test]
    fn the_flag_of_any_tag_counts_and_the_last_arrival() {
        let mut joiner = Joiner::default();
        joiner.push(part(0, Place::Before, 100));
        joiner.push(part(0, FIRST, 5));
        joiner.push(part(0, NEXT, 6));
        let unit = joiner.finish().unwrap();
        assert!(unit.flagged && unit.arrived_at == WallTime(6));
    }

    #[test]
    fn tags_without_a_picture_do_not_pile_up() {
        let mut joiner = Joiner::default();
        for n in 0..1000 {
            joiner.push(part(n, Place::Before, n));
        }
        joiner.push(part(1000, FIRST, 1));
        assert!(joiner.finish().unwrap().contents.len() <= MAX_PARTS + 1);
    }
}
