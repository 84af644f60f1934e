//! An operator's settings of a variant, with the meaning of Owncast's API.

use serde::{Deserialize, Serialize};

/// Most variants of a ladder: each costs an encoder, a thread and a stream per edge.
pub const MAX_CONFIGURED_VARIANTS: usize = 16;

const _: () =
    assert!(MAX_CONFIGURED_VARIANTS <= farcast_feed::feed::MAX_VARIANTS, "edges take the feed of any ladder");

/// Lowest video bit rate in kbps that makes a picture.
const MIN_VIDEO_KBPS: u32 = 10;
/// Highest video bit rate in kbps; above it nobody streams, and rate control buffers stay in an `i32`.
const MAX_VIDEO_KBPS: u32 = 100_000;
/// Highest audio bit rate in kbps that AAC-LC stereo can use.
const MAX_AUDIO_KBPS: u32 = 512;
/// Lowest audio bit rate in kbps that the encoder makes anything intelligible of.
const MIN_AUDIO_KBPS: u32 = 16;
/// Smallest side of a picture in pixels: a macroblock.
const MIN_SIDE: u32 = 16;
/// Largest side of a picture in pixels.
const MAX_SIDE: u32 = 7680;
/// Highest frame rate.
const MAX_FRAMERATE: u32 = 120;
/// Longest name in characters.
const MAX_NAME_CHARS: usize = 64;
/// Video bit rate in kbps that 0 means.
const DEFAULT_VIDEO_KBPS: u32 = 1200;
/// Frame rate that 0 means.
const DEFAULT_FRAMERATE: u32 = 24;
/// The BANDWIDTH of a passed-through video until it has been measured, in kbps.
const PASSTHROUGH_VIDEO_KBPS: u32 = 6000;
/// The same for audio.
const PASSTHROUGH_AUDIO_KBPS: u32 = 160;

/// Frame rate of a source that is re-encoded as it is: higher ones are thinned to it.
const SOURCE_FRAMERATE: u32 = 60;

/// The source of a variant's key frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyFrames {
    /// From the source, where its video is passed through.
    #[default]
    Source,
    /// From here, where segments begin: a source that would be passed through is re-encoded at its own size.
    Insert,
}

/// One rung of the ladder, as configured; JSON keys are the API's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VariantSpec {
    /// Name; empty is automatic.
    pub name: String,
    /// Copy the source's video; every other video option but `keyframes` is then ignored.
    pub video_passthrough: bool,
    /// With [`KeyFrames::Insert`] a passed-through video is re-encoded with the source's size and about its bit rate
    /// after all (`video_bitrate` and `framerate` hold if they are not 0). Re-encoded video has key frames at the
    /// beginning of segments anyway.
    pub keyframes: KeyFrames,
    /// Copy the source's audio.
    pub audio_passthrough: bool,
    /// Video bit rate in kbps; 0 is 1200.
    pub video_bitrate: u32,
    /// Audio bit rate in kbps; 0 copies the source's audio.
    pub audio_bitrate: u32,
    /// Width in pixels; 0 follows the height, or is the source's.
    pub scaled_width: u32,
    /// Height in pixels; 0 follows the width, or is the source's.
    pub scaled_height: u32,
    /// Highest frame rate; 0 is 24.
    pub framerate: u32,
    /// 0 (least CPU) to 4 (best picture).
    pub cpu_usage_level: u8,
}

impl Default for VariantSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            video_passthrough: false,
            keyframes: KeyFrames::Source,
            audio_passthrough: false,
            video_bitrate: 0,
            audio_bitrate: 0,
            scaled_width: 0,
            scaled_height: 0,
            framerate: 0,
            cpu_usage_level: 2,
        }
    }
}

impl VariantSpec {
    /// True if audio is re-encoded.
    #[must_use]
    pub fn transcodes_audio(&self) -> bool {
        !self.audio_passthrough && self.audio_bitrate > 0
    }

    /// True if video is re-encoded.
    #[must_use]
    pub fn transcodes_video(&self) -> bool {
        !self.video_passthrough || self.keyframes == KeyFrames::Insert
    }

    /// True if video is re-encoded only for its key frames, otherwise like the source.
    #[must_use]
    pub fn resembles_source(&self) -> bool {
        self.video_passthrough && self.keyframes == KeyFrames::Insert
    }

    /// True if the source's bit rate is to be measured, since the variant is to have about the same.
    #[must_use]
    pub fn follows_bit_rate(&self) -> bool {
        self.resembles_source() && self.video_bitrate == 0
    }

    /// Video bit rate in bits per second.
    #[must_use]
    pub fn video_bps(&self) -> u64 {
        let kbps = if self.video_bitrate == 0 { DEFAULT_VIDEO_KBPS } else { self.video_bitrate };
        u64::from(kbps) * 1000
    }

