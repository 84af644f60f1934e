//! Packets: compressed data into decoders and out of encoders.

use bytes::Bytes;
use ffmpeg_next::ffi;

use crate::error::{Error, check};

/// One compressed access unit from an encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedPacket {
    /// The bytes as the encoder made them (Annex B for H.264).
    pub data: Bytes,
    /// Presentation time in the encoder's time base.
    pub pts: i64,
    /// Decode time in the encoder's time base.
    pub dts: i64,
    /// True if it is a key frame.
    pub key: bool,
}

/// An owned `AVPacket`.
pub(crate) struct Packet(*mut ffi::AVPacket);

// SAFETY: an AVPacket has no thread affinity, and this wrapper is its only owner.
unsafe impl Send for Packet {}

impl Packet {
    pub(crate) fn new() -> Result<Self, Error> {
        // SAFETY: plain allocation; null is handled.
        let raw = unsafe { ffi::av_packet_alloc() };
        if raw.is_null() { Err(Error::OutOfMemory) } else { Ok(Self(raw)) }
    }

    /// A packet with a padded copy of `data` (libav's parsers read past the end).
    pub(crate) fn copy_of(data: &[u8], pts: i64, dts: i64, key: bool) -> Result<Self, Error> {
        let size = i32::try_from(data.len()).map_err(|_| Error::Invalid("packet size"))?;
        let packet = Self::new()?;
        // SAFETY: av_new_packet allocates `size` bytes plus zeroed padding, into which `data` is copied.
        unsafe {
            check("allocate a packet", ffi::av_new_packet(packet.0, size))?;
            std::ptr::copy_nonoverlapping(data.as_ptr(), (*packet.0).data, data.len());
            (*packet.0).pts = pts;
            (*packet.0).dts = dts;
            if key {
                (*packet.0).flags |= ffi::AV_PKT_FLAG_KEY;
            }
        }
        Ok(packet)
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::AVPacket {
        self.0
    }

    /// Copies what is inside out, and empties the packet.
    pub(crate) fn take(&mut self) -> EncodedPacket {
        // SAFETY: data/size describe one valid buffer (or null and 0), alive until the unref.
        unsafe {
            let raw = &*self.0;
            let data = match usize::try_from(raw.size) {
                Ok(size) if size > 0 && !raw.data.is_null() => {
                    Bytes::copy_from_slice(std::slice::from_raw_parts(raw.data, size))
                }
                _ => Bytes::new(),
            };
            let out = EncodedPacket {
                data,
                pts: raw.pts,
                dts: raw.dts,
                key: raw.flags & ffi::AV_PKT_FLAG_KEY != 0,
            };
            ffi::av_packet_unref(self.0);
            out
        }
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        // SAFETY: the pointer came from av_packet_alloc and is freed once.
        unsafe { ffi::av_packet_free(&mut self.0) }
    }
}
