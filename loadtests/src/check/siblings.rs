//! Rules across the variants of one presentation (C1.8, C1.10): what a rendition report says is
//! compared with what the sibling's playlist really showed, before and after.

use std::collections::VecDeque;
use std::time::Instant;

use crate::check::single::dependent;
use crate::check::{Breach, Rule};
use crate::playlist::{MediaPlaylist, Position};

/// Number of parts by which a report may lie behind those that the sibling had shown when the report was asked for.
const ALLOWED_BEHIND: usize = 1;
/// Positions remembered per variant; enough for a minute of third-of-a-second parts.
const HISTORY: usize = 200;
/// Reports that wait for the sibling's next playlist; when full, the oldest is not checked.
const PENDING: usize = 256;

/// The times of a request for a playlist and its answer.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// Time at which its request was sent.
    pub asked: Instant,
    /// Time at which its answer was complete.
    pub answered: Instant,
}

/// All variants of one presentation as one edge shows them.
#[derive(Debug, Default)]
pub struct Siblings {
    variants: Vec<Variant>,
    /// The Multivariant Playlist says EXT-X-INDEPENDENT-SEGMENTS: of all of them (§4.4.2.1).
    independent: bool,
}

#[derive(Debug)]
struct Variant {
    /// Resolved path of its playlist.
    path: String,
    /// Newest positions, each with when it was first seen.
    shown: VecDeque<(Position, Instant)>,
    /// Reports about it: the reporter, the position, the time.
    pending: VecDeque<(String, Position, Instant)>,
    /// Discontinuities by segment: (segment, number).
    discontinuities: VecDeque<(u64, u64)>,
}

impl Siblings {
    /// Of the playlists at these resolved paths.
    #[must_use]
    pub fn new(paths: impl IntoIterator<Item = String>) -> Self {
        let variant = |path| Variant {
            path,
            shown: VecDeque::new(),
            pending: VecDeque::new(),
            discontinuities: VecDeque::new(),
        };
        Self { variants: paths.into_iter().map(variant).collect(), independent: false }
    }

    /// The same, of a Multivariant Playlist that does or does not say EXT-X-INDEPENDENT-SEGMENTS.
    #[must_use]
    pub fn independent(mut self, said: bool) -> Self {
        self.independent = said;
        self
    }

    /// Judges a full playlist of the variant at `path`. `steady` is false during starts and outages, when
    /// reports may lag.
    pub fn observe(
        &mut self,
        path: &str,
        playlist: &MediaPlaylist,
        exchange: Exchange,
        steady: bool,
    ) -> Vec<Breach> {
        let mut found = Vec::new();
        let Some(own) = self.variants.iter().position(|v| v.path == path) else { return found };
        self.settle(own, playlist, exchange, &mut found);
        self.reports(own, playlist, exchange, steady, &mut found);
        self.discontinuities(own, playlist, &mut found);
        // A playlist that has the tag itself is checked by itself.
        if self.independent && !playlist.independent_segments {
            for msn in dependent(playlist) {
                let detail =
                    format!("segment {msn} of {path} is not, the Multivariant Playlist says that all are");
                found.push(Breach::new(Rule::IndependentSegmentsFalse, detail));
            }
        }
        found
    }

    /// Notes what the variant shows and checks the reports that others made of it.
    fn settle(&mut self, own: usize, playlist: &MediaPlaylist, at: Exchange, found: &mut Vec<Breach>) {
        let variant = &mut self.variants[own];
        let Some(newest) = playlist.newest() else { return };
        if variant.shown.back().is_none_or(|(last, _)| *last < newest) {
            // All parts between are shown too, each counts as one for the distance.
            let from = variant.shown.back().map(|(last, _)| *last);
            for position in positions(playlist, from) {
                variant.shown.push_back((position, at.answered));
            }
            while variant.shown.len() > HISTORY {
                variant.shown.pop_front();
            }
        }
        variant.pending.retain(|(who, said, when)| {
            if *when > at.asked {
                return true;
            }
            if !playlist.shows(*said) {
                let detail = format!("{who} says {said:?}, the playlist asked for later ends at {newest:?}");
                found.push(Breach::new(Rule::ReportAhead, detail));
            }
            false
        });
    }

