//! Rules of a playlist request and its answer (C2, C3).

use std::time::Duration;

use crate::check::{Breach, Rule};
use crate::playlist::{MediaPlaylist, MergeError, Position, Segment};

/// The request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Asked {
    /// `_HLS_msn` and `_HLS_part`.
    pub position: Option<Position>,
    /// `_HLS_skip=YES`.
    pub skip: bool,
}

/// The breaches of `answer`, given as it came (unmerged), and the client's `copy` before it.
#[must_use]
pub fn check(asked: Asked, answer: &MediaPlaylist, copy: Option<&MediaPlaylist>) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut breach = |rule, detail: String| found.push(Breach::new(rule, detail));
    if let Some(position) = asked.position
        && !answer.ended
        && !answer.shows(position)
    {
        let next = answer.next();
        breach(Rule::AnsweredTooEarly, format!("asked for {position:?}, the answer ends before {next:?}"));
    }
    let until = answer.server_control.and_then(|control| control.can_skip_until);
    match (answer.skip, until) {
        (Some(_), None) => breach(Rule::DeltaChoice, "a delta without CAN-SKIP-UNTIL".to_owned()),
        (Some(_), _) if !asked.skip => breach(Rule::DeltaChoice, "a delta without _HLS_skip".to_owned()),
        (Some(_), _) if answer.ended => breach(Rule::DeltaChoice, "a delta with EXT-X-ENDLIST".to_owned()),
        (Some(skip), Some(until)) => {
            boundary(answer, skip.segments, until, &mut breach);
            if let Some(copy) = copy
                && let Err(error) = answer.merged(copy)
                && !is_stale(copy, answer, until)
            {
                breach(Rule::DeltaUnmergeable, error.to_string());
            }
        }
        (None, Some(until)) if asked.skip && !answer.ended => {
            if skippable(answer, until) > 0 {
                breach(Rule::DeltaChoice, format!("{} segments could be skipped", skippable(answer, until)));
            }
        }
        (None, _) => {}
    }
    found
}

/// True if a failure to merge is the client's own fault: it should not have asked with a copy older
/// than the skip boundary (§6.3.7).
#[must_use]
pub fn is_stale(copy: &MediaPlaylist, answer: &MediaPlaylist, until: Duration) -> bool {
    let begins = answer.segments.first().map_or(answer.media_sequence, |s| s.msn);
    let have = copy.segments.iter().rev().find(|s| s.is_complete()).map_or(0, |s| s.msn);
    let missed = begins.saturating_sub(have).saturating_sub(1);
    matches!(answer.merged(copy), Err(MergeError::Missing { .. }))
        && answer.target_duration() * u32::try_from(missed).unwrap_or(u32::MAX) >= until / 2
}

/// A delta replaces exactly the segments that end further than `until` from the end of the last
/// segment. It is not clear from the draft whether the open one counts, so both readings pass.
fn boundary(delta: &MediaPlaylist, skipped: u64, until: Duration, breach: &mut impl FnMut(Rule, String)) {
    if skipped == 0 {
        breach(Rule::DeltaSkipsNothing, "SKIPPED-SEGMENTS=0".to_owned());
    }
    let kept = delta.length();
    if kept < until {
        breach(Rule::DeltaInsideBoundary, format!("{kept:?} remain of {until:?}"));
    }
    let more = skippable(delta, until);
    if more > 0 {
        breach(Rule::DeltaKeepsTooMuch, format!("{more} more could be skipped"));
    }
}

/// Number of segments at the head that end further than `until` from the end of the last complete one.
fn skippable(playlist: &MediaPlaylist, until: Duration) -> usize {
    let complete: Vec<&Segment> = playlist.segments.iter().filter(|s| s.is_complete()).collect();
    let mut after: Duration = complete.iter().map(|s| s.length()).sum();
    let mut count = 0;
    for segment in complete {
        after = after.saturating_sub(segment.length());
        if after <= until {
            break;
        }
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playlist::sample;

    fn rules(asked: Asked, text: &str, copy: Option<&str>) -> Vec<Rule> {
        let parse = |text: &str| MediaPlaylist::parse(text).unwrap();
        let copy = copy.map(parse);
        check(asked, &parse(text), copy.as_ref()).into_iter().map(|b| b.rule).collect()
    }

    const SKIP: Asked = Asked { position: None, skip: true };
    const PLAIN: Asked = Asked { position: None, skip: false };

    #[test]
    fn an_answer_shows_what_was_asked_for() {
        let at = |msn, part| Asked { position: Some(Position { msn, part }), skip: false };
        assert_eq!(rules(at(15, 1), &sample::live(7), None), []);
        assert_eq!(rules(at(14, 9), &sample::live(7), None), []);
        assert_eq!(rules(at(15, 2), &sample::live(7), None), [Rule::AnsweredTooEarly]);
        assert_eq!(rules(at(16, 0), &sample::live(7), None), [Rule::AnsweredTooEarly]);
    }

    #[test]
    fn a_delta_comes_when_and_only_when_it_is_asked_for() {
        let (full, delta) = (sample::live(7), sample::delta(7));
        assert_eq!(rules(SKIP, &delta, Some(&full)), []);
        assert_eq!(rules(PLAIN, &full, None), []);
        assert_eq!(rules(PLAIN, &delta, None), [Rule::DeltaChoice]);
        // Segment 7 ends 14 s before the end of segment 14, segment 8 exactly 12 s.
        assert_eq!(rules(SKIP, &full, None), [Rule::DeltaChoice]);
    }

    #[test]
    fn a_delta_is_cut_at_the_boundary() {
        let delta = sample::delta(7);
        let inside = delta.replace("CAN-SKIP-UNTIL=12.0", "CAN-SKIP-UNTIL=14.0");
        assert_eq!(rules(SKIP, &inside, None), [Rule::DeltaInsideBoundary]);
        let wide = delta.replace("CAN-SKIP-UNTIL=12.0", "CAN-SKIP-UNTIL=8.0");
        assert_eq!(rules(SKIP, &wide, None), [Rule::DeltaKeepsTooMuch]);
        let nothing = delta.replace("SKIPPED-SEGMENTS=2", "SKIPPED-SEGMENTS=0");
        assert_eq!(rules(SKIP, &nothing, None), [Rule::DeltaSkipsNothing]);
    }

    #[test]
    fn a_delta_fits_a_fresh_copy_and_need_not_fit_an_old_one() {
        let delta = sample::delta(12);
        assert_eq!(rules(SKIP, &delta, Some(&sample::live(11))), []);
        assert_eq!(rules(SKIP, &delta, Some(&sample::live(13))), [Rule::DeltaUnmergeable]);
        assert_eq!(rules(SKIP, &delta, Some(&sample::live(1))), []);
    }
}
