//! Access logs: a line for each request that was answered, or whose sender left before.
//!
//! Place in the flow: a listener begins an [`Entry`] when it has read a request's head, and puts it beside the body of
//! the response ([`Entry::beside`]); when that body was sent, or was given up, the entry goes into a queue. A thread of
//! its own ([`Writer`]) writes the lines ([`mod@line`]).
//!
//! Invariants: nobody who answers waits for the log: what does not fit into the queue of [`QUEUE`] entries is lost and
//! counted. A line never has a header that carries a secret, nor a value of the query but those of `_HLS_…`.

mod line;
mod writer;

use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use farcast_config::{InvalidValue, Value};
use farcast_feed::time::WallTime;
use farcast_telemetry::make::Make as _;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use prometheus::{IntCounter, Registry};

use self::line::Record;
pub use self::writer::{OpenError, Writer};

/// Entries that wait for the thread, of 2 KiB at most each.
pub const QUEUE: usize = 4096;

/// The status in the log of a request whose sender left before it was answered, as nginx writes it.
const LEFT: u16 = 499;

/// Where the log goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Standard output, written `-`.
    Output,
    /// A file, to whose end lines are added.
    File(PathBuf),
}

impl Value for Target {
    const EXPECTS: &'static str = "the path of a file, or - for standard output";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "" => Err(InvalidValue::new(format!("is empty: give {}", Self::EXPECTS))),
            "-" => Ok(Self::Output),
            path => Ok(Self::File(path.into())),
        }
    }

    fn show(&self) -> Option<String> {
        Some(match self {
            Self::Output => "-".to_owned(),
            Self::File(path) => path.display().to_string(),
        })
    }
}

farcast_config::choice! {
    /// The form of a line.
    pub enum Format: "combined or json" {
        /// The Combined Log Format, as Apache and nginx write it.
        Combined = "combined",
        /// One JSON object a line.
        Json = "json",
    }
}

/// Takes entries. Cheap to clone; clones are the same log.
#[derive(Clone, Debug)]
pub struct AccessLog {
    queue: SyncSender<Record>,
    metrics: Metrics,
}

/// Counters of the log.
#[derive(Clone, Debug)]
pub struct Metrics {
    written: IntCounter,
    lost: IntCounter,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            written: registry
                .counter("farcast_access_log_lines_total", "Lines written to the access log.")?,
            lost: registry.counter(
                "farcast_access_log_lost_lines_total",
                "Lines that are not in the access log, since its disk was too slow, full or broken.",
            )?,
        })
    }
}

/// Opens a log, which needs its [`Writer`] to run; none where there is no target. The counters are registered in any case.
///
/// # Errors
/// When the file cannot be opened, or the counters are registered already.
pub fn open(
    target: Option<&Target>,
    format: Format,
    registry: &Registry,
) -> Result<Option<(AccessLog, Writer)>, OpenError> {
    let metrics = Metrics::new(registry)?;
    let Some(target) = target else { return Ok(None) };
    let (queue, entries) = sync_channel(QUEUE);
    let writer = Writer::open(target, format, entries, metrics.clone())?;
    Ok(Some((AccessLog { queue, metrics }, writer)))
}

impl AccessLog {
    /// A request of `sender` was read.
    #[must_use]
    pub fn begin<B>(&self, request: &Request<B>, sender: IpAddr) -> Entry {
        let record = Record::of(request, sender, WallTime::now());
        Entry { record: Some(record), began: Instant::now(), log: self.clone() }
    }

    fn add(&self, record: Record) {
        if self.queue.try_send(record).is_err() {
            self.metrics.lost.inc();
        }
    }
}

/// A request that is being answered. Dropping it ends it: it goes into the log.
#[derive(Debug)]
pub struct Entry {
    record: Option<Record>,
    began: Instant,
    log: AccessLog,
}

