//! Rules between two versions of one playlist (C1.2–4, C1.10, C1.14, C1.17): only appending,
//! removing from the head, removing old parts and ending are legal edits (§6.2.1).

use crate::check::{Breach, Rule};
use crate::playlist::{HintKind, MediaPlaylist, Segment};

/// Fewest segments that removal may leave in a live playlist (Apple 8.11).
const FEWEST_SEGMENTS: usize = 6;

/// The breaches of `new` after `old`, both full (or merged).
#[must_use]
pub fn check(old: &MediaPlaylist, new: &MediaPlaylist) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut breach = |rule, detail: String| found.push(Breach::new(rule, detail));
    if old.target_duration_s != new.target_duration_s {
        breach(Rule::TargetChanged, format!("{} to {}", old.target_duration_s, new.target_duration_s));
    }
    if old.part_target != new.part_target {
        breach(Rule::PartTargetChanged, format!("{:?} to {:?}", old.part_target, new.part_target));
    }
    if old.server_control != new.server_control {
        breach(Rule::ServerControlChanged, format!("{:?} to {:?}", old.server_control, new.server_control));
    }
    if new.media_sequence < old.media_sequence {
        breach(Rule::SequenceDecreased, format!("{} to {}", old.media_sequence, new.media_sequence));
    } else if new.next() < old.next() {
        breach(Rule::WentBack, format!("{:?} to {:?}", old.next(), new.next()));
    } else {
        if old.ended && new != old {
            breach(Rule::ChangedAfterEnd, format!("next is {:?}, was {:?}", new.next(), old.next()));
        }
        overlap(old, new, &mut breach);
        removal(old, new, &mut breach);
        hint(old, new, &mut breach);
    }
    found
}

fn overlap(old: &MediaPlaylist, new: &MediaPlaylist, breach: &mut impl FnMut(Rule, String)) {
    let offset = usize::try_from(new.media_sequence - old.media_sequence).unwrap_or(usize::MAX);
    for (was, is) in old.segments.iter().skip(offset).zip(&new.segments) {
        if let Some(what) = edited(was, is) {
            breach(Rule::Rewritten, format!("{what} of segment {}", was.msn));
        }
    }
}

fn edited(was: &Segment, is: &Segment) -> Option<&'static str> {
    if was.msn != is.msn {
        return Some("the number");
    }
    if was.discontinuity != is.discontinuity {
        return Some("the discontinuity");
    }
    if was.program_date_time_us != is.program_date_time_us {
        return Some("the date");
    }
    // A gap's MAP means nothing; a segment that turns out lost may lose it.
    if was.map != is.map && !is.gap && !was.gap {
        return Some("the MAP");
    }
    if was.is_complete() {
        if was.uri != is.uri || was.duration != is.duration || (was.gap != is.gap) {
            return Some("the URI, the duration or the gap");
        }
        let gone_or_same = is.parts.is_empty() || is.parts == was.parts;
        return (!gone_or_same && !was.parts.is_empty()).then_some("the parts");
    }
    let kept = is.parts.len() >= was.parts.len() && is.parts[..was.parts.len()] == was.parts[..];
    // Long absence: the segment was completed and its parts have left since.
    let left = is.is_complete() && is.parts.is_empty();
    (!kept && !left).then_some("the parts")
}

fn removal(old: &MediaPlaylist, new: &MediaPlaylist, breach: &mut impl FnMut(Rule, String)) {
    let removed = new.media_sequence - old.media_sequence;
    if removed == 0 {
        return;
    }
    let count = usize::try_from(removed).unwrap_or(usize::MAX);
    if count <= old.segments.len() {
        let left = old.segments.iter().take(count).filter(|s| s.discontinuity).count();
        let expected = old.discontinuity_sequence.unwrap_or(0) + u64::try_from(left).unwrap_or(u64::MAX);
        if new.discontinuity_sequence.unwrap_or(0) != expected {
            let is = new.discontinuity_sequence;
            breach(Rule::DiscontinuitySequence, format!("{is:?} where {expected} is due"));
        }
    }
    let complete = new.segments.iter().filter(|s| s.is_complete()).count();
    if !new.ended && (complete < FEWEST_SEGMENTS || new.length() < new.target_duration() * 3) {
        breach(Rule::WindowShort, format!("{complete} segments, {:?}", new.length()));
    }
}

