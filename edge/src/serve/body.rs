//! A response body of shared pieces.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use farcast_shared::time::WallTime;
use http_body::{Frame, SizeHint};
use prometheus::{Histogram, IntCounter};

use super::activity::Activity;
use crate::live::Object;

/// Most bytes handed to hyper at once. HTTP/2 takes whatever it is given off the body at once, however
/// little of it the viewer's window lets through; only small pieces show how far it has come.
const FRAME_BYTES: usize = 64 << 10;

/// The same over HTTP/1, which takes the next piece when the one before is gone: a part of most broadcasts with its head,
/// so that it is written at once. At 64 kbit/s it takes 16 s, less than a response may stand still.
const HTTP1_FRAME_BYTES: usize = 128 << 10;

/// Pieces of bytes that are sent one after another, none of them copied.
#[derive(Debug, Default)]
pub struct Body {
    is_http1: bool,
    chunks: VecDeque<Bytes>,
    remaining: u64,
    first_byte: Option<(WallTime, Histogram)>,
    watch: Option<Watch>,
}

#[derive(Debug)]
struct Watch {
    activity: Arc<Activity>,
    sent_bytes: IntCounter,
}

impl Body {
    /// The body of an object; for the newest part its first byte is measured.
    pub(super) fn object(object: Object, first_byte: &Histogram) -> Self {
        let first_byte = object.born.map(|born| (born, first_byte.clone()));
        let remaining = object.len();
        Self { is_http1: false, chunks: object.into_chunks(), remaining, first_byte, watch: None }
    }

    /// How many bytes are to be sent.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.remaining
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remaining == 0
    }

    /// It is sent by HTTP/1.
    pub(super) fn over_http1(&mut self) {
        self.is_http1 = true;
    }

    /// Watches over its progress for the rest of its life.
    pub(super) fn watch(&mut self, activity: &Arc<Activity>, sent_bytes: &IntCounter) {
        if !self.is_empty() {
            activity.body_began(Instant::now());
            self.watch = Some(Watch { activity: Arc::clone(activity), sent_bytes: sent_bytes.clone() });
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let object = Object::from(bytes);
        let remaining = object.len();
        Self { is_http1: false, remaining, chunks: object.into_chunks(), first_byte: None, watch: None }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(mut chunk) = self.chunks.pop_front() else { return Poll::Ready(None) };
        let most = if self.is_http1 { HTTP1_FRAME_BYTES } else { FRAME_BYTES };
        if chunk.len() > most {
            self.chunks.push_front(chunk.split_off(most));
        }
        let size = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.remaining = self.remaining.saturating_sub(size);
        if let Some((born, histogram)) = self.first_byte.take() {
            histogram.observe(WallTime::now().since(born).as_secs_f64());
        }
        if let Some(watch) = &self.watch {
            watch.activity.body_progressed(Instant::now());
            watch.sent_bytes.inc_by(size);
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.activity.body_ended(Instant::now());
    }
}
