//! Publishers of all kinds in virtual time.

use std::sync::Arc;

use bytes::Bytes;
use farcast_feed::name::Msn;

use super::*;
use crate::media::{AudioCodec, AudioConfig, Frame, Mark, MediaEvent, VideoCodec, VideoConfig};
use crate::plan::speed::Pace;
use crate::plan::{Config, Planner};

/// Wall time of media time 0, in microseconds.
const ANCHOR_US: i64 = 1_764_000_000_000_000;
/// Frames are this far apart.
const FRAME_US: i64 = 40_000;
const TEN_MINUTES_US: i64 = 600_000_000;

/// A planner and what it dated, by frames that arrive when they are said to.
struct Rig {
    planner: Planner,
    out: Vec<MediaEvent>,
    at: i64,
}

/// A segment: its mark, and when its first frame arrived.
type Begun = (Mark, i64);

impl Rig {
    fn new(segment_s: u64) -> Self {
        let mut planner = Planner::new(Config {
            segment_target: Duration::from_secs(segment_s),
            part_target: Duration::from_millis(500),
            passthrough_video: false,
            first_msn: Msn(0),
            first_discontinuity_sequence: 0,
            observe: Duration::ZERO,
            anchor: WallTime(ANCHOR_US.unsigned_abs()),
            not_before: WallTime(0),
        });
        planner.expect(Some(true), Some(false));
        let record = Bytes::from_static(b"record");
        let config = VideoConfig::plain(VideoCodec::Avc, record, (320, 180));
        let mut out = Vec::new();
        planner.push(MediaEvent::Video(Arc::new(config)), &mut out);
        Self { planner, out, at: 0 }
    }

    /// Pushes frames for `media_us` of media. `arrival`: when the frame of this media time arrives, in
    /// microseconds after the anchor; it has jitter on top.
    fn publish(&mut self, media_us: i64, arrival: impl Fn(i64) -> i64) {
        let until = self.at + media_us;
        while self.at < until {
            let pts = MediaTime(self.at);
            let jitter =
                [0, 3_000, 11_000, 1_000, 35_000, 0, 7_000][usize::try_from(self.at / FRAME_US % 7).unwrap()];
            let arrived_at = WallTime((ANCHOR_US + arrival(self.at) + jitter).unsigned_abs());
            let (track, data) = (Track::Video, Bytes::from_static(b"frame"));
            let key = self.at % 2_000_000 == 0;
            let frame = Frame { track, dts: pts, pts, key, data, arrived_at, mark: None };
            self.planner.push(MediaEvent::Frame(frame), &mut self.out);
            self.at += FRAME_US;
        }
    }

    fn begun(&self) -> Vec<Begun> {
        let begun = |event: &MediaEvent| match event {
            MediaEvent::Frame(frame) => frame.mark.map(|mark| (mark, us(frame.arrived_at))),
            _ => None,
        };
        self.out.iter().filter_map(begun).collect()
    }
}

fn us(at: WallTime) -> i64 {
    i64::try_from(at.0).unwrap()
}

/// The largest distance of a segment's date from its arrival, in milliseconds, and the number of discontinuities;
/// having checked that starts grow and that steps without one are small.
fn judged(begun: &[Begun]) -> (i64, usize) {
    for pair in begun.windows(2) {
        let ((one, _), (other, _)) = (&pair[0], &pair[1]);
        assert!(other.program_date_time > one.program_date_time, "{pair:?}");
        let lasts = i64::try_from(other.start.since(one.start).as_micros()).unwrap();
        let step = us(other.program_date_time) - us(one.program_date_time) - lasts;
        assert!(other.discontinuity || step.abs() <= 50_000, "a step of {step} us: {pair:?}");
        let more = other.discontinuity_sequence - one.discontinuity_sequence;
        assert_eq!(more, u64::from(other.discontinuity));
    }
    let off = begun.iter().map(|(mark, arrived)| (us(mark.program_date_time) - arrived).abs() / 1000);
    (off.max().unwrap(), begun.iter().filter(|(mark, _)| mark.discontinuity).count())
}

