//! The verifier: rules of low-latency HLS (RFC 8216bis and Apple's authoring specification), each with an id.
//!
//! [`single`] checks one playlist, [`succession`] two versions of it, [`reload`] a request and its
//! answer, [`siblings`] across the variants, [`steering`] Pathways and steering manifests. All are pure; the caller decides what a [`Breach`]
//! costs.

pub mod reload;
pub mod siblings;
pub mod single;
pub mod steering;
pub mod succession;

use serde::Serialize;

/// Most of a body that a breach carries, in bytes.
const EXCERPT_BYTES: usize = 600;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $id:literal,)*) => {
        /// A rule. Its id begins with the clause of the project's LL-HLS reference.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Rule { $($(#[$doc])* $name,)* }

        impl Rule {
            /// All rules.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The id, for people and reports.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }
        }
    };
}

rules! {
    /// The text has no meaning.
    Syntax = "syntax",
    /// EXT-X-VERSION is absent or lower than the tags demand.
    Version = "C1.1-version",
    /// An EXTINF, rounded, exceeds EXT-X-TARGETDURATION.
    ExtinfOverTarget = "C1.2-extinf-over-target",
    /// EXT-X-TARGETDURATION is 0.
    TargetZero = "C1.2-target-zero",
    /// EXT-X-TARGETDURATION changed.
    TargetChanged = "C1.2-target-changed",
    /// EXT-X-PART without EXT-X-PART-INF.
    PartInfMissing = "C1.3-part-inf-missing",
    /// A part is longer than PART-TARGET.
    PartOverTarget = "C1.3-part-over-target",
    /// A part is shorter than 85 % of PART-TARGET without excuse.
    PartTooShort = "C1.3-part-too-short",
    /// PART-TARGET changed.
    PartTargetChanged = "C1.3-part-target-changed",
    /// EXT-X-SERVER-CONTROL is absent.
    ServerControlMissing = "C1.4-server-control-missing",
    /// CAN-BLOCK-RELOAD=YES is absent.
    BlockReloadMissing = "C1.4-can-block-reload-missing",
    /// PART-HOLD-BACK is absent or below three part targets.
    PartHoldBack = "C1.4-part-hold-back",
    /// HOLD-BACK is below three target durations.
    HoldBack = "C1.4-hold-back",
    /// CAN-SKIP-UNTIL is below six target durations, or CAN-SKIP-DATERANGES stands without it.
    SkipUntil = "C1.4-can-skip-until",
    /// EXT-X-SERVER-CONTROL changed.
    ServerControlChanged = "C1.4-server-control-changed",
    /// A tag stands where it may not.
    TagOrder = "C1.5-tag-order",
    /// A tag is given twice.
    TagTwice = "C1.5-tag-twice",
    /// A segment's first part is not independent.
    SegmentNotIndependent = "C1.5-segment-not-independent",
    /// A part is a byte range of a larger resource.
    ByteRange = "C1.5-byte-range",
    /// Parts are listed further than three target durations from the end.
    OldPartListed = "C1.6-old-part-listed",
    /// Parts of a segment within three target durations of the end are not listed.
    RecentPartsMissing = "C1.6-recent-parts-missing",
    /// A live playlist with parts hints at no next part.
    HintMissing = "C1.7-hint-missing",
    /// More than one hint of a type.
    HintTwice = "C1.7-hint-twice",
    /// A hint names a part that is listed already.
    HintListed = "C1.7-hint-already-listed",
    /// The part that followed is not the one that was hinted at.
    HintBroken = "C1.7-hint-broken",
    /// A rendition report is missing for a sibling, or names something else.
    ReportMissing = "C1.8-report-missing",
    /// A rendition report points ahead of what the sibling shows afterwards.
    ReportAhead = "C1.8-report-ahead",
    /// A rendition report points behind what the sibling has shown already.
    ReportBehind = "C1.8-report-behind",
    /// No EXT-X-PROGRAM-DATE-TIME, or none after a discontinuity, or not to the millisecond.
    DateMissing = "C1.9-program-date-time",
    /// EXT-X-PROGRAM-DATE-TIME does not follow from the durations.
    DateJump = "C1.9-program-date-time-jump",
    /// EXT-X-MEDIA-SEQUENCE went back.
    SequenceDecreased = "C1.10-media-sequence-decreased",
    /// EXT-X-DISCONTINUITY-SEQUENCE is absent.
    DiscontinuitySequenceMissing = "C1.10-discontinuity-sequence-missing",
    /// EXT-X-DISCONTINUITY-SEQUENCE did not grow by what left the window.
    DiscontinuitySequence = "C1.10-discontinuity-sequence",
    /// Siblings differ in discontinuities or their numbers.
    DiscontinuityMisaligned = "C1.10-discontinuity-misaligned",
    /// A hint beside EXT-X-ENDLIST.
    HintAfterEnd = "C1.12-hint-with-endlist",
    /// An open segment beside EXT-X-ENDLIST.
    OpenAfterEnd = "C1.12-open-segment-with-endlist",
    /// The playlist changed after EXT-X-ENDLIST.
    ChangedAfterEnd = "C1.12-changed-after-endlist",
    /// EXT-X-PLAYLIST-TYPE in a sliding playlist.
    PlaylistType = "C1.13-playlist-type",
    /// Removal left less than three target durations or six segments.
    WindowShort = "C1.14-window-short",
    /// A segment without EXT-X-MAP.
    MapMissing = "C1.16-map-missing",
    /// EXT-X-MAP changed without a discontinuity.
    MapChanged = "C1.16-map-changed",
    /// A listed segment or part was edited or removed from the middle.
    Rewritten = "C1.17-rewritten",
    /// The playlist is older than one seen before.
    WentBack = "C1.17-went-back",
    /// A delta was due and a full playlist came, or the reverse.
    DeltaChoice = "C2-delta-choice",
    /// A delta skips segments within CAN-SKIP-UNTIL of the end.
    DeltaInsideBoundary = "C2-delta-inside-boundary",
    /// A delta keeps segments further than CAN-SKIP-UNTIL from the end.
    DeltaKeepsTooMuch = "C2-delta-keeps-too-much",
    /// SKIPPED-SEGMENTS=0.
    DeltaSkipsNothing = "C2-delta-skips-nothing",
    /// A delta that does not fit the client's fresh copy.
    DeltaUnmergeable = "C2-delta-unmergeable",
    /// A blocking request was answered before its media was there.
    AnsweredTooEarly = "C3-answered-too-early",
    /// CODECS is missing.
    Codecs = "C5-codecs",
    /// RESOLUTION is missing beside a video codec.
    Resolution = "C5-resolution",
    /// FRAME-RATE is missing beside a video codec.
    FrameRate = "C5-frame-rate",
    /// AVERAGE-BANDWIDTH is missing or above BANDWIDTH.
    AverageBandwidth = "C5-average-bandwidth",
    /// EXT-X-INDEPENDENT-SEGMENTS is missing.
    IndependentSegments = "C5-independent-segments",
    /// EXT-X-INDEPENDENT-SEGMENTS is written, here or in the Multivariant Playlist, and a segment is not.
    IndependentSegmentsFalse = "C5-independent-segments-false",
    /// Two servers gave different bytes for one name.
    BytesDiffer = "C4-bytes-differ",
    /// EXT-X-CONTENT-STEERING is given twice, or has no usable SERVER-URI.
    SteeringTag = "C5-steering-tag",
    /// A PATHWAY-ID is empty or has a forbidden character.
    PathwayId = "C5-pathway-id",
    /// PATHWAY-ID of EXT-X-CONTENT-STEERING is that of no variant.
    PathwayUnknown = "C5-pathway-unknown",
    /// Pathways differ in their STABLE-VARIANT-IDs.
    PathwayVariants = "C5-pathway-variants",
    /// A STABLE-VARIANT-ID or STABLE-RENDITION-ID is empty or has a forbidden character.
    StableId = "C5-stable-id",
    /// A STABLE-VARIANT-ID is that of two variants of a Pathway.
    StableIdTwice = "C5-stable-id-twice",
    /// A STABLE-VARIANT-ID is that of unlike variants on two Pathways.
    StableIdDiffers = "C5-stable-id-differs",
    /// A steering manifest has another media type.
    SteeringType = "C5-steering-type",
    /// A steering manifest is no JSON object.
    SteeringSyntax = "C5-steering-syntax",
    /// VERSION of a steering manifest is not 1.
    SteeringVersion = "C5-steering-version",
    /// TTL of a steering manifest is no positive number.
    SteeringTtl = "C5-steering-ttl",
    /// RELOAD-URI of a steering manifest is none.
    SteeringReloadUri = "C5-steering-reload-uri",
    /// PATHWAY-PRIORITY is absent or empty, or has an entry twice or one that is no Pathway ID.
    SteeringPriority = "C5-steering-priority",
    /// PATHWAY-PRIORITY has a Pathway that is not known, clones applied.
    SteeringPriorityUnknown = "C5-steering-priority-unknown",
    /// PATHWAY-CLONES is no array, or a clone has no BASE-ID, ID or URI-REPLACEMENT.
    CloneSyntax = "C5-clone-syntax",
    /// BASE-ID of a clone is no Pathway of the playlist, and no clone before it.
    CloneBase = "C5-clone-base",
    /// ID of a clone is that of another Pathway.
    CloneId = "C5-clone-id",
    /// HOST of a clone is empty, or more than a host.
    CloneHost = "C5-clone-host",
    /// PARAMS of a clone are no strings with names.
    CloneParams = "C5-clone-params",
    /// PER-VARIANT-URIS or PER-RENDITION-URIS have no addresses, or a stable id that is not known.
    CloneUris = "C5-clone-uris",
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// A rule that was broken, with what shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Breach {
    /// The rule.
    pub rule: Rule,
    /// The details.
    pub detail: String,
    /// Part of the body; may be empty.
    pub excerpt: String,
}

impl Breach {
    /// A breach without an excerpt.
    #[must_use]
    pub fn new(rule: Rule, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into(), excerpt: String::new() }
    }

    /// The same with the end of `body`, where a live playlist is interesting.
    #[must_use]
    pub fn with_excerpt(mut self, body: &str) -> Self {
        let mut start = body.len().saturating_sub(EXCERPT_BYTES);
        while !body.is_char_boundary(start) {
            start += 1;
        }
        body[start..].clone_into(&mut self.excerpt);
        self
    }
}

impl std::fmt::Display for Breach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.rule.id(), self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rules_share_an_id() {
        let ids: std::collections::HashSet<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids.len(), Rule::ALL.len());
    }

    #[test]
    fn an_excerpt_is_bounded_and_cut_between_characters() {
        let body = "ä".repeat(1000);
        let breach = Breach::new(Rule::Syntax, "x").with_excerpt(&format!("{body}y"));
        assert!(breach.excerpt.len() <= EXCERPT_BYTES && breach.excerpt.ends_with('y'));
    }
}
