//! Tests of the choice of frames, and of the broadcast for which their pictures count.

use std::time::Duration;

use farcast_feed::time::{MediaTime, WallTime};

use super::*;
use crate::media::{Frame, VideoCodec};

fn pictures() -> (Pictures, Maker) {
    Pictures::new(How::Here, Metrics::new(&Registry::new()).unwrap())
}

fn config() -> MediaEvent {
    MediaEvent::Video(VideoConfig::plain(VideoCodec::Avc, Bytes::new(), (640, 360)).into())
}

fn frame(track: Track, key: bool) -> MediaEvent {
    let data = Bytes::from_static(b"frame");
    let (dts, pts, arrived_at) = (MediaTime(0), MediaTime(0), WallTime(0));
    MediaEvent::Frame(Frame { track, dts, pts, key, data, arrived_at, mark: None })
}

#[test]
fn a_key_frame_is_taken_every_five_seconds_and_no_other_frame() {
    let (pictures, mut maker) = pictures();
    let (mut tap, start) = (pictures.tap(false), Instant::now());
    let at = |ms: u64| start + Duration::from_millis(ms);
    let mut sees = |event: &MediaEvent, ms| {
        tap.see(event, at(ms));
        maker.taken.try_recv().is_ok()
    };
    let key = frame(Track::Video, true);
    assert!(!sees(&key, 0), "nobody knows how to decode it");
    assert!(!sees(&config(), 0));
    assert!(!sees(&frame(Track::Audio, true), 0) && !sees(&frame(Track::Video, false), 0));
    assert!(sees(&key, 1));
    assert!(!sees(&key, 5000));
    assert!(sees(&key, 5001));
    assert!(!sees(&MediaEvent::NoVideo, 11_000) && !sees(&key, 11_000));
    assert!(!sees(&config(), 11_000) && sees(&key, 11_000));
}

#[test]
fn while_a_frame_is_under_way_others_are_passed_over_and_the_next_one_after_it_is_taken() {
    let (pictures, mut maker) = pictures();
    let (mut tap, start) = (pictures.tap(false), Instant::now());
    tap.see(&config(), start);
    let key = frame(Track::Video, true);
    tap.see(&key, start);
    tap.see(&key, start + EVERY);
    assert!(maker.taken.try_recv().is_ok() && maker.taken.try_recv().is_err());
    tap.see(&key, start + EVERY + Duration::from_millis(1));
    assert!(maker.taken.try_recv().is_ok(), "it was not kept waiting for the one that was passed over");
}

#[test]
fn pictures_go_with_their_broadcast_and_stay_when_it_goes_on() {
    let pictures = Pictures::none();
    let made = || Made { thumbnail: Bytes::from_static(b"still"), preview: Bytes::from_static(b"reel") };
    pictures.newest().made = Some(made());
    assert_eq!(pictures.get(Picture::Thumbnail).as_deref(), Some(&b"still"[..]));
    assert_eq!(pictures.get(Picture::Preview).as_deref(), Some(&b"reel"[..]));
    let _goes_on = pictures.tap(true);
    assert!(pictures.get(Picture::Thumbnail).is_some());
    let _another = pictures.tap(false);
    assert_eq!((pictures.get(Picture::Thumbnail), pictures.get(Picture::Preview)), (None, None));
}
