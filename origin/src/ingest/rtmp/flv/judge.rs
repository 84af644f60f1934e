//! The verifier of tracks, each by itself: does the encoder's input become pictures and sound, and what to tell the
//! broadcaster if not.
//!
//! A track that cannot be used is complained of once, whatever the other one does: to the log, and to the encoder. The session
//! ends only when no track is left that can be used.

use std::time::{Duration, Instant};

use super::FlvError;
use crate::ingest::metadata::StreamMetadata;
use crate::media::{MediaEvent, Track};

/// Time for which a track may yield nothing before a complaint: longer than a key frame interval that a good encoder is
/// set to.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time for which an announced track may stay away entirely.
const ABSENCE: Duration = Duration::from_secs(10);

/// Time without any usable frame for which the session lasts after complaints about its tracks.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// Bad tags that make a complaint: a single one may be a glitch.
const MIN_BAD_TAGS: u32 = 10;

/// The verdict on a tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing.
    Fine,
    /// Tell the broadcaster, once.
    Complain {
        /// The track concerned.
        track: Track,
        /// The fault and what to set.
        text: String,
    },
    /// A track that was complained of is usable.
    Recovered(Track),
    /// Nothing usable is left: end the session with this text.
    End {
        /// The fault and what to set.
        text: String,
        /// The encoder sends a format that is not supported; otherwise, tags that cannot be read.
        unsupported: bool,
    },
}

/// The state of a track.
#[derive(Debug, Default)]
struct Health {
    promised: bool,
    /// Tags came.
    seen: bool,
    /// Time of the last frame that came of it.
    good_at: Option<Instant>,
    /// A key frame came of it.
    started: bool,
    /// The bad tags since then.
    bad: u32,
    bad_since: Option<Instant>,
    /// The refusal of the track was reported already.
    refused: bool,
    complaint: Option<Complaint>,
}

#[derive(Clone, Debug)]
struct Complaint {
    at: Instant,
    text: String,
    unsupported: bool,
}

/// Judges the tracks of one session. Call it for each tag, with the tag's result.
#[derive(Debug, Default)]
pub struct Judge {
    tracks: [Health; 2],
    began_at: Option<Instant>,
}

impl Judge {
    /// The metadata announces tracks.
    pub fn promise(&mut self, metadata: &StreamMetadata) {
        self.tracks[0].promised |= metadata.video_codec.is_some();
        self.tracks[1].promised |= metadata.audio_codec.is_some();
    }

    /// A tag of `track` was read, at `now`, with this result and these events.
    pub fn tag<'a>(
        &mut self,
        track: Track,
        result: &Result<(), FlvError>,
        events: impl Iterator<Item = &'a MediaEvent>,
        now: Instant,
    ) -> Verdict {
        let began_at = *self.began_at.get_or_insert(now);
        let health = &mut self.tracks[index(track)];
        health.seen = true;
        let mut usable = false;
        for event in events {
            if let MediaEvent::Frame(frame) = event {
                health.started |= frame.key;
                usable |= health.started;
            }
        }
        if usable {
            health.good_at = Some(now);
            (health.bad, health.bad_since) = (0, None);
            if health.complaint.take().is_some() {
                return Verdict::Recovered(track);
            }
        }
        if let Err(error) = result {
            health.bad += 1;
            health.bad_since.get_or_insert(now);
            if health.complaint.is_none()
                && let Some(text) = health.complain_of(track, error, now)
            {
                return self.complain(track, text, matches!(error, FlvError::Unsupported(_)), now);
            }
        } else if !health.started && health.complaint.is_none() && now - began_at >= ABSENCE {
            // Frames without a key frame among them; audio's are all key frames.
            return self.complain(track, text_without_key_frames(), false, now);
        }
        if let Some(absent) = self.absent(now - began_at) {
            let text = text_of_absence(absent);
            return self.complain(absent, text, false, now);
        }
        self.end(now)
    }

    fn complain(&mut self, track: Track, text: String, unsupported: bool, now: Instant) -> Verdict {
        let health = &mut self.tracks[index(track)];
        health.refused |= unsupported;
        // Of a track that can be used a part may not be taken: OBS sends its first quality as ever, and others beside it.
        if health.is_silent(now) {
            health.complaint = Some(Complaint { at: now, text: text.clone(), unsupported });
        }
        Verdict::Complain { track, text }
    }

    /// A track that was announced and never came.
    fn absent(&self, since: Duration) -> Option<Track> {
        let absent = |health: &Health| health.promised && !health.seen && health.complaint.is_none();
        let tracks = [Track::Video, Track::Audio].into_iter();
        tracks.filter(|_| since >= ABSENCE).find(|track| absent(&self.tracks[index(*track)]))
    }

    /// The session ends when all tracks that came were complained of and gave nothing for a while.
    fn end(&self, now: Instant) -> Verdict {
        let came = || self.tracks.iter().filter(|health| health.seen);
        let hopeless = |health: &Health| {
            let complained = health.complaint.as_ref();
            // A track that can be read and only lacks its first key frame still may begin.
            health.bad > 0
                && complained.is_some_and(|complaint| now - complaint.at >= LAST_CHANCE)
                && health.good_at.is_none_or(|at| now - at >= LAST_CHANCE)
        };
        if came().count() == 0 || !came().all(hopeless) {
            return Verdict::Fine;
        }
        // Video is what people look for first.
        match came().find_map(|health| health.complaint.clone()) {
            Some(Complaint { text, unsupported, .. }) => Verdict::End { text, unsupported },
            None => Verdict::Fine,
        }
    }
}

