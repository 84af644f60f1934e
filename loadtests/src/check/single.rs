//! Rules of one playlist by itself (C1, C5).

use std::time::Duration;

use crate::check::{Breach, Rule, steering};
use crate::playlist::{Fault, HintKind, MediaPlaylist, Multivariant, Segment};

/// Smallest part that needs no excuse, in percent of PART-TARGET (§4.4.4.9).
const SHORTEST_PART_PERCENT: u32 = 85;
/// Largest distance of a date from the sum of durations: rounding of both to the millisecond, and a
/// frame at 25 fps where video and audio of a segment end apart.
const DATE_TOLERANCE: Duration = Duration::from_millis(60);
/// Decimal durations are rounded; a comparison of two of them allows this much.
const ROUNDING: Duration = Duration::from_micros(20);

/// The breaches of a Media Playlist. A delta update is verified as far as it goes: rules on windows need the merged
/// playlist.
#[must_use]
pub fn media(playlist: &MediaPlaylist) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut breach = |rule, detail: String| found.push(Breach::new(rule, detail));
    header(playlist, &mut breach);
    faults(playlist, &mut breach);
    let live_parts = playlist.part_target.is_some();
    let mut first = true;
    for segment in &playlist.segments {
        segment_rules(playlist, segment, &mut breach);
        if segment.program_date_time_us.is_none() && (first || segment.discontinuity) {
            breach(Rule::DateMissing, format!("segment {} has no date", segment.msn));
        }
        first = false;
    }
    for pair in playlist.segments.windows(2) {
        between(&pair[0], &pair[1], &mut breach);
    }
    sections(playlist, &mut breach);
    if playlist.independent_segments {
        for msn in dependent(playlist) {
            breach(Rule::IndependentSegmentsFalse, format!("segment {msn} is not"));
        }
    }
    if live_parts {
        part_placement(playlist, &mut breach);
        hints(playlist, &mut breach);
    }
    if playlist.ended && playlist.segments.iter().any(|s| !s.is_complete()) {
        breach(Rule::OpenAfterEnd, "the last segment has no URI".to_owned());
    }
    found
}

/// The breaches of a Multivariant Playlist.
#[must_use]
pub fn multivariant(playlist: &Multivariant) -> Vec<Breach> {
    let mut found = Vec::new();
    if !playlist.independent_segments {
        found.push(Breach::new(Rule::IndependentSegments, "the tag is absent"));
    }
    if playlist.version.is_none() {
        found.push(Breach::new(Rule::Version, "EXT-X-VERSION is absent"));
    }
    for stream in &playlist.streams {
        let uri = &stream.uri;
        let Some(codecs) = stream.codecs.as_deref().filter(|c| !c.is_empty()) else {
            found.push(Breach::new(Rule::Codecs, format!("{uri} has no CODECS")));
            continue;
        };
        let video = ["avc", "hvc", "hev", "av01", "vp09"].iter().any(|c| codecs.contains(c));
        if codecs.contains("hev1") {
            found.push(Breach::new(Rule::Codecs, format!("{uri} says hev1, not hvc1")));
        }
        if video && stream.resolution.is_none() {
            found.push(Breach::new(Rule::Resolution, format!("{uri} has no RESOLUTION")));
        }
        if video && stream.frame_rate.is_none() {
            found.push(Breach::new(Rule::FrameRate, format!("{uri} has no FRAME-RATE")));
        }
        match stream.average_bandwidth_bps {
            Some(average) if average <= stream.bandwidth_bps => {}
            other => found.push(Breach::new(
                Rule::AverageBandwidth,
                format!("{uri} has AVERAGE-BANDWIDTH {other:?} beside BANDWIDTH {}", stream.bandwidth_bps),
            )),
        }
    }
    found.extend(steering::playlist(playlist));
    found
}

