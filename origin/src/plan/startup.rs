//! The first moments: which tracks there are, and how long a GOP is.
//!
//! Whatever the source says until both are known is held back, then replayed at once, so nothing is
//! lost and the first playlist is right. Held media is bounded in time, bytes and number; whichever
//! is reached first ends the wait.

use std::sync::Arc;
use std::time::Duration;

use farcast_feed::time::MediaTime;

use crate::media::{Frame, MediaEvent, Track, VideoConfig};

/// Longest wait for a track that was not announced, in media time of the other.
const TRACK_WAIT: Duration = Duration::from_secs(1);
/// Longest wait for a track that metadata announced. Cameras and capture cards take seconds to start, and players are
/// interrupted where a track joins later.
const PROMISED_TRACK_WAIT: Duration = Duration::from_secs(8);
/// Longest wait for a second key frame: the longest GOP that common encoders make by default.
const GOP_WAIT: Duration = Duration::from_secs(10);
/// Longest stretch of pictures without sound at the start. Variants whose tracks begin further apart would begin with
/// one track and change to two, at which players give up. Less than the ladder lets one track wait for the other.
const LEAD: Duration = Duration::from_secs(1);
/// Most bytes held: ten seconds at 50 Mbit/s.
const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;
/// Most events held: ten seconds of 120 pictures and 94 audio frames a second come to 2,140.
const MAX_HELD_EVENTS: usize = 8192;

/// The result of the wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Not enough.
    Wait,
    /// Start with video; the GOP as observed, if a second key frame came.
    Video { gop: Option<Duration> },
    /// Start with audio alone.
    Audio,
}

/// Collects events until the start is decided.
#[derive(Debug, Default)]
pub(super) struct Startup {
    held: Vec<MediaEvent>,
    held_bytes: usize,
    passthrough: bool,
    observe: Duration,
    expect_video: Option<bool>,
    expect_audio: Option<bool>,
    video_config: bool,
    audio_config: bool,
    first_key: Option<MediaTime>,
    last_key: Option<MediaTime>,
    gop: Option<Duration>,
    video_last: Option<MediaTime>,
    audio_first: Option<MediaTime>,
    audio_last: Option<MediaTime>,
}

impl Startup {
    /// `observe`: how much video is to be seen at least.
    pub(super) fn new(passthrough: bool, observe: Duration) -> Self {
        Self { passthrough, observe, ..Self::default() }
    }

    /// No variant passes video through: the source's key frames do not matter.
    pub(super) fn encode_all(&mut self) {
        self.passthrough = false;
    }

    /// The held events, in order.
    pub(super) fn held(&self) -> &[MediaEvent] {
        &self.held
    }

    pub(super) fn expect(&mut self, video: Option<bool>, audio: Option<bool>) {
        self.expect_video = video;
        self.expect_audio = audio;
    }

    /// Forgets frames, not configurations: the timeline was broken.
    pub(super) fn restart(&mut self) {
        self.held.retain(|event| !matches!(event, MediaEvent::Frame(_)));
        self.held_bytes = 0;
        self.gop = None;
        (self.first_key, self.last_key, self.video_last) = (None, None, None);
        (self.audio_first, self.audio_last) = (None, None);
    }

    /// Everything held, in order, but for two things. Facts about a track that were found only after its first frames
    /// come first: the broadcast begins with them, and is not interrupted by them. And pictures long before the first
    /// sound are left out: nobody has seen them yet.
    pub(super) fn release(self) -> Vec<MediaEvent> {
        let sound = self.audio_first.filter(|_| self.is_aligned());
        let mut held = self.held;
        if let Some(sound) = sound {
            let mut begun = false;
            held.retain(|event| match event {
                MediaEvent::Frame(frame) if frame.track == Track::Video => {
                    begun |= frame.key && frame.dts.after(LEAD) >= sound;
                    begun
                }
                _ => true,
            });
        }
        if held.iter().any(|event| matches!(event, MediaEvent::NoVideo | MediaEvent::NoAudio)) {
            return held;
        }
        let audio = |event: &MediaEvent| matches!(event, MediaEvent::Audio(_));
        if held.iter().filter(|event| audio(event)).count() == 1
            && let Some(at) = held.iter().position(audio)
        {
            let config = held.remove(at);
            held.insert(0, config);
        }
        // That key frames are no random access points shows at the second of them.
        let last = held.iter().rev().find_map(|event| match event {
            MediaEvent::Video(config) => Some(Arc::clone(config)),
            _ => None,
        });
        for event in &mut held {
            if let (MediaEvent::Video(config), Some(last)) = (event, &last)
                && (VideoConfig { open_gop: last.open_gop, ..VideoConfig::clone(config) }) == **last
            {
                *config = Arc::clone(last);
            }
        }
        held
    }