impl Health {
    /// Nothing usable came of it for a while.
    fn is_silent(&self, now: Instant) -> bool {
        self.good_at.is_none_or(|at| now - at >= PATIENCE)
    }

    /// The complaint about bad tags, if there is to be one.
    fn complain_of(&self, track: Track, error: &FlvError, now: Instant) -> Option<String> {
        let lasting = self.bad_since.is_some_and(|since| now - since >= PATIENCE);
        let at_once = matches!(error, FlvError::Unsupported(_)) && !self.refused;
        if !at_once && (self.bad < MIN_BAD_TAGS || !lasting || !self.is_silent(now)) {
            return None;
        }
        match (track, error) {
            (_, FlvError::Unsupported(text)) => Some(text.clone()),
            (_, FlvError::LatePiece) => None,
            (Track::Video, FlvError::NoConfig { .. }) => Some(
                "the video cannot be decoded: parameter sets (SPS and PPS, or AV1's sequence header) are missing in the \
                 sequence header and in the key frames; restart the encoder's output, and have it repeat its headers \
                 (x264: repeat-headers=1)"
                    .to_owned(),
            ),
            (Track::Audio, FlvError::NoConfig { .. }) => Some(
                "the sound cannot be decoded: there is no AAC sequence header, and neither onMetaData nor the frames tell \
                 sample rate and channels; restart the encoder's output, or set AAC-LC at 48 kHz as audio encoder"
                    .to_owned(),
            ),
            (Track::Video, FlvError::Malformed { what, .. }) => Some(format!(
                "the video cannot be read ({what}); set H.264 as video encoder, without a filter that changes its \
                 bitstream, and restart the encoder's output"
            )),
            (Track::Audio, FlvError::Malformed { what, .. }) => Some(format!(
                "the sound cannot be read ({what}); set AAC-LC as audio encoder and restart the encoder's output"
            )),
        }
    }
}

fn text_without_key_frames() -> String {
    "the video has no key frame, so that nobody can begin to watch; set a key frame interval of 2 s (in OBS: Settings, \
     Output, Keyframe Interval), and switch intra refresh off"
        .to_owned()
}

fn text_of_absence(track: Track) -> String {
    match track {
        Track::Video => "onMetaData announces video, and none comes; check the encoder's video source and restart its output",
        Track::Audio => "onMetaData announces sound, and none comes; check the encoder's audio source and restart its output",
    }
    .to_owned()
}

