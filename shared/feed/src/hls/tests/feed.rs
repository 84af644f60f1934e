//! A make-believe packager: histories of a feed with all that may go wrong in one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use crate::feed::{
    FeedEvent, Format, PartMeta, Presentation, SegmentEnd, SegmentSnapshot, SegmentStart, SegmentState,
    Snapshot, Variant, VariantSnapshot,
};
use crate::name::{Epoch, Msn, StreamName, VariantId};
use crate::time::WallTime;

pub(super) const PART: Duration = Duration::from_millis(500);
pub(super) const TARGET_S: u32 = 2;

/// The fate of a segment of the second variant. The first gets all of its segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Whole,
    /// One SegmentLost.
    Lost,
    /// SegmentLost after a part.
    LostLate,
    /// Never heard of.
    Dropped,
    /// No SegmentClosed.
    Unclosed,
    /// Its second part is never heard of.
    PartDropped,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Segment {
        parts: u32,
        last_ms: u64,
        discontinuity: bool,
        new_init: bool,
        fate: Fate,
    },
    /// The origin restarts, after `cut` parts of a segment that is never finished; it skips numbers.
    Restart {
        continues: bool,
        cut: Option<u32>,
        skip: u64,
    },
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        8 => Just(Fate::Whole), 1 => Just(Fate::Lost), 1 => Just(Fate::LostLate),
        1 => Just(Fate::Dropped), 1 => Just(Fate::Unclosed), 1 => Just(Fate::PartDropped),
    ];
    let rarely = || prop_oneof![6 => Just(false), 1 => Just(true)];
    let segment = (1_u32..=4, 100_u64..=500, rarely(), rarely(), fate).prop_map(
        |(parts, last_ms, discontinuity, new_init, fate)| Step::Segment {
            parts,
            last_ms,
            discontinuity,
            new_init: new_init && discontinuity,
            fate,
        },
    );
    let restart = (prop::bool::weighted(0.8), prop::option::of(0_u32..4), 0_u64..3)
        .prop_map(|(continues, cut, skip)| Step::Restart { continues, cut, skip });
    prop::collection::vec(prop_oneof![12 => segment, 1 => restart], 1..40)
}

pub(super) fn presentation(epoch: u64, continues: bool) -> Arc<Presentation> {
    let variant =
        |id, name: &str, nominal_bps| Variant { id: VariantId(id), name: name.to_owned(), nominal_bps };
    Arc::new(Presentation {
        stream: StreamName::live(),
        epoch: Epoch(epoch),
        continues,
        started_at: WallTime(0),
        part_target: PART,
        target_duration_s: TARGET_S,
        keyed: true,
        window: Duration::from_secs(16),
        variants: vec![variant(0, "Source", 6_000_000), variant(1, "480p", 1_200_000)],
    })
}

pub(super) fn format() -> Format {
    Format {
        codecs: "avc1.640028,mp4a.40.2".to_owned(),
        resolution: Some((1920, 1080)),
        frame_rate: Some(29.97),
        video_range: Some(crate::feed::VideoRange::Sdr),
    }
}

/// Writes a feed.
pub(super) struct Packager {
    pub(super) events: Vec<FeedEvent>,
    epoch: Epoch,
    msn: u64,
    init: u32,
    discontinuities: u64,
    now_us: u64,
}

impl Packager {
    pub(super) fn new() -> Self {
        let mut new = Self {
            events: Vec::new(),
            epoch: Epoch(1),
            msn: 100,
            init: 0,
            discontinuities: 0,
            now_us: 1_764_000_000_000_000,
        };
        new.started(false);
        new
    }

    fn started(&mut self, continues: bool) {
        self.events.push(FeedEvent::Started(presentation(self.epoch.0, continues)));
        self.init = 0;
        self.inits();
    }

    fn inits(&mut self) {
        for variant in [VariantId(0), VariantId(1)] {
            let bytes = Bytes::from(format!("init {}", self.init));
            let (epoch, number) = (self.epoch, self.init);
            self.events.push(FeedEvent::Init { epoch, variant, number, format: format(), bytes });
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Segment { parts, last_ms, discontinuity, new_init, fate } => {
                if new_init {
                    self.init += 1;
                    self.inits();
                }
                self.segment(parts, last_ms, discontinuity, fate, true);
            }
            Step::Restart { continues, cut, skip } => {
                if let Some(parts) = cut {
                    self.segment(parts, 500, false, Fate::Whole, false);
                }
                self.epoch = Epoch(self.epoch.0 + 1);
                self.msn += skip;
                self.now_us += skip * 2_000_000;
                self.started(continues);
                self.segment(2, 500, true, Fate::Whole, true);
            }
        }
    }

