//! The sources that viewers can play as they are: which are passed through, which are re-encoded even in
//! variants that pass them through, and the message for the operator. Pure decisions, by the limits of the
//! players that matter:
//!
//! - Chromium, through hls.js: tried with version 156 and `MediaSource`. AAC with a program config element, or a
//!   channel configuration above 7, ends the whole page's playback (`CHUNK_DEMUXER_ERROR_APPEND_FAILED`).
//! - Firefox takes H.264 of the profiles up to High only.
//! - AVFoundation: Apple's HLS authoring specification, 1.1 to 1.8 and 2.1 to 2.4: H.264 up to High and level 5.2, HEVC
//!   Main and Main 10, AAC-LC and HE-AAC. AV1, where there is a decoder for it: Main.
//!
//! Profiles are read from the codec's own records, since players go by CODECS, which is made of them.

use crate::media::{AudioConfig, Chroma, VideoCodec, VideoConfig};

/// The treatment of a source in variants that pass it through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// All players play it.
    Plays,
    /// Passed through, though some players do not play it well.
    Doubtful(Reason),
    /// Re-encoded.
    Refused(Reason),
}

/// The reason, and what to set in the encoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reason {
    /// The fault.
    pub(super) what: &'static str,
    /// The advice for the encoder's settings.
    pub(super) set: &'static str,
}

const fn reason(what: &'static str, set: &'static str) -> Reason {
    Reason { what, set }
}

const AVC_PROFILE: Reason = reason(
    "H.264 of a profile above High (10 bits, 4:2:2, 4:4:4, grey or older extensions)",
    "profile high (or main), pixel format yuv420p (NV12)",
);
const HEVC_PROFILE: Reason = reason(
    "HEVC of another profile than Main and Main 10",
    "profile main or main10, pixel format yuv420p or yuv420p10 (NV12, P010)",
);
const AV1_PROFILE: Reason = reason(
    "AV1 of another profile than Main",
    "profile main, pixel format yuv420p or yuv420p10 (NV12, P010)",
);
const OPEN_GOP: Reason = reason(
    "key frames that are no IDR pictures (open groups of pictures, intra refresh): Chromium and Apple's players begin \
     at none of them",
    "closed groups of pictures, a key frame interval of 2 s, no intra refresh (x264: open-gop=0, intra-refresh=0)",
);
const AVC_LEVEL: Reason = reason(
    "H.264 above level 5.2, which many devices do not decode",
    "a smaller picture or fewer frames per second",
);
const HEVC: Reason = reason(
    "HEVC, which browsers without a decoder for it in hardware do not play",
    "H.264, or variants that are re-encoded",
);
const INTERLACED: Reason = reason(
    "interlaced, or coded as if it were: players show combs where it moves, re-encoded variants are deinterlaced",
    "deinterlacing in the encoder, progressive output",
);
const CHANNELS: Reason = reason(
    "AAC whose channels are described by a program config element, or more than six",
    "stereo (or mono, 5.1)",
);
const OBJECT_TYPE: Reason = reason("AAC of another kind than LC and HE", "AAC-LC");
const FRAME_LENGTH: Reason = reason("AAC with frames of 960 samples", "AAC-LC with frames of 1024 samples");
const RATE: Reason = reason("AAC outside of 8 to 96 kHz", "a sample rate of 48 kHz");

const AVC_PROFILES: [u8; 3] = [66, 77, 100];
const AVC_HIGHEST_LEVEL: u8 = 52;
const HEVC_PROFILES: [u8; 2] = [1, 2];

/// True if video is re-encoded even in variants that pass it through, since viewers could not play it.
#[must_use]
pub fn is_always_encoded(config: &VideoConfig) -> bool {
    matches!(video(config), Verdict::Refused(_))
}

