//! The H.264 encoders that the ladder knows, and the options of each.

use farcast_av::{DeviceKind, PixelLayout};

/// An encoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum EncoderKind {
    /// NVIDIA.
    Nvenc,
    /// Intel and AMD on Linux.
    Vaapi,
    /// Intel Quick Sync.
    Qsv,
    /// Boards with a memory-to-memory codec.
    V4l2m2m,
    /// Apple.
    VideoToolbox,
    /// Software.
    X264,
}

impl EncoderKind {
    /// All, the preferred first.
    pub const ALL: [Self; 6] =
        [Self::Nvenc, Self::Vaapi, Self::Qsv, Self::V4l2m2m, Self::VideoToolbox, Self::X264];

    /// The name that libav, the API and the configuration use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nvenc => "h264_nvenc",
            Self::Vaapi => "h264_vaapi",
            Self::Qsv => "h264_qsv",
            Self::V4l2m2m => "h264_v4l2m2m",
            Self::VideoToolbox => "h264_videotoolbox",
            Self::X264 => "libx264",
        }
    }

    /// The encoder of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The device on which it takes frames, if this origin can keep them there.
    #[must_use]
    pub fn device(self) -> Option<DeviceKind> {
        match self {
            Self::Nvenc => Some(DeviceKind::Cuda),
            Self::Vaapi => Some(DeviceKind::Vaapi),
            _ => None,
        }
    }

    /// The pixels that it takes from system memory.
    pub(super) fn layout(self) -> PixelLayout {
        match self {
            Self::Vaapi | Self::Qsv => PixelLayout::Nv12,
            _ => PixelLayout::Yuv420p,
        }
    }

    /// Its own options for low latency and key frames on demand only.
    pub(super) fn options(self, cpu_usage_level: u8) -> Vec<(&'static str, String)> {
        let mut options: Vec<(&'static str, &str)> = vec![("profile", "high")];
        match self {
            Self::X264 => options.extend([
                ("preset", x264_preset(cpu_usage_level)),
                ("tune", "zerolatency"),
                ("sc_threshold", "0"),
                ("forced-idr", "1"),
            ]),
            Self::Nvenc => options.extend([
                ("preset", nvenc_preset(cpu_usage_level)),
                ("tune", "ull"),
                ("rc", "vbr"),
                ("zerolatency", "1"),
                ("delay", "0"),
                ("no-scenecut", "1"),
                ("forced-idr", "1"),
            ]),
            Self::Vaapi => options.extend([("async_depth", "1")]),
            Self::Qsv => options.extend([
                ("preset", qsv_preset(cpu_usage_level)),
                ("async_depth", "1"),
                ("look_ahead", "0"),
                ("forced_idr", "1"),
            ]),
            Self::VideoToolbox => options.extend([("realtime", "1"), ("allow_sw", "0")]),
            Self::V4l2m2m => options.clear(),
        }
        options.into_iter().map(|(key, value)| (key, value.to_owned())).collect()
    }
}

fn x264_preset(level: u8) -> &'static str {
    match level {
        0 => "ultrafast",
        2 => "veryfast",
        3 => "faster",
        4 => "fast",
        _ => "superfast",
    }
}

/// Quick Sync has no preset faster than `veryfast`.
fn qsv_preset(level: u8) -> &'static str {
    match level {
        3 => "faster",
        4 => "fast",
        _ => "veryfast",
    }
}

fn nvenc_preset(level: u8) -> &'static str {
    match level {
        0 => "p1",
        1 => "p2",
        3 => "p4",
        4 => "p5",
        _ => "p3",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_presets_follow_the_level() {
        for kind in EncoderKind::ALL {
            assert_eq!(EncoderKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(EncoderKind::from_name("h264_omx"), None);
        assert_eq!(
            (0..5).map(x264_preset).collect::<Vec<_>>(),
            ["ultrafast", "superfast", "veryfast", "faster", "fast"]
        );
        assert_eq!((0..5).map(nvenc_preset).collect::<Vec<_>>(), ["p1", "p2", "p3", "p4", "p5"]);
    }
}
