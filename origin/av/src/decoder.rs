//! Video decoders.

use std::ffi::c_void;

use ffmpeg_next::ffi;

use crate::Codec;
use crate::device::Device;
use crate::error::{Error, check, is_pause};
use crate::frame::{Raw, VideoFrame};
use crate::packet::Packet;

/// Pictures above which frame threads are worth the frame of delay that each of them adds: more than
/// 1080p cannot be decoded in time by one core.
const FRAME_THREADS_ABOVE_PIXELS: u64 = 1920 * 1088;
/// Threads of a decoder; more give nothing at the sizes that are broadcast.
const MAX_THREADS: usize = 4;
/// Surfaces beyond the decoder's own need. NVIDIA's decoders have 32 in all: one that needs more for itself, with
/// sixteen references say, is refused.
const SPARE_SURFACES: u8 = 16;

/// The configuration of a decoder.
pub struct VideoDecoderConfig<'a> {
    /// Codec.
    pub codec: Codec,
    /// `avcC`, `hvcC` or `av1C`.
    pub extradata: &'a [u8],
    /// Width in pixels, from the headers.
    pub width: u32,
    /// Height in pixels, from the headers.
    pub height: u32,
    /// The device on which to decode; `None` is in software.
    pub device: Option<&'a Device>,
}

/// A video decoder; times are microseconds.
pub struct VideoDecoder(Context);

impl VideoDecoder {
    /// Frames of a device that may be kept at the same time; a decoder whose surfaces are all in use fails.
    pub const SPARE_SURFACES: u8 = SPARE_SURFACES;

    /// Opens a decoder, for low delay. It shows only with the first key frame whether a device takes the data,
    /// see [`Self::on_device`].
    ///
    /// # Errors
    /// If libav has none for the codec, or refuses the extradata or the device.
    pub fn open(config: &VideoDecoderConfig<'_>) -> Result<Self, Error> {
        let mut context = Context::decoder(config.codec, config.extradata)?;
        let raw = context.get_mut();
        raw.width = i32::try_from(config.width).map_err(|_| Error::Invalid("width"))?;
        raw.height = i32::try_from(config.height).map_err(|_| Error::Invalid("height"))?;
        raw.flags |= ffi::AV_CODEC_FLAG_LOW_DELAY as i32;
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        raw.thread_count = i32::try_from(cores).unwrap_or(1);
        let large = u64::from(config.width) * u64::from(config.height) > FRAME_THREADS_ABOVE_PIXELS;
        raw.thread_type =
            if large { ffi::FF_THREAD_FRAME | ffi::FF_THREAD_SLICE } else { ffi::FF_THREAD_SLICE };
        if let Some(device) = config.device {
            raw.hw_device_ctx = device.reference()?;
            raw.extra_hw_frames = i32::from(SPARE_SURFACES);
            raw.opaque = device.kind().surface() as i32 as isize as *mut c_void;
            raw.get_format = Some(choose_format);
            raw.thread_count = 1;
        }
        context.open("open a video decoder")?;
        Ok(Self(context))
    }

    /// Feeds an access unit. Call [`Self::receive`] until it returns `None` after each.
    ///
    /// # Errors
    /// If the data is damaged; the decoder remains usable, from the next key frame on.
    pub fn send(&mut self, data: &[u8], pts: i64, dts: i64, key: bool) -> Result<(), Error> {
        self.0.send_packet(&Packet::copy_of(data, pts, dts, key)?)
    }

    /// Takes a picture out, if one is ready.
    ///
    /// # Errors
    /// If the data was damaged.
    pub fn receive(&mut self) -> Result<Option<VideoFrame>, Error> {
        Ok(self.0.receive_frame("decode video")?.map(VideoFrame))
    }

    /// Signals the end of the data; what is inside comes out of [`Self::receive`].
    ///
    /// # Errors
    /// If libav does.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.0.finish_packets()
    }

    /// Forgets everything it was given, to go on at a key frame.
    pub fn flush(&mut self) {
        self.0.flush();
    }

    /// True if it decodes on a device; known after it was given a key frame.
    #[must_use]
    pub fn on_device(&self) -> bool {
        !self.0.get().hw_frames_ctx.is_null()
    }
}

/// Takes the device's surface format (stored in `opaque`) where the decoder offers it, else the last
/// offer, which is software by libav's convention.
unsafe extern "C" fn choose_format(
    context: *mut ffi::AVCodecContext,
    offers: *const ffi::AVPixelFormat,
) -> ffi::AVPixelFormat {
    let mut last = ffi::AVPixelFormat::AV_PIX_FMT_NONE;
    // SAFETY: libav passes its own context, and a list that ends with AV_PIX_FMT_NONE.
    unsafe {
        let wanted = (*context).opaque as isize as i32;
        let mut offer = offers;
        while *offer != ffi::AVPixelFormat::AV_PIX_FMT_NONE {
            last = *offer;
            if last as i32 == wanted {
                break;
            }
            offer = offer.add(1);
        }
    }
    last
}

/// An owned `AVCodecContext`.
pub(crate) struct Context(*mut ffi::AVCodecContext);

// SAFETY: a codec context may move between threads as long as one at a time uses it; this wrapper
// is the only owner, and all calls need &mut self.
unsafe impl Send for Context {}

