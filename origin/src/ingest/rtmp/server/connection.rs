//! Drives the session of one connection.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_feed::time::WallTime;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::meter::Meter;
use super::{
    BACKPRESSURE_DEADLINE, HANDOVER_DEADLINE, RECONNECT_DEADLINE, Shared, Slot, TAKEOVER_DEADLINE,
    WRITE_DEADLINE, WRONG_KEY_DELAY, linger,
};
use crate::ingest::gate::{GateError, Permit};
use crate::ingest::metrics::Lost;
use crate::ingest::publisher::{EndReason, Publisher, PublisherEvent, PublisherInfo, Refused};
use crate::ingest::rtmp::flv::{Demuxer, FlvError, Judge, Verdict};
use crate::ingest::rtmp::session::{Event, Expired, PublishRequest, Refusal, Session};
use crate::media::{MediaEvent, Track};

/// Bytes read at once: a few hundred milliseconds of a usual broadcast.
const READ_BYTES: usize = 64 * 1024;

/// The same before it publishes: a handshake and a few commands.
const PENDING_READ_BYTES: usize = 4 * 1024;

/// Interval at which a publisher that this side keeps waiting is noted as alive.
const ALIVE_PERIOD: Duration = Duration::from_secs(1);

/// The reason why a connection ends.
enum Finish {
    Ended(EndReason),
    Refused(Refused),
}

/// The part of a connection that publishes.
struct Publishing {
    permit: Permit,
    events: mpsc::Sender<PublisherEvent>,
    /// A place in the queue that is kept free for the end.
    end: mpsc::OwnedPermit<PublisherEvent>,
    meter: Meter,
}

pub(super) struct Connection<S> {
    io: S,
    remote: SocketAddr,
    secure: bool,
    slot: Slot,
    shared: Arc<Shared>,
    session: Session,
    demuxer: Demuxer,
    judge: Judge,
    publishing: Option<Publishing>,
    /// Cancelled by the owner, and by the gate; nobody does before there is a publisher.
    close: CancellationToken,
    taken_over: CancellationToken,
    /// Time by which a publisher that was asked to reconnect must be gone.
    drain_until: Option<tokio::time::Instant>,
}

/// The event that ended a connection's wait.
enum Wake {
    Read(io::Result<usize>),
    Deadline,
    Shutdown,
    Drained,
    Closed,
    TakenOver,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(io: S, remote: SocketAddr, secure: bool, slot: Slot, shared: Arc<Shared>) -> Self {
        let demuxer = Demuxer::new(shared.config.picture);
        Self {
            io,
            remote,
            secure,
            slot,
            shared,
            session: Session::new(Instant::now()),
            demuxer,
            judge: Judge::default(),
            publishing: None,
            close: CancellationToken::new(),
            taken_over: CancellationToken::new(),
            drain_until: None,
        }
    }

