//! AAC: decoder, resampler to planar floats, encoder.

use ffmpeg_next::ffi;

use crate::Codec;
use crate::decoder::Context;
use crate::error::{Error, check};
use crate::frame::{AudioFrame, Raw};
use crate::packet::{EncodedPacket, Packet};

/// Sample rates that players are sure to take (ISO/IEC 14496-3 table 1.18, less 7350).
const RATES_HZ: [u32; 12] =
    [8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000];

/// An AAC decoder; times are microseconds.
pub struct AudioDecoder(Context);

impl AudioDecoder {
    /// Opens a decoder for an AudioSpecificConfig.
    ///
    /// # Errors
    /// If libav refuses it.
    pub fn open(record: &[u8]) -> Result<Self, Error> {
        let mut context = Context::decoder(Codec::Aac, record)?;
        context.open("open an AAC decoder")?;
        Ok(Self(context))
    }

    /// Feeds an access unit. Call [`Self::receive`] until it returns `None` after each.
    ///
    /// # Errors
    /// If the data is damaged; the decoder remains usable.
    pub fn send(&mut self, data: &[u8], pts: i64) -> Result<(), Error> {
        self.0.send_packet(&Packet::copy_of(data, pts, pts, true)?)
    }

    /// Takes samples out, if there are any.
    ///
    /// # Errors
    /// If the data was damaged.
    pub fn receive(&mut self) -> Result<Option<AudioFrame>, Error> {
        Ok(self.0.receive_frame("decode audio")?.map(AudioFrame))
    }
}

/// Converts one kind of audio to planar floats of a rate and a channel count.
pub struct Resampler {
    raw: *mut ffi::SwrContext,
    channels: u32,
    out_rate_hz: u32,
    in_rate_hz: u32,
    /// Channels, and which they are; 0 where libav has no number for that.
    in_layout: (u32, u64),
    in_format: i32,
}

// SAFETY: the context is owned by this wrapper and used through &mut self only.
unsafe impl Send for Resampler {}

impl Resampler {
    /// A resampler for frames like `frame`.
    ///
    /// # Errors
    /// If the conversion is impossible.
    pub fn new(frame: &AudioFrame, rate_hz: u32, channels: u32) -> Result<Self, Error> {
        let input = frame.0.get();
        let mut this = Self {
            raw: std::ptr::null_mut(),
            channels,
            out_rate_hz: rate_hz,
            in_rate_hz: frame.sample_rate_hz(),
            in_layout: frame.layout(),
            in_format: input.format,
        };
        let out_rate = i32::try_from(rate_hz).map_err(|_| Error::Invalid("sample rate"))?;
        let out_channels = i32::try_from(channels).map_err(|_| Error::Invalid("channel count"))?;
        let in_format = sample_format(input.format).ok_or(Error::Invalid("sample format"))?;
        // SAFETY: the layouts are zeroed (a valid unspecified layout) before libav fills them, and have no
        // heap parts for native layouts; swr copies them. `this` frees the context on every path.
        unsafe {
            let mut layout: ffi::AVChannelLayout = std::mem::zeroed();
            ffi::av_channel_layout_default(&mut layout, out_channels);
            let mut in_layout: ffi::AVChannelLayout = std::mem::zeroed();
            // Three channels may be 3.0 or 2.1: the usual ones of a number would lose what is in the middle.
            let known = frame.layout().1;
            if known == 0 || ffi::av_channel_layout_from_mask(&mut in_layout, known) < 0 {
                ffi::av_channel_layout_default(&mut in_layout, input.ch_layout.nb_channels);
            }
            let code = ffi::swr_alloc_set_opts2(
                &mut this.raw,
                &mut layout,
                ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP,
                out_rate,
                &mut in_layout,
                in_format,
                input.sample_rate,
                0,
                std::ptr::null_mut(),
            );
            check("set up a resampler", code)?;
            check("open a resampler", ffi::swr_init(this.raw))?;
        }
        Ok(this)
    }

    /// True if it was made for frames like this one.
    #[must_use]
    pub fn fits(&self, frame: &AudioFrame) -> bool {
        (self.in_rate_hz, self.in_layout, self.in_format)
            == (frame.sample_rate_hz(), frame.layout(), frame.0.get().format)
    }

    /// Appends the converted samples to `planes`, one per channel; returns how many there were.
    ///
    /// # Errors
    /// If the frame does not fit or libav fails.
    pub fn run(&mut self, frame: &AudioFrame, planes: &mut [Vec<f32>]) -> Result<usize, Error> {
        if !self.fits(frame) || planes.len() != self.channels as usize || planes.len() > 8 {
            return Err(Error::Invalid("frame for this resampler"));
        }
        let scaled =
            u64::from(frame.samples()) * u64::from(self.out_rate_hz) / u64::from(self.in_rate_hz.max(1));
        let room = i32::try_from(scaled + 256).map_err(|_| Error::Invalid("sample count"))?;
        let before = planes.first().map_or(0, Vec::len);
        let mut out = [std::ptr::null_mut::<u8>(); 8];
        for (pointer, plane) in out.iter_mut().zip(planes.iter_mut()) {
            plane.truncate(before);
            plane.resize(before + room as usize, 0.0);
            *pointer = plane[before..].as_mut_ptr().cast();
        }
        let input = frame.0.get();
        // SAFETY: every output plane has room for `room` floats; extended_data has a plane pointer per
        // channel (one if packed) with nb_samples valid samples, as the resampler was set up for.
        let code = unsafe {
            ffi::swr_convert(self.raw, out.as_mut_ptr(), room, input.extended_data.cast(), input.nb_samples)
        };
        let made = usize::try_from(code).unwrap_or(0);
        for plane in planes {
            plane.truncate(before + made);
        }
        check("resample", code)?;
        Ok(made)
    }
}

