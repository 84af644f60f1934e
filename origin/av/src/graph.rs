//! A chain of filters: frames in at one end, out at the other.

use ffmpeg_next::ffi;

use crate::device::FramesContext;
use crate::error::{Error, c_string, check, is_pause};
use crate::frame::{Raw, VideoFrame};

/// `buffer → filters → buffersink`, made for frames of one size and format.
pub(crate) struct Graph {
    raw: *mut ffi::AVFilterGraph,
    source: *mut ffi::AVFilterContext,
    sink: *mut ffi::AVFilterContext,
}

// SAFETY: the graph is owned by this wrapper, used by one thread at a time through &mut self; source
// and sink belong to it.
unsafe impl Send for Graph {}

impl Graph {
    /// A graph for frames like `frame`, through filters with their options; `threads` of 0 leaves their number to
    /// libav.
    pub(crate) fn new(frame: &VideoFrame, filters: &[(&str, &str)], threads: i32) -> Result<Self, Error> {
        let pool = frame.frames_context();
        // SAFETY: plain allocation; null is handled, and the wrapper frees the graph on every path.
        let raw = unsafe { ffi::avfilter_graph_alloc() };
        if raw.is_null() {
            return Err(Error::OutOfMemory);
        }
        let mut graph = Self { raw, source: std::ptr::null_mut(), sink: std::ptr::null_mut() };
        // SAFETY: an allocated graph that has no filters yet, as this setting demands.
        unsafe { (*raw).nb_threads = threads };
        graph.source = graph.add("buffer", None, Some((frame, pool.as_ref())))?;
        let mut last = graph.source;
        for (name, options) in filters {
            let next = graph.add(name, Some(options), None)?;
            link(last, next)?;
            last = next;
        }
        graph.sink = graph.add("buffersink", None, None)?;
        link(last, graph.sink)?;
        // SAFETY: a complete graph that was not configured yet.
        check("configure filters", unsafe { ffi::avfilter_graph_config(graph.raw, std::ptr::null_mut()) })?;
        Ok(graph)
    }

    /// Feeds a frame, whose time is counted in microseconds.
    pub(crate) fn push(&mut self, frame: &VideoFrame) -> Result<(), Error> {
        let mut input = frame.0.reference()?;
        input.get_mut().pts = frame.pts().unwrap_or(ffi::AV_NOPTS_VALUE);
        // SAFETY: a configured graph; the source takes over the buffers of `input`, of which this is our own
        // reference.
        let code = unsafe { ffi::av_buffersrc_add_frame_flags(self.source, input.as_ptr(), 0) };
        check("filter a frame", code)?;
        Ok(())
    }

    /// Says that no more frames come; what is inside comes out of [`Self::pull`].
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        // SAFETY: a configured graph; null means the end.
        let code = unsafe { ffi::av_buffersrc_add_frame_flags(self.source, std::ptr::null_mut(), 0) };
        check("drain filters", code)?;
        Ok(())
    }

    /// Takes a frame out, if one is ready; its time is in microseconds, whatever the filters count in.
    pub(crate) fn pull(&mut self) -> Result<Option<VideoFrame>, Error> {
        let mut output = Raw::new()?;
        // SAFETY: a configured graph, whose sink fills an empty frame.
        let code = unsafe { ffi::av_buffersink_get_frame(self.sink, output.as_ptr()) };
        if is_pause(code) {
            return Ok(None);
        }
        check("filter a frame", code)?;
        let frame = output.get_mut();
        if frame.pts != ffi::AV_NOPTS_VALUE {
            let micros = ffi::AVRational { num: 1, den: 1_000_000 };
            // SAFETY: the sink of a configured graph; then pure arithmetic.
            frame.pts =
                unsafe { ffi::av_rescale_q(frame.pts, ffi::av_buffersink_get_time_base(self.sink), micros) };
        }
        frame.best_effort_timestamp = frame.pts;
        Ok(Some(VideoFrame(output)))
    }

    fn add(
        &mut self,
        name: &str,
        options: Option<&str>,
        like: Option<(&VideoFrame, Option<&FramesContext>)>,
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
            let context = ffi::avfilter_graph_alloc_filter(self.raw, filter, c_name.as_ptr());
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
                let reference = pool.map(FramesContext::reference).transpose();
                let held = reference.as_ref().ok().copied().flatten();
                (*parameters).hw_frames_ctx = held.unwrap_or(std::ptr::null_mut());
                let code = ffi::av_buffersrc_parameters_set(context, parameters);
                ffi::av_buffer_unref(&mut (*parameters).hw_frames_ctx);
                ffi::av_free(parameters.cast());
                reference?;
                check("describe a filter's input", code)?;
            }
            check("initialise a filter", ffi::avfilter_init_str(context, options))?;
            Ok(context)
        }
    }
}

fn link(from: *mut ffi::AVFilterContext, to: *mut ffi::AVFilterContext) -> Result<(), Error> {
    // SAFETY: both belong to one graph that is not configured yet, and have a pad 0 on the side that is linked.
    check("link a filter", unsafe { ffi::avfilter_link(from, 0, to, 0) })?;
    Ok(())
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: owned, freed once, with all its filters.
        unsafe { ffi::avfilter_graph_free(&mut self.raw) }
    }
}