    fn reports(
        &mut self,
        own: usize,
        playlist: &MediaPlaylist,
        at: Exchange,
        steady: bool,
        found: &mut Vec<Breach>,
    ) {
        let from = self.variants[own].path.clone();
        let mut reported = vec![false; self.variants.len()];
        for report in &playlist.reports {
            let path = resolve(&from, &report.uri);
            let Some(sibling) = self.variants.iter().position(|v| v.path == path) else {
                found.push(Breach::new(Rule::ReportMissing, format!("{} is no variant", report.uri)));
                continue;
            };
            reported[sibling] = true;
            let said = Position { msn: report.last_msn, part: report.last_part.unwrap_or(0) };
            let variant = &mut self.variants[sibling];
            let behind = variant.shown.iter().filter(|(p, seen)| *p > said && *seen <= at.asked).count();
            if steady && behind > ALLOWED_BEHIND {
                let detail = format!("{path} is reported at {said:?}, {behind} parts behind");
                found.push(Breach::new(Rule::ReportBehind, detail));
            }
            if variant.pending.len() == PENDING {
                variant.pending.pop_front();
            }
            variant.pending.push_back((from.clone(), said, at.answered));
        }
        reported[own] = true;
        if steady && !playlist.ended {
            for (variant, _) in self.variants.iter().zip(reported).filter(|(_, reported)| !reported) {
                found.push(Breach::new(Rule::ReportMissing, format!("{} is not reported", variant.path)));
            }
        }
    }

    /// Discontinuities stand at the same segments with the same numbers everywhere.
    fn discontinuities(&mut self, own: usize, playlist: &MediaPlaylist, found: &mut Vec<Breach>) {
        let mut number = playlist.discontinuity_sequence.unwrap_or(0);
        let mut mine = VecDeque::new();
        for segment in &playlist.segments {
            number += u64::from(segment.discontinuity);
            if segment.discontinuity {
                mine.push_back((segment.msn, number));
            }
        }
        let listed = playlist.media_sequence..playlist.next().msn;
        let others = self.variants.iter().enumerate().filter(|(index, _)| *index != own);
        for (_, other) in others {
            for (msn, number) in other.discontinuities.iter().filter(|(msn, _)| listed.contains(msn)) {
                if !mine.contains(&(*msn, *number)) && listed.start != *msn {
                    let detail = format!("{} has number {number} at segment {msn}", other.path);
                    found.push(Breach::new(Rule::DiscontinuityMisaligned, detail));
                }
            }
        }
        self.variants[own].discontinuities = mine;
    }
}

/// Positions that `playlist` shows after `from`; only the newest when `from` is unknown.
fn positions(playlist: &MediaPlaylist, from: Option<Position>) -> Vec<Position> {
    let newest = playlist.newest();
    let Some(from) = from else { return newest.into_iter().collect() };
    let all = playlist.segments.iter().flat_map(|segment| {
        let parts = u64::try_from(segment.parts.len()).unwrap_or(u64::MAX).max(1);
        (0..parts).map(|part| Position { msn: segment.msn, part })
    });
    all.filter(|position| *position > from).collect()
}