fn header(playlist: &MediaPlaylist, breach: &mut impl FnMut(Rule, String)) {
    let uses_map = playlist.segments.iter().any(|s| s.map.is_some());
    let needed = if playlist.skip.is_some() {
        9
    } else if uses_map {
        6
    } else {
        3
    };
    if playlist.version.unwrap_or(1) < needed {
        breach(Rule::Version, format!("EXT-X-VERSION {:?} where {needed} is needed", playlist.version));
    }
    if playlist.target_duration_s == 0 {
        breach(Rule::TargetZero, "EXT-X-TARGETDURATION is 0".to_owned());
    }
    if playlist.discontinuity_sequence.is_none() {
        breach(Rule::DiscontinuitySequenceMissing, "the tag is absent".to_owned());
    }
    if let Some(kind) = &playlist.playlist_type {
        breach(Rule::PlaylistType, format!("EXT-X-PLAYLIST-TYPE:{kind}"));
    }
    if playlist.part_target.is_none() && playlist.segments.iter().any(|s| !s.parts.is_empty()) {
        breach(Rule::PartInfMissing, "parts without EXT-X-PART-INF".to_owned());
    }
    let Some(control) = &playlist.server_control else {
        return breach(Rule::ServerControlMissing, "the tag is absent".to_owned());
    };
    if !control.can_block_reload {
        breach(Rule::BlockReloadMissing, "CAN-BLOCK-RELOAD=YES is absent".to_owned());
    }
    if let Some(target) = playlist.part_target
        && control.part_hold_back.unwrap_or_default() + ROUNDING < target * 3
    {
        let hold_back = control.part_hold_back;
        breach(Rule::PartHoldBack, format!("PART-HOLD-BACK {hold_back:?}, PART-TARGET {target:?}"));
    }
    if control.hold_back.is_some_and(|h| h < playlist.target_duration() * 3) {
        breach(Rule::HoldBack, format!("HOLD-BACK {:?}", control.hold_back));
    }
    let skip_until = control.can_skip_until;
    if skip_until.is_some_and(|s| s < playlist.target_duration() * 6)
        || (control.can_skip_dateranges && skip_until.is_none())
    {
        breach(Rule::SkipUntil, format!("CAN-SKIP-UNTIL {skip_until:?}"));
    }
}

fn faults(playlist: &MediaPlaylist, breach: &mut impl FnMut(Rule, String)) {
    for fault in &playlist.faults {
        let rule = match fault {
            Fault::PartAfterExtinf(_) | Fault::TagAfterPart(_) | Fault::SequenceAfterSegment(_) => {
                Rule::TagOrder
            }
            Fault::Twice(_) => Rule::TagTwice,
            Fault::DateWithoutPrecision(_) => Rule::DateMissing,
        };
        breach(rule, format!("{fault:?}"));
    }
}

fn segment_rules(playlist: &MediaPlaylist, segment: &Segment, breach: &mut impl FnMut(Rule, String)) {
    let msn = segment.msn;
    if let Some(duration) = segment.duration {
        // §4.4.3.1: rounded to the nearest integer.
        let rounded = (duration + Duration::from_millis(500)).as_secs();
        if rounded > playlist.target_duration_s {
            breach(Rule::ExtinfOverTarget, format!("segment {msn} lasts {duration:?}"));
        }
    }
    if segment.map.is_none() && !segment.gap {
        breach(Rule::MapMissing, format!("segment {msn}"));
    }
    if segment.parts.first().is_some_and(|part| !part.independent && !part.gap) {
        breach(Rule::SegmentNotIndependent, format!("segment {msn}"));
    }
    let target = playlist.part_target;
    let shortest = target.unwrap_or_default() * SHORTEST_PART_PERCENT / 100;
    for (index, part) in segment.parts.iter().enumerate() {
        if target.is_some_and(|target| part.duration > target + ROUNDING) {
            breach(Rule::PartOverTarget, format!("part {msn}.{index} lasts {:?}", part.duration));
        }
        // The last part of a segment may be short; so may the newest part of all only if it turns
        // out to be the last, which the next playlist shows.
        let last = index + 1 == segment.parts.len();
        let before_gap = segment.parts.get(index + 1).is_some_and(|next| next.gap);
        let excused = last || before_gap || part.independent || part.gap;
        if !excused && part.duration + ROUNDING < shortest {
            breach(Rule::PartTooShort, format!("part {msn}.{index} lasts {:?}", part.duration));
        }
        if part.byte_range.is_some() {
            breach(Rule::ByteRange, format!("part {msn}.{index}"));
        }
    }
}