/// The hinted part is the next one (§6.2.6), unless the stream changed or ended there.
fn hint(old: &MediaPlaylist, new: &MediaPlaylist, breach: &mut impl FnMut(Rule, String)) {
    let Some(hint) = old.hints.iter().find(|h| h.kind == HintKind::Part) else { return };
    let next = old.next();
    let mut known = new.segments.iter().flat_map(|s| &s.parts);
    if new.next() == next || known.any(|part| part.uri == hint.uri) {
        return;
    }
    let at = |msn| new.segments.iter().find(|s| s.msn == msn);
    // The segment may have ended with the listed parts; the next part is then the first of the next one.
    let parts = |s: &Segment| u64::try_from(s.parts.len()).unwrap_or(u64::MAX);
    let ended_there =
        at(next.msn).is_some_and(|s| s.is_complete() && !s.parts.is_empty() && parts(s) <= next.part);
    let msn = if ended_there { next.msn + 1 } else { next.msn };
    let Some(segment) = at(msn) else { return };
    let changed = segment.discontinuity || segment.gap || segment.parts.is_empty();
    if !changed {
        breach(Rule::HintBroken, format!("{} was hinted at, {} came", hint.uri, segment.parts[0].uri));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playlist::sample;

    fn parse(text: &str) -> MediaPlaylist {
        MediaPlaylist::parse(text).unwrap()
    }

    fn rules(old: &str, new: &str) -> Vec<Rule> {
        check(&parse(old), &parse(new)).into_iter().map(|b| b.rule).collect()
    }

    #[test]
    fn a_window_that_slides_breaks_nothing() {
        for step in 0..12 {
            assert_eq!(rules(&sample::live(7), &sample::live(7 + step)), [], "{step}");
        }
    }

    #[test]
    fn each_rule_of_a_succession_is_reported_when_it_is_broken() {
        let cases: &[(&str, &str, Rule)] = &[
            ("TARGETDURATION:2", "TARGETDURATION:3", Rule::TargetChanged),
            ("PART-TARGET=0.5", "PART-TARGET=0.51", Rule::PartTargetChanged),
            ("PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.6", Rule::ServerControlChanged),
            ("1/9.m4s", "2/9.m4s", Rule::Rewritten),
            ("#EXTINF:2.00000,\n1/9.m4s", "#EXTINF:1.90000,\n1/9.m4s", Rule::Rewritten),
            ("1/14.1.m4s", "9/14.1.m4s", Rule::Rewritten),
            ("00:00:20.000Z", "00:00:20.001Z", Rule::Rewritten),
            ("#EXTINF:2.00000,\n1/9.m4s", "#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\n1/9.m4s", Rule::Rewritten),
            ("1/init-0.mp4", "1/init-1.mp4", Rule::Rewritten),
            ("DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1", Rule::DiscontinuitySequence),
        ];
        for (from, to, rule) in cases {
            let text = sample::live(8).replace(from, to);
            assert!(rules(&sample::live(7), &text).contains(rule), "{rule:?} for {to}");
        }
    }

    #[test]
    fn time_does_not_run_backwards() {
        assert_eq!(rules(&sample::live(8), &sample::live(7)), [Rule::SequenceDecreased]);
        let shorter = sample::live(7).replace("#EXT-X-PART:DURATION=0.5,URI=\"1/15.1.m4s\"\n", "");
        assert_eq!(rules(&sample::live(7), &shorter), [Rule::WentBack]);
    }

    #[test]
    fn a_hint_must_come_true_unless_the_segment_ended() {
        let wrong = sample::live(7).replace("URI=\"1/15.2.m4s\"", "URI=\"1/16.0.m4s\"");
        assert_eq!(rules(&wrong, &sample::live(7)), [], "nothing followed yet");
        let next = sample::live(7).replace(
            "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1/15.2.m4s\"",
            "#EXT-X-PART:URI=\"1/15.2.m4s\",DURATION=0.5\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1/15.3.m4s\"",
        );
        assert_eq!(rules(&wrong, &next), [Rule::HintBroken]);
        assert_eq!(rules(&sample::live(7), &next), []);
    }

    #[test]
    fn an_ended_playlist_stays_as_it_is() {
        let ended = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na\n#EXT-X-ENDLIST\n";
        let more = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na\n#EXTINF:2,\nb\n#EXT-X-ENDLIST\n";
        assert_eq!(rules(ended, ended), []);
        assert_eq!(rules(ended, more), [Rule::ChangedAfterEnd]);
    }

    #[test]
    fn removal_leaves_six_segments() {
        let cut = |first: u64, count: u64| {
            let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
            (first..first + count).for_each(|msn| text += &format!("#EXTINF:2,\n{msn}\n"));
            text
        };
        assert_eq!(rules(&cut(1, 6), &cut(2, 6)), []);
        assert_eq!(rules(&cut(1, 6), &cut(2, 5)), [Rule::WindowShort]);
    }
}