/// The treatment of a video track.
pub(super) fn video(config: &VideoConfig) -> Verdict {
    let at = |index: usize| config.record.get(index).copied();
    let planar = config.chroma == Chroma::Yuv420;
    match config.codec {
        VideoCodec::Avc => {
            let profile = at(1).is_none_or(|profile| AVC_PROFILES.contains(&profile));
            if !planar || config.bit_depth != 8 || !profile {
                return Verdict::Refused(AVC_PROFILE);
            }
            if config.open_gop {
                return Verdict::Refused(OPEN_GOP);
            }
            if config.interlaced {
                return Verdict::Doubtful(INTERLACED);
            }
            match at(3) {
                Some(level) if level > AVC_HIGHEST_LEVEL => Verdict::Doubtful(AVC_LEVEL),
                _ => Verdict::Plays,
            }
        }
        VideoCodec::Hevc => {
            let profile = at(1).is_none_or(|byte| HEVC_PROFILES.contains(&(byte & 0x1f)));
            if !planar || config.bit_depth > 10 || !profile {
                return Verdict::Refused(HEVC_PROFILE);
            }
            Verdict::Doubtful(if config.interlaced { INTERLACED } else { HEVC })
        }
        VideoCodec::Av1 => {
            let profile = at(1).is_none_or(|byte| byte >> 5 == 0);
            let main = planar || config.chroma == Chroma::Monochrome;
            if main && config.bit_depth <= 10 && profile {
                Verdict::Plays
            } else {
                Verdict::Refused(AV1_PROFILE)
            }
        }
    }
}

/// The treatment of an audio track.
pub(super) fn audio(config: &AudioConfig) -> Verdict {
    let Some(aac) = Aac::read(&config.record) else { return Verdict::Refused(OBJECT_TYPE) };
    if aac.object_type != 2 {
        Verdict::Refused(OBJECT_TYPE)
    } else if !(1..=6).contains(&aac.channel_configuration) {
        Verdict::Refused(CHANNELS)
    } else if aac.short_frames {
        Verdict::Refused(FRAME_LENGTH)
    } else if !(8000..=96_000).contains(&config.sample_rate_hz) {
        Verdict::Refused(RATE)
    } else {
        Verdict::Plays
    }
}

/// Bit rate in bits per second of a variant that should have been passed through: 6 Mbit/s at 1080p with 30 frames
/// per second, and by the power of 3/4 of the pixels per second elsewhere, as rate and picture go together.
pub(super) fn bit_rate_bps(width: u32, height: u32, frame_rate_milli: u32) -> u64 {
    const AT_1080P30: f64 = 6_000_000.0;
    let pixels = f64::from(width) * f64::from(height) * f64::from(frame_rate_milli) / 1000.0;
    let bps = AT_1080P30 * (pixels / (1920.0 * 1080.0 * 30.0)).powf(0.75);
    // In steps of 100 kbit/s, from half a megabit to 25.
    (bps / 100_000.0).round().clamp(5.0, 250.0) as u64 * 100_000
}

/// The part of an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) that players look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Aac {
    /// Of the core, where SBR or PS are signalled explicitly.
    object_type: u32,
    channel_configuration: u32,
    /// `frameLengthFlag`.
    short_frames: bool,
}