    /// Width and height in pixels that are asked for; 0 where they follow the source.
    #[must_use]
    pub fn scaled(&self) -> (u32, u32) {
        if self.resembles_source() { (0, 0) } else { (self.scaled_width, self.scaled_height) }
    }

    /// Audio bit rate in bits per second, if audio is re-encoded.
    #[must_use]
    pub fn audio_bps(&self) -> u64 {
        u64::from(self.audio_bitrate) * 1000
    }

    /// Highest frame rate.
    #[must_use]
    pub fn max_framerate(&self) -> u32 {
        match self.framerate {
            0 if self.resembles_source() => SOURCE_FRAMERATE,
            0 => DEFAULT_FRAMERATE,
            framerate => framerate,
        }
    }

    /// Expected total bit rate in bits per second, until it has been measured.
    #[must_use]
    pub fn nominal_bps(&self) -> u64 {
        let like_source = !self.transcodes_video() || self.follows_bit_rate();
        let video = if like_source { u64::from(PASSTHROUGH_VIDEO_KBPS) * 1000 } else { self.video_bps() };
        let audio =
            if self.transcodes_audio() { self.audio_bps() } else { u64::from(PASSTHROUGH_AUDIO_KBPS) * 1000 };
        video + audio
    }

    /// The name shown to people: the given one, or Owncast's automatic one.
    #[must_use]
    pub fn display_name(&self) -> String {
        let rate = rate_text(self.video_bitrate);
        match (self.scaled_width, self.scaled_height) {
            _ if !self.name.is_empty() => self.name.clone(),
            _ if self.video_passthrough => "Source".to_owned(),
            // Owncast tests for a width of 1080 here; it meant 1280.
            (1080 | 1280, 720) => format!("720p @{rate}"),
            (1920, 1080) => format!("1080p @{rate}"),
            (0, height) if height > 0 => format!("{height}h"),
            (width, _) if width > 0 => format!("{width}w"),
            _ => format!("{rate}@{}fps", self.max_framerate()),
        }
    }
}

fn rate_text(kbps: u32) -> String {
    match kbps {
        0 => String::new(),
        1..1000 => format!("{kbps}Kbps"),
        _ => format!("{}Mbps", f64::from(kbps) / 1000.0),
    }
}

/// The ladder of an origin without configured variants: the source as it is, and 480p.
///
/// The 480p rung copies the audio: it is a tenth of that rung's bit rate, a second generation would cost
/// quality, and with equal audio a player changes rungs without a seam. It allows 30 frames per second, so
/// the common 30 and 60 are kept or halved evenly.
#[must_use]
pub fn default_ladder() -> Vec<VariantSpec> {
    vec![
        VariantSpec { video_passthrough: true, audio_passthrough: true, ..VariantSpec::default() },
        VariantSpec {
            name: "480p".to_owned(),
            audio_passthrough: true,
            video_bitrate: 1200,
            scaled_height: 480,
            framerate: 30,
            ..VariantSpec::default()
        },
    ]
}

/// A setting of a variant that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {what}")]
pub struct SpecProblem {
    /// The setting, in `snake_case` as in the origin's file.
    pub key: &'static str,
    /// The fault.
    pub what: String,
}

impl VariantSpec {
    /// All faults; empty if it can be used. Fields that passthrough ignores are not checked.
    #[must_use]
    pub fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        if self.name.chars().count() > MAX_NAME_CHARS || self.name.chars().any(char::is_control) {
            let what = format!("is longer than {MAX_NAME_CHARS} characters or has control characters");
            problems.push(SpecProblem { key: "name", what });
        }
        let mut range = |key, value: u32, low: u32, high: u32, unit: &str| {
            if value != 0 && !(low..=high).contains(&value) {
                let what = format!("{value} is not 0 or {low} to {high} {unit}");
                problems.push(SpecProblem { key, what });
            }
        };
        range("cpu_usage_level", u32::from(self.cpu_usage_level), 0, 4, "");
        if !self.audio_passthrough {
            range("audio_bitrate", self.audio_bitrate, MIN_AUDIO_KBPS, MAX_AUDIO_KBPS, "kbps");
        }
        if self.transcodes_video() {
            let (width, height) = self.scaled();
            range("video_bitrate", self.video_bitrate, MIN_VIDEO_KBPS, MAX_VIDEO_KBPS, "kbps");
            range("scaled_width", width, MIN_SIDE, MAX_SIDE, "pixels");
            range("scaled_height", height, MIN_SIDE, MAX_SIDE, "pixels");
            range("framerate", self.framerate, 1, MAX_FRAMERATE, "frames per second");
            for (key, pixels) in [("scaled_width", width), ("scaled_height", height)] {
                if pixels % 2 != 0 {
                    let what = format!("{pixels} is odd: H.264 with 4:2:0 colour has even sizes");
                    problems.push(SpecProblem { key, what });
                }
            }
        }
        problems
    }
}

