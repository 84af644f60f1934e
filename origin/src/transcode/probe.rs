//! The probe of encoders: each is tried by encoding one frame.

use std::str::FromStr;

use farcast_av::{Colour, Error, VideoFrame};
use tokio::task::JoinError;

use super::codec::EncoderKind;
use super::encode::{EncoderSettings, LibavEncoders, OpenEncoder};

/// Size of the frame that is tried; above the minimum of every hardware encoder.
const TRIAL: (u32, u32) = (320, 240);

/// The result of a probe of one encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeOutcome {
    /// The encoder.
    pub kind: EncoderKind,
    /// Success if it encoded the frame; else the reason.
    pub works: Result<(), Error>,
}

/// The configured codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CodecChoice {
    /// The first that works.
    #[default]
    Auto,
    /// This one, if it works.
    Only(EncoderKind),
}

impl FromStr for CodecChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" || text.is_empty() {
            return Ok(Self::Auto);
        }
        EncoderKind::from_name(text).map(Self::Only).ok_or_else(|| {
            let names: Vec<_> = EncoderKind::ALL.iter().map(|kind| kind.name()).collect();
            format!("{text:?} is not auto or one of {}", names.join(", "))
        })
    }
}

/// The chosen encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The encoder to use.
    pub kind: EncoderKind,
    /// True if it is another than the configured one, which does not work.
    pub replaced: bool,
}

/// Tries every encoder; takes up to seconds where drivers are slow, so call it off the async threads.
#[must_use]
pub fn probe(opener: &dyn OpenEncoder) -> Vec<ProbeOutcome> {
    let _quiet = farcast_av::quiet();
    let outcomes: Vec<_> = EncoderKind::ALL
        .into_iter()
        .map(|kind| ProbeOutcome { kind, works: encode_one(opener, kind) })
        .collect();
    for outcome in &outcomes {
        match &outcome.works {
            Ok(()) => tracing::info!(encoder = outcome.kind.name(), "encoder works"),
            Err(reason) => tracing::debug!(encoder = outcome.kind.name(), %reason, "encoder is absent"),
        }
    }
    outcomes
}

/// Tries libav's encoders, on a thread of its own. libav logs through tracing from then on.
///
/// # Errors
/// When that thread panics.
pub async fn probe_libav() -> Result<Vec<ProbeOutcome>, JoinError> {
    farcast_av::route_log_to_tracing();
    tokio::task::spawn_blocking(|| probe(&LibavEncoders::default())).await
}

/// The encoder to use; libx264 if nothing else works.
#[must_use]
pub fn choose(choice: CodecChoice, outcomes: &[ProbeOutcome]) -> Choice {
    let works = |kind| outcomes.iter().any(|outcome| outcome.kind == kind && outcome.works.is_ok());
    match choice {
        CodecChoice::Only(kind) if works(kind) => Choice { kind, replaced: false },
        CodecChoice::Only(kind) => Choice { kind: EncoderKind::X264, replaced: kind != EncoderKind::X264 },
        CodecChoice::Auto => {
            let kind = EncoderKind::ALL.into_iter().find(|&kind| works(kind)).unwrap_or(EncoderKind::X264);
            Choice { kind, replaced: false }
        }
    }
}

/// The API's `supportedCodecs`: names of the encoders that work, the preferred first.
#[must_use]
pub fn supported_codecs(outcomes: &[ProbeOutcome]) -> Vec<&'static str> {
    outcomes.iter().filter(|outcome| outcome.works.is_ok()).map(|outcome| outcome.kind.name()).collect()
}

fn encode_one(opener: &dyn OpenEncoder, kind: EncoderKind) -> Result<(), Error> {
    if !farcast_av::encoder_exists(kind.name()) {
        return Err(Error::Missing(format!("the encoder {}", kind.name())));
    }
    let frame = VideoFrame::black(TRIAL.0, TRIAL.1, kind.layout())?;
    let settings = EncoderSettings {
        width: TRIAL.0,
        height: TRIAL.1,
        frame_rate_milli: 30_000,
        bit_rate_bps: 500_000,
        cpu_usage_level: 2,
        colour: Colour::default(),
        sample_aspect: (1, 1),
    };
    let mut encoder = opener.open(kind, &settings, &frame)?;
    encoder.send(&frame, 0, true)?;
    let mut packet = encoder.receive()?;
    if packet.is_none() {
        encoder.finish()?;
        packet = encoder.receive()?;
    }
    packet.map(drop).ok_or(Error::Invalid("encoder: it made no packet"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libx264_works_and_what_is_absent_says_why() {
        let outcomes = probe(&LibavEncoders::default());
        assert!(supported_codecs(&outcomes).contains(&"libx264"));
        let toolbox = outcomes.iter().find(|o| o.kind == EncoderKind::VideoToolbox).unwrap();
        if cfg!(target_os = "linux") {
            assert_eq!(toolbox.works, Err(Error::Missing("the encoder h264_videotoolbox".to_owned())));
        }
    }

    #[test]
    fn a_configured_encoder_that_does_not_work_is_replaced() {
        let outcomes = [
            ProbeOutcome { kind: EncoderKind::Nvenc, works: Err(Error::OutOfMemory) },
            ProbeOutcome { kind: EncoderKind::Vaapi, works: Ok(()) },
            ProbeOutcome { kind: EncoderKind::X264, works: Ok(()) },
        ];
        let pick = |choice| choose(choice, &outcomes);
        assert_eq!(pick(CodecChoice::Auto).kind, EncoderKind::Vaapi);
        assert_eq!(
            pick(CodecChoice::Only(EncoderKind::Nvenc)),
            Choice { kind: EncoderKind::X264, replaced: true }
        );
        assert_eq!("h264_qsv".parse(), Ok(CodecChoice::Only(EncoderKind::Qsv)));
        assert!("h264_omx".parse::<CodecChoice>().is_err());
    }
}
