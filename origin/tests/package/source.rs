//! Sources: made up here, or made by ffmpeg and read from FLV or fragmented MP4.

use std::sync::Arc;

use bytes::Bytes;
use farcast_feed::time::{MediaTime, WallTime};
use farcast_origin::media::{AudioCodec, AudioConfig, Frame, MediaEvent, Track, VideoCodec, VideoConfig};
use mp4_atom::{Any, Codec, Decode, Encode, Moof};

/// The record of a 320×180 Constrained Baseline stream by x264.
const AVCC: &[u8] = &[
    0x01, 0x42, 0xC0, 0x0D, 0xFF, 0xE1, 0x00, 0x19, 0x67, 0x42, 0xC0, 0x0D, 0xD9, 0x01, 0x41, 0x9F, 0x9F,
    0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xC0, 0xF1, 0x42, 0xA4, 0x80, 0x01,
    0x00, 0x05, 0x68, 0xCB, 0x83, 0xCB, 0x20,
];

pub(crate) fn video_config(width: u32) -> MediaEvent {
    let record = Bytes::from_static(AVCC);
    MediaEvent::Video(Arc::new(VideoConfig::plain(VideoCodec::Avc, record, (width, 180))))
}

pub(crate) fn audio_config(sample_rate_hz: u32) -> MediaEvent {
    let record = Bytes::from_static(if sample_rate_hz == 44_100 { &[0x12, 0x10] } else { &[0x11, 0x90] });
    MediaEvent::Audio(Arc::new(AudioConfig {
        codec: AudioCodec::Aac,
        record,
        sample_rate_hz,
        channels: 2,
        frame_samples: 1024,
    }))
}

/// A made-up source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) video: bool,
    /// Sample rate; 0 without audio.
    pub(crate) audio_hz: u32,
    /// Frames per 1001 s if `ntsc`, else per 1000 s.
    pub(crate) fps_milli: i64,
    pub(crate) ntsc: bool,
    /// Frames between key frames.
    pub(crate) gop: usize,
    /// Two of three frames are B-frames.
    pub(crate) reordered: bool,
    /// Time stamps are whole milliseconds, as RTMP's are.
    pub(crate) millis: bool,
    pub(crate) seconds: i64,
    /// Where it begins.
    pub(crate) from_us: i64,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            video: true,
            audio_hz: 48_000,
            fps_milli: 30_000,
            ntsc: false,
            gop: 60,
            reordered: false,
            millis: true,
            seconds: 30,
            from_us: 0,
        }
    }
}

impl Source {
    pub(crate) fn configs(&self) -> Vec<MediaEvent> {
        let mut events = Vec::new();
        if self.video {
            events.push(video_config(320));
        }
        if self.audio_hz > 0 {
            events.push(audio_config(self.audio_hz));
        }
        events
    }

    /// Its frames, by decode time.
    pub(crate) fn frames(&self) -> Vec<MediaEvent> {
        let mut frames = Vec::new();
        let end = self.seconds * 1_000_000;
        let base = if self.ntsc { 1001 } else { 1000 };
        let at = |n: i64| n * base * 1_000_000 / self.fps_milli;
        for n in (0..).take_while(|n| self.video && at(*n) < end) {
            let in_gop = usize::try_from(n).unwrap() % self.gop;
            let key = in_gop == 0;
            // I P b b P b b: decode order; a P comes two frames ahead of its time.
            let shown = match (self.reordered, in_gop) {
                (false, _) | (true, 0) => n + i64::from(self.reordered),
                (true, k) if k % 3 == 1 && k + 2 < self.gop => n + 3,
                (true, k) if k % 3 == 1 => n + 1,
                (true, k) if (k - 1) / 3 * 3 + 3 < self.gop => n,
                (true, _) => n + 1,
            };
            frames.push(self.frame(Track::Video, at(n), at(shown), key));
        }
        let audio_at = |n: i64| n * 1024 * 1_000_000 / i64::from(self.audio_hz.max(1));
        for n in (0..).take_while(|n| self.audio_hz > 0 && audio_at(*n) < end) {
            frames.push(self.frame(Track::Audio, audio_at(n), audio_at(n), true));
        }
        frames.sort_by_key(|frame| (frame.dts, frame.track == Track::Audio));
        frames.into_iter().map(MediaEvent::Frame).collect()
    }

    fn frame(&self, track: Track, dts: i64, pts: i64, key: bool) -> Frame {
        let stamp = |us: i64| {
            let us = us + self.from_us;
            MediaTime(if self.millis { (us + 500) / 1000 * 1000 } else { us })
        };
        let size = if key && track == Track::Video { 4000 } else { 300 };
        let data = Bytes::from(vec![u8::try_from(dts / 1000 % 251).unwrap(); size]);
        let arrived_at = WallTime(u64::try_from(dts + self.from_us).unwrap());
        Frame { track, dts: stamp(dts), pts: stamp(pts), key, data, arrived_at, mark: None }
    }
}

