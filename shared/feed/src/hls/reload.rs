//! The answer that is due to a media playlist request (RFC 8216bis §6.2.5.2, blocking playlist reload).

use std::time::Duration;

use super::directives::Directives;
use crate::name::Msn;
use crate::window::{State, VariantWindow};

/// Most segments beyond the last one, the unfinished one included, for which a request may ask.
const MAX_SEGMENTS_AHEAD: u64 = 2;

/// The answer to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Answer with the playlist as it is.
    Ready {
        /// True if it is the first playlist that has the requested part, so that any cache may keep
        /// it under this URL.
        first: bool,
    },
    /// Hold the request until the playlist changes.
    Wait,
    /// Answer 400.
    Refuse(Refusal),
}

/// The reason why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// `_HLS_msn` lies more than two segments ahead.
    #[error("_HLS_msn is too far ahead")]
    SegmentTooFarAhead,
    /// `_HLS_part` lies ahead by more than the Advance Part Limit.
    #[error("_HLS_part is too far ahead")]
    PartTooFarAhead,
}

impl VariantWindow {
    /// The answer that is due now to a request for this variant's playlist. To be asked again after
    /// each change for as long as it is [`Answer::Wait`].
    #[must_use]
    pub fn answer(&self, directives: &Directives) -> Answer {
        if self.ended {
            return Answer::Ready { first: false };
        }
        let Some(last) = self.last().filter(|_| self.is_playable()) else { return Answer::Wait };
        let Some(msn) = directives.msn else { return Answer::Ready { first: false } };
        let in_the_making = if last.is_open() { last.msn() } else { last.msn().next() };
        if msn.0 > in_the_making.0.saturating_add(MAX_SEGMENTS_AHEAD) {
            return Answer::Refuse(Refusal::SegmentTooFarAhead);
        }
        match directives.part {
            None => self.answer_for_segment(msn),
            Some(part) => self.answer_for_part(msn, part),
        }
    }

    fn answer_for_segment(&self, msn: Msn) -> Answer {
        let Some(complete) = self.listed().rev().find(|segment| !segment.is_open()) else {
            return Answer::Wait;
        };
        if complete.msn() < msn {
            return Answer::Wait;
        }
        let first = complete.msn() == msn && self.last().is_some_and(|last| last.msn() == msn);
        Answer::Ready { first }
    }

    fn answer_for_part(&self, msn: Msn, part: u32) -> Answer {
        let Some(last) = self.last() else { return Answer::Wait };
        if msn > last.msn() {
            // A player that ignores parts asks for the last part of the next segment, which may be
            // more than the Advance Part Limit ahead (hls.js#3566); more than any segment has is not meant.
            let most = self.most_parts().saturating_add(self.advance_part_limit());
            return if part > most { Answer::Refuse(Refusal::PartTooFarAhead) } else { Answer::Wait };
        }
        if msn < last.msn() {
            // A part beyond the end of a segment is part 0 of the next: asked for one that just ended,
            // a playlist with only that is the first.
            let rolled = msn.next() == last.msn()
                && last.part_count <= 1
                && self.segment(last.epoch, msn).is_some_and(|segment| part >= segment.part_count);
            return Answer::Ready { first: rolled };
        }
        if part < last.part_count {
            return Answer::Ready { first: part + 1 == last.part_count };
        }
        let ahead = part - last.part_count;
        match last.state {
            State::Open if ahead >= self.advance_part_limit() => Answer::Refuse(Refusal::PartTooFarAhead),
            // Beyond the end of a finished segment: part 0 of the next (MUST).
            State::Open | State::Closed(_) | State::Lost(_) => Answer::Wait,
        }
    }

    /// Advance Part Limit (§6.2.5.2): three, or three seconds of shorter parts.
    fn advance_part_limit(&self) -> u32 {
        if self.part_target >= Duration::from_secs(1) {
            3
        } else {
            parts_in(Duration::from_secs(3), self.part_target)
        }
    }

    /// The most parts that a segment of legal length has: it may be half a second over the target
    /// duration, and parts may be 15 % short.
    fn most_parts(&self) -> u32 {
        parts_in(self.target + Duration::from_millis(500), self.part_target * 17 / 20)
    }
}

fn parts_in(whole: Duration, part: Duration) -> u32 {
    u32::try_from(whole.as_micros().div_ceil(part.as_micros().max(1))).unwrap_or(u32::MAX)
}
