//! Writing a media playlist (RFC 8216bis §4.4.3 – §4.4.5, delta updates §6.2.5.1).

use std::fmt::{self, Write};
use std::time::Duration;

use super::text::{DateTime, Seconds};
use super::{PART_HOLD_BACK_PARTS, SKIP_BOUNDARY_TARGETS};
use crate::name::{Epoch, Msn, ObjectKind, ObjectName, VariantId};
use crate::window::{Segment, State, StreamWindow, VariantWindow};

/// Full playlist or delta update.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// Everything.
    Full,
    /// Without the segments beyond the skip boundary, if there are any and the playlist has not ended.
    Delta,
}

/// EXT-X-RENDITION-REPORT of another variant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Report {
    pub(super) variant: VariantId,
    pub(super) last_msn: Msn,
    pub(super) last_part: Option<u32>,
}

impl StreamWindow {
    /// The media playlist of a variant.
    #[must_use]
    pub fn render_media(&self, variant: VariantId, form: Form) -> Option<String> {
        let window = self.get(variant)?;
        let others = self.iter().filter(|other| other.variant != variant);
        Some(window.render(form, others.filter_map(VariantWindow::report)))
    }
}

impl VariantWindow {
    /// The report about this variant in other variants' playlists; none before it has a segment and a format.
    fn report(&self) -> Option<Report> {
        self.format()?;
        let last = self.last()?;
        Some(Report {
            variant: self.variant,
            last_msn: last.msn(),
            last_part: last.part_count.checked_sub(1),
        })
    }

    /// Number of segments that a delta update may leave out: those that end further from the end of
    /// the last complete segment than the skip boundary.
    #[must_use]
    pub fn skippable(&self) -> usize {
        if self.ended {
            return 0;
        }
        let boundary = self.target * SKIP_BOUNDARY_TARGETS;
        let mut from_end = Duration::ZERO;
        let mut near = 0;
        for segment in self.segments.iter().rev() {
            if from_end > boundary {
                break;
            }
            near += 1;
            if !segment.is_open() {
                from_end += segment.duration();
            }
        }
        self.segments.len() - near
    }

    fn render(&self, form: Form, reports: impl Iterator<Item = Report>) -> String {
        let skipped = if form == Form::Delta { self.skippable() } else { 0 };
        let mut out = String::with_capacity(self.segments.len() * 160 + 2048);
        // Writing to a String cannot fail.
        let _ = self.write(&mut out, skipped, reports);
        out
    }

    fn write(&self, out: &mut String, skipped: usize, reports: impl Iterator<Item = Report>) -> fmt::Result {
        self.write_header(out, if skipped > 0 { 9 } else { 6 })?;
        if skipped > 0 {
            writeln!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")?;
        }
        let mut map = None;
        for segment in self.listed().skip(skipped) {
            self.write_segment(out, segment, &mut map)?;
        }
        if self.ended {
            out.push_str("#EXT-X-ENDLIST\n");
        } else {
            self.write_hints(out, map)?;
        }
        for Report { variant, last_msn, last_part } in reports {
            write!(out, "#EXT-X-RENDITION-REPORT:URI=\"../{variant}/stream.m3u8\",LAST-MSN={last_msn}")?;
            if let Some(part) = last_part {
                write!(out, ",LAST-PART={part}")?;
            }
            out.push('\n');
        }
        Ok(())
    }

    fn write_header(&self, out: &mut String, version: u8) -> fmt::Result {
        // Rounded up to what Seconds can write, so that no part is above it.
        let part_target = Duration::from_micros(
            u64::try_from(self.part_target.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX),
        );
        let (first_msn, discontinuities) = match self.listed().next() {
            Some(first) => (first.msn(), first.discontinuities_before()),
            None => (Msn(0), 0),
        };
        writeln!(out, "#EXTM3U")?;
        writeln!(out, "#EXT-X-VERSION:{version}")?;
        if self.is_independent() {
            writeln!(out, "#EXT-X-INDEPENDENT-SEGMENTS")?;
        }
        writeln!(out, "#EXT-X-TARGETDURATION:{}", self.target.as_secs())?;
        writeln!(
            out,
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={},CAN-SKIP-UNTIL={}",
            Seconds(part_target * PART_HOLD_BACK_PARTS),
            Seconds(self.target * SKIP_BOUNDARY_TARGETS),
        )?;
        writeln!(out, "#EXT-X-PART-INF:PART-TARGET={}", Seconds(part_target))?;
        writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{first_msn}")?;
        writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuities}")
    }

    /// `map` is the init section in force, none at the start of the text: a delta update therefore
    /// repeats the one that its first segment needs.
    fn write_segment(
        &self,
        out: &mut String,
        segment: &Segment,
        map: &mut Option<(Epoch, u32)>,
    ) -> fmt::Result {
        if segment.start.discontinuity {
            out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        let needs = (segment.epoch, segment.start.init);
        if segment.has_media() && *map != Some(needs) {
            *map = Some(needs);
            let init = segment.object(self.variant, ObjectKind::Init(segment.start.init));
            writeln!(out, "#EXT-X-MAP:URI=\"{}\"", init.relative_uri())?;
        }
        writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", DateTime(segment.start.program_date_time))?;
        for (index, part) in (0..).zip(segment.listed_parts()) {
            let name = segment.object(self.variant, ObjectKind::Part(segment.msn(), index));
            write!(out, "#EXT-X-PART:DURATION={},URI=\"{}\"", Seconds(part.duration), name.relative_uri())?;
            out.push_str(if part.meta.independent { ",INDEPENDENT=YES" } else { "" });
            out.push_str(if part.gap { ",GAP=YES" } else { "" });
            out.push('\n');
        }
        let duration = match segment.state {
            State::Open => return Ok(()),
            State::Closed(duration) => duration,
            State::Lost(duration) => {
                out.push_str("#EXT-X-GAP\n");
                duration
            }
        };
        let name = segment.object(self.variant, ObjectKind::Segment(segment.msn()));
        writeln!(out, "#EXTINF:{},\n{}", Seconds(duration), name.relative_uri())
    }

    fn write_hints(&self, out: &mut String, map: Option<(Epoch, u32)>) -> fmt::Result {
        let Some(part) = self.hint() else { return Ok(()) };
        // A segment that has begun names its section; if it is a new one, that is worth a hint too.
        if let Some(next) = self.segments.back().filter(|next| !next.is_listed()) {
            let needs = (next.epoch, next.start.init);
            if map != Some(needs) {
                let kind = ObjectKind::Init(next.start.init);
                let init = ObjectName { epoch: next.epoch, variant: self.variant, kind };
                writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"{}\"", init.relative_uri())?;
            }
        }
        writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"", part.relative_uri())
    }
}
