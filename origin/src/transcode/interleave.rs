//! Interleaving of a variant's two tracks by decode time.
//!
//! Transcoded video is later than passed-through audio in arrival; the packager closes parts in the order of
//! arrival, so the track that is ahead waits here, within bounds.

use std::collections::VecDeque;
use std::time::Duration;

use farcast_feed::time::MediaTime;

use super::config::Pace;
use crate::media::{MediaEvent, Track};

/// Longest time of media that waits for the other track; beyond it the other track is taken for silent.
const MAX_HOLD: Duration = Duration::from_millis(1500);
/// Most events that wait; above what 1.5 s of 120 frames per second and audio need.
const MAX_HELD: usize = 512;

/// The same for files, which are read ahead of the encoders by all that the queues hold.
const MAX_HOLD_OF_FILES: Duration = Duration::from_secs(60);
/// Most events that wait in files.
const MAX_HELD_OF_FILES: usize = 8192;

/// Orders events of two tracks; within a track order is kept, and a configuration stays with its frame.
#[derive(Debug)]
pub(super) struct Interleaver {
    tracks: [Lane; 2],
    max_hold: Duration,
    max_held: usize,
}

#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<MediaEvent>,
    /// Times that the source announced this track, less the times that it ended.
    announced: u32,
    /// True if the other track waited for this one in vain.
    silent: bool,
    /// True if a frame came out since the track began.
    begun: bool,
}

impl Lane {
    fn expected(&self) -> bool {
        self.announced > 0 && !self.silent
    }

    fn frames(&self) -> impl DoubleEndedIterator<Item = MediaTime> {
        self.queue.iter().filter_map(|event| match event {
            MediaEvent::Frame(frame) => Some(frame.dts),
            _ => None,
        })
    }

    fn first(&self) -> Option<MediaTime> {
        self.frames().next()
    }

    fn span(&self) -> Duration {
        match (self.first(), self.frames().next_back()) {
            (Some(first), Some(last)) => last.since(first),
            _ => Duration::ZERO,
        }
    }
}

impl Interleaver {
    pub(super) fn new(pace: Pace) -> Self {
        let (max_hold, max_held) = match pace {
            Pace::Live => (MAX_HOLD, MAX_HELD),
            Pace::Lossless => (MAX_HOLD_OF_FILES, MAX_HELD_OF_FILES),
        };
        Self { tracks: [Lane::default(), Lane::default()], max_hold, max_held }
    }

    /// The source has this track from now on, until its end is pushed: the other one waits for it.
    pub(super) fn announce(&mut self, track: Track) {
        let lane = &mut self.tracks[index(track)];
        lane.announced = lane.announced.saturating_add(1);
    }

    /// Takes an event of `track`.
    pub(super) fn push(&mut self, track: Track, event: MediaEvent) {
        let lane = &mut self.tracks[index(track)];
        lane.silent = false;
        lane.queue.push_back(event);
    }

    /// The next event in order, if it need not wait; all of them with `flush`.
    pub(super) fn pop(&mut self, flush: bool) -> Option<MediaEvent> {
        for lane in &mut self.tracks {
            match lane.queue.front() {
                Some(MediaEvent::NoVideo | MediaEvent::NoAudio) => {
                    lane.announced = lane.announced.saturating_sub(1);
                    lane.begun = false;
                    return lane.queue.pop_front();
                }
                Some(MediaEvent::Video(_) | MediaEvent::Audio(_)) if !lane.begun => {
                    return lane.queue.pop_front();
                }
                _ => {}
            }
        }
        let ahead = match (self.tracks[0].first(), self.tracks[1].first()) {
            (Some(video), Some(audio)) => usize::from(audio < video),
            (Some(_), None) => self.alone(0, flush)?,
            (None, Some(_)) => self.alone(1, flush)?,
            // A configuration whose first frame has not come yet.
            (None, None) if flush => usize::from(self.tracks[0].queue.is_empty()),
            (None, None) => return None,
        };
        let lane = &mut self.tracks[ahead];
        let event = lane.queue.pop_front();
        lane.begun |= matches!(event, Some(MediaEvent::Frame(_)));
        event
    }