/// Ten minutes at `percent` of real time.
fn at_speed(segment_s: u64, percent: i64) -> (i64, usize) {
    let mut rig = Rig::new(segment_s);
    rig.publish(TEN_MINUTES_US * percent / 100, |media| 300_000 + media * 100 / percent);
    judged(&rig.begun())
}

#[test]
fn dates_stay_with_arrival_at_any_speed_for_ten_minutes() {
    // Segments of seconds, speed in percent, most milliseconds between date and arrival, most discontinuities.
    for (segment_s, percent, bound_ms, breaks) in [
        (4, 100, 50, 0),
        (4, 99, 200, 0),
        (2, 99, 200, 0),
        (4, 97, 1300, 12),
        (4, 103, 1000, 12),
        (2, 97, 1300, 8),
        (2, 103, 1000, 8),
        (6, 97, 1300, 15),
        (4, 90, 1900, 45),
        (4, 110, 900, 60),
    ] {
        let (off_ms, count) = at_speed(segment_s, percent);
        assert!(
            off_ms <= bound_ms && count <= breaks,
            "{segment_s} s, {percent} %: {off_ms} ms, {count} breaks"
        );
    }
}

#[test]
fn the_operator_is_told_the_real_speed() {
    for (percent, pace) in [(90, Pace::Slow), (97, Pace::Slow), (103, Pace::Fast), (100, Pace::Steady)] {
        let mut clock = Clock::new(WallTime(0), WallTime(0));
        let said: Vec<_> = (0..60_000_000_i64)
            .step_by(40_000)
            .filter_map(|at| {
                let when = WallTime((at * 100 / percent).unsigned_abs());
                clock.arrived(Track::Video, MediaTime(at), when, true)
            })
            .collect();
        assert_eq!(
            said.iter().map(|report| report.pace).collect::<Vec<_>>(),
            vec![pace; usize::from(percent != 100)]
        );
        for ratio in said.iter().map(|report| report.ratio).chain([clock.speed().0]) {
            assert!((ratio * 100.0 - percent as f64).abs() < 1.5, "{percent} %: {ratio}");
        }
    }
}

#[test]
fn a_sound_card_is_followed_for_a_day_without_a_break() {
    for ppm in [50, -50] {
        let mut rig = Rig::new(4);
        for _ in 0..24 {
            rig.publish(3_600_000_000, |media| 300_000 + media + media / 1_000_000 * ppm);
            let begun = rig.begun();
            rig.out.clear();
            let (off_ms, breaks) = judged(&begun);
            assert!(off_ms <= 60 && breaks == 0, "{ppm} ppm: {off_ms} ms, {breaks}");
        }
    }
}

#[test]
fn a_stalled_upload_that_catches_up_moves_no_date() {
    for (stall_us, gain) in [(5_000_000, 2), (8_000_000, 3), (20_000_000, 4), (2_000_000, 1)] {
        let mut rig = Rig::new(4);
        let begins = 60_000_000;
        // After the stall frames come `1 + gain` times as fast until none is late.
        let arrival = move |media: i64| {
            let since = media - begins;
            300_000 + media + if since < 0 { 0 } else { (stall_us - since * gain / (1 + gain)).max(0) }
        };
        rig.publish(200_000_000, arrival);
        let begun = rig.begun();
        let (_, breaks) = judged(&begun);
        assert_eq!(breaks, 0);
        for (mark, _) in begun {
            let offset = us(mark.program_date_time) - ANCHOR_US - mark.start.micros();
            assert!((offset - 300_000).abs() <= 50_000, "stall of {stall_us}: {offset}");
        }
    }
}

#[test]
fn media_that_stays_late_is_dated_anew_with_one_discontinuity() {
    let mut rig = Rig::new(4);
    rig.publish(200_000_000, |media| 300_000 + media + if media < 60_000_000 { 0 } else { 20_000_000 });
    let begun = rig.begun();
    assert_eq!(judged(&begun).1, 1);
    let (last, arrived) = begun.last().unwrap();
    assert!((us(last.program_date_time) - arrived).abs() <= 50_000);
}

#[test]
fn the_first_segment_is_dated_by_its_arrival_not_by_the_connection() {
    let mut rig = Rig::new(4);
    rig.publish(10_000_000, |media| 7_000_000 + media);
    assert!(judged(&rig.begun()).0 <= 50);
}