impl Entry {
    /// There is an answer, perhaps without a response: then its connection is cut.
    pub fn answered(&mut self, status: StatusCode) {
        if let Some(record) = &mut self.record {
            record.status = status.as_u16();
        }
    }

    /// Puts an entry, if there is one, beside the body of its response: its end is that of the request.
    pub fn beside<B>(mut entry: Option<Self>, response: Response<B>) -> Response<Logged<B>> {
        if let Some(entry) = &mut entry {
            entry.answered(response.status());
        }
        response.map(|body| Logged { body, entry })
    }

    fn sent(&mut self, bytes: usize) {
        if let Some(record) = &mut self.record {
            record.bytes = record.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.duration = self.began.elapsed();
            self.log.add(record);
        }
    }
}

/// A body that counts for an entry what is sent of it.
#[derive(Debug)]
pub struct Logged<B> {
    body: B,
    entry: Option<Entry>,
}

impl<B: Body + Unpin> Body for Logged<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let (Some(entry), Some(Ok(frame))) = (&mut self.entry, &frame) {
            entry.sent(frame.data_ref().map_or(0, bytes::Buf::remaining));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc::Receiver;

    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    fn log() -> (AccessLog, Receiver<Record>) {
        let (queue, entries) = sync_channel(2);
        (AccessLog { queue, metrics: Metrics::new(&Registry::new()).unwrap() }, entries)
    }

    fn request() -> Request<()> {
        Request::get("/hls/stream.m3u8").body(()).unwrap()
    }

    const SENDER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    #[test]
    fn a_target_is_a_path_or_standard_output() {
        assert_eq!(Target::parse("-").unwrap(), Target::Output);
        let file = Target::parse("/var/log/farcast/access.log").unwrap();
        assert_eq!(file, Target::File(Path::new("/var/log/farcast/access.log").into()));
        assert_eq!(file.show().unwrap(), "/var/log/farcast/access.log");
        assert!(Target::parse("").is_err());
    }

    #[tokio::test]
    async fn a_request_is_in_the_log_when_its_response_was_sent() {
        let (log, entries) = log();
        let entry = log.begin(&request(), SENDER);
        let response = Response::builder().status(206).body(Full::new(Bytes::from_static(b"12345"))).unwrap();
        let response = Entry::beside(Some(entry), response);
        assert!(entries.try_recv().is_err(), "its body is still to be sent");
        let sent = response.into_body().collect().await.unwrap().to_bytes();
        let record = entries.try_recv().unwrap();
        assert_eq!((record.status, record.bytes), (206, 5));
        assert_eq!(sent, "12345");
        assert!(entries.try_recv().is_err(), "it is there once");
    }

    #[test]
    fn who_leaves_early_is_in_the_log_with_what_was_sent() {
        let (log, entries) = log();
        drop(log.begin(&request(), SENDER));
        assert_eq!(entries.try_recv().unwrap().status, LEFT);
        let body = Full::new(Bytes::from_static(b"12345"));
        drop(Entry::beside(Some(log.begin(&request(), SENDER)), Response::new(body)));
        let record = entries.try_recv().unwrap();
        assert_eq!((record.status, record.bytes), (200, 0));
    }

    #[test]
    fn what_does_not_fit_is_lost_and_counted_and_nobody_waits() {
        let (log, entries) = log();
        for _ in 0..5 {
            drop(log.begin(&request(), SENDER));
        }
        assert_eq!(log.metrics.lost.get(), 3);
        assert_eq!(entries.try_iter().count(), 2);
        drop(entries);
        drop(log.begin(&request(), SENDER));
        assert_eq!(log.metrics.lost.get(), 4, "nobody writes any more");
    }

    #[test]
    fn without_a_target_there_is_no_log_but_its_counters() {
        let registry = Registry::new();
        assert!(open(None, Format::Combined, &registry).unwrap().is_none());
        assert_eq!(registry.gather().len(), 2);
    }
}