impl Context {
    pub(crate) fn for_codec(codec: *const ffi::AVCodec) -> Result<Self, Error> {
        // SAFETY: codec comes from a libav lookup and was checked against null; null is handled.
        let raw = unsafe { ffi::avcodec_alloc_context3(codec) };
        if raw.is_null() { Err(Error::OutOfMemory) } else { Ok(Self(raw)) }
    }

    /// An unopened decoder with a padded copy of `extradata`.
    pub(crate) fn decoder(codec: Codec, extradata: &[u8]) -> Result<Self, Error> {
        // SAFETY: a lookup in libav's static tables.
        let found = unsafe { ffi::avcodec_find_decoder(codec.id()) };
        if found.is_null() {
            return Err(Error::Missing(format!("a decoder for {codec:?}")));
        }
        let mut context = Self::for_codec(found)?;
        let raw = context.get_mut();
        raw.pkt_timebase = ffi::AVRational { num: 1, den: 1_000_000 };
        if !extradata.is_empty() {
            raw.extradata_size =
                i32::try_from(extradata.len()).map_err(|_| Error::Invalid("extradata size"))?;
            // SAFETY: zeroed memory with the padding that libav demands; the context frees it.
            unsafe {
                let copy = ffi::av_mallocz(extradata.len() + ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize);
                raw.extradata = copy.cast();
                if copy.is_null() {
                    raw.extradata_size = 0;
                    return Err(Error::OutOfMemory);
                }
                std::ptr::copy_nonoverlapping(extradata.as_ptr(), raw.extradata, extradata.len());
            }
        }
        Ok(context)
    }

    pub(crate) fn open(&mut self, operation: &'static str) -> Result<(), Error> {
        // SAFETY: an allocated, unopened context whose codec was given at allocation.
        check(operation, unsafe { ffi::avcodec_open2(self.0, std::ptr::null(), std::ptr::null_mut()) })?;
        Ok(())
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::AVCodecContext {
        self.0
    }

    pub(crate) fn get(&self) -> &ffi::AVCodecContext {
        // SAFETY: never null, alive as long as self.
        unsafe { &*self.0 }
    }

    pub(crate) fn get_mut(&mut self) -> &mut ffi::AVCodecContext {
        // SAFETY: never null, and &mut self is exclusive.
        unsafe { &mut *self.0 }
    }

    pub(crate) fn send_packet(&mut self, packet: &Packet) -> Result<(), Error> {
        // SAFETY: an opened decoder and a valid packet, of which libav takes its own reference.
        check("decode a packet", unsafe { ffi::avcodec_send_packet(self.0, packet.as_ptr()) })?;
        Ok(())
    }

    pub(crate) fn finish_packets(&mut self) -> Result<(), Error> {
        // SAFETY: an opened decoder; null means the end.
        let code = unsafe { ffi::avcodec_send_packet(self.0, std::ptr::null()) };
        if is_pause(code) { Ok(()) } else { check("drain a decoder", code).map(drop) }
    }

    pub(crate) fn receive_frame(&mut self, operation: &'static str) -> Result<Option<Raw>, Error> {
        let frame = Raw::new()?;
        // SAFETY: an opened decoder and an empty frame.
        let code = unsafe { ffi::avcodec_receive_frame(self.0, frame.as_ptr()) };
        if is_pause(code) {
            return Ok(None);
        }
        check(operation, code)?;
        Ok(Some(frame))
    }

    pub(crate) fn send_frame(&mut self, frame: &Raw) -> Result<(), Error> {
        // SAFETY: an opened encoder and a valid frame, of which libav takes its own reference.
        check("encode a frame", unsafe { ffi::avcodec_send_frame(self.0, frame.as_ptr()) })?;
        Ok(())
    }

    pub(crate) fn finish_frames(&mut self) -> Result<(), Error> {
        // SAFETY: an opened encoder; null means the end.
        let code = unsafe { ffi::avcodec_send_frame(self.0, std::ptr::null()) };
        if is_pause(code) { Ok(()) } else { check("drain an encoder", code).map(drop) }
    }

    /// True if a packet was put into `packet`.
    pub(crate) fn receive_packet(&mut self, packet: &mut Packet) -> Result<bool, Error> {
        // SAFETY: an opened encoder and a valid packet.
        let code = unsafe { ffi::avcodec_receive_packet(self.0, packet.as_ptr()) };
        if is_pause(code) {
            return Ok(false);
        }
        check("take a packet from an encoder", code)?;
        Ok(true)
    }

    pub(crate) fn flush(&mut self) {
        // SAFETY: an opened context.
        unsafe { ffi::avcodec_flush_buffers(self.0) }
    }

    /// The context's extradata, empty if there is none.
    pub(crate) fn extradata(&self) -> &[u8] {
        let raw = self.get();
        match usize::try_from(raw.extradata_size) {
            // SAFETY: libav keeps extradata_size valid bytes at extradata while the context lives.
            Ok(size) if size > 0 && !raw.extradata.is_null() => unsafe {
                std::slice::from_raw_parts(raw.extradata, size)
            },
            _ => &[],
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: owned, freed once; frees extradata and the references it holds too.
        unsafe { ffi::avcodec_free_context(&mut self.0) }
    }
}
