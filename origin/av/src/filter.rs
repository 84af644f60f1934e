//! A filter graph of one scaler, for frames on a device.

use ffmpeg_next::ffi;

use crate::device::FramesContext;
use crate::error::{Error, c_string, check, is_pause};
use crate::frame::{Raw, VideoFrame};

/// `buffer → scale_cuda | scale_vaapi → buffersink`.
pub(crate) struct DeviceScale {
    graph: *mut ffi::AVFilterGraph,
    source: *mut ffi::AVFilterContext,
    sink: *mut ffi::AVFilterContext,
}

// SAFETY: the graph is owned by this wrapper, used by one thread at a time through &mut self; source
// and sink belong to it.
unsafe impl Send for DeviceScale {}

impl DeviceScale {
    /// A graph for frames like `frame`, which must be on a device.
    pub(crate) fn new(frame: &VideoFrame, width: u32, height: u32) -> Result<Self, Error> {
        let pool = frame.frames_context().ok_or(Error::Invalid("frame outside a device"))?;
        let kind = pool.kind().ok_or(Error::Invalid("device to scale on"))?;
        // SAFETY: plain allocation; null is handled, and the wrapper frees the graph on every path.
        let graph = unsafe { ffi::avfilter_graph_alloc() };
        if graph.is_null() {
            return Err(Error::OutOfMemory);
        }
        let mut scale = Self { graph, source: std::ptr::null_mut(), sink: std::ptr::null_mut() };
        scale.source = scale.add("buffer", None, Some((frame, &pool)))?;
        let size = format!("w={width}:h={height}:format=nv12");
        let scaler = scale.add(kind.scale_filter(), Some(&size), None)?;
        scale.sink = scale.add("buffersink", None, None)?;
        // SAFETY: all three belong to this graph and have a pad 0 on the side that is linked.
        unsafe {
            check("link a filter", ffi::avfilter_link(scale.source, 0, scaler, 0))?;
            check("link a filter", ffi::avfilter_link(scaler, 0, scale.sink, 0))?;
            check("configure a scaler", ffi::avfilter_graph_config(scale.graph, std::ptr::null_mut()))?;
        }
        Ok(scale)
    }

    /// Scales one frame; the result is on the device too.
    pub(crate) fn run(&mut self, frame: &VideoFrame) -> Result<Option<VideoFrame>, Error> {
        let input = frame.0.reference()?;
        let output = Raw::new()?;
        // SAFETY: a configured graph; the source takes over the buffers of `input`, of which this is
        // our own reference, and the sink fills an empty frame.
        unsafe {
            check("scale a frame", ffi::av_buffersrc_add_frame_flags(self.source, input.as_ptr(), 0))?;
            let code = ffi::av_buffersink_get_frame(self.sink, output.as_ptr());
            if is_pause(code) {
                return Ok(None);
            }
            check("scale a frame", code)?;
        }
        Ok(Some(VideoFrame(output)))
    }

    fn add(
        &mut self,
        name: &str,
        options: Option<&str>,
        like: Option<(&VideoFrame, &FramesContext)>,
    ) -> Result<*mut ffi::AVFilterContext, Error> {
        let c_name = c_string(name)?;
        let options = options.map(c_string).transpose()?;
        let options = options.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
        // SAFETY: lookups and allocations by valid C strings, null handled; the parameters are freed with
        // av_free after av_buffersrc_parameters_set made its own reference to the pool, which `like` keeps
        // alive until then.
        unsafe {
            let filter = ffi::avfilter_get_by_name(c_name.as_ptr());
            if filter.is_null() {
                return Err(Error::Missing(format!("the filter {name}")));
            }
            let context = ffi::avfilter_graph_alloc_filter(self.graph, filter, c_name.as_ptr());
            if context.is_null() {
                return Err(Error::OutOfMemory);
            }
            if let Some((frame, pool)) = like {
                let parameters = ffi::av_buffersrc_parameters_alloc();
                if parameters.is_null() {
                    return Err(Error::OutOfMemory);
                }
                let raw = frame.0.get();
                (*parameters).format = raw.format;
                (*parameters).width = raw.width;
                (*parameters).height = raw.height;
                (*parameters).time_base = ffi::AVRational { num: 1, den: 1_000_000 };
                (*parameters).sample_aspect_ratio = raw.sample_aspect_ratio;
                let reference = pool.reference();
                (*parameters).hw_frames_ctx = reference.clone().unwrap_or(std::ptr::null_mut());
                let code = ffi::av_buffersrc_parameters_set(context, parameters);
                ffi::av_buffer_unref(&mut (*parameters).hw_frames_ctx);
                ffi::av_free(parameters.cast());
                reference?;
                check("describe a scaler's input", code)?;
            }
            check("initialise a filter", ffi::avfilter_init_str(context, options))?;
            Ok(context)
        }
    }
}

impl Drop for DeviceScale {
    fn drop(&mut self) {
        // SAFETY: owned, freed once, with all its filters.
        unsafe { ffi::avfilter_graph_free(&mut self.graph) }
    }
}
