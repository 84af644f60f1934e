//! An own, strict reader of HLS playlists (RFC 8216bis), written without a look at the renderer that it verifies.
//!
//! [`MediaPlaylist::parse`] and [`Multivariant::parse`] refuse what has no meaning; what has a meaning
//! but stands in a forbidden place is kept as a [`Fault`] for the checker. [`MediaPlaylist::merged`]
//! undoes a delta update. Every tag outside the profile that Farcast writes is refused,
//! so that a misspelt one cannot hide as a comment.

mod attributes;
mod delta;
mod media;
mod multivariant;

use std::time::Duration;

pub use delta::MergeError;
pub use multivariant::{Multivariant, SteeringTag, Stream};

/// A playlist that has no meaning.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ParseError {
    /// Line number from 1.
    pub line: usize,
    /// The fault.
    pub what: String,
}

/// Position in a presentation: a segment, or a part of it. Ordered as media is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct Position {
    /// Media sequence number.
    pub msn: u64,
    /// Part index within the segment.
    pub part: u64,
}

/// Something that has a meaning, in a place where the standard forbids it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A PART between EXTINF and the URI of its segment, at this line.
    PartAfterExtinf(usize),
    /// A MAP, DISCONTINUITY or PROGRAM-DATE-TIME after the first PART of its segment, at this line.
    TagAfterPart(usize),
    /// A media sequence or discontinuity sequence after the first segment, at this line.
    SequenceAfterSegment(usize),
    /// A tag that may occur once occurs again, at this line.
    Twice(usize),
    /// A date without milliseconds or zone, at this line.
    DateWithoutPrecision(usize),
}

/// EXT-X-SERVER-CONTROL (§4.4.3.8).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ServerControl {
    /// CAN-BLOCK-RELOAD=YES.
    pub can_block_reload: bool,
    /// CAN-SKIP-UNTIL.
    pub can_skip_until: Option<Duration>,
    /// CAN-SKIP-DATERANGES=YES.
    pub can_skip_dateranges: bool,
    /// HOLD-BACK.
    pub hold_back: Option<Duration>,
    /// PART-HOLD-BACK.
    pub part_hold_back: Option<Duration>,
}

/// EXT-X-PART (§4.4.4.9).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// URI as written.
    pub uri: String,
    /// DURATION.
    pub duration: Duration,
    /// INDEPENDENT=YES.
    pub independent: bool,
    /// GAP=YES.
    pub gap: bool,
    /// BYTERANGE as written.
    pub byte_range: Option<String>,
}

/// A parent segment, complete or open.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Segment {
    /// Its media sequence number.
    pub msn: u64,
    /// URI as written; `None` while it is open.
    pub uri: Option<String>,
    /// EXTINF; `None` while it is open.
    pub duration: Option<Duration>,
    /// Its listed parts.
    pub parts: Vec<Part>,
    /// True if EXT-X-DISCONTINUITY precedes it.
    pub discontinuity: bool,
    /// True if EXT-X-GAP applies to it.
    pub gap: bool,
    /// EXT-X-PROGRAM-DATE-TIME in microseconds since 1970, if written for it.
    pub program_date_time_us: Option<i64>,
    /// URI of the EXT-X-MAP in effect.
    pub map: Option<String>,
}

impl Segment {
    /// EXTINF, or the parts' durations while it is open.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.duration.unwrap_or_else(|| self.parts.iter().map(|part| part.duration).sum())
    }

    /// True if it is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.uri.is_some()
    }
}

/// EXT-X-PRELOAD-HINT (§4.4.5.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hint {
    /// TYPE.
    pub kind: HintKind,
    /// URI as written.
    pub uri: String,
    /// True if a BYTERANGE attribute was given.
    pub byte_range: bool,
}

/// The kinds of hints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HintKind {
    /// A part.
    Part,
    /// An initialisation section.
    Map,
}

/// EXT-X-RENDITION-REPORT (§4.4.5.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// URI as written.
    pub uri: String,
    /// LAST-MSN.
    pub last_msn: u64,
    /// LAST-PART.
    pub last_part: Option<u64>,
}

/// EXT-X-SKIP (§4.4.5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Skip {
    /// SKIPPED-SEGMENTS.
    pub segments: u64,
}

