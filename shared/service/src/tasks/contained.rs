//! Contained tasks: a panic in one does not end the program.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use farcast_telemetry::make::Make as _;
use prometheus::{IntCounter, Opts, Registry};

use super::{hook, text};

/// A part that may fail alone; a label, and none that is a task's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// A connection of an encoder, with its session.
    RtmpConnection,
    /// Timeline, planner and packagers of a broadcast.
    Broadcast,
    /// A thread that decodes or encodes, or the opening of its device.
    Transcoder,
    /// A connection of an edge to the origin.
    EdgeConnection,
    /// A call of an edge on its connection.
    EdgeCall,
    /// A viewers' HTTP connection.
    HttpConnection,
    /// A request of a viewer.
    HttpRequest,
    /// A connection of the chat.
    ChatConnection,
    /// A connection to the metrics listener.
    MetricsConnection,
    /// A connection to the origin's own HTTP listener.
    ApiConnection,
    /// Reloading of the GeoIP file.
    GeoReload,
    /// Delivery to one webhook.
    Webhook,
    /// Sampling of the machine.
    Hardware,
    /// An edge's session with its origin; the edge dials again.
    OriginSession,
    /// A DNS query over UDP.
    DnsQuery,
    /// A DNS connection over TCP.
    DnsConnection,
}

impl Part {
    /// As it is in logs and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::RtmpConnection => "rtmp_connection",
            Self::Broadcast => "broadcast",
            Self::Transcoder => "transcoder",
            Self::EdgeConnection => "edge_connection",
            Self::EdgeCall => "edge_call",
            Self::HttpConnection => "http_connection",
            Self::HttpRequest => "http_request",
            Self::ChatConnection => "chat_connection",
            Self::MetricsConnection => "metrics_connection",
            Self::ApiConnection => "api_connection",
            Self::GeoReload => "geo_reload",
            Self::Webhook => "webhook",
            Self::Hardware => "hardware",
            Self::OriginSession => "origin_session",
            Self::DnsQuery => "dns_query",
            Self::DnsConnection => "dns_connection",
        }
    }
}

/// Runs work whose panic ends that work alone: it is logged and counted. Everything that the work held is dropped; whatever
/// it shares with others must stand that, as everything behind a lock does that accepts a poisoned one. Clones count
/// together.
#[derive(Clone, Debug)]
pub struct Contained {
    part: Part,
    panics: IntCounter,
}

impl Contained {
    /// Counts the panics of `part` in `registry`.
    ///
    /// # Errors
    /// When those of this part are registered already.
    pub fn new(part: Part, registry: &Registry) -> Result<Self, prometheus::Error> {
        let opts = Opts::new(
            "farcast_contained_panics_total",
            "Panics that ended a connection, a request or a broadcast, and nothing else.",
        );
        let panics = registry.add(IntCounter::with_opts(opts.const_label("part", part.label()))?)?;
        Ok(Self { part, panics })
    }

    /// The result of `work`, or `None` when it panics. As cancel safe as `work`. It is boxed at once: a future that is
    /// handed from one to the next would be held twice, and there are many connections.
    pub fn run<F: Future>(&self, work: F) -> impl Future<Output = Option<F::Output>> {
        let mut work = Box::pin(work);
        poll_fn(move |context| {
            let polled = catch_unwind(AssertUnwindSafe(|| {
                hook::point(self.part.label());
                work.as_mut().poll(context)
            }));
            match polled {
                Ok(polled) => polled.map(Some),
                Err(panic) => {
                    self.caught(&*panic);
                    Poll::Ready(None)
                }
            }
        })
    }

    /// The result of `work`, or `None` when it panics. Its changes may be half done: the caller throws them away.
    pub fn call<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let end = catch_unwind(AssertUnwindSafe(|| {
            hook::point(self.part.label());
            work()
        }));
        end.map_err(|panic| self.caught(&*panic)).ok()
    }

    /// For work on a thread or a task of its own: logs and counts its panic.
    pub fn caught(&self, panic: &(dyn Any + Send)) {
        self.panics.inc();
        tracing::error!(
            part = self.part.label(),
            panic = text(panic),
            "a part panicked and has ended; the rest goes on"
        );
    }
}