fn index(track: Track) -> usize {
    usize::from(track == Track::Audio)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use farcast_feed::time::{MediaTime, WallTime};

    use super::*;
    use crate::media::Frame;

    struct Rig {
        judge: Judge,
        start: Instant,
        said: Vec<(u64, Verdict)>,
    }

    impl Rig {
        fn new() -> Self {
            Self { judge: Judge::default(), start: Instant::now(), said: Vec::new() }
        }

        fn tag(&mut self, ms: u64, track: Track, result: &Result<(), FlvError>, key: Option<bool>) {
            let event = key.map(|key| {
                let (dts, data) = (MediaTime(0), Bytes::new());
                MediaEvent::Frame(Frame {
                    track,
                    dts,
                    pts: dts,
                    key,
                    data,
                    arrived_at: WallTime(0),
                    mark: None,
                })
            });
            let now = self.start + Duration::from_millis(ms);
            match self.judge.tag(track, result, event.iter(), now) {
                Verdict::Fine => {}
                verdict => self.said.push((ms, verdict)),
            }
        }

        fn complaints(&self) -> Vec<(u64, Track)> {
            let of = |(ms, verdict): &(u64, Verdict)| match verdict {
                Verdict::Complain { track, .. } => Some((*ms, *track)),
                _ => None,
            };
            self.said.iter().filter_map(of).collect()
        }
    }

    fn no_config(track: &'static str) -> Result<(), FlvError> {
        Err(FlvError::NoConfig { track })
    }

    #[test]
    fn a_bad_track_is_complained_of_once_and_the_good_one_goes_on() {
        let mut rig = Rig::new();
        for ms in (0..60_000).step_by(40) {
            rig.tag(ms, Track::Video, &no_config("video"), None);
            rig.tag(ms + 1, Track::Audio, &Ok(()), Some(true));
        }
        assert_eq!(rig.said.len(), 1, "{:?}", rig.said);
        let (ms, Verdict::Complain { track: Track::Video, text }) = &rig.said[0] else { panic!() };
        assert!((5000..5100).contains(ms) && text.contains("SPS"), "{ms} {text}");
    }

    #[test]
    fn an_unsupported_track_is_named_at_once_and_a_lonely_one_ends_the_session() {
        let unsupported = || Err(FlvError::Unsupported("set AAC".to_owned()));
        let mut rig = Rig::new();
        for ms in (0..7000).step_by(40) {
            rig.tag(ms, Track::Audio, &unsupported(), None);
        }
        assert_eq!(rig.complaints(), [(0, Track::Audio)]);
        let end = Verdict::End { text: "set AAC".to_owned(), unsupported: true };
        assert_eq!(rig.said[1], (5000, end));
    }

    #[test]
    fn what_is_not_taken_beside_a_good_track_is_named_once() {
        let mut rig = Rig::new();
        for ms in (0..30_000).step_by(40) {
            rig.tag(ms, Track::Video, &Ok(()), Some(ms == 0));
            rig.tag(ms + 1, Track::Video, &Err(FlvError::Unsupported("several tracks".to_owned())), None);
        }
        let text = "several tracks".to_owned();
        assert_eq!(rig.said, [(1, Verdict::Complain { track: Track::Video, text })]);
    }

    #[test]
    fn two_bad_tracks_end_the_session() {
        let mut rig = Rig::new();
        for ms in (0..30_000).step_by(40) {
            rig.tag(ms, Track::Video, &Err(super::super::bad_video("x")), None);
            rig.tag(ms, Track::Audio, &no_config("audio"), None);
        }
        assert_eq!(rig.complaints().len(), 2);
        assert!(
            matches!(rig.said[2], (10_000, Verdict::End { unsupported: false, .. })),
            "{:?}",
            rig.said[2]
        );
    }

    #[test]
    fn a_glitch_is_not_complained_of_and_a_recovery_is_told() {
        let mut rig = Rig::new();
        for ms in (0..20_000).step_by(40) {
            let bad = ms % 400 == 0;
            let result = if bad { Err(super::super::bad_video("x")) } else { Ok(()) };
            rig.tag(ms, Track::Video, &result, (!bad).then_some(ms == 40));
        }
        assert_eq!(rig.said, []);
        for ms in (20_000..27_000).step_by(40) {
            rig.tag(ms, Track::Video, &Err(super::super::bad_video("x")), None);
        }
        rig.tag(27_000, Track::Video, &Ok(()), Some(true));
        assert_eq!(rig.complaints().len(), 1);
        assert_eq!(rig.said.last(), Some(&(27_000, Verdict::Recovered(Track::Video))));
    }

    #[test]
    fn video_without_key_frames_and_tracks_that_never_come_are_told() {
        let mut rig = Rig::new();
        let (video_codec, audio_codec) = (Some("H.264".to_owned()), Some("AAC".to_owned()));
        rig.judge.promise(&StreamMetadata { video_codec, audio_codec, ..StreamMetadata::default() });
        for ms in (0..40_000).step_by(40) {
            rig.tag(ms, Track::Video, &Ok(()), Some(false));
        }
        assert_eq!(rig.complaints(), [(10_000, Track::Video), (10_040, Track::Audio)]);
        assert_eq!(
            rig.said.len(),
            2,
            "who is told that a key frame is missing may still send one: {:?}",
            rig.said
        );
        rig.tag(40_000, Track::Video, &Ok(()), Some(true));
        assert_eq!(rig.said.last(), Some(&(40_000, Verdict::Recovered(Track::Video))));
    }
}