/// A Media Playlist.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MediaPlaylist {
    /// EXT-X-VERSION.
    pub version: Option<u64>,
    /// EXT-X-INDEPENDENT-SEGMENTS.
    pub independent_segments: bool,
    /// EXT-X-TARGETDURATION in seconds.
    pub target_duration_s: u64,
    /// EXT-X-PART-INF:PART-TARGET.
    pub part_target: Option<Duration>,
    /// EXT-X-SERVER-CONTROL.
    pub server_control: Option<ServerControl>,
    /// EXT-X-MEDIA-SEQUENCE; 0 when absent.
    pub media_sequence: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: Option<u64>,
    /// EXT-X-PLAYLIST-TYPE.
    pub playlist_type: Option<String>,
    /// EXT-X-SKIP of a delta update.
    pub skip: Option<Skip>,
    /// Segments in order; only the last may be open.
    pub segments: Vec<Segment>,
    /// Preload hints.
    pub hints: Vec<Hint>,
    /// Rendition reports.
    pub reports: Vec<Report>,
    /// EXT-X-ENDLIST.
    pub ended: bool,
    /// Tags in a forbidden place.
    pub faults: Vec<Fault>,
}

impl MediaPlaylist {
    /// Parses a playlist, full or delta.
    ///
    /// # Errors
    /// The first line that has no meaning.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        media::parse(text)
    }

    /// EXT-X-TARGETDURATION.
    #[must_use]
    pub fn target_duration(&self) -> Duration {
        Duration::from_secs(self.target_duration_s)
    }

    /// The last part listed, or the last segment's end as "part 0 of the next less one": the
    /// newest media that a client knows of. `None` while there is no media.
    #[must_use]
    pub fn newest(&self) -> Option<Position> {
        let last = self.segments.last()?;
        let part = u64::try_from(last.parts.len()).unwrap_or(u64::MAX).saturating_sub(1);
        Some(Position { msn: last.msn, part })
    }

    /// The next values of `_HLS_msn` and `_HLS_part`.
    #[must_use]
    pub fn next(&self) -> Position {
        match self.segments.last() {
            None => Position { msn: self.media_sequence, part: 0 },
            Some(last) if last.is_complete() => Position { msn: last.msn.saturating_add(1), part: 0 },
            Some(last) => {
                Position { msn: last.msn, part: u64::try_from(last.parts.len()).unwrap_or(u64::MAX) }
            }
        }
    }

    /// True if the playlist shows `position` or anything later.
    #[must_use]
    pub fn shows(&self, position: Position) -> bool {
        self.next() > position
    }

    /// Total length of the listed media.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.segments.iter().map(Segment::length).sum()
    }
}

#[cfg(test)]
pub(crate) mod sample {
    //! A correct playlist, for tests to break.

    /// Level 1 (0.5 s parts, 2 s segments), window of 8 segments, `first..=first+8`, the last one open with two parts.
    pub(crate) fn live(first: u64) -> String {
        let mut text = String::from(
            "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,\
             CAN-SKIP-UNTIL=12.0,PART-HOLD-BACK=1.5,HOLD-BACK=6.0\n#EXT-X-PART-INF:PART-TARGET=0.5\n",
        );
        text += &format!("#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n");
        text += "#EXT-X-MAP:URI=\"1/init-0.mp4\"\n";
        for msn in first..first + 8 {
            text += &segment(msn, first + 8 - msn <= 3);
        }
        let open = first + 8;
        text += &format!("#EXT-X-PROGRAM-DATE-TIME:{}\n", date(open));
        text += &format!("#EXT-X-PART:DURATION=0.5,URI=\"1/{open}.0.m4s\",INDEPENDENT=YES\n");
        text += &format!("#EXT-X-PART:DURATION=0.5,URI=\"1/{open}.1.m4s\"\n");
        text += &format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1/{open}.2.m4s\"\n");
        text += &format!("#EXT-X-RENDITION-REPORT:URI=\"../1/stream.m3u8\",LAST-MSN={open},LAST-PART=1\n");
        text
    }

    /// The same as a delta update: CAN-SKIP-UNTIL of 12 s keeps the last six complete segments.
    pub(crate) fn delta(first: u64) -> String {
        let full = live(first);
        let kept = full.find(&format!("#EXT-X-PROGRAM-DATE-TIME:{}", date(first + 2))).expect("listed");
        let head = full.find("#EXT-X-MAP").expect("listed");
        format!(
            "{}#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXT-X-MAP:URI=\"1/init-0.mp4\"\n{}",
            &full[..head],
            &full[kept..]
        )
    }

    fn segment(msn: u64, parts: bool) -> String {
        let mut text = format!("#EXT-X-PROGRAM-DATE-TIME:{}\n", date(msn));
        if parts {
            for part in 0..4 {
                let independent = if part == 0 { ",INDEPENDENT=YES" } else { "" };
                text += &format!("#EXT-X-PART:DURATION=0.5,URI=\"1/{msn}.{part}.m4s\"{independent}\n");
            }
        }
        text + &format!("#EXTINF:2.00000,\n1/{msn}.m4s\n")
    }

    fn date(msn: u64) -> String {
        format!("2026-01-01T00:{:02}:{:02}.000Z", msn * 2 / 60, msn * 2 % 60)
    }
}
