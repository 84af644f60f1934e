//! The schedule of a file's tags, the file played again and again in real time.

use std::time::Duration;

use crate::flv::{Tag, TagKind};

/// Time between the last tag of a round and the first of the next: one frame at 25 fps.
const ROUND_GAP_MS: u32 = 40;

/// Tags of a file in an endless order. Times go on from round to round; RTMP's 32 bits wrap around.
pub struct Schedule {
    tags: Vec<Tag>,
    index: usize,
    /// Added to the tags' own times.
    offset_ms: u64,
    first_ms: u32,
    round_ms: u64,
}

impl Schedule {
    /// The tags of a file. `None` without any audio or video.
    #[must_use]
    pub fn new(tags: Vec<Tag>) -> Option<Self> {
        let media = || tags.iter().filter(|tag| tag.kind != TagKind::Script);
        let first_ms = media().map(|tag| tag.time_ms).min()?;
        let last_ms = media().map(|tag| tag.time_ms).max()?;
        let round_ms = u64::from(last_ms - first_ms) + u64::from(ROUND_GAP_MS);
        Some(Self { tags, index: 0, offset_ms: 0, first_ms, round_ms })
    }
}

/// A tag and when it is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// The tag.
    pub tag: Tag,
    /// Time since the start at which it is sent.
    pub after: Duration,
    /// RTMP timestamp.
    pub time_ms: u32,
}

impl Iterator for Schedule {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        if self.index == self.tags.len() {
            self.index = 0;
            self.offset_ms += self.round_ms;
        }
        let tag = self.tags.get(self.index)?.clone();
        self.index += 1;
        let time = self.offset_ms + u64::from(tag.time_ms.saturating_sub(self.first_ms));
        let time_ms = u32::try_from(time & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        Some(Due { tag, after: Duration::from_millis(time), time_ms })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn tag(time_ms: u32) -> Tag {
        Tag { kind: TagKind::Audio, time_ms, body: Bytes::new() }
    }

    #[test]
    fn rounds_follow_each_other_without_a_step_back() {
        let schedule = Schedule::new(vec![tag(100), tag(120), tag(140)]).unwrap();
        let times: Vec<_> = schedule.take(5).map(|due| due.time_ms).collect();
        assert_eq!(times, [0, 20, 40, 80, 100]);
    }

    #[test]
    fn a_file_without_media_has_no_schedule() {
        assert!(Schedule::new(Vec::new()).is_none());
        let script = Tag { kind: TagKind::Script, time_ms: 0, body: Bytes::new() };
        assert!(Schedule::new(vec![script]).is_none());
    }
}