impl Drop for Resampler {
    fn drop(&mut self) {
        // SAFETY: owned, freed once; null is allowed.
        unsafe { ffi::swr_free(&mut self.raw) }
    }
}

/// libav's AAC-LC encoder. Packet *n* is the *n*-th frame of input, after [`Self::priming_frames`].
pub struct AacEncoder {
    context: Context,
    packet: Packet,
    channels: usize,
    sent: i64,
}

impl AacEncoder {
    /// A sample rate that AAC has a number for: `rate_hz` if it is one, else 48 kHz.
    #[must_use]
    pub fn rate_for(rate_hz: u32) -> u32 {
        if RATES_HZ.contains(&rate_hz) { rate_hz } else { 48_000 }
    }

    /// Opens an encoder for planar floats.
    ///
    /// # Errors
    /// If libav refuses the combination.
    pub fn open(rate_hz: u32, channels: u32, bit_rate_bps: u64) -> Result<Self, Error> {
        // SAFETY: a lookup in libav's static tables.
        let found = unsafe { ffi::avcodec_find_encoder_by_name(c"aac".as_ptr()) };
        if found.is_null() {
            return Err(Error::Missing("the encoder aac".to_owned()));
        }
        let mut context = Context::for_codec(found)?;
        let raw = context.get_mut();
        raw.sample_rate = i32::try_from(rate_hz).map_err(|_| Error::Invalid("sample rate"))?;
        raw.sample_fmt = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP;
        raw.bit_rate = i64::try_from(bit_rate_bps).map_err(|_| Error::Invalid("bit rate"))?;
        raw.time_base = ffi::AVRational { num: 1, den: raw.sample_rate };
        raw.flags |= ffi::AV_CODEC_FLAG_GLOBAL_HEADER as i32;
        let count = i32::try_from(channels).map_err(|_| Error::Invalid("channel count"))?;
        // SAFETY: the layout of an unopened context is empty and may be replaced by a native one.
        unsafe { ffi::av_channel_layout_default(&mut raw.ch_layout, count) };
        context.open("open an AAC encoder")?;
        Ok(Self { context, packet: Packet::new()?, channels: channels as usize, sent: 0 })
    }

    /// The AudioSpecificConfig.
    #[must_use]
    pub fn record(&self) -> &[u8] {
        self.context.extradata()
    }

    /// Samples per channel in a frame.
    #[must_use]
    pub fn frame_samples(&self) -> usize {
        usize::try_from(self.context.get().frame_size).unwrap_or(1024).max(1)
    }

    /// Packets that come before the one of the first frame, and hold nothing of it but its overlap.
    #[must_use]
    pub fn priming_frames(&self) -> usize {
        let padding = usize::try_from(self.context.get().initial_padding).unwrap_or(0);
        padding.div_ceil(self.frame_samples())
    }

    /// Feeds one frame: [`Self::frame_samples`] samples of every channel.
    ///
    /// # Errors
    /// If the planes do not fit or libav fails.
    pub fn send(&mut self, planes: &[&[f32]]) -> Result<(), Error> {
        let samples = self.frame_samples();
        if planes.len() != self.channels || planes.iter().any(|plane| plane.len() != samples) {
            return Err(Error::Invalid("audio frame"));
        }
        let mut frame = Raw::new()?;
        let raw = frame.get_mut();
        raw.nb_samples = self.context.get().frame_size;
        raw.format = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP as i32;
        raw.sample_rate = self.context.get().sample_rate;
        raw.pts = self.sent;
        // SAFETY: the layout copied into an empty frame; then libav allocates one plane of nb_samples floats
        // per channel, into which exactly that many are copied.
        unsafe {
            let layout = ffi::av_channel_layout_copy(&mut raw.ch_layout, &self.context.get().ch_layout);
            check("copy a channel layout", layout)?;
            check("allocate samples", ffi::av_frame_get_buffer(frame.as_ptr(), 0))?;
            for (index, plane) in planes.iter().enumerate() {
                let target = (*frame.get().extended_data.add(index)).cast::<f32>();
                std::ptr::copy_nonoverlapping(plane.as_ptr(), target, samples);
            }
        }
        self.sent = self.sent.saturating_add(i64::from(frame.get().nb_samples));
        self.context.send_frame(&frame)
    }

    /// Signals the end of the frames.
    ///
    /// # Errors
    /// If libav does.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.context.finish_frames()
    }

    /// Takes a packet out, if one is ready.
    ///
    /// # Errors
    /// If the encoder failed.
    pub fn receive(&mut self) -> Result<Option<EncodedPacket>, Error> {
        Ok(self.context.receive_packet(&mut self.packet)?.then(|| self.packet.take()))
    }
}

/// The sample format with this number, as libav stores it in a frame.
fn sample_format(number: i32) -> Option<ffi::AVSampleFormat> {
    use ffi::AVSampleFormat as Format;
    let all = [
        Format::AV_SAMPLE_FMT_U8,
        Format::AV_SAMPLE_FMT_S16,
        Format::AV_SAMPLE_FMT_S32,
        Format::AV_SAMPLE_FMT_S64,
        Format::AV_SAMPLE_FMT_FLT,
        Format::AV_SAMPLE_FMT_DBL,
        Format::AV_SAMPLE_FMT_U8P,
        Format::AV_SAMPLE_FMT_S16P,
        Format::AV_SAMPLE_FMT_S32P,
        Format::AV_SAMPLE_FMT_S64P,
        Format::AV_SAMPLE_FMT_FLTP,
        Format::AV_SAMPLE_FMT_DBLP,
    ];
    all.into_iter().find(|format| *format as i32 == number)
}
