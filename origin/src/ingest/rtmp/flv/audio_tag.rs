//! Audio tags (FLV annex E.4.2; Enhanced RTMP v2, ExAudioTagHeader).

use bytes::{Buf, Bytes};

use super::modifier::{SplitChecked, skip_modifier};
use super::{FlvError, bad_audio};

/// SoundFormat of AAC.
const AAC: u8 = 10;
/// SoundFormat that announces an extended header.
const EXTENDED: u8 = 9;

/// The contents of an audio tag.
pub(super) enum Tag {
    /// An AudioSpecificConfig.
    Config(Bytes),
    /// A raw AAC access unit.
    Frame(Bytes),
}

/// The content of a tag; `None` if there is nothing to do about it.
pub(super) fn read(payload: &Bytes) -> Result<Option<Tag>, FlvError> {
    let mut rest = payload.clone();
    let Some(first) = next(&mut rest) else { return Ok(None) };
    match first >> 4 {
        AAC => {}
        EXTENDED => return extended(first & 0x0f, rest),
        format => return Err(unsupported(name(format))),
    }
    match next(&mut rest) {
        Some(0) => Ok(config(rest)),
        Some(1) => Ok(frame(rest)),
        Some(_) => Err(bad_audio("AACPacketType")),
        // Encoders send a bare header at the end of a stream.
        None => Ok(None),
    }
}

fn extended(kind: u8, mut rest: Bytes) -> Result<Option<Tag>, FlvError> {
    let mut kind = kind;
    while kind == 7 {
        kind = skip_modifier(&mut rest).ok_or(bad_audio("ModEx"))?;
    }
    if kind == 5 {
        return Err(FlvError::Unsupported(
            "the encoder sends several audio tracks over one connection (Enhanced RTMP multitrack); in OBS \
             choose a single audio track for streaming"
                .to_owned(),
        ));
    }
    let code = rest.split_to_checked(4).ok_or(bad_audio("no FourCC"))?;
    match &code[..] {
        b"mp4a" => {}
        b"Opus" => return Err(unsupported("Opus")),
        b"ac-3" => return Err(unsupported("AC-3")),
        b"ec-3" => return Err(unsupported("E-AC-3")),
        b".mp3" => return Err(unsupported("MP3")),
        b"fLaC" => return Err(unsupported("FLAC")),
        _ => return Err(unsupported("an unknown codec")),
    }
    match kind {
        0 => Ok(config(rest)),
        1 => Ok(frame(rest)),
        // Sequence end; the channel order is in the AudioSpecificConfig as well.
        2 | 4 => Ok(None),
        _ => Err(bad_audio("AudioPacketType")),
    }
}

fn config(rest: Bytes) -> Option<Tag> {
    (!rest.is_empty()).then_some(Tag::Config(rest))
}

fn frame(rest: Bytes) -> Option<Tag> {
    (!rest.is_empty()).then_some(Tag::Frame(rest))
}

fn next(bytes: &mut Bytes) -> Option<u8> {
    bytes.try_get_u8().ok()
}

fn unsupported(codec: &str) -> FlvError {
    FlvError::Unsupported(format!(
        "the encoder sends {codec} audio; set AAC as audio encoder (in OBS: Settings, Output, Audio Encoder)"
    ))
}

fn name(format: u8) -> &'static str {
    match format {
        0 | 3 => "PCM",
        1 => "ADPCM",
        2 | 14 => "MP3",
        4..=6 => "Nellymoser",
        7 | 8 => "G.711",
        11 => "Speex",
        _ => "an unknown codec's",
    }
}