    pub(super) fn push(&mut self, event: MediaEvent) -> Verdict {
        match &event {
            MediaEvent::Video(_) => (self.video_config, self.expect_video) = (true, Some(true)),
            MediaEvent::Audio(_) => (self.audio_config, self.expect_audio) = (true, Some(true)),
            MediaEvent::NoVideo => self.forget(Track::Video),
            MediaEvent::NoAudio => self.forget(Track::Audio),
            MediaEvent::Frame(frame) => {
                if !self.note(frame) {
                    return self.verdict();
                }
                self.held_bytes += frame.data.len();
            }
        }
        self.held.push(event);
        self.verdict()
    }

    /// True if the frame is worth holding.
    fn note(&mut self, frame: &Frame) -> bool {
        match frame.track {
            Track::Audio => {
                self.audio_first.get_or_insert(frame.pts);
                self.audio_last = Some(frame.pts);
                true
            }
            Track::Video => {
                self.video_last = Some(frame.dts);
                if frame.key && self.video_config {
                    self.last_key = Some(frame.dts);
                }
                match self.first_key {
                    None if frame.key && self.video_config => self.first_key = Some(frame.dts),
                    None => return false,
                    Some(first) if frame.key && self.gop.is_none() => self.gop = Some(frame.dts.since(first)),
                    Some(_) => {}
                }
                true
            }
        }
    }

    fn forget(&mut self, track: Track) {
        self.held.retain(|event| !matches!(event, MediaEvent::Frame(frame) if frame.track == track));
        match track {
            Track::Video => {
                (self.video_config, self.expect_video) = (false, Some(false));
                (self.first_key, self.last_key) = (None, None);
                (self.video_last, self.gop) = (None, None);
            }
            Track::Audio => {
                (self.audio_config, self.expect_audio) = (false, Some(false));
                (self.audio_first, self.audio_last) = (None, None);
            }
        }
    }

    /// True if there is a key frame not long before the first sound, or after it; so, too, without sound.
    fn is_aligned(&self) -> bool {
        let (Some(audio), Some(key)) = (self.audio_first, self.last_key) else { return true };
        key.after(LEAD) >= audio
    }

    fn verdict(&self) -> Verdict {
        let full = self.held_bytes > MAX_HELD_BYTES || self.held.len() >= MAX_HELD_EVENTS;
        let audio_for = span(self.audio_first, self.audio_last);
        let Some(key) = self.first_key else {
            let patience = match self.expect_video {
                Some(false) => Duration::ZERO,
                Some(true) => PROMISED_TRACK_WAIT,
                None => TRACK_WAIT,
            };
            let alone = self.audio_config && self.audio_last.is_some() && audio_for >= patience;
            return if alone || full { Verdict::Audio } else { Verdict::Wait };
        };
        let video_for = span(Some(key), self.video_last);
        let patience = match self.expect_audio {
            Some(false) => Duration::ZERO,
            Some(true) => PROMISED_TRACK_WAIT,
            None => TRACK_WAIT,
        };
        let sounds = self.audio_config && self.audio_first.is_some();
        let tracks_known = sounds || video_for >= patience;
        let gop_known = !self.passthrough || self.gop.is_some() || video_for >= GOP_WAIT;
        let seen = video_for >= self.observe;
        let aligned = self.is_aligned() || span(self.audio_first, self.video_last) >= GOP_WAIT;
        if (tracks_known && gop_known && seen && aligned) || full {
            Verdict::Video { gop: self.gop }
        } else {
            Verdict::Wait
        }
    }
}

fn span(first: Option<MediaTime>, last: Option<MediaTime>) -> Duration {
    first.zip(last).map_or(Duration::ZERO, |(first, last)| last.since(first))
}
