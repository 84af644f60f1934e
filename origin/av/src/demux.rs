//! Reading files, for tests and measurements: compressed packets with times in microseconds.

use std::path::Path;

use bytes::Bytes;
use ffmpeg_next::ffi;

use crate::Codec;
use crate::error::{Error, c_string, check, is_pause};
use crate::packet::Packet;

/// The properties of a stream of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its codec; `None` for one that is not supported here.
    pub codec: Option<Codec>,
    /// Extradata as in the file (`avcC`, AudioSpecificConfig, …).
    pub extradata: Bytes,
    /// Width in pixels, 0 for audio.
    pub width: u32,
    /// Height in pixels, 0 for audio.
    pub height: u32,
    /// Sample rate in Hz, 0 for video.
    pub sample_rate_hz: u32,
    /// Channels, 0 for video.
    pub channels: u16,
    /// Frames per second times 1000, 0 when unknown.
    pub frame_rate_milli: u32,
}

/// A packet of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemuxedPacket {
    /// Index into [`FileDemuxer::streams`].
    pub stream: usize,
    /// Its bytes as in the file.
    pub data: Bytes,
    /// Presentation time in microseconds.
    pub pts: i64,
    /// Decode time in microseconds.
    pub dts: i64,
    /// True if it is a key frame.
    pub key: bool,
}

/// An open file.
pub struct FileDemuxer {
    raw: *mut ffi::AVFormatContext,
    packet: Packet,
    streams: Vec<StreamInfo>,
}

impl FileDemuxer {
    /// Opens a file and finds its streams.
    ///
    /// # Errors
    /// If it cannot be read or is no media file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = c_string(path.to_str().ok_or(Error::Invalid("file name"))?)?;
        let mut this = Self { raw: std::ptr::null_mut(), packet: Packet::new()?, streams: Vec::new() };
        // SAFETY: on failure avformat_open_input leaves null; `this` closes what was opened. The stream
        // array has nb_streams valid entries, each with codecpar.
        unsafe {
            let code = ffi::avformat_open_input(
                &mut this.raw,
                name.as_ptr(),
                std::ptr::null(),
                std::ptr::null_mut(),
            );
            check("open a file", code)?;
            check("find streams", ffi::avformat_find_stream_info(this.raw, std::ptr::null_mut()))?;
            for index in 0..(*this.raw).nb_streams as usize {
                this.streams.push(describe(&**(*this.raw).streams.add(index)));
            }
        }
        Ok(this)
    }

    /// Its streams.
    #[must_use]
    pub fn streams(&self) -> &[StreamInfo] {
        &self.streams
    }

    /// The next packet; `None` at the end.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn read(&mut self) -> Result<Option<DemuxedPacket>, Error> {
        // SAFETY: an open context and an empty packet; the stream index is valid by libav's contract.
        unsafe {
            let code = ffi::av_read_frame(self.raw, self.packet.as_ptr());
            if is_pause(code) {
                return Ok(None);
            }
            check("read a packet", code)?;
            let stream = usize::try_from((*self.packet.as_ptr()).stream_index).unwrap_or(0);
            let base = (**(*self.raw).streams.add(stream)).time_base;
            let taken = self.packet.take();
            let dts = if taken.dts == ffi::AV_NOPTS_VALUE { taken.pts } else { taken.dts };
            let pts = if taken.pts == ffi::AV_NOPTS_VALUE { dts } else { taken.pts };
            let micros = ffi::AVRational { num: 1, den: 1_000_000 };
            let (pts, dts) = (ffi::av_rescale_q(pts, base, micros), ffi::av_rescale_q(dts, base, micros));
            Ok(Some(DemuxedPacket { stream, data: taken.data, pts, dts, key: taken.key }))
        }
    }
}

impl Drop for FileDemuxer {
    fn drop(&mut self) {
        // SAFETY: owned, closed once; null is allowed.
        unsafe { ffi::avformat_close_input(&mut self.raw) }
    }
}

/// # Safety
/// `stream` is a stream of an open file.
unsafe fn describe(stream: &ffi::AVStream) -> StreamInfo {
    // SAFETY: codecpar of an open file's stream is never null; its extradata is extradata_size bytes.
    let (parameters, extradata) = unsafe {
        let parameters = &*stream.codecpar;
        let extradata = match usize::try_from(parameters.extradata_size) {
            Ok(size) if size > 0 && !parameters.extradata.is_null() => {
                Bytes::copy_from_slice(std::slice::from_raw_parts(parameters.extradata, size))
            }
            _ => Bytes::new(),
        };
        (parameters, extradata)
    };
    let rate = stream.avg_frame_rate;
    let milli = if rate.den > 0 { i64::from(rate.num) * 1000 / i64::from(rate.den) } else { 0 };
    StreamInfo {
        codec: [Codec::H264, Codec::Hevc, Codec::Av1, Codec::Aac]
            .into_iter()
            .find(|codec| codec.id() == parameters.codec_id),
        extradata,
        width: u32::try_from(parameters.width).unwrap_or(0),
        height: u32::try_from(parameters.height).unwrap_or(0),
        sample_rate_hz: u32::try_from(parameters.sample_rate).unwrap_or(0),
        channels: u16::try_from(parameters.ch_layout.nb_channels).unwrap_or(0),
        frame_rate_milli: u32::try_from(milli).unwrap_or(0),
    }
}