    /// Serves the connection to its end. The owner learns of the end before the socket is closed.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut buffer = vec![0; PENDING_READ_BYTES];
        let finish = self.drive(&shutdown, &mut buffer).await;
        let remote = self.remote;
        let gone = match finish {
            Finish::Refused(reason) => {
                self.shared.metrics.refused(reason);
                match reason {
                    // Scanners and health checks.
                    Refused::Left
                    | Refused::Timeout
                    | Refused::Protocol
                    | Refused::Shutdown
                    | Refused::Evicted => {
                        debug!(%remote, reason = reason.label(), "RTMP connection ended before it published");
                    }
                    // Refusals that unauthenticated clients can cause do not drown the rest of the log.
                    Refused::WrongKey
                    | Refused::Braked
                    | Refused::NoKey
                    | Refused::Application
                    | Refused::Play => {
                        if let Some(suppressed) = self.shared.may_warn(Instant::now()) {
                            warn!(%remote, reason = reason.label(), suppressed, "publisher refused");
                        }
                    }
                    _ => warn!(%remote, reason = reason.label(), "publisher refused"),
                }
                matches!(reason, Refused::Left | Refused::Evicted)
            }
            Finish::Ended(reason) => {
                match &reason {
                    EndReason::Unsupported(text) | EndReason::Protocol(text) => {
                        warn!(%remote, reason = reason.label(), detail = %text, "publisher's session ended");
                    }
                    _ => info!(%remote, reason = reason.label(), "publisher's session ended"),
                }
                if let EndReason::Unsupported(text) | EndReason::Protocol(text) = &reason {
                    self.session.fail(text);
                }
                self.shared.metrics.ended(&reason);
                self.drain();
                let gone =
                    matches!(reason, EndReason::Disconnected | EndReason::Silence | EndReason::TakenOver);
                if let Some(Publishing { end, permit, .. }) = self.publishing.take() {
                    self.shared.metrics.bit_rate.set(0);
                    end.send(PublisherEvent::End(reason));
                    drop(permit);
                }
                gone
            }
        };
        if !gone && self.flush().await.is_ok() {
            linger::close(&mut self.io, &mut buffer).await;
        }
    }

    async fn drive(&mut self, shutdown: &CancellationToken, buffer: &mut Vec<u8>) -> Finish {
        loop {
            if self.publishing.is_some() && buffer.len() < READ_BYTES {
                buffer.resize(READ_BYTES, 0);
            }
            let draining = self.drain_until.is_some();
            let drained = self.drain_until.unwrap_or_else(tokio::time::Instant::now);
            let wake = tokio::select! {
                () = shutdown.cancelled(), if !draining => Wake::Shutdown,
                () = sleep_until(drained), if draining => Wake::Drained,
                () = self.close.cancelled() => Wake::Closed,
                () = self.taken_over.cancelled() => Wake::TakenOver,
                () = sleep_until(self.session.deadline().into()) => Wake::Deadline,
                read = self.io.read(buffer) => Wake::Read(read),
            };
            let result = match wake {
                Wake::Read(Ok(0) | Err(_)) => Err(self.finish(EndReason::Disconnected, Refused::Left)),
                Wake::Read(Ok(count)) => self.received(&buffer[..count], shutdown).await,
                Wake::Deadline => self.expired(Instant::now()),
                Wake::Shutdown => self.stop().await,
                Wake::Drained | Wake::Closed => Err(self.finish(EndReason::Closed, Refused::Shutdown)),
                Wake::TakenOver => Err(Finish::Ended(EndReason::TakenOver)),
            };
            if let Err(finish) = result {
                return finish;
            }
        }
    }

    async fn received(&mut self, bytes: &[u8], shutdown: &CancellationToken) -> Result<(), Finish> {
        let now = Instant::now();
        self.account(bytes.len(), now)?;
        let arrived_at = WallTime::now();
        let result = self.session.receive(bytes, now);
        while let Some(event) = self.session.next_event() {
            self.event(event, arrived_at, shutdown).await?;
        }
        if let Err(error) = result {
            return Err(self.finish(EndReason::Protocol(error.to_string()), Refused::Protocol));
        }
        self.flush().await?;
        if self.session.is_closing() {
            return Err(self.finish(EndReason::Closed, Refused::Protocol));
        }
        Ok(())
    }

    /// Counts bytes of a publisher and holds it to the limit.
    fn account(&mut self, bytes: usize, now: Instant) -> Result<(), Finish> {
        let Some(publishing) = &mut self.publishing else { return Ok(()) };
        publishing.permit.heard(now);
        self.shared.metrics.received_bytes.inc_by(bytes as u64);
        let within = publishing.meter.add(bytes, now);
        if let Some(rate) = publishing.meter.rate_bps(now) {
            self.shared.metrics.bit_rate.set(rate);
        }
        if within {
            return Ok(());
        }
        let limit = self.shared.config.max_bit_rate_bps / 1000;
        Err(Finish::Ended(EndReason::Protocol(format!("bit rate above the limit of {limit} kbit/s"))))
    }

    async fn event(
        &mut self,
        event: Event,
        arrived_at: WallTime,
        shutdown: &CancellationToken,
    ) -> Result<(), Finish> {
        match event {
            Event::Publish(request) => self.publish(request, shutdown).await,
            // Asked to reconnect, some encoders say goodbye first: their broadcast is not over.
            Event::Unpublish if self.drain_until.is_some() => {
                Err(self.finish(EndReason::Closed, Refused::Left))
            }
            Event::Unpublish => Err(self.finish(EndReason::Unpublished, Refused::Left)),
            Event::Refused(refusal) => Err(Finish::Refused(match refusal {
                Refusal::Application => Refused::Application,
                Refusal::NoKey => Refused::NoKey,
                Refusal::Play => Refused::Play,
            })),
            Event::Metadata(metadata) => {
                self.demuxer.metadata(&metadata);
                self.judge.promise(&metadata);
                self.deliver(PublisherEvent::Metadata(metadata), shutdown).await
            }
            Event::Audio { timestamp_ms, payload } => {
                let mut media = VecDeque::new();
                let result = self.demuxer.audio(timestamp_ms, &payload, arrived_at, &mut media);
                self.media(Track::Audio, &result, media, shutdown).await
            }
            Event::Video { timestamp_ms, payload } => {
                let mut media = VecDeque::new();
                let result = self.demuxer.video(timestamp_ms, &payload, arrived_at, &mut media);
                self.media(Track::Video, &result, media, shutdown).await
            }
        }
    }

    /// Hands on the result of a tag, and reports a fault of its track.
    async fn media(
        &mut self,
        track: Track,
        result: &Result<(), FlvError>,
        media: VecDeque<MediaEvent>,
        shutdown: &CancellationToken,
    ) -> Result<(), Finish> {
        if let Err(error) = result {
            debug!(remote = %self.remote, %error, "tag left out");
            self.shared.metrics.lost(match error {
                FlvError::Unsupported(_) => Lost::Unsupported,
                FlvError::Malformed { .. } => Lost::Malformed,
                FlvError::NoConfig { .. } => Lost::NoConfig,
                FlvError::LatePiece => Lost::LatePiece,
            });
        }
        let verdict = self.judge.tag(track, result, media.iter(), Instant::now());
        for event in media {
            if let MediaEvent::Frame(frame) = &event {
                self.shared.metrics.frame(frame.track);
            }
            self.deliver(PublisherEvent::Media(event), shutdown).await?;
        }
        match verdict {
            Verdict::Fine => Ok(()),
            Verdict::Complain { track, text } => {
                warn!(remote = %self.remote, ?track, problem = text, "a track of the publisher cannot be used");
                self.shared.metrics.complained(track);
                self.session.warn(&text);
                Ok(())
            }
            Verdict::Recovered(track) => {
                info!(remote = %self.remote, ?track, "a track of the publisher can be used again");
                Ok(())
            }
            Verdict::End { text, unsupported: true } => Err(Finish::Ended(EndReason::Unsupported(text))),
            Verdict::End { text, unsupported: false } => Err(Finish::Ended(EndReason::Protocol(text))),
        }
    }

    /// Media inside the demuxer still belongs to the broadcast; an owner that does not take it any more does without.
    fn drain(&mut self) {
        let mut media = VecDeque::new();
        self.demuxer.finish(&mut media);
        let Some(Publishing { events, .. }) = &self.publishing else { return };
        for event in media {
            if let MediaEvent::Frame(frame) = &event {
                self.shared.metrics.frame(frame.track);
            }
            if events.try_send(PublisherEvent::Media(event)).is_err() {
                return;
            }
        }
    }

    /// Asks the gate, and hands the publisher to the owner.
    async fn publish(&mut self, request: PublishRequest, shutdown: &CancellationToken) -> Result<(), Finish> {
        let PublishRequest { key, application, encoder } = request;
        let mut permit = match self.shared.gate.admit(&key, &encoder, self.remote.ip(), Instant::now()).await
        {
            Ok(permit) => permit,
            Err(error) => {
                if error == GateError::Busy {
                    // The key was right.
                    self.shared.pending.remember(self.remote.ip(), Instant::now());
                } else {
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = tokio::time::sleep(WRONG_KEY_DELAY) => {}
                    }
                }
                self.session.refuse(&error.to_string());
                return Err(Finish::Refused(match error {
                    GateError::WrongKey => Refused::WrongKey,
                    GateError::Braked { .. } => Refused::Braked,
                    GateError::Busy => Refused::Busy,
                }));
            }
        };
        if !self.slot.proved(Instant::now()) {
            // It had to give way in this very moment.
            return Err(Finish::Refused(Refused::Evicted));
        }
        if let Some(predecessor) = permit.predecessor()
            && timeout(TAKEOVER_DEADLINE, predecessor.cancelled()).await.is_err()
        {
            debug!(remote = %self.remote, "predecessor has not left yet");
        }
        let (events, receiver) = mpsc::channel(self.shared.config.queue_events.max(1) + 1);
        let info = PublisherInfo {
            remote: self.remote,
            encoder,
            application,
            secure: self.secure,
            connected_at: WallTime::now(),
        };
        info!(remote = %self.remote, encoder = %info.encoder, secure = self.secure, stream = %permit.stream(), "publisher accepted");
        let publisher = Publisher { info, events: receiver, close: self.close.clone() };
        let reserved = events.clone().try_reserve_owned();
        let handed = async {
            let Some(owner) = self.shared.owners.get(permit.stream()) else { return false };
            matches!(timeout(HANDOVER_DEADLINE, owner.send(publisher)).await, Ok(Ok(())))
        };
        let handed = shutdown.run_until_cancelled(handed).await.unwrap_or(false);
        let (Ok(end), true) = (reserved, handed) else {
            self.session.refuse("the server is busy");
            return Err(Finish::Refused(Refused::Owner));
        };
        let now = Instant::now();
        permit.heard(now);
        self.taken_over = permit.taken_over();
        let meter = Meter::new(self.shared.config.max_bit_rate_bps, now);
        self.publishing = Some(Publishing { permit, events, end, meter });
        self.session.accept(now);
        self.flush().await
    }

    /// Puts an event into the owner's queue; waits while it is full, up to the deadline.
    async fn deliver(&mut self, event: PublisherEvent, shutdown: &CancellationToken) -> Result<(), Finish> {
        let Some(publishing) = &self.publishing else { return Ok(()) };
        let event = match publishing.events.try_send(event) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(Finish::Ended(EndReason::Closed)),
            Err(mpsc::error::TrySendError::Full(event)) => event,
        };
        let until = tokio::time::Instant::now() + BACKPRESSURE_DEADLINE;
        let mut alive = tokio::time::interval(ALIVE_PERIOD);
        let place = loop {
            tokio::select! {
                () = self.close.cancelled() => return Err(Finish::Ended(EndReason::Closed)),
                () = self.taken_over.cancelled() => return Err(Finish::Ended(EndReason::TakenOver)),
                () = shutdown.cancelled(), if self.drain_until.is_none() => {
                    return Err(Finish::Ended(EndReason::Closed));
                }
                () = sleep_until(until) => {
                    warn!(remote = %self.remote, "publisher closed because its frames are not taken");
                    return Err(Finish::Ended(EndReason::Closed));
                }
                // It is this side that does not read: the encoder is not dead.
                _ = alive.tick() => publishing.permit.heard(Instant::now()),
                place = publishing.events.reserve() => break place,
            }
        };
        match place {
            Ok(place) => place.send(event),
            Err(_) => return Err(Finish::Ended(EndReason::Closed)),
        }
        self.session.resumed(Instant::now());
        Ok(())
    }

    fn expired(&self, now: Instant) -> Result<(), Finish> {
        match self.session.expired(now) {
            None => Ok(()),
            Some(Expired::Handshake | Expired::Publish) => Err(Finish::Refused(Refused::Timeout)),
            Some(Expired::Silence) => Err(self.finish(EndReason::Silence, Refused::Timeout)),
        }
    }

    /// The server stops: the publisher is asked to connect again if it can, and the rest is closed.
    async fn stop(&mut self) -> Result<(), Finish> {
        if !self.session.request_reconnect() {
            return Err(self.finish(EndReason::Closed, Refused::Shutdown));
        }
        self.drain_until = Some(tokio::time::Instant::now() + RECONNECT_DEADLINE);
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), Finish> {
        let output = self.session.take_output();
        if output.is_empty() {
            return Ok(());
        }
        let write = async {
            self.io.write_all(&output).await?;
            self.io.flush().await
        };
        match timeout(WRITE_DEADLINE, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(self.finish(EndReason::Disconnected, Refused::Left)),
        }
    }

    fn finish(&self, ended: EndReason, refused: Refused) -> Finish {
        if self.publishing.is_some() { Finish::Ended(ended) } else { Finish::Refused(refused) }
    }
}