    /// `this`, if that lane may go on although its counterpart has no frame.
    fn alone(&mut self, this: usize, flush: bool) -> Option<usize> {
        let over = self.tracks[this].span() > self.max_hold || self.tracks[this].queue.len() > self.max_held;
        let other = &mut self.tracks[1 - this];
        if over {
            other.silent = true;
        }
        (flush || !other.expected()).then_some(this)
    }
}

fn index(track: Track) -> usize {
    match track {
        Track::Video => 0,
        Track::Audio => 1,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use farcast_feed::time::WallTime;
    use proptest::prelude::*;

    use super::*;
    use crate::media::Frame;

    fn frame(track: Track, ms: i64) -> MediaEvent {
        let at = MediaTime::from_millis(ms);
        MediaEvent::Frame(Frame {
            track,
            dts: at,
            pts: at,
            key: true,
            data: Bytes::new(),
            arrived_at: WallTime(0),
            mark: None,
        })
    }

    fn drain(interleaver: &mut Interleaver, flush: bool) -> Vec<MediaEvent> {
        std::iter::from_fn(|| interleaver.pop(flush)).collect()
    }

    #[test]
    fn audio_waits_for_later_video() {
        let mut i = Interleaver::new(Pace::Live);
        i.announce(Track::Video);
        i.announce(Track::Audio);
        i.push(Track::Audio, frame(Track::Audio, 0));
        i.push(Track::Audio, frame(Track::Audio, 20));
        assert!(drain(&mut i, false).is_empty());
        i.push(Track::Video, frame(Track::Video, 10));
        assert_eq!(drain(&mut i, false), [frame(Track::Audio, 0), frame(Track::Video, 10)]);
    }

    #[test]
    fn a_single_track_does_not_wait() {
        let mut i = Interleaver::new(Pace::Live);
        i.announce(Track::Audio);
        i.push(Track::Audio, frame(Track::Audio, 0));
        assert_eq!(drain(&mut i, false).len(), 1);
    }

    #[test]
    fn a_silent_track_holds_the_other_up_only_once() {
        let mut i = Interleaver::new(Pace::Live);
        i.announce(Track::Video);
        i.announce(Track::Audio);
        let mut out = 0;
        for n in 0..200 {
            i.push(Track::Audio, frame(Track::Audio, n * 20));
            out += drain(&mut i, false).len();
        }
        assert_eq!(out, 200);
        i.push(Track::Video, frame(Track::Video, 4000));
        i.push(Track::Audio, frame(Track::Audio, 4010));
        assert_eq!(drain(&mut i, false), [frame(Track::Video, 4000)]);
    }

    #[test]
    fn the_end_of_a_track_releases_the_other() {
        let mut i = Interleaver::new(Pace::Live);
        i.announce(Track::Video);
        i.announce(Track::Audio);
        i.push(Track::Audio, frame(Track::Audio, 0));
        i.push(Track::Video, MediaEvent::NoVideo);
        assert_eq!(drain(&mut i, false), [MediaEvent::NoVideo, frame(Track::Audio, 0)]);
    }

    proptest! {
        #[test]
        fn whatever_the_arrival_all_events_come_out_in_decode_order(arrival in proptest::collection::vec(any::<bool>(), 1..60)) {
            let mut i = Interleaver::new(Pace::Live);
            i.announce(Track::Video);
            i.announce(Track::Audio);
            let (mut video, mut audio, mut out) = (0, 0, Vec::new());
            for is_video in &arrival {
                if *is_video {
                    i.push(Track::Video, frame(Track::Video, video));
                    video += 33;
                } else {
                    i.push(Track::Audio, frame(Track::Audio, audio));
                    audio += 21;
                }
                out.extend(drain(&mut i, false));
            }
            out.extend(drain(&mut i, true));
            prop_assert_eq!(out.len(), arrival.len());
            let times: Vec<_> = out.iter().map(|e| match e { MediaEvent::Frame(f) => f.dts, _ => MediaTime(0) }).collect();
            prop_assert!(times.is_sorted() || video.abs_diff(audio) > 1500);
        }
    }
}
