//! AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).

use bytes::Bytes;

use super::bits::Bits;
use super::{FlvError, bad_audio};
use crate::media::{AudioCodec, AudioConfig};

/// samplingFrequencyIndex (table 1.18).
const RATES_HZ: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// Object types whose frames a decoder of low complexity shares its syntax with, and libav decodes.
const MAIN: u32 = 1;
const LOW_COMPLEXITY: u32 = 2;
const LONG_TERM_PREDICTION: u32 = 4;
const SPECTRAL_BAND_REPLICATION: u32 = 5;
const PARAMETRIC_STEREO: u32 = 29;

/// Longest record. Real ones have 2 to 20 bytes; a program config element with comment has up to 300.
const MAX_RECORD_BYTES: usize = 512;

/// The configuration that `record` describes.
pub(super) fn config(record: Bytes) -> Result<AudioConfig, FlvError> {
    if record.len() > MAX_RECORD_BYTES {
        return Err(bad_audio("AudioSpecificConfig too long"));
    }
    let parsed = parse(&record).ok_or(bad_audio("AudioSpecificConfig"))?;
    if !matches!(parsed.object_type, MAIN | LOW_COMPLEXITY | LONG_TERM_PREDICTION) {
        return Err(FlvError::Unsupported(format!(
            "the encoder sends AAC of object type {}; set AAC-LC (or HE-AAC) as audio encoder",
            parsed.object_type
        )));
    }
    let channels = parsed.channels.filter(|channels| (1..=8).contains(channels));
    let channels = channels.ok_or(bad_audio("AudioSpecificConfig without channels"))?;
    let Parsed { rate_hz, frame_samples, .. } = parsed;
    Ok(AudioConfig { codec: AudioCodec::Aac, record, sample_rate_hz: rate_hz, channels, frame_samples })
}

/// An AudioSpecificConfig of low complexity; with `output_hz` other than `core_hz`, of spectral band replication. `None` for
/// a rate that has no index, and more than six channels.
pub(super) fn record(object_type: u8, core_hz: u32, output_hz: u32, channels: u8) -> Option<Bytes> {
    let index = |hz| RATES_HZ.iter().position(|rate| *rate == hz).and_then(|at| u32::try_from(at).ok());
    if !(1..=6).contains(&channels) {
        return None;
    }
    let fields = if core_hz == output_hz {
        vec![(u32::from(object_type), 5), (index(core_hz)?, 4), (u32::from(channels), 4), (0, 3)]
    } else {
        vec![
            (SPECTRAL_BAND_REPLICATION, 5),
            (index(core_hz)?, 4),
            (u32::from(channels), 4),
            (index(output_hz)?, 4),
            (u32::from(object_type), 5),
            (0, 3),
        ]
    };
    let (value, bits) = fields
        .into_iter()
        .fold((0u32, 0usize), |(value, bits), (field, size)| (value << size | field, bits + size));
    // The record ends with zeros up to a whole byte.
    let bytes = (value << (32 - bits)).to_be_bytes();
    Some(Bytes::copy_from_slice(&bytes[..bits.div_ceil(8)]))
}

/// The standard rate nearest to `hz`, if it is within three percent: frames are stamped in milliseconds.
pub(super) fn nearest_rate(hz: f64) -> Option<u32> {
    let off = |rate: &u32| (f64::from(*rate) / hz - 1.0).abs();
    RATES_HZ.into_iter().min_by(|a, b| off(a).total_cmp(&off(b))).filter(|rate| off(rate) < 0.03)
}

/// The standard rate of an index.
pub(super) fn rate_of(index: u8) -> Option<u32> {
    RATES_HZ.get(usize::from(index)).copied()
}

struct Parsed {
    object_type: u32,
    rate_hz: u32,
    channels: Option<u16>,
    frame_samples: u32,
}

fn parse(record: &[u8]) -> Option<Parsed> {
    let mut bits = Bits::new(record);
    let mut object_type = object_type(&mut bits)?;
    let core_rate_hz = rate(&mut bits)?;
    let channel_config = bits.take(4)?;
    let mut rate_hz = core_rate_hz;
    let stereo = object_type == PARAMETRIC_STEREO;
    let explicit = matches!(object_type, SPECTRAL_BAND_REPLICATION | PARAMETRIC_STEREO);
    if explicit {
        rate_hz = rate(&mut bits)?;
        object_type = self::object_type(&mut bits)?;
    }
    let mut frame_samples = if bits.bit()? { 960 } else { 1024 };
    if bits.bit()? {
        bits.skip(14)?;
    }
    bits.bit()?;
    let mut channels = match channel_config {
        0 => program_channels(&mut bits),
        7 => Some(8),
        count @ 1..=6 => u16::try_from(count).ok(),
        11 => Some(7),
        12 | 14 => Some(8),
        _ => None,
    };
    if !explicit {
        rate_hz = appended_rate(&mut bits).unwrap_or(core_rate_hz);
    }
    if core_rate_hz.checked_mul(2) == Some(rate_hz) {
        frame_samples *= 2;
    }
    if stereo && channels == Some(1) {
        channels = Some(2);
    }
    (rate_hz > 0).then_some(Parsed { object_type, rate_hz, channels, frame_samples })
}

