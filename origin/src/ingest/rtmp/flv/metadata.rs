//! `onMetaData`: what the encoder says of its stream, for people and as a fallback.

use crate::ingest::StreamMetadata;
use crate::ingest::rtmp::amf0::Value;

/// Longest text that is kept.
const MAX_TEXT_CHARS: usize = 128;

impl StreamMetadata {
    /// From the properties of `onMetaData`.
    #[must_use]
    pub fn read(properties: &Value) -> Self {
        let number = |name| properties.get(name).and_then(Value::as_number);
        Self {
            width: number("width").and_then(count),
            height: number("height").and_then(count),
            frame_rate: number("framerate").or(number("fps")).filter(|rate| *rate > 0.0 && *rate <= 1000.0),
            video_codec: properties.get("videocodecid").and_then(video_codec),
            video_bitrate_kbps: number("videodatarate").and_then(count),
            audio_codec: properties.get("audiocodecid").and_then(audio_codec),
            audio_bitrate_kbps: number("audiodatarate").and_then(count),
            audio_sample_rate_hz: number("audiosamplerate").and_then(count),
            audio_channels: channels(properties),
            encoder: properties.get("encoder").and_then(Value::as_text).map(plain),
        }
    }
}

/// A text of an unauthenticated client, made fit for a log and a page: no control characters, not long.
pub(in crate::ingest::rtmp) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT_CHARS).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn count(number: f64) -> Option<u32> {
    (number > 0.0 && number <= f64::from(u32::MAX)).then_some(number as u32)
}

fn channels(properties: &Value) -> Option<u8> {
    let stated = properties.get("audiochannels").and_then(Value::as_number).and_then(count);
    let stereo = match properties.get("stereo") {
        Some(Value::Boolean(stereo)) => Some(if *stereo { 2 } else { 1 }),
        _ => None,
    };
    stated.and_then(|count| u8::try_from(count).ok()).or(stereo)
}

fn video_codec(value: &Value) -> Option<String> {
    named(value, |id| match id {
        2 => Some("Sorenson H.263"),
        4 | 5 => Some("VP6"),
        7 | 0x6176_6331 => Some("H.264"),
        12 | 0x6876_6331 => Some("H.265"),
        13 | 0x6176_3031 => Some("AV1"),
        0x7670_3039 => Some("VP9"),
        _ => None,
    })
}

fn audio_codec(value: &Value) -> Option<String> {
    named(value, |id| match id {
        2 => Some("MP3"),
        10 | 0x6d70_3461 => Some("AAC"),
        11 => Some("Speex"),
        0x4f70_7573 => Some("Opus"),
        _ => None,
    })
}

fn named(value: &Value, name: impl Fn(u32) -> Option<&'static str>) -> Option<String> {
    match value {
        Value::Text(text) => {
            // A FourCC as text means the same as one as number.
            let code = text.as_bytes().try_into().ok().map(u32::from_be_bytes);
            Some(code.and_then(name).map_or_else(|| plain(text), str::to_owned))
        }
        value => value.as_number().and_then(count).and_then(name).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_of_any_types_reads_as_far_as_it_makes_sense() {
        let metadata = StreamMetadata::read(&Value::object([
            ("width", Value::Number(1920.0)),
            ("height", Value::text("tall")),
            ("framerate", Value::Number(29.97)),
            ("videocodecid", Value::Number(7.0)),
            ("audiocodecid", Value::text("mp4a")),
            ("videodatarate", Value::Number(-1.0)),
            ("encoder", Value::text("a\nb")),
        ]));
        assert_eq!((metadata.width, metadata.height), (Some(1920), None));
        assert_eq!(metadata.frame_rate_milli(), Some(29_970));
        assert_eq!(metadata.video_codec.as_deref(), Some("H.264"));
        assert_eq!(metadata.audio_codec.as_deref(), Some("AAC"));
        assert_eq!(metadata.video_bitrate_kbps, None);
        assert_eq!(metadata.encoder.as_deref(), Some("ab"));
        assert_eq!(StreamMetadata::read(&Value::Null), StreamMetadata::default());
    }
}