/// Segments that begin with a part which does not say that it is independent.
pub(super) fn dependent(playlist: &MediaPlaylist) -> impl Iterator<Item = u64> {
    let begins_so = |s: &&Segment| s.parts.first().is_some_and(|part| !part.independent && !part.gap);
    playlist.segments.iter().filter(begins_so).map(|segment| segment.msn)
}

/// The section changes only at, or in the gaps after, a discontinuity.
fn sections(playlist: &MediaPlaylist, breach: &mut impl FnMut(Rule, String)) {
    let mut before: Option<&Segment> = None;
    for segment in &playlist.segments {
        if segment.discontinuity {
            before = None;
        }
        if segment.map.is_none() || segment.gap {
            continue;
        }
        if before.is_some_and(|before| before.map != segment.map) {
            breach(Rule::MapChanged, format!("at segment {} without a discontinuity", segment.msn));
        }
        before = Some(segment);
    }
}

fn between(one: &Segment, other: &Segment, breach: &mut impl FnMut(Rule, String)) {
    if other.discontinuity {
        return;
    }
    if let (Some(from), Some(to)) = (one.program_date_time_us, other.program_date_time_us) {
        let expected = from.saturating_add(i64::try_from(one.length().as_micros()).unwrap_or(i64::MAX));
        let off = Duration::from_micros(expected.abs_diff(to));
        if off > DATE_TOLERANCE {
            breach(Rule::DateJump, format!("segment {} is {off:?} from where it should be", other.msn));
        }
    }
}

fn part_placement(playlist: &MediaPlaylist, breach: &mut impl FnMut(Rule, String)) {
    let near = playlist.target_duration() * 3;
    let mut after = Duration::ZERO;
    for segment in playlist.segments.iter().rev() {
        if !segment.parts.is_empty() && after > near && !playlist.ended {
            breach(Rule::OldPartListed, format!("segment {} ends {after:?} before the end", segment.msn));
        }
        let begin = after + segment.length();
        if segment.parts.is_empty() && begin <= near && !segment.gap && !playlist.ended {
            breach(
                Rule::RecentPartsMissing,
                format!("segment {} begins {begin:?} before the end", segment.msn),
            );
        }
        after = begin;
    }
}