fn object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.take(5)? {
        31 => Some(32 + bits.take(6)?),
        kind => Some(kind),
    }
}

fn rate(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.take(4)? {
        15 => bits.take(24),
        index => RATES_HZ.get(index as usize).copied(),
    }
}

/// The output rate of spectral band replication signalled behind the core's configuration (§1.6.6.1).
fn appended_rate(bits: &mut Bits<'_>) -> Option<u32> {
    const SYNC: u32 = 0x2b7;
    if bits.left() < 16 || bits.take(11)? != SYNC || object_type(bits)? != SPECTRAL_BAND_REPLICATION {
        return None;
    }
    if bits.bit()? { rate(bits) } else { None }
}

/// Channels of a `program_config_element()` (§4.5.1.1).
fn program_channels(bits: &mut Bits<'_>) -> Option<u16> {
    bits.skip(10)?;
    let (front, side, back) = (bits.take(4)?, bits.take(4)?, bits.take(4)?);
    let low = bits.take(2)?;
    let (data, coupling) = (bits.take(3)?, bits.take(4)?);
    for length in [4, 4, 3] {
        if bits.bit()? {
            bits.skip(length)?;
        }
    }
    let mut channels = low;
    for _ in 0..front + side + back {
        channels += if bits.bit()? { 2 } else { 1 };
        bits.skip(4)?;
    }
    bits.skip((4 * (low + data) + 5 * coupling) as usize)?;
    // Fields after the configuration are aligned after a comment here; none of them is needed.
    bits.skip(bits.left())?;
    u16::try_from(channels).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(record: &'static [u8]) -> (u32, u16, u32) {
        let config = config(Bytes::from_static(record)).unwrap();
        (config.sample_rate_hz, config.channels, config.frame_samples)
    }

    #[test]
    fn common_configurations_are_read() {
        assert_eq!(read(&[0x11, 0x90]), (48_000, 2, 1024));
        assert_eq!(read(&[0x12, 0x10]), (44_100, 2, 1024));
        assert_eq!(read(&[0x11, 0xb0]), (48_000, 6, 1024));
        // FFmpeg appends the absence of spectral band replication.
        assert_eq!(read(&[0x11, 0x90, 0x56, 0xe5, 0x00]), (48_000, 2, 1024));
        // HE-AAC, explicit: 24 kHz core, 48 kHz out.
        assert_eq!(read(&[0x2b, 0x11, 0x88, 0x00]), (48_000, 2, 2048));
    }

    #[test]
    fn records_that_are_made_read_as_what_was_wanted() {
        assert_eq!(record(2, 48_000, 48_000, 2).unwrap()[..], [0x11, 0x90]);
        for (core, output, channels, frame) in
            [(44_100, 44_100, 1, 1024), (48_000, 48_000, 6, 1024), (24_000, 48_000, 2, 2048)]
        {
            let made = config(record(2, core, output, channels).unwrap()).unwrap();
            let channels = u16::from(channels);
            assert_eq!((made.sample_rate_hz, made.channels, made.frame_samples), (output, channels, frame));
        }
        assert_eq!(record(2, 47_000, 47_000, 2), None);
        assert_eq!(record(2, 48_000, 48_000, 7), None);
    }

    #[test]
    fn a_measured_rate_is_the_standard_one_next_to_it() {
        assert_eq!(nearest_rate(47_600.0), Some(48_000));
        assert_eq!(nearest_rate(44_500.0), Some(44_100));
        assert_eq!(nearest_rate(46_000.0), None);
        assert_eq!(nearest_rate(0.0), None);
    }

    #[test]
    fn other_object_types_are_named_and_short_records_refused() {
        assert!(matches!(config(Bytes::from_static(&[0x19, 0x90])), Err(FlvError::Unsupported(_))));
        // Main and long-term prediction, which are decoded.
        assert_eq!(read(&[0x09, 0x90]), (48_000, 2, 1024));
        assert_eq!(read(&[0x21, 0x90]), (48_000, 2, 1024));
        assert!(matches!(config(Bytes::from_static(&[0x11])), Err(FlvError::Malformed { .. })));
        assert!(matches!(config(Bytes::new()), Err(FlvError::Malformed { .. })));
    }
}