#[test]
fn a_publisher_that_returns_goes_on_where_the_dates_are_whatever_its_speed_was() {
    for percent in [90, 97, 100, 103] {
        let mut rig = Rig::new(4);
        rig.publish(TEN_MINUTES_US * percent / 100, |media| 300_000 + media * 100 / percent);
        let (left, _) = *rig.begun().last().unwrap();
        let end = us(left.program_date_time) + (rig.at - left.start.micros());
        // It is away for five seconds; its first frame arrives at once.
        let back = ANCHOR_US + TEN_MINUTES_US + 5_300_000;
        rig.planner.discontinuity();
        let at = rig.planner.media_at(WallTime(back.unsigned_abs()));
        rig.at = (at.micros() / 2_000_000 + 1) * 2_000_000;
        let ahead = rig.at - at.micros();
        let from = rig.at;
        rig.out.clear();
        rig.publish(60_000_000, |media| back - ANCHOR_US + ahead + media - from);
        let begun = rig.begun();
        let (first, _) = begun[0];
        assert!(first.discontinuity && us(first.program_date_time) >= end, "{percent}");
        assert!(judged(&begun).0 <= 50, "{percent}: {:?}", judged(&begun));
    }
}

#[test]
fn a_file_sent_as_fast_as_it_goes_and_a_clock_that_is_set_back_leave_dates_to_durations() {
    let mut rig = Rig::new(4);
    rig.publish(600_000_000, |media| 300_000 + media / 20);
    assert!(judged(&rig.begun()).1 <= 5, "{:?}", judged(&rig.begun()));
    let mut rig = Rig::new(4);
    rig.publish(600_000_000, |media| 300_000 + media - if media < 60_000_000 { 0 } else { 3_600_000_000 });
    assert_eq!(judged(&rig.begun()).1, 0);
}

#[test]
fn a_clock_that_is_set_forward_is_followed_with_one_discontinuity() {
    let mut rig = Rig::new(4);
    rig.publish(200_000_000, |media| 300_000 + media + if media < 60_000_000 { 0 } else { 3_600_000_000 });
    assert_eq!(judged(&rig.begun()).1, 1);
}

#[test]
fn a_date_is_never_before_what_an_earlier_run_may_have_dated() {
    let mut clock = Clock::new(WallTime(5_000_000), WallTime(5_000_000));
    clock.arrived(Track::Video, MediaTime(0), WallTime(5_100_000), true);
    clock.arrived(Track::Video, MediaTime(3_000_000), WallTime(5_200_000), true);
    let begun = clock.begin(MediaTime(0), Track::Video, true, true);
    assert_eq!(begun, super::Begun { date: WallTime(5_000_000), breaks: false });
}

#[test]
fn audio_alone_is_followed_as_well() {
    let mut planner = Planner::new(Config {
        segment_target: Duration::from_secs(4),
        part_target: Duration::from_millis(500),
        passthrough_video: true,
        first_msn: Msn(0),
        first_discontinuity_sequence: 0,
        observe: Duration::ZERO,
        anchor: WallTime(ANCHOR_US.unsigned_abs()),
        not_before: WallTime(0),
    });
    let record = Bytes::from_static(&[0x11, 0x90]);
    let (codec, sample_rate_hz, channels, frame_samples) = (AudioCodec::Aac, 48_000, 2, 1024);
    let config = AudioConfig { codec, record, sample_rate_hz, channels, frame_samples };
    let mut out = Vec::new();
    planner.push(MediaEvent::Audio(Arc::new(config)), &mut out);
    for n in 0..28_000 {
        let pts = MediaTime(n * 1_024_000_000 / 48_000);
        let arrived_at = WallTime((ANCHOR_US + pts.micros() * 100 / 97).unsigned_abs());
        let (track, data) = (Track::Audio, Bytes::from_static(b"frame"));
        let frame = Frame { track, dts: pts, pts, key: true, data, arrived_at, mark: None };
        planner.push(MediaEvent::Frame(frame), &mut out);
    }
    let rig = Rig { planner, out, at: 0 };
    let (off_ms, breaks) = judged(&rig.begun());
    assert!(off_ms <= 1500 && (1..=13).contains(&breaks), "{off_ms} ms, {breaks} breaks");
}
