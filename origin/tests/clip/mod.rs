//! Media of a file as a planner would hand it to the ladder: configurations, frames, marks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farcast_av::{Codec, Error, FileDemuxer, StreamInfo};
use farcast_feed::name::Msn;
use farcast_feed::time::{MediaTime, WallTime};
use farcast_origin::media::{
    AudioCodec, AudioConfig, Frame, Mark, MediaEvent, Track, VideoCodec, VideoConfig,
};

/// Reads a whole file. Segments begin at key frames at least `segment` apart.
pub(crate) fn events(path: &Path, segment: Duration) -> Result<Vec<MediaEvent>, Error> {
    let mut file = FileDemuxer::open(path)?;
    let streams = file.streams().to_vec();
    let mut events: Vec<MediaEvent> = streams.iter().filter_map(config).collect();
    let marked =
        if events.iter().any(|e| matches!(e, MediaEvent::Video(_))) { Track::Video } else { Track::Audio };
    let (mut last, mut msn) = (None::<MediaTime>, 0);
    while let Some(packet) = file.read()? {
        let track = match streams[packet.stream].codec {
            Some(Codec::Aac) => Track::Audio,
            Some(_) => Track::Video,
            None => continue,
        };
        let pts = MediaTime(packet.pts);
        let begins = track == marked && packet.key && last.is_none_or(|last| pts.since(last) >= segment);
        let mark = begins.then(|| {
            (last, msn) = (Some(pts), msn + 1);
            Mark {
                msn: Msn(msn),
                start: pts,
                program_date_time: WallTime(0),
                discontinuity: false,
                discontinuity_sequence: 0,
            }
        });
        events.push(MediaEvent::Frame(Frame {
            track,
            dts: MediaTime(packet.dts),
            pts,
            key: packet.key,
            data: packet.data,
            arrived_at: WallTime(packet.dts.unsigned_abs()),
            mark,
        }));
    }
    Ok(events)
}

fn config(stream: &StreamInfo) -> Option<MediaEvent> {
    let codec = match stream.codec? {
        Codec::Aac => {
            return Some(MediaEvent::Audio(Arc::new(AudioConfig {
                codec: AudioCodec::Aac,
                record: stream.extradata.clone(),
                sample_rate_hz: stream.sample_rate_hz,
                channels: stream.channels,
                frame_samples: 1024,
            })));
        }
        Codec::H264 => VideoCodec::Avc,
        Codec::Hevc => VideoCodec::Hevc,
        Codec::Av1 => VideoCodec::Av1,
    };
    let plain = VideoConfig::plain(codec, stream.extradata.clone(), (stream.width, stream.height));
    let frame_rate_milli = Some(stream.frame_rate_milli).filter(|&rate| rate > 0);
    Some(MediaEvent::Video(Arc::new(VideoConfig { frame_rate_milli, ..plain })))
}
