//! Hardware devices and the pools of frames on them.

use ffmpeg_next::ffi;

use crate::error::{Error, c_string, check};
use crate::frame::{PixelLayout, Raw, VideoFrame};

/// Kinds of device on which this shell can keep frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum DeviceKind {
    /// NVIDIA.
    Cuda,
    /// Intel and AMD on Linux.
    Vaapi,
}

impl DeviceKind {
    pub(crate) fn surface(self) -> ffi::AVPixelFormat {
        match self {
            Self::Cuda => ffi::AVPixelFormat::AV_PIX_FMT_CUDA,
            Self::Vaapi => ffi::AVPixelFormat::AV_PIX_FMT_VAAPI,
        }
    }

    fn av(self) -> ffi::AVHWDeviceType {
        match self {
            Self::Cuda => ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_CUDA,
            Self::Vaapi => ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_VAAPI,
        }
    }

    pub(crate) fn scale_filter(self) -> &'static str {
        match self {
            Self::Cuda => "scale_cuda",
            Self::Vaapi => "scale_vaapi",
        }
    }
}

/// An open device.
pub struct Device {
    kind: DeviceKind,
    raw: *mut ffi::AVBufferRef,
}

// SAFETY: device contexts are shared between threads by design (libavutil/hwcontext.h); the
// reference count is atomic and nothing is written through this wrapper after creation.
unsafe impl Send for Device {}
// SAFETY: as above.
unsafe impl Sync for Device {}

impl Device {
    /// Opens a device: `node` (such as `/dev/dri/renderD128`), or the first that there is.
    ///
    /// # Errors
    /// If there is none, or libav was built without its kind.
    pub fn open(kind: DeviceKind, node: Option<&str>) -> Result<Self, Error> {
        let node = node.map(c_string).transpose()?;
        let name = node.as_ref().map_or(std::ptr::null(), |node| node.as_ptr());
        let mut raw = std::ptr::null_mut();
        // SAFETY: raw receives an owned reference on success only; the name lives through the call.
        let code = unsafe { ffi::av_hwdevice_ctx_create(&mut raw, kind.av(), name, std::ptr::null_mut(), 0) };
        check("open a hardware device", code)?;
        Ok(Self { kind, raw })
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> DeviceKind {
        self.kind
    }

    /// A new reference, which the caller owns.
    pub(crate) fn reference(&self) -> Result<*mut ffi::AVBufferRef, Error> {
        add_reference(self.raw)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: owned, released once.
        unsafe { ffi::av_buffer_unref(&mut self.raw) }
    }
}

/// A pool of frames on a device. Encoders adopt the pool of the frames they will get.
pub struct FramesContext(*mut ffi::AVBufferRef);

// SAFETY: the pool is thread-safe, the count is atomic, nothing is written after initialisation.
unsafe impl Send for FramesContext {}
// SAFETY: as above.
unsafe impl Sync for FramesContext {}

impl FramesContext {
    /// A pool for uploading frames of one size, with NV12 underneath.
    ///
    /// # Errors
    /// If the device refuses the size or the layout.
    pub fn for_upload(device: &Device, width: u32, height: u32, surfaces: u16) -> Result<Self, Error> {
        // SAFETY: a valid device; null is handled. The buffer's data is an AVHWFramesContext until and
        // after initialisation, and is written only before it.
        unsafe {
            let raw = ffi::av_hwframe_ctx_alloc(device.raw);
            if raw.is_null() {
                return Err(Error::OutOfMemory);
            }
            let context = Self(raw);
            let frames = (*raw).data.cast::<ffi::AVHWFramesContext>();
            (*frames).format = device.kind.surface();
            (*frames).sw_format = PixelLayout::Nv12.av();
            (*frames).width = i32::try_from(width).map_err(|_| Error::Invalid("width"))?;
            (*frames).height = i32::try_from(height).map_err(|_| Error::Invalid("height"))?;
            (*frames).initial_pool_size = i32::from(surfaces);
            check("create a pool of surfaces", ffi::av_hwframe_ctx_init(raw))?;
            Ok(context)
        }
    }

    /// A copy on the device of a picture in system memory; the size must be the pool's.
    ///
    /// # Errors
    /// If no surface is free or the transfer fails.
    pub fn upload(&self, frame: &VideoFrame) -> Result<VideoFrame, Error> {
        let out = Raw::new()?;
        // SAFETY: a valid pool, an empty destination that becomes one of its surfaces, a valid source.
        unsafe {
            check("take a surface", ffi::av_hwframe_get_buffer(self.0, out.as_ptr(), 0))?;
            check("upload a frame", ffi::av_hwframe_transfer_data(out.as_ptr(), frame.0.as_ptr(), 0))?;
            check("copy frame properties", ffi::av_frame_copy_props(out.as_ptr(), frame.0.as_ptr()))?;
        }
        Ok(VideoFrame(out))
    }

    /// A new reference to a frame's pool; `None` for null.
    pub(crate) fn referenced(raw: *mut ffi::AVBufferRef) -> Option<Self> {
        if raw.is_null() { None } else { add_reference(raw).ok().map(Self) }
    }

    /// A new reference, which the caller owns.
    pub(crate) fn reference(&self) -> Result<*mut ffi::AVBufferRef, Error> {
        add_reference(self.0)
    }

    pub(crate) fn surface(&self) -> ffi::AVPixelFormat {
        // SAFETY: the data of an initialised frames reference is an AVHWFramesContext.
        unsafe { (*(*self.0).data.cast::<ffi::AVHWFramesContext>()).format }
    }

    /// The layout of the pixels underneath, if encoders take them so: not in a source of 10 bits.
    #[must_use]
    pub fn layout(&self) -> Option<PixelLayout> {
        // SAFETY: the data of an initialised frames reference is an AVHWFramesContext.
        let under = unsafe { (*(*self.0).data.cast::<ffi::AVHWFramesContext>()).sw_format };
        [PixelLayout::Nv12, PixelLayout::Yuv420p].into_iter().find(|layout| layout.av() == under)
    }

    /// The kind of device that the pool is on, if this shell can scale there.
    #[must_use]
    pub fn kind(&self) -> Option<DeviceKind> {
        let surface = self.surface();
        [DeviceKind::Cuda, DeviceKind::Vaapi].into_iter().find(|kind| kind.surface() == surface)
    }
}

impl VideoFrame {
    /// The device pool that it lives in; `None` for system memory.
    #[must_use]
    pub fn frames_context(&self) -> Option<FramesContext> {
        FramesContext::referenced(self.0.get().hw_frames_ctx)
    }
}

impl Drop for FramesContext {
    fn drop(&mut self) {
        // SAFETY: owned, released once.
        unsafe { ffi::av_buffer_unref(&mut self.0) }
    }
}

fn add_reference(raw: *mut ffi::AVBufferRef) -> Result<*mut ffi::AVBufferRef, Error> {
    // SAFETY: callers pass a live reference; the count is atomic; null is handled.
    let copy = unsafe { ffi::av_buffer_ref(raw) };
    if copy.is_null() { Err(Error::OutOfMemory) } else { Ok(copy) }
}