/// Resolves a relative reference against an absolute path (RFC 3986 §5.2), without query.
#[must_use]
pub fn resolve(base: &str, reference: &str) -> String {
    let reference = reference.split(['?', '#']).next().unwrap_or("");
    if reference.starts_with('/') {
        return reference.to_owned();
    }
    let mut pieces: Vec<&str> = base.split(['?', '#']).next().unwrap_or("").split('/').collect();
    pieces.pop();
    for piece in reference.split('/') {
        match piece {
            "." => {}
            ".." if pieces.len() > 1 => drop(pieces.pop()),
            ".." => {}
            piece => pieces.push(piece),
        }
    }
    pieces.join("/")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::playlist::sample;

    const A: &str = "/hls/0/stream.m3u8";
    const B: &str = "/hls/1/stream.m3u8";

    fn siblings() -> Siblings {
        Siblings::new([A.to_owned(), B.to_owned()])
    }

    fn of_a(first: u64) -> MediaPlaylist {
        MediaPlaylist::parse(&sample::live(first)).unwrap()
    }

    fn of_b(first: u64) -> MediaPlaylist {
        MediaPlaylist::parse(&sample::live(first).replace("../1/", "../0/")).unwrap()
    }

    fn at(start: Instant, ms: u64) -> Exchange {
        let asked = start + Duration::from_millis(ms);
        Exchange { asked, answered: asked + Duration::from_millis(5) }
    }

    fn rules(found: Vec<Breach>) -> Vec<Rule> {
        found.into_iter().map(|b| b.rule).collect()
    }

    #[test]
    fn paths_are_resolved() {
        assert_eq!(resolve(A, "../1/stream.m3u8"), B);
        assert_eq!(resolve(A, "1/2.m4s"), "/hls/0/1/2.m4s");
        assert_eq!(resolve("/hls/stream.m3u8", "0/stream.m3u8?x=1"), A);
        assert_eq!(resolve(A, "/x"), "/x");
        assert_eq!(resolve("/a", "../../b"), "/b");
    }

    #[test]
    fn variants_in_step_break_nothing() {
        let (mut all, start) = (siblings(), Instant::now());
        for first in 7..12 {
            assert_eq!(rules(all.observe(A, &of_a(first), at(start, first * 100), true)), []);
            assert_eq!(rules(all.observe(B, &of_b(first), at(start, first * 100 + 10), true)), []);
        }
    }

    #[test]
    fn a_report_ahead_of_the_sibling_is_found_when_the_sibling_is_asked_afterwards() {
        let (mut all, start) = (siblings(), Instant::now());
        let ahead = MediaPlaylist::parse(&sample::live(7).replace("LAST-PART=1", "LAST-PART=2")).unwrap();
        assert_eq!(rules(all.observe(A, &ahead, at(start, 0), true)), []);
        // This one was asked for before the report came: no decision yet.
        assert_eq!(rules(all.observe(B, &of_b(7), at(start, 1), true)), []);
        assert_eq!(rules(all.observe(B, &of_b(7), at(start, 10), true)), [Rule::ReportAhead]);
    }

    #[test]
    fn a_report_two_parts_behind_is_found_except_in_an_outage() {
        for (steady, expected) in [(true, vec![Rule::ReportBehind]), (false, vec![])] {
            let (mut all, start) = (siblings(), Instant::now());
            all.observe(B, &of_b(7), at(start, 0), true);
            let ahead = sample::live(8).replace("../1/", "../0/").replace("LAST-MSN=16", "LAST-MSN=15");
            all.observe(B, &MediaPlaylist::parse(&ahead).unwrap(), at(start, 10), true);
            assert_eq!(rules(all.observe(A, &of_a(7), at(start, 20), steady)), expected);
        }
    }

    #[test]
    fn a_missing_report_and_a_stray_one_are_found() {
        let (mut all, start) = (siblings(), Instant::now());
        let stray = of_b(7);
        assert_eq!(
            rules(all.observe(A, &stray, at(start, 0), true)),
            [Rule::ReportMissing],
            "it reports itself, not its sibling"
        );
        let unknown = MediaPlaylist::parse(&sample::live(7).replace("../1/", "../2/")).unwrap();
        assert_eq!(
            rules(all.observe(A, &unknown, at(start, 0), true)),
            [Rule::ReportMissing, Rule::ReportMissing]
        );
    }

    #[test]
    fn what_the_multivariant_playlist_says_of_all_segments_is_held_against_each_variant() {
        let part = "#EXT-X-PART:DURATION=0.5,URI=\"1/14.0.m4s\",INDEPENDENT=YES";
        let text = sample::live(7).replace(part, &part.replace(",INDEPENDENT=YES", ""));
        let dependent = MediaPlaylist::parse(&text).unwrap();
        let start = Instant::now();
        for (said, expected) in [(true, vec![Rule::IndependentSegmentsFalse]), (false, vec![])] {
            let mut all = siblings().independent(said);
            assert_eq!(rules(all.observe(A, &of_a(7), at(start, 0), true)), []);
            assert_eq!(rules(all.observe(A, &dependent, at(start, 10), true)), expected);
        }
    }

    #[test]
    fn discontinuities_out_of_step_are_found() {
        let (mut all, start) = (siblings(), Instant::now());
        let text = sample::live(7);
        let broken =
            text.replace("#EXTINF:2.00000,\n1/9.m4s", "#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\n1/9.m4s");
        all.observe(A, &MediaPlaylist::parse(&broken).unwrap(), at(start, 0), true);
        assert_eq!(rules(all.observe(B, &of_b(7), at(start, 10), true)), [Rule::DiscontinuityMisaligned]);
    }
}
