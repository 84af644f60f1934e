//! The CODECS attribute: RFC 6381 §3, with the forms of ISO/IEC 14496-15 Annex E for AVC and HEVC
//! and of the AV1 ISO-BMFF binding §5.

use std::fmt::Write as _;

use mp4_atom::{Av1c, Avcc, Hvcc};

use super::init::{av1c, avcc, hvcc};
use super::{AudioTrack, Error, VideoCodec, VideoTrack};

/// CODECS of a presentation: video first, such as `avc1.640028,mp4a.40.2`.
///
/// # Errors
/// As [`super::init_section`] for records that cannot be parsed; [`Error::NoTracks`] without tracks.
pub fn codecs(video: Option<&VideoTrack>, audio: Option<&AudioTrack>) -> Result<String, Error> {
    let mut all = Vec::new();
    if let Some(track) = video {
        track.check()?;
        all.push(match track.codec {
            VideoCodec::Avc => avc(&avcc(&track.record)?),
            VideoCodec::Hevc => hevc(&hvcc(&track.record)?),
            VideoCodec::Av1 => av1(&av1c(&track.record)?),
        });
    }
    if let Some(track) = audio {
        all.push(format!("mp4a.40.{}", track.object_type()?));
    }
    if all.is_empty() { Err(Error::NoTracks) } else { Ok(all.join(",")) }
}

/// `avc1.PPCCLL`: profile, constraint flags, level.
fn avc(record: &Avcc) -> String {
    format!(
        "avc1.{:02x}{:02x}{:02x}",
        record.avc_profile_indication, record.profile_compatibility, record.avc_level_indication
    )
}

/// `hvc1.` profile space and profile, compatibility flags in reverse bit order, tier and level, and the
/// constraint bytes without trailing zeros.
fn hevc(record: &Hvcc) -> String {
    let space = ["", "A", "B", "C"][usize::from(record.general_profile_space & 0b11)];
    let compatibility = u32::from_be_bytes(record.general_profile_compatibility_flags).reverse_bits();
    let tier = if record.general_tier_flag { 'H' } else { 'L' };
    let mut text = format!(
        "hvc1.{space}{}.{compatibility:X}.{tier}{}",
        record.general_profile_idc, record.general_level_idc
    );
    let flags = record.general_constraint_indicator_flags;
    let used = flags.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for byte in &flags[..used] {
        write!(text, ".{byte:X}").expect("writing to a String cannot fail");
    }
    text
}

/// `av01.P.LLT.DD`: profile, level and tier, bit depth.
fn av1(record: &Av1c) -> String {
    let tier = if record.seq_tier_0 { 'H' } else { 'M' };
    let depth = match (record.high_bitdepth, record.twelve_bit) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    format!("av01.{}.{:02}{tier}.{depth:02}", record.seq_profile, record.seq_level_idx_0)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn avc_says_profile_constraints_and_level() {
        let record = Avcc {
            avc_profile_indication: 0x64,
            profile_compatibility: 0,
            avc_level_indication: 0x28,
            ..Avcc::default()
        };
        assert_eq!(avc(&record), "avc1.640028");
    }

    #[test]
    fn hevc_reverses_the_compatibility_flags_and_trims_constraints() {
        let main = Hvcc {
            general_profile_idc: 1,
            general_profile_compatibility_flags: [0x60, 0, 0, 0],
            general_constraint_indicator_flags: [0xB0, 0, 0, 0, 0, 0],
            general_level_idc: 93,
            ..Hvcc::new()
        };
        assert_eq!(hevc(&main), "hvc1.1.6.L93.B0");
        let main10 = Hvcc {
            general_profile_idc: 2,
            general_profile_compatibility_flags: [0x20, 0, 0, 0],
            general_tier_flag: true,
            general_profile_space: 1,
            general_level_idc: 153,
            ..Hvcc::new()
        };
        assert_eq!(hevc(&main10), "hvc1.A2.4.H153");
    }

    #[test]
    fn av1_says_profile_level_tier_and_depth() {
        let record = Av1c { seq_level_idx_0: 8, high_bitdepth: true, ..Av1c::default() };
        assert_eq!(av1(&record), "av01.0.08M.10");
    }

    #[test]
    fn aac_says_its_object_type_escaped_ones_too() {
        let track = |record: &'static [u8]| AudioTrack {
            record: Bytes::from_static(record),
            sample_rate_hz: 48_000,
            channels: 2,
        };
        assert_eq!(codecs(None, Some(&track(&[0x11, 0x90]))).unwrap(), "mp4a.40.2");
        assert_eq!(codecs(None, Some(&track(&[0x2B, 0x11, 0x88]))).unwrap(), "mp4a.40.5");
        assert_eq!(codecs(None, Some(&track(&[0xF9, 0x40]))).unwrap(), "mp4a.40.42");
        assert!(matches!(codecs(None, Some(&track(&[0x11]))), Err(Error::AudioSpecificConfig)));
        assert!(matches!(codecs(None, None), Err(Error::NoTracks)));
    }
}
