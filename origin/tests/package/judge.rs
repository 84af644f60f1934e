//! What must be true of any feed of one variant, read from its events and, with another crate's
//! parser, from its bytes.

use std::collections::HashMap;
use std::time::Duration;

use farcast_feed::feed::{FeedEvent, SegmentStart};
use farcast_origin::package::Config;
use mp4_atom::{Any, Decode, Moof};

/// What a test allows.
#[derive(Clone, Copy, Default)]
pub(crate) struct Allow {
    /// Parts below 85 % of the target: frames so long that nothing fits.
    pub(crate) short_parts: bool,
    /// Segments that begin without a key frame.
    pub(crate) dependent_segments: bool,
    /// Audio that skips.
    pub(crate) audio_gaps: bool,
    /// Lost segments.
    pub(crate) lost: bool,
}

/// A complete segment.
pub(crate) struct SegmentSeen {
    pub(crate) start: SegmentStart,
    pub(crate) parts: Vec<Duration>,
    pub(crate) extinf: Duration,
    pub(crate) samples: HashMap<u32, usize>,
}

const SYNC: u32 = 0x0200_0000;

/// Checks a feed and says what is in it.
pub(crate) fn judge(events: &[FeedEvent], config: &Config, allow: Allow) -> Vec<SegmentSeen> {
    let target = config.part_target;
    let mut seen: Vec<SegmentSeen> = Vec::new();
    let mut inits = 0;
    let mut tracks: Vec<u32> = Vec::new();
    let mut next_msn = None;
    let mut open: Option<SegmentSeen> = None;
    // The section of the last segment, and whether a discontinuity was said since.
    let (mut section, mut broke) = (None, false);
    // Where each track's next sample must begin, and its timescale.
    let mut ends: HashMap<u32, u64> = HashMap::new();
    for event in events {
        match event {
            FeedEvent::Init { number, bytes, format, .. } => {
                assert!(open.is_none(), "an init section inside a segment");
                assert_eq!(*number, inits);
                inits += 1;
                ends.clear();
                tracks = moov(bytes);
                assert_eq!(format.resolution.is_some(), tracks.contains(&1));
                assert!(!format.codecs.is_empty());
            }
            FeedEvent::SegmentOpened { start, .. } => {
                assert!(open.is_none());
                assert_eq!(start.init + 1, inits, "a segment needs the newest init section");
                assert!(next_msn.is_none_or(|msn| msn == start.msn), "a number is missing");
                next_msn = Some(start.msn.next());
                broke |= start.discontinuity;
                let same = section.replace(start.init).is_none_or(|before| before == start.init);
                assert!(same || broke, "segment {} has another section without a discontinuity", start.msn);
                broke = false;
                if start.discontinuity {
                    ends.clear();
                }
                let samples = HashMap::new();
                let (parts, extinf) = (vec![], Duration::ZERO);
                open = Some(SegmentSeen { start: *start, parts, extinf, samples });
            }
            FeedEvent::Part { msn, meta, bytes, .. } => {
                let open = open.as_mut().expect("a part outside a segment");
                assert_eq!(*msn, open.start.msn);
                assert_eq!(meta.index as usize, open.parts.len());
                assert!(meta.duration <= target, "{:?} exceeds the target", meta.duration);
                assert!(meta.duration > Duration::ZERO);
                let moof = moof(bytes);
                let mut key = !tracks.contains(&1);
                let mut first = None;
                for traf in &moof.traf {
                    let id = traf.tfhd.track_id;
                    assert!(tracks.contains(&id));
                    assert!(traf.tfhd.default_base_is_moof);
                    let base = traf.tfdt.as_ref().expect("tfdt").base_media_decode_time;
                    let mut end = base;
                    for entry in &traf.trun[0].samples {
                        end += u64::from(entry.duration.or(traf.tfhd.default_sample_duration).unwrap());
                        let flags = entry.flags.or(traf.tfhd.default_sample_flags).unwrap();
                        key |= id == 1 && flags == SYNC;
                        if id == 1 {
                            first.get_or_insert(flags == SYNC);
                        }
                        *open.samples.entry(id).or_default() += 1;
                    }
                    if let Some(expected) = ends.insert(id, end) {
                        let gap = id == 2 && allow.audio_gaps;
                        assert!(expected == base || gap, "track {id}: a hole from {expected} to {base}");
                    }
                }
                assert_eq!(meta.independent, key, "INDEPENDENT of part {}", meta.index);
                if open.parts.is_empty() {
                    assert!(key || allow.dependent_segments, "segment {msn} begins without a key frame");
                    let independent = first.unwrap_or(key);
                    assert_eq!(open.start.independent, independent, "whether segment {msn} is independent");
                }
                open.parts.push(meta.duration);
            }
            FeedEvent::SegmentClosed { end, .. } => {
                let mut closed = open.take().expect("nothing is open");
                assert_eq!(end.msn, closed.start.msn);
                assert_eq!(end.parts as usize, closed.parts.len());
                assert!(end.parts >= 1);
                assert_eq!(
                    end.duration,
                    closed.parts.iter().sum::<Duration>(),
                    "EXTINF is the sum of the parts"
                );
                let rounded = end.duration.as_secs_f64().round();
                assert!(rounded <= f64::from(config.target_duration_s), "EXTINF {:?}", end.duration);
                let (_, whole) = closed.parts.split_last().unwrap();
                for part in whole {
                    assert!(allow.short_parts || *part * 100 >= target * 85, "{:?}", closed.parts);
                }
                closed.extinf = end.duration;
                seen.push(closed);
            }
            FeedEvent::SegmentLost { start, duration, .. } => {
                assert!(allow.lost, "segment {} is lost", start.msn);
                broke |= start.discontinuity;
                assert!(open.is_none());
                assert!(next_msn.is_none_or(|msn| msn == start.msn), "a number is missing");
                assert!(*duration <= Duration::from_secs(config.target_duration_s.into()));
                next_msn = Some(start.msn.next());
            }
            other => panic!("not the packager's to say: {other:?}"),
        }
    }
    assert!(open.is_none(), "a segment was left open");
    seen
}

/// The file that a player would see: every section and part in order.
pub(crate) fn file(events: &[FeedEvent]) -> Vec<u8> {
    let mut all = Vec::new();
    for event in events {
        if let FeedEvent::Init { bytes, .. } | FeedEvent::Part { bytes, .. } = event {
            all.extend_from_slice(bytes);
        }
    }
    all
}

fn moov(mut bytes: &[u8]) -> Vec<u32> {
    let Any::Ftyp(_) = Any::decode(&mut bytes).unwrap() else { panic!("no ftyp") };
    let Any::Moov(moov) = Any::decode(&mut bytes).unwrap() else { panic!("no moov") };
    assert!(bytes.is_empty());
    moov.trak.iter().map(|trak| trak.tkhd.track_id).collect()
}

fn moof(mut bytes: &[u8]) -> Moof {
    let Any::Moof(moof) = Any::decode(&mut bytes).unwrap() else { panic!("no moof") };
    let Any::Mdat(_) = Any::decode(&mut bytes).unwrap() else { panic!("no mdat") };
    assert!(bytes.is_empty());
    moof
}
