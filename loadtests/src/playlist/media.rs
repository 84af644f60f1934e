//! Media Playlists (§4.4.3 to §4.4.5), a line at a time.

use jiff::Timestamp;

use super::attributes::{Attributes, integer, seconds};
use super::{Fault, Hint, HintKind, MediaPlaylist, ParseError, Part, Report, Segment, ServerControl, Skip};

/// Parses a playlist, full or delta.
pub(super) fn parse(text: &str) -> Result<MediaPlaylist, ParseError> {
    let mut reader = Reader::default();
    if !text.ends_with('\n') {
        let line = text.lines().count();
        return Err(ParseError { line, what: "the last line does not end".to_owned() });
    }
    for (index, line) in text.lines().enumerate() {
        reader.number = index + 1;
        reader.line(line).map_err(|what| ParseError { line: index + 1, what })?;
    }
    let line = reader.number;
    reader.finish().map_err(|what| ParseError { line, what })
}

#[derive(Default)]
struct Reader {
    number: usize,
    playlist: MediaPlaylist,
    target_seen: bool,
    sequence_seen: bool,
    segment: Segment,
    segment_touched: bool,
    map: Option<String>,
    /// Segments before the one that is being read, skipped ones included.
    count: u64,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if self.number == 1 {
            return if line == "#EXTM3U" { Ok(()) } else { Err("no #EXTM3U".to_owned()) };
        }
        if line.is_empty() {
            return Ok(());
        }
        let Some(tag) = line.strip_prefix("#EXT") else {
            return if line.starts_with('#') { Ok(()) } else { self.uri(line) };
        };
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "-X-VERSION" => {
                self.once(self.playlist.version.is_some());
                self.playlist.version = Some(number(value)?);
            }
            "-X-INDEPENDENT-SEGMENTS" => self.playlist.independent_segments = true,
            "-X-TARGETDURATION" => {
                self.once(self.target_seen);
                self.target_seen = true;
                self.playlist.target_duration_s = number(value)?;
            }
            "-X-SERVER-CONTROL" => self.server_control(value)?,
            "-X-PART-INF" => {
                self.once(self.playlist.part_target.is_some());
                let target = Attributes::parse(value)?.seconds("PART-TARGET")?;
                self.playlist.part_target = Some(target.ok_or("PART-TARGET is missing")?);
            }
            "-X-MEDIA-SEQUENCE" => {
                self.before_segments();
                self.once(self.sequence_seen);
                self.sequence_seen = true;
                self.playlist.media_sequence = number(value)?;
            }
            "-X-DISCONTINUITY-SEQUENCE" => {
                self.before_segments();
                self.once(self.playlist.discontinuity_sequence.is_some());
                self.playlist.discontinuity_sequence = Some(number(value)?);
            }
            "-X-PLAYLIST-TYPE" => self.playlist.playlist_type = Some(value.to_owned()),
            "-X-SKIP" => self.skip(value)?,
            "-X-ENDLIST" => self.playlist.ended = true,
            "-X-PRELOAD-HINT" => self.hint(value)?,
            "-X-RENDITION-REPORT" => self.report(value)?,
            _ => self.segment_tag(name, value)?,
        }
        Ok(())
    }

    /// Tags that belong to the segment that follows.
    fn segment_tag(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "-X-MAP" => {
                self.before_parts();
                self.map = Some(Attributes::parse(value)?.uri()?);
                // A MAP belongs to the segments after it, yet opens no segment by itself.
                return Ok(());
            }
            "-X-DISCONTINUITY" => {
                self.before_parts();
                self.once(self.segment.discontinuity);
                self.segment.discontinuity = true;
            }
            "-X-PROGRAM-DATE-TIME" => {
                self.before_parts();
                self.once(self.segment.program_date_time_us.is_some());
                self.segment.program_date_time_us = Some(self.date(value)?);
            }
            "-X-GAP" => self.segment.gap = true,
            "-X-PART" => {
                if self.segment.duration.is_some() {
                    self.playlist.faults.push(Fault::PartAfterExtinf(self.number));
                }
                self.segment.parts.push(part(value)?);
            }
            "INF" => {
                self.once(self.segment.duration.is_some());
                let (duration, _title) = value.split_once(',').ok_or("EXTINF has no comma")?;
                self.segment.duration =
                    Some(seconds(duration).ok_or_else(|| format!("EXTINF is `{duration}`"))?);
            }
            other => return Err(format!("#EXT{other} is not known")),
        }
        self.segment_touched = true;
        Ok(())
    }

    fn uri(&mut self, line: &str) -> Result<(), String> {
        if self.segment.duration.is_none() {
            return Err("a URI without EXTINF".to_owned());
        }
        self.segment.uri = Some(line.to_owned());
        self.close_segment();
        Ok(())
    }

    fn close_segment(&mut self) {
        let mut segment = std::mem::take(&mut self.segment);
        segment.map.clone_from(&self.map);
        segment.msn = self.playlist.media_sequence.saturating_add(self.count);
        self.count = self.count.saturating_add(1);
        self.segment_touched = false;
        self.playlist.segments.push(segment);
    }

    fn finish(mut self) -> Result<MediaPlaylist, String> {
        if !self.target_seen {
            return Err("no EXT-X-TARGETDURATION".to_owned());
        }
        if self.segment.duration.is_some() {
            return Err("EXTINF without a URI".to_owned());
        }
        if self.segment_touched && !self.segment.parts.is_empty() {
            self.close_segment();
        }
        Ok(self.playlist)
    }

    fn server_control(&mut self, value: &str) -> Result<(), String> {
        self.once(self.playlist.server_control.is_some());
        let list = Attributes::parse(value)?;
        self.playlist.server_control = Some(ServerControl {
            can_block_reload: list.flag("CAN-BLOCK-RELOAD")?,
            can_skip_until: list.seconds("CAN-SKIP-UNTIL")?,
            can_skip_dateranges: list.flag("CAN-SKIP-DATERANGES")?,
            hold_back: list.seconds("HOLD-BACK")?,
            part_hold_back: list.seconds("PART-HOLD-BACK")?,
        });
        Ok(())
    }

    fn skip(&mut self, value: &str) -> Result<(), String> {
        if !self.playlist.segments.is_empty() {
            return Err("EXT-X-SKIP after a segment".to_owned());
        }
        self.once(self.playlist.skip.is_some());
        let list = Attributes::parse(value)?;
        let segments = list.integer("SKIPPED-SEGMENTS")?.ok_or("SKIPPED-SEGMENTS is missing")?;
        self.count = segments;
        self.playlist.skip = Some(Skip { segments });
        Ok(())
    }

    fn hint(&mut self, value: &str) -> Result<(), String> {
        let list = Attributes::parse(value)?;
        let kind = match list.plain("TYPE")? {
            Some("PART") => HintKind::Part,
            Some("MAP") => HintKind::Map,
            other => return Err(format!("the TYPE of a hint is {other:?}")),
        };
        let byte_range =
            list.integer("BYTERANGE-START")?.is_some() || list.integer("BYTERANGE-LENGTH")?.is_some();
        self.playlist.hints.push(Hint { kind, uri: list.uri()?, byte_range });
        Ok(())
    }

    fn report(&mut self, value: &str) -> Result<(), String> {
        let list = Attributes::parse(value)?;
        self.playlist.reports.push(Report {
            uri: list.uri()?,
            last_msn: list.integer("LAST-MSN")?.ok_or("LAST-MSN is missing")?,
            last_part: list.integer("LAST-PART")?,
        });
        Ok(())
    }

    fn date(&mut self, text: &str) -> Result<i64, String> {
        let time: Timestamp = text.parse().map_err(|_| format!("`{text}` is no date with a zone"))?;
        let millis =
            text.split_once('.').map_or(0, |(_, f)| f.bytes().take_while(u8::is_ascii_digit).count());
        if millis < 3 {
            self.playlist.faults.push(Fault::DateWithoutPrecision(self.number));
        }
        Ok(time.as_microsecond())
    }

    fn once(&mut self, seen: bool) {
        if seen {
            self.playlist.faults.push(Fault::Twice(self.number));
        }
    }

    fn before_parts(&mut self) {
        if !self.segment.parts.is_empty() {
            self.playlist.faults.push(Fault::TagAfterPart(self.number));
        }
    }

    fn before_segments(&mut self) {
        if self.segment_touched || !self.playlist.segments.is_empty() {
            self.playlist.faults.push(Fault::SequenceAfterSegment(self.number));
        }
    }
}

