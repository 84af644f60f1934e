//! A response body of shared pieces, or of events that come for as long as they are read.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use farcast_feed::time::WallTime;
use farcast_link::receiver::EventStream;
use http_body::{Body as _, Frame, SizeHint};
use prometheus::{Histogram, IntCounter};
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use crate::live::{Listed, Object};

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
    traced: Option<Arc<Listed>>,
    watch: Option<Watch>,
    events: Option<Events>,
}

/// A stream that ends with this program, too.
struct Events {
    stream: Pin<Box<EventStream>>,
    draining: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events(…)")
    }
}

impl Events {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.draining.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        let Some(Ok(frame)) = ready!(self.stream.as_mut().poll_frame(context)) else {
            return Poll::Ready(None);
        };
        Poll::Ready(frame.into_data().ok())
    }
}

#[derive(Debug)]
struct Watch {
    activity: Arc<Activity>,
    sent_bytes: IntCounter,
}

impl Body {
    /// The body of an object; for the newest part its first byte is measured.
    pub(super) fn object(mut object: Object, first_byte: &Histogram) -> Self {
        let first_byte = object.born.map(|born| (born, first_byte.clone()));
        let (remaining, traced) = (object.len(), object.traced.take());
        Self { chunks: object.into_chunks(), remaining, first_byte, traced, ..Self::default() }
    }

    /// A body of events, which ends when `draining` is cancelled.
    pub(super) fn events(stream: EventStream, draining: CancellationToken) -> Self {
        let draining = Box::pin(async move { draining.cancelled().await });
        Self { events: Some(Events { stream: Box::pin(stream), draining }), ..Self::default() }
    }

    /// Number of bytes to be sent.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.remaining
    }

    /// True if there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remaining == 0 && self.events.is_none()
    }

    /// Notes that the body is sent by HTTP/1.
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
        Self { remaining, chunks: object.into_chunks(), ..Self::default() }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(events) = &mut self.events {
            let piece = ready!(events.poll_piece(context));
            if let (Some(watch), Some(piece)) = (&self.watch, &piece) {
                watch.progressed(piece.len());
            }
            return Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))));
        }
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
        if let Some(traced) = self.traced.take() {
            traced.first_byte();
        }
        if let Some(watch) = &self.watch {
            watch.progressed(chunk.len());
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && self.events.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.events.is_some() { SizeHint::default() } else { SizeHint::with_exact(self.remaining) }
    }
}

impl Watch {
    fn progressed(&self, bytes: usize) {
        self.activity.body_progressed(Instant::now());
        self.sent_bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.activity.body_ended(Instant::now());
    }
}