    pub(super) fn segment(
        &mut self,
        parts: u32,
        last_ms: u64,
        discontinuity: bool,
        fate: Fate,
        closed: bool,
    ) {
        let (epoch, msn) = (self.epoch, Msn(self.msn));
        self.discontinuities += u64::from(discontinuity);
        let start = SegmentStart {
            msn,
            init: self.init,
            program_date_time: WallTime(self.now_us),
            discontinuity,
            discontinuity_sequence: self.discontinuities,
            independent: true,
        };
        let last = Duration::from_millis(last_ms);
        let duration = PART * parts.saturating_sub(1) + last;
        let fates = [(VariantId(0), Fate::Whole), (VariantId(1), fate)];
        for (variant, fate) in fates {
            match fate {
                Fate::Dropped => {}
                Fate::Lost => self.events.push(FeedEvent::SegmentLost { epoch, variant, start, duration }),
                _ => self.events.push(FeedEvent::SegmentOpened { epoch, variant, start }),
            }
        }
        let end = SegmentEnd { msn, duration, parts, peak_bps: 5_000_000, average_bps: 4_000_000 };
        for index in 0..parts {
            for (variant, fate) in fates {
                let silent = match fate {
                    Fate::Dropped | Fate::Lost => true,
                    Fate::LostLate => index > 0,
                    Fate::PartDropped => index == 1,
                    Fate::Whole | Fate::Unclosed => false,
                };
                if !silent {
                    let duration = if index + 1 == parts { last } else { PART };
                    let closed_at = WallTime(self.now_us);
                    // Half of the segments are closed by their last part, as most are.
                    let closes = closed && index + 1 == parts && fate == Fate::Whole && msn.0 % 2 == 0;
                    let meta = PartMeta {
                        index,
                        duration,
                        independent: index == 0,
                        arrived_at: closed_at,
                        closed_at,
                        closes: closes.then_some(end),
                    };
                    let bytes = Bytes::from(format!("{epoch}/{variant}/{msn}.{index}"));
                    self.events.push(FeedEvent::Part { epoch, variant, msn, meta, bytes });
                }
            }
        }
        for (variant, fate) in fates.into_iter().filter(|_| closed) {
            match fate {
                Fate::Whole | Fate::PartDropped => {
                    self.events.push(FeedEvent::SegmentClosed { epoch, variant, end });
                }
                Fate::LostLate => {
                    self.events.push(FeedEvent::SegmentLost { epoch, variant, start, duration })
                }
                Fate::Lost | Fate::Dropped | Fate::Unclosed => {}
            }
        }
        self.msn += 1;
        self.now_us += u64::try_from(duration.as_micros()).unwrap();
    }

    pub(super) fn end(&mut self) {
        self.events.push(FeedEvent::Ended { epoch: self.epoch });
    }
}

/// The same history of a source whose key frames come where they like: these segments begin without one.
pub(super) fn begins_without_key_frame(msn: u64) -> bool {
    msn % 7 == 3
}

/// Makes it so.
pub(super) fn without_key_frames(events: &mut [FeedEvent]) {
    for event in events {
        match event {
            FeedEvent::SegmentOpened { start, .. } | FeedEvent::SegmentLost { start, .. } => {
                start.independent = !begins_without_key_frame(start.msn.0);
            }
            FeedEvent::Part { msn, meta, .. } => meta.independent &= !begins_without_key_frame(msn.0),
            _ => {}
        }
    }
}

/// The snapshot that a history of one epoch amounts to.
pub(super) fn snapshot(events: &[FeedEvent]) -> Option<Snapshot> {
    let FeedEvent::Started(presentation) = events.first()? else { return None };
    let mut variants = vec![VariantSnapshot::default(), VariantSnapshot::default()];
    let mut ended = false;
    for event in events {
        match event.clone() {
            FeedEvent::Started(_) => {}
            FeedEvent::Init { variant, number, format, bytes, .. } => {
                variants[usize::from(variant.0)].inits.push((number, format, bytes));
            }
            FeedEvent::SegmentOpened { variant, start, .. } => {
                let segment = SegmentSnapshot { start, parts: Vec::new(), state: SegmentState::Open };
                variants[usize::from(variant.0)].segments.push(segment);
            }
            FeedEvent::Part { variant, meta, .. } => {
                variants[usize::from(variant.0)].segments.last_mut()?.parts.push(meta);
            }
            FeedEvent::SegmentClosed { variant, end, .. } => {
                variants[usize::from(variant.0)].segments.last_mut()?.state = SegmentState::Closed(end);
            }
            FeedEvent::SegmentLost { variant, start, duration, .. } => {
                let state = SegmentState::Lost(duration);
                variants[usize::from(variant.0)].segments.push(SegmentSnapshot {
                    start,
                    parts: Vec::new(),
                    state,
                });
            }
            FeedEvent::Ended { .. } => ended = true,
        }
    }
    Some(Snapshot { presentation: Arc::clone(presentation), variants, ended })
}
