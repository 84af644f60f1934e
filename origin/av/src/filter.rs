//! Filters of libavfilter: scaling on a device, and making whole pictures of fields.

use crate::error::Error;
use crate::frame::VideoFrame;
use crate::graph::Graph;

/// Threads of a deinterlacer; a 1080p picture takes a millisecond or two of one.
const DEINTERLACER_THREADS: i32 = 2;
/// Both look at the fields of neighbouring pictures; the first is the better one.
const DEINTERLACERS: [&str; 2] = ["bwdif", "yadif"];

/// `scale_cuda` or `scale_vaapi`.
pub(crate) struct DeviceScale(Graph);

impl DeviceScale {
    /// A scaler for frames like `frame`, which must be on a device.
    pub(crate) fn new(frame: &VideoFrame, width: u32, height: u32) -> Result<Self, Error> {
        let pool = frame.frames_context().ok_or(Error::Invalid("frame outside a device"))?;
        let kind = pool.kind().ok_or(Error::Invalid("device to scale on"))?;
        let size = format!("w={width}:h={height}:format=nv12");
        Ok(Self(Graph::new(frame, &[(kind.scale_filter(), &size)], 0)?))
    }

    /// Scales one frame; the result is on the device too.
    pub(crate) fn run(&mut self, frame: &VideoFrame) -> Result<Option<VideoFrame>, Error> {
        self.0.push(frame)?;
        self.0.pull()
    }
}

/// Makes progressive pictures of interlaced ones, one of each; what the decoder calls progressive goes through as
/// it is, by reference. It holds one picture back, since it looks at the next.
#[derive(Default)]
pub struct Deinterlacer {
    /// The graph, and size and format that it was made for.
    graph: Option<((u32, u32, i32), Graph)>,
}

impl Deinterlacer {
    /// Takes a picture; what is finished goes to `out`. A picture on a device is copied to system memory.
    ///
    /// # Errors
    /// If libav has no deinterlacer, or it fails; the picture is lost then.
    pub fn run(&mut self, frame: &VideoFrame, out: &mut Vec<VideoFrame>) -> Result<(), Error> {
        let downloaded = if frame.on_device() { Some(frame.download()?) } else { None };
        let frame = downloaded.as_ref().unwrap_or(frame);
        let of = (frame.width(), frame.height(), frame.0.get().format);
        if self.graph.as_ref().is_none_or(|(like, _)| *like != of) {
            self.finish(out)?;
            self.graph = Some((of, graph(frame)?));
        }
        let Some((_, graph)) = &mut self.graph else { return Ok(()) };
        graph.push(frame)?;
        drain(graph, out)
    }

    /// Moves the pictures inside to `out`, and starts again.
    ///
    /// # Errors
    /// If libav fails.
    pub fn finish(&mut self, out: &mut Vec<VideoFrame>) -> Result<(), Error> {
        let Some((_, mut graph)) = self.graph.take() else { return Ok(()) };
        graph.finish()?;
        drain(&mut graph, out)
    }
}

fn graph(frame: &VideoFrame) -> Result<Graph, Error> {
    let mut refused = Error::Invalid("deinterlacer");
    for name in DEINTERLACERS {
        match Graph::new(frame, &[(name, "mode=send_frame:deint=interlaced")], DEINTERLACER_THREADS) {
            Ok(graph) => return Ok(graph),
            Err(reason) => refused = reason,
        }
    }
    Err(refused)
}

fn drain(graph: &mut Graph, out: &mut Vec<VideoFrame>) -> Result<(), Error> {
    while let Some(frame) = graph.pull()? {
        out.push(frame);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelLayout;

    #[test]
    fn progressive_pictures_go_through_with_their_times_and_the_last_one_comes_out_at_the_end() {
        let mut deinterlacer = Deinterlacer::default();
        let mut out = Vec::new();
        for n in 0..5 {
            let mut frame = VideoFrame::black(64, 48, PixelLayout::Yuv420p).unwrap();
            frame.0.get_mut().pts = n * 33_333;
            deinterlacer.run(&frame, &mut out).unwrap();
        }
        deinterlacer.finish(&mut out).unwrap();
        let times: Vec<_> = out.iter().map(|frame| frame.pts().unwrap()).collect();
        assert_eq!(times, [0, 33_333, 66_666, 99_999, 133_332]);
    }

    #[test]
    fn pictures_of_another_size_lose_nothing() {
        let mut deinterlacer = Deinterlacer::default();
        let mut out = Vec::new();
        for (n, width) in [64, 64, 32, 32].into_iter().enumerate() {
            let mut frame = VideoFrame::black(width, 48, PixelLayout::Yuv420p).unwrap();
            frame.0.get_mut().pts = n as i64 * 40_000;
            deinterlacer.run(&frame, &mut out).unwrap();
        }
        deinterlacer.finish(&mut out).unwrap();
        assert_eq!(out.iter().map(VideoFrame::width).collect::<Vec<_>>(), [64, 64, 32, 32]);
    }
}