fn hints(playlist: &MediaPlaylist, breach: &mut impl FnMut(Rule, String)) {
    let of = |kind| playlist.hints.iter().filter(move |hint| hint.kind == kind);
    if playlist.ended {
        if !playlist.hints.is_empty() {
            breach(Rule::HintAfterEnd, format!("{:?}", playlist.hints));
        }
        return;
    }
    if of(HintKind::Part).count() > 1 || of(HintKind::Map).count() > 1 {
        breach(Rule::HintTwice, format!("{:?}", playlist.hints));
    }
    let Some(hint) = of(HintKind::Part).next() else {
        return breach(Rule::HintMissing, "no hint of a part".to_owned());
    };
    if playlist.segments.iter().flat_map(|s| &s.parts).any(|part| part.uri == hint.uri) {
        breach(Rule::HintListed, hint.uri.clone());
    }
    if hint.byte_range {
        breach(Rule::ByteRange, format!("hint {}", hint.uri));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playlist::sample;

    fn rules(text: &str) -> Vec<Rule> {
        media(&MediaPlaylist::parse(text).unwrap()).into_iter().map(|b| b.rule).collect()
    }

    #[test]
    fn a_correct_playlist_and_a_correct_delta_break_nothing() {
        assert_eq!(rules(&sample::live(7)), []);
        assert_eq!(rules(&sample::delta(7)), []);
    }

    /// Each damage to the sample breaks exactly the rule that it should.
    #[test]
    fn each_rule_of_a_single_playlist_is_reported_when_it_is_broken() {
        let part = "#EXT-X-PART:DURATION=0.5,URI=\"1/14.1.m4s\"";
        let open = "#EXT-X-PART:DURATION=0.5,URI=\"1/15.0.m4s\",INDEPENDENT=YES\n";
        let cases: &[(&str, &str, Rule)] = &[
            ("#EXT-X-VERSION:9\n", "#EXT-X-VERSION:5\n", Rule::Version),
            ("#EXT-X-VERSION:9\n", "", Rule::Version),
            ("#EXTINF:2.00000,\n1/8.m4s", "#EXTINF:2.51000,\n1/8.m4s", Rule::ExtinfOverTarget),
            ("PART-TARGET=0.5", "PART-TARGET=0.4", Rule::PartOverTarget),
            (part, "#EXT-X-PART:DURATION=0.4,URI=\"1/14.1.m4s\"", Rule::PartTooShort),
            ("PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.4", Rule::PartHoldBack),
            (",HOLD-BACK=6.0", ",HOLD-BACK=5.9", Rule::HoldBack),
            ("CAN-BLOCK-RELOAD=YES,", "", Rule::BlockReloadMissing),
            ("CAN-SKIP-UNTIL=12.0", "CAN-SKIP-UNTIL=11.0", Rule::SkipUntil),
            ("#EXT-X-PART-INF:PART-TARGET=0.5\n", "", Rule::PartInfMissing),
            (part, "#EXT-X-DISCONTINUITY\n#EXT-X-PART:DURATION=0.5,URI=\"1/14.1.m4s\"", Rule::TagOrder),
            (open, "#EXT-X-PART:DURATION=0.5,URI=\"1/15.0.m4s\"\n", Rule::SegmentNotIndependent),
            (part, "#EXT-X-PART:DURATION=0.5,URI=\"1/14.1.m4s\",BYTERANGE=\"5@0\"", Rule::ByteRange),
            (
                "#EXTINF:2.00000,\n1/8.m4s",
                "#EXT-X-PART:DURATION=0.5,URI=\"x\",INDEPENDENT=YES\n#EXTINF:2.00000,\n1/8.m4s",
                Rule::OldPartListed,
            ),
            ("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1/15.2.m4s\"\n", "", Rule::HintMissing),
            ("TYPE=PART,URI=\"1/15.2.m4s\"\n", "TYPE=PART,URI=\"1/15.1.m4s\"\n", Rule::HintListed),
            (
                "#EXT-X-RENDITION",
                "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"y\"\n#EXT-X-RENDITION",
                Rule::HintTwice,
            ),
            ("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:14.000Z\n", "", Rule::DateMissing),
            ("00:00:14.000Z", "00:00:14Z", Rule::DateMissing),
            ("00:00:20.000Z", "00:00:20.100Z", Rule::DateJump),
            ("#EXT-X-DISCONTINUITY-SEQUENCE:0\n", "", Rule::DiscontinuitySequenceMissing),
            (
                "#EXT-X-DISCONTINUITY-SEQUENCE:0\n",
                "#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n",
                Rule::TagTwice,
            ),
            ("#EXT-X-RENDITION", "#EXT-X-ENDLIST\n#EXT-X-RENDITION", Rule::HintAfterEnd),
            ("#EXT-X-RENDITION", "#EXT-X-ENDLIST\n#EXT-X-RENDITION", Rule::OpenAfterEnd),
            ("#EXT-X-VERSION", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-VERSION", Rule::PlaylistType),
            ("#EXT-X-MAP:URI=\"1/init-0.mp4\"\n", "", Rule::MapMissing),
            (
                "#EXTINF:2.00000,\n1/8.m4s",
                "#EXT-X-MAP:URI=\"other\"\n#EXTINF:2.00000,\n1/8.m4s",
                Rule::MapChanged,
            ),
            (
                "#EXTINF:2.00000,\n1/8.m4s",
                "#EXT-X-GAP\n#EXTINF:2.00000,\n1/8.m4s\n#EXT-X-MAP:URI=\"other\"",
                Rule::MapChanged,
            ),
            ("TARGETDURATION:2", "TARGETDURATION:0", Rule::TargetZero),
        ];
        for (from, to, rule) in cases {
            let text = sample::live(7).replacen(from, to, 1);
            assert_ne!(text, sample::live(7), "{from}");
            assert!(rules(&text).contains(rule), "{rule:?} for {to:?}: {:?}", rules(&text));
        }
    }

    #[test]
    fn a_playlist_that_calls_segments_independent_which_are_not_is_a_lie() {
        let part = "#EXT-X-PART:DURATION=0.5,URI=\"1/14.0.m4s\",INDEPENDENT=YES";
        let dependent = sample::live(7).replace(part, &part.replace(",INDEPENDENT=YES", ""));
        let claims =
            |text: &str| text.replacen("#EXT-X-VERSION", "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-VERSION", 1);
        assert_eq!(rules(&claims(&sample::live(7))), []);
        assert_eq!(rules(&dependent), [Rule::SegmentNotIndependent]);
        assert_eq!(rules(&claims(&dependent)), [Rule::SegmentNotIndependent, Rule::IndependentSegmentsFalse]);
        let gap = sample::live(7).replace(part, &part.replace("INDEPENDENT=YES", "GAP=YES"));
        assert_eq!(rules(&claims(&gap)), [], "what is not there claims nothing");
    }

    #[test]
    fn a_section_may_change_behind_a_gap_that_begins_with_a_discontinuity() {
        let text = sample::live(7).replacen(
            "#EXTINF:2.00000,\n1/8.m4s",
            "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:08.000Z\n#EXT-X-GAP\n#EXTINF:2.00000,\n1/8.m4s\n#EXT-X-MAP:URI=\"other\"",
            1,
        );
        assert!(!rules(&text).contains(&Rule::MapChanged), "{:?}", rules(&text));
    }

    #[test]
    fn server_control_and_recent_parts_are_demanded() {
        let text = sample::live(7);
        let control: String =
            text.lines().filter(|l| !l.contains("SERVER-CONTROL")).map(|l| format!("{l}\n")).collect();
        assert_eq!(rules(&control), [Rule::ServerControlMissing]);
        let bare: String =
            text.lines().filter(|l| !l.contains("URI=\"1/14.")).map(|l| format!("{l}\n")).collect();
        assert_eq!(rules(&bare), [Rule::RecentPartsMissing]);
    }

    #[test]
    fn a_variant_without_its_attributes_is_reported() {
        let line = "#EXT-X-STREAM-INF:BANDWIDTH=50,AVERAGE-BANDWIDTH=40,CODECS=\"avc1.64,mp4a.40.2\",RESOLUTION=2x2,FRAME-RATE=30";
        let rules = |line: &str, head: &str| -> Vec<Rule> {
            let text = format!("#EXTM3U\n{head}{line}\n0/stream.m3u8\n");
            multivariant(&Multivariant::parse(&text).unwrap()).into_iter().map(|b| b.rule).collect()
        };
        let head = "#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n";
        assert_eq!(rules(line, head), []);
        for (from, to, rule) in [
            (",CODECS=\"avc1.64,mp4a.40.2\"", "", Rule::Codecs),
            (",RESOLUTION=2x2", "", Rule::Resolution),
            (",FRAME-RATE=30", "", Rule::FrameRate),
            (",AVERAGE-BANDWIDTH=40", "", Rule::AverageBandwidth),
            ("AVERAGE-BANDWIDTH=40", "AVERAGE-BANDWIDTH=60", Rule::AverageBandwidth),
        ] {
            assert_eq!(rules(&line.replace(from, to), head), [rule]);
        }
        assert_eq!(rules(line, "#EXT-X-VERSION:9\n"), [Rule::IndependentSegments]);
    }
}
