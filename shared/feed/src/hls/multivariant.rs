//! Writing the multivariant playlist (RFC 8216bis §4.4.6).

use std::fmt::{self, Write};

use super::text::Quotable;
use crate::feed::{Variant, VideoRange};
use crate::name::VariantId;
use crate::window::{StreamWindow, VariantWindow};

/// The variant nearest to this rate comes first, as players start with it (Apple 9.2: about 2 Mbit/s).
const FIRST_VARIANT_BPS: u64 = 2_000_000;

/// Path of the steering manifest, below the multivariant playlist's.
const STEERING_URI: &str = "steering.json";

/// STABLE-VARIANT-ID of a variant (§4.4.6.2), the same on all edges, which serve the same bytes under it.
#[must_use]
pub fn stable_variant_id(variant: VariantId) -> String {
    format!("v{variant}")
}

/// With so many complete segments in one variant, another that has none is not waited for any more.
const SETTLED_SEGMENTS: usize = 2;

impl StreamWindow {
    /// True if the multivariant playlist names all variants that it is going to name: players read it
    /// once. A variant whose encoder never starts holds it up for two segments.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let mut windows = self.iter();
        windows.all(VariantWindow::is_playable)
            || self.iter().any(|window| {
                window.is_playable()
                    && window.listed().filter(|segment| !segment.is_open()).count() >= SETTLED_SEGMENTS
            })
            || (self.has_ended() && self.iter().any(VariantWindow::is_playable))
    }

    /// The multivariant playlist; `None` before any variant can be played. A variant that cannot be
    /// is left out until it can.
    ///
    /// With a `pathway` it tells players of content steering (§7): `steering.json` beside it is the steering manifest, and
    /// all variants are of this pathway, whose id has letters, digits, `.`, `-` and `_` only.
    #[must_use]
    pub fn render_multivariant(&self, pathway: Option<&str>) -> Option<String> {
        let mut entries: Vec<(&Variant, &VariantWindow)> = self
            .presentation()
            .variants
            .iter()
            .zip(self.iter())
            .filter(|(_, window)| window.is_playable())
            .collect();
        let first =
            (0..entries.len()).min_by_key(|&at| entries[at].0.nominal_bps.abs_diff(FIRST_VARIANT_BPS))?;
        let first = entries.remove(first);
        entries.insert(0, first);

        // Its absence means SDR (RFC 8216bis §4.4.6.2); where there is a choice, each says which it is.
        let ranges = entries.iter().any(|(_, window)| {
            let range = window.format().and_then(|format| format.video_range);
            range.is_some_and(|range| range != VideoRange::Sdr)
        });
        let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:6\n");
        // Here the tag holds for every segment of every variant, those to come included (§4.4.2.1).
        let expected = self.presentation().keyed;
        if expected && entries.iter().all(|(_, window)| window.is_independent()) {
            out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        if let Some(pathway) = pathway {
            let pathway = Quotable(pathway);
            let _ = writeln!(
                out,
                "#EXT-X-CONTENT-STEERING:SERVER-URI=\"{STEERING_URI}\",PATHWAY-ID=\"{pathway}\""
            );
        }
        for (variant, window) in entries {
            // Writing to a String cannot fail.
            let _ = write_entry(&mut out, variant, window, ranges, pathway);
        }
        Some(out)
    }
}

fn write_entry(
    out: &mut String,
    variant: &Variant,
    window: &VariantWindow,
    ranges: bool,
    pathway: Option<&str>,
) -> fmt::Result {
    let (peak, average) = window.measured_bps.unwrap_or_default();
    let or_nominal = |bps: u64| if bps > 0 { bps } else { variant.nominal_bps.max(1) };
    let average = or_nominal(average);
    let peak = or_nominal(peak).max(average);
    write!(out, "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average}")?;
    if let Some(format) = window.format() {
        write!(out, ",CODECS=\"{}\"", Quotable(&format.codecs))?;
        if let Some((width, height)) = format.resolution {
            write!(out, ",RESOLUTION={width}x{height}")?;
        }
        if let Some(rate) = format.frame_rate.filter(|rate| rate.is_finite() && *rate > 0.0) {
            write!(out, ",FRAME-RATE={rate:.3}")?;
        }
        if let Some(range) = format.video_range.filter(|_| ranges) {
            write!(out, ",VIDEO-RANGE={}", range_name(range))?;
        }
    }
    if let Some(pathway) = pathway {
        let stable = stable_variant_id(variant.id);
        write!(out, ",STABLE-VARIANT-ID=\"{stable}\",PATHWAY-ID=\"{}\"", Quotable(pathway))?;
    }
    writeln!(out, "\n{}/stream.m3u8", variant.id)
}

fn range_name(range: VideoRange) -> &'static str {
    match range {
        VideoRange::Sdr => "SDR",
        VideoRange::Hlg => "HLG",
        VideoRange::Pq => "PQ",
    }
}