impl VariantSpec {
    /// Values that are out of all bounds, even where passthrough ignores them: they would be kept and shown.
    #[must_use]
    pub fn excesses(&self) -> Vec<SpecProblem> {
        let bounds = [
            ("video_bitrate", self.video_bitrate, MAX_VIDEO_KBPS),
            ("audio_bitrate", self.audio_bitrate, MAX_AUDIO_KBPS),
            ("scaled_width", self.scaled_width, MAX_SIDE),
            ("scaled_height", self.scaled_height, MAX_SIDE),
            ("framerate", self.framerate, MAX_FRAMERATE),
        ];
        let beyond = bounds.into_iter().filter(|(_, value, most)| value > most);
        beyond
            .map(|(key, value, most)| SpecProblem { key, what: format!("{value} is more than {most}") })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_names_are_owncasts() {
        let named = |change: fn(&mut VariantSpec)| {
            let mut spec = VariantSpec::default();
            change(&mut spec);
            spec.display_name()
        };
        assert_eq!(named(|s| s.video_passthrough = true), "Source");
        assert_eq!(
            named(|s| (s.scaled_height, s.scaled_width, s.video_bitrate) = (720, 1080, 2000)),
            "720p @2Mbps"
        );
        assert_eq!(
            named(|s| (s.scaled_height, s.scaled_width, s.video_bitrate) = (1080, 1920, 1200)),
            "1080p @1.2Mbps"
        );
        assert_eq!(named(|s| s.scaled_height = 480), "480h");
        assert_eq!(named(|s| s.scaled_width = 640), "640w");
        assert_eq!(named(|s| s.video_bitrate = 800), "800Kbps@24fps");
        assert_eq!(named(|s| s.name = "Mine".to_owned()), "Mine");
    }

    #[test]
    fn zero_means_what_owncast_means() {
        let spec = VariantSpec::default();
        assert_eq!((spec.video_bps(), spec.max_framerate()), (1_200_000, 24));
        assert!(!spec.transcodes_audio());
        assert_eq!(spec.problems(), []);
    }

    #[test]
    fn a_source_whose_key_frames_are_inserted_is_re_encoded_like_itself() {
        let copied = VariantSpec { video_passthrough: true, scaled_height: 481, ..VariantSpec::default() };
        assert!(!copied.transcodes_video() && !copied.resembles_source());
        let inserted = VariantSpec { keyframes: KeyFrames::Insert, ..copied.clone() };
        assert!(inserted.transcodes_video() && inserted.follows_bit_rate());
        assert_eq!((inserted.scaled(), inserted.max_framerate()), ((0, 0), 60));
        assert_eq!(
            (inserted.display_name(), inserted.nominal_bps()),
            ("Source".to_owned(), copied.nominal_bps())
        );
        assert_eq!(inserted.problems(), [], "the size is ignored");
        let chosen = VariantSpec { video_bitrate: 3000, framerate: 30, ..inserted };
        assert!(!chosen.follows_bit_rate());
        assert_eq!((chosen.video_bps(), chosen.max_framerate()), (3_000_000, 30));
        assert_eq!(
            VariantSpec { video_bitrate: 1, ..chosen }.problems().len(),
            1,
            "what is used is looked at"
        );
        let scaled = VariantSpec { keyframes: KeyFrames::Insert, ..VariantSpec::default() };
        assert!(!scaled.resembles_source(), "what is re-encoded has them anyway");
    }

    #[test]
    fn the_source_of_key_frames_has_two_words() {
        let read = |text: &str| serde_json::from_str::<VariantSpec>(text).map(|spec| spec.keyframes);
        assert_eq!(read("{}").unwrap(), KeyFrames::Source);
        assert_eq!(read(r#"{"keyframes":"insert"}"#).unwrap(), KeyFrames::Insert);
        assert!(read(r#"{"keyframes":"both"}"#).is_err());
    }

    #[test]
    fn all_problems_are_reported_together() {
        let bad = VariantSpec {
            video_bitrate: 1,
            scaled_width: 8,
            scaled_height: 481,
            framerate: 500,
            cpu_usage_level: 9,
            ..VariantSpec::default()
        };
        let keys: Vec<_> = bad.problems().into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["cpu_usage_level", "video_bitrate", "scaled_width", "framerate", "scaled_height"]);
        let ignored = VariantSpec { video_passthrough: true, cpu_usage_level: 0, ..bad };
        assert_eq!(ignored.problems(), []);
        assert_eq!(VariantSpec { name: "\n".to_owned(), ..VariantSpec::default() }.problems().len(), 1);
        assert!(default_ladder().iter().all(|spec| spec.problems().is_empty()));
    }
}