fn part(value: &str) -> Result<Part, String> {
    let list = Attributes::parse(value)?;
    Ok(Part {
        uri: list.uri()?,
        duration: list.seconds("DURATION")?.ok_or("DURATION is missing")?,
        independent: list.flag("INDEPENDENT")?,
        gap: list.flag("GAP")?,
        byte_range: list.quoted("BYTERANGE")?.map(str::to_owned),
    })
}

fn number(text: &str) -> Result<u64, String> {
    integer(text).ok_or_else(|| format!("`{text}` is no number"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::{Position, sample};
    use super::*;

    #[test]
    fn a_live_playlist_is_read_whole() {
        let playlist = parse(&sample::live(7)).unwrap();
        assert_eq!(playlist.segments.len(), 9);
        assert_eq!(playlist.newest(), Some(Position { msn: 15, part: 1 }));
        assert_eq!(playlist.next(), Position { msn: 15, part: 2 });
        assert_eq!(playlist.length(), Duration::from_secs(17));
        assert_eq!(playlist.segments[6].parts.len(), 4);
        assert_eq!(playlist.segments[8].map.as_deref(), Some("1/init-0.mp4"));
        assert!(playlist.segments[8].uri.is_none());
        assert_eq!(playlist.reports[0].last_part, Some(1));
        assert_eq!(playlist.faults, []);
    }

    #[test]
    fn a_delta_counts_what_it_skips() {
        let playlist = parse(&sample::delta(7)).unwrap();
        assert_eq!(playlist.skip, Some(Skip { segments: 2 }));
        assert_eq!(playlist.segments[0].msn, 9);
        assert_eq!(playlist.segments.len(), 7);
    }

    #[test]
    fn a_date_alone_opens_no_segment() {
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n";
        assert_eq!(parse(text).unwrap().segments.len(), 1);
    }

    #[test]
    fn what_has_no_meaning_is_refused_with_its_line() {
        for (text, line) in [
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2", 2),
            ("#EXTM3U8\n", 1),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2.5\n", 2),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2\nuri\n", 3),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PRAT:URI=\"a\",DURATION=1\n", 3),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART:URI=\"a\"\n", 3),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n", 3),
            ("#EXTM3U\n#EXTINF:2,\na\n", 3),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PROGRAM-DATE-TIME:yesterday\n", 3),
        ] {
            assert_eq!(parse(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn what_stands_in_a_forbidden_place_is_noted() {
        let head = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n";
        let part = "#EXT-X-PART:URI=\"a\",DURATION=1\n";
        for (body, fault) in [
            (format!("#EXTINF:1,\n{part}u\n"), Fault::PartAfterExtinf(4)),
            (format!("{part}#EXT-X-DISCONTINUITY\n#EXTINF:1,\nu\n"), Fault::TagAfterPart(4)),
            (format!("{part}#EXT-X-MAP:URI=\"m\"\n#EXTINF:1,\nu\n"), Fault::TagAfterPart(4)),
            (format!("{part}#EXT-X-MEDIA-SEQUENCE:3\n#EXTINF:1,\nu\n"), Fault::SequenceAfterSegment(4)),
            ("#EXT-X-VERSION:9\n#EXT-X-VERSION:9\n".to_owned(), Fault::Twice(4)),
            (
                "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXTINF:1,\nu\n".to_owned(),
                Fault::DateWithoutPrecision(3),
            ),
        ] {
            assert_eq!(parse(&format!("{head}{body}")).unwrap().faults, [fault], "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(#EXTM3U\n)?(#EXT(-X-(PART|SKIP|MAP|KEY)|INF)?:?[A-Z=\",0-9.-]{0,20}\n|.{0,12}\n){0,8}") {
            let _ = parse(&text);
        }

        #[test]
        fn a_damaged_playlist_makes_no_panic(at in 0usize..2000, byte in 0u8..128) {
            let mut bytes = sample::live(1).into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(text) = String::from_utf8(bytes) {
                let _ = parse(&text);
            }
        }
    }
}