/// Reads an FLV file of AVC and AAC. Only what ffmpeg writes; panics at anything else.
pub(crate) fn read_flv(bytes: &[u8], sample_rate_hz: u32) -> Vec<MediaEvent> {
    assert_eq!(&bytes[..3], b"FLV");
    let mut events = Vec::new();
    let mut rest = &bytes[13..];
    while rest.len() > 11 {
        let number = |at: usize| u32::from_be_bytes([0, rest[at], rest[at + 1], rest[at + 2]]);
        let (kind, size) = (rest[0], usize::try_from(number(1)).unwrap());
        let dts = i64::from(number(4) | u32::from(rest[7]) << 24);
        let body = &rest[11..11 + size];
        match (kind, body.first(), body.get(1)) {
            (9, _, Some(0)) => {
                let record = Bytes::copy_from_slice(&body[5..]);
                let (codec, frame_rate_milli) = (VideoCodec::Avc, None);
                let plain = VideoConfig::plain(codec, record, (320, 180));
                let config = VideoConfig { frame_rate_milli, ..plain };
                events.push(MediaEvent::Video(Arc::new(config)));
            }
            (9, Some(first), Some(1)) => {
                let offset = i64::from(i32::from_be_bytes([body[2], body[3], body[4], 0]) >> 8);
                let key = first >> 4 == 1;
                events.push(flv_frame(Track::Video, dts, dts + offset, key, &body[5..]));
            }
            (8, _, Some(0)) => {
                let record = Bytes::copy_from_slice(&body[2..]);
                let codec = AudioCodec::Aac;
                let config = AudioConfig { codec, record, sample_rate_hz, channels: 1, frame_samples: 1024 };
                events.push(MediaEvent::Audio(Arc::new(config)));
            }
            (8, _, Some(1)) => events.push(flv_frame(Track::Audio, dts, dts, true, &body[2..])),
            _ => {}
        }
        rest = &rest[11 + size + 4..];
    }
    events
}

fn flv_frame(track: Track, dts_ms: i64, pts_ms: i64, key: bool, data: &[u8]) -> MediaEvent {
    let (dts, pts) = (MediaTime::from_millis(dts_ms), MediaTime::from_millis(pts_ms));
    let arrived_at = WallTime(u64::try_from(dts_ms).unwrap() * 1000);
    MediaEvent::Frame(Frame {
        track,
        dts,
        pts,
        key,
        data: Bytes::copy_from_slice(data),
        arrived_at,
        mark: None,
    })
}

/// Reads a fragmented MP4 file of one video track, HEVC or AV1. Only what ffmpeg writes.
pub(crate) fn read_fragments(mut bytes: &[u8]) -> Vec<MediaEvent> {
    let mut events = Vec::new();
    let mut timescale = 1;
    let mut pending: Option<Moof> = None;
    while !bytes.is_empty() {
        match Any::decode(&mut bytes).unwrap() {
            Any::Moov(moov) => {
                let mdia = &moov.trak[0].mdia;
                timescale = i64::from(mdia.mdhd.timescale);
                let mut record = Vec::new();
                let codec = match &mdia.minf.stbl.stsd.codecs[0] {
                    Codec::Hvc1(entry) => {
                        entry.hvcc.encode(&mut record).unwrap();
                        record.drain(..8);
                        VideoCodec::Hevc
                    }
                    Codec::Av01(entry) => {
                        entry.av1c.encode(&mut record).unwrap();
                        record.drain(..8);
                        VideoCodec::Av1
                    }
                    other => panic!("unexpected sample entry {other:?}"),
                };
                let (record, frame_rate_milli) = (record.into(), Some(25_000));
                let plain = VideoConfig::plain(codec, record, (320, 180));
                let config = VideoConfig { frame_rate_milli, ..plain };
                events.push(MediaEvent::Video(Arc::new(config)));
            }
            Any::Moof(moof) => pending = Some(moof),
            Any::Mdat(mdat) => {
                let traf = &pending.take().expect("moof before mdat").traf[0];
                let mut dts = i64::try_from(traf.tfdt.as_ref().unwrap().base_media_decode_time).unwrap();
                let mut data = Bytes::from(mdat.data);
                for entry in &traf.trun[0].samples {
                    let us = |ticks: i64| MediaTime(ticks * 1_000_000 / timescale);
                    let flags = entry.flags.or(traf.tfhd.default_sample_flags).unwrap();
                    let size = entry.size.or(traf.tfhd.default_sample_size).unwrap();
                    events.push(MediaEvent::Frame(Frame {
                        track: Track::Video,
                        dts: us(dts),
                        pts: us(dts + entry.cts.unwrap_or(0)),
                        key: flags & 0x0001_0000 == 0,
                        data: data.split_to(usize::try_from(size).unwrap()),
                        arrived_at: WallTime(u64::try_from(us(dts).micros()).unwrap()),
                        mark: None,
                    }));
                    dts += i64::from(entry.duration.or(traf.tfhd.default_sample_duration).unwrap());
                }
            }
            _ => {}
        }
    }
    events
}
