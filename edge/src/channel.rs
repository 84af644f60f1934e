//! The channels of an edge: for each stream its live window, behind the link that fills it. The API and the player's URLs
//! show one, `live`; a second is a second entry.

use std::sync::Arc;

use farcast_feed::name::StreamName;
use farcast_link::receiver::LinkEvent;
use farcast_telemetry::metrics::Registry;
use farcast_trace::Tracer;
use tokio::sync::mpsc;

use crate::live::{Config, Fetch, Live, Metrics, ObjectCache};

/// Link events that may wait for a live window: a second of ten variants. When it is full the link waits with this channel,
/// and the origin drops for it alone.
const LINK_EVENTS: usize = 256;

/// A channel that is received.
#[derive(Debug)]
pub struct Channel {
    /// The name of the stream.
    pub stream: StreamName,
    /// Its live window.
    pub live: Arc<Live>,
    /// The link's events of the stream, for [`Live::run`].
    pub events: mpsc::Receiver<LinkEvent>,
}

/// The channels that take the link's events of each stream: for [`Client::run`](farcast_link::receiver::Client::run).
pub type Sinks = Vec<(StreamName, mpsc::Sender<LinkEvent>)>;

/// Makes a channel for each stream; they share the cache. `tracer` takes spans of their parts.
///
/// # Errors
/// When a stream is there twice, since its metrics are.
pub fn channels(
    streams: impl IntoIterator<Item = StreamName>,
    cache: &ObjectCache,
    fetch: &Arc<dyn Fetch>,
    registry: &Registry,
    tracer: Option<&Tracer>,
) -> Result<(Vec<Channel>, Sinks), prometheus::Error> {
    let (mut channels, mut sinks) = (Vec::new(), Vec::new());
    for (number, stream) in (0..).zip(streams) {
        let config = Config { stream: stream.clone(), tracer: tracer.cloned(), ..Config::default() };
        let metrics = Metrics::new(&registry.of_stream(stream.as_str())?)?;
        let live = Live::new(config, cache.of_channel(number), Arc::clone(fetch), metrics);
        let (sink, events) = mpsc::channel(LINK_EVENTS);
        channels.push(Channel { stream: stream.clone(), live: Arc::new(live), events });
        sinks.push((stream, sink));
    }
    Ok((channels, sinks))
}