impl Aac {
    fn read(record: &[u8]) -> Option<Self> {
        let mut bits = Bits { bytes: record, at: 0 };
        let mut object_type = bits.object_type()?;
        bits.sample_rate()?;
        let channel_configuration = bits.take(4)?;
        if matches!(object_type, 5 | 29) {
            bits.sample_rate()?;
            object_type = bits.object_type()?;
        }
        let short_frames = bits.take(1)? == 1;
        Some(Self { object_type, channel_configuration, short_frames })
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn object_type(&mut self) -> Option<u32> {
        match self.take(5)? {
            31 => Some(32 + self.take(6)?),
            plain => Some(plain),
        }
    }

    fn sample_rate(&mut self) -> Option<()> {
        if self.take(4)? == 15 {
            self.take(24)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::media::AudioCodec;

    fn aac(record: &[u8], sample_rate_hz: u32) -> Verdict {
        audio(&AudioConfig {
            codec: AudioCodec::Aac,
            record: Bytes::copy_from_slice(record),
            sample_rate_hz,
            channels: 2,
            frame_samples: 1024,
        })
    }

    fn picture(codec: VideoCodec, record: &'static [u8], chroma: Chroma, bit_depth: u8) -> VideoConfig {
        let plain = VideoConfig::plain(codec, Bytes::from_static(record), (1280, 720));
        VideoConfig { chroma, bit_depth, ..plain }
    }

    #[test]
    fn aac_in_a_standard_layout_plays() {
        // Mono, stereo, 3.0, 4.0, 5.0, 5.1 at 48 kHz; 44.1 and 96 kHz; HE-AAC and HE-AAC v2 signalled explicitly.
        for record in [
            [0x11, 0x88, 0, 0],
            [0x11, 0x90, 0, 0],
            [0x11, 0x98, 0, 0],
            [0x11, 0xa0, 0, 0],
            [0x11, 0xa8, 0, 0],
            [0x11, 0xb0, 0, 0],
            [0x12, 0x10, 0, 0],
            [0x10, 0x10, 0, 0],
            [0x2b, 0x11, 0x88, 0],
            [0xeb, 0x09, 0x88, 0],
        ] {
            assert_eq!(aac(&record, 48_000), Verdict::Plays, "{record:02x?}");
        }
        assert_eq!(aac(&[0x11, 0x90], 48_000), Verdict::Plays);
    }

    #[test]
    fn aac_that_ends_playback_is_refused() {
        // 2.1, 5.1(side) and 6.1 by a program config element, as ffmpeg writes them; 7.1 by configurations 7 and 12.
        let refused = [
            &[0x11, 0x80, 0x04, 0xc4, 0x01, 0x00, 0x20][..],
            &[0x11, 0x80, 0x04, 0xc8, 0x05, 0x00, 0x01],
            &[0x11, 0x80, 0x04, 0xc8, 0x09, 0x00, 0x01],
            &[0x11, 0xb8],
            &[0x11, 0xe0],
        ];
        for record in refused {
            assert_eq!(aac(record, 48_000), Verdict::Refused(CHANNELS), "{record:02x?}");
        }
        // Main, SSR, LTP, ER AAC LD, xHE-AAC; and what cannot be read.
        for record in
            [&[0x09, 0x90][..], &[0x19, 0x90], &[0x21, 0x90], &[0xb9, 0x90], &[0xf9, 0x46, 0x40], &[0x11]]
        {
            assert_eq!(aac(record, 48_000), Verdict::Refused(OBJECT_TYPE), "{record:02x?}");
        }
        assert_eq!(aac(&[0x11, 0x94], 48_000), Verdict::Refused(FRAME_LENGTH));
        assert_eq!(aac(&[0x16, 0x10], 7350), Verdict::Refused(RATE));
        assert_eq!(aac(&[0x17, 0x80, 0xbb, 0x80, 0x10], 96_001), Verdict::Refused(RATE));
    }

    #[test]
    fn video_is_passed_through_as_far_as_all_players_go() {
        use Chroma::{Monochrome, Yuv420, Yuv422, Yuv444};
        use VideoCodec::{Av1, Avc, Hevc};
        let verdict = |codec, record, chroma, depth| video(&picture(codec, record, chroma, depth));
        for record in [&[1, 66, 0xc0, 31][..], &[1, 77, 0, 40], &[1, 100, 0, 52]] {
            assert_eq!(verdict(Avc, record, Yuv420, 8), Verdict::Plays);
        }
        assert_eq!(verdict(Avc, &[1, 100, 0, 60], Yuv420, 8), Verdict::Doubtful(AVC_LEVEL));
        for (record, chroma, depth) in [
            (&[1, 110, 0, 40][..], Yuv420, 10),
            (&[1, 122, 0, 40], Yuv422, 8),
            (&[1, 244, 0, 40], Yuv444, 8),
            (&[1, 100, 0, 40], Monochrome, 8),
            (&[1, 88, 0, 40], Yuv420, 8),
            // High 10 with 8 bits: players go by the profile.
            (&[1, 110, 0, 40], Yuv420, 8),
        ] {
            assert_eq!(verdict(Avc, record, chroma, depth), Verdict::Refused(AVC_PROFILE), "{record:?}");
        }
        assert_eq!(verdict(Hevc, &[1, 1], Yuv420, 8), Verdict::Doubtful(HEVC));
        assert_eq!(verdict(Hevc, &[1, 0x22], Yuv420, 10), Verdict::Doubtful(HEVC));
        for (record, chroma, depth) in
            [(&[1, 4][..], Yuv422, 10), (&[1, 4], Yuv420, 12), (&[1, 2], Yuv444, 8), (&[1, 4], Yuv420, 8)]
        {
            assert_eq!(verdict(Hevc, record, chroma, depth), Verdict::Refused(HEVC_PROFILE));
        }
        assert_eq!(verdict(Av1, &[0x81, 8], Yuv420, 8), Verdict::Plays);
        assert_eq!(verdict(Av1, &[0x81, 8], Yuv420, 10), Verdict::Plays);
        assert_eq!(verdict(Av1, &[0x81, 8], Monochrome, 8), Verdict::Plays);
        assert_eq!(verdict(Av1, &[0x81, 0x28], Yuv444, 8), Verdict::Refused(AV1_PROFILE));
        assert_eq!(verdict(Av1, &[0x81, 0x48], Yuv422, 12), Verdict::Refused(AV1_PROFILE));
    }

    #[test]
    fn interlaced_video_is_passed_through_and_said() {
        let plain = picture(VideoCodec::Avc, &[1, 100, 0, 40], Chroma::Yuv420, 8);
        let interlaced = VideoConfig { interlaced: true, ..plain };
        assert_eq!(video(&interlaced), Verdict::Doubtful(INTERLACED));
        let deep = VideoConfig { bit_depth: 10, ..interlaced };
        assert_eq!(video(&deep), Verdict::Refused(AVC_PROFILE));
    }

    #[test]
    fn h264_without_idr_pictures_is_re_encoded() {
        let plain = picture(VideoCodec::Avc, &[1, 100, 0, 40], Chroma::Yuv420, 8);
        assert_eq!(video(&plain), Verdict::Plays);
        assert_eq!(video(&VideoConfig { open_gop: true, ..plain }), Verdict::Refused(OPEN_GOP));
    }

    #[test]
    fn a_stand_in_gets_a_bit_rate_that_suits_its_picture() {
        assert_eq!(bit_rate_bps(1920, 1080, 30_000), 6_000_000);
        assert_eq!(bit_rate_bps(1920, 1080, 60_000), 10_100_000);
        assert_eq!(bit_rate_bps(1280, 720, 30_000), 3_300_000);
        assert_eq!(bit_rate_bps(3840, 2160, 60_000), 25_000_000);
        assert_eq!(bit_rate_bps(2, 2, 1), 500_000);
        assert_eq!(bit_rate_bps(u32::MAX, u32::MAX, u32::MAX), 25_000_000);
    }

    proptest! {
        #[test]
        fn no_record_panics(record in proptest::collection::vec(any::<u8>(), 0..12), rate: u32, chroma in 0..4usize) {
            let _ = aac(&record, rate);
            let chroma = [Chroma::Monochrome, Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444][chroma];
            for codec in [VideoCodec::Avc, VideoCodec::Hevc, VideoCodec::Av1] {
                let plain = VideoConfig::plain(codec, record.clone().into(), (16, 16));
                let _ = video(&VideoConfig { chroma, ..plain });
            }
        }
    }
}
