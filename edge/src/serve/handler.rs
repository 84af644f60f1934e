//! From a request to its response.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Buf;
use farcast_shared::config::Networks;
use farcast_shared::hls::Directives;
use farcast_shared::name::{ObjectKind, ObjectName, VariantId};
use farcast_shared::telemetry::health::Probe;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::body::Body;
use super::client;
use super::lifetime::Cached;
use super::metrics::Metrics;
use super::player::Player;
use super::reply::{self, Description};
use super::route::Route;
use crate::api::Api;
use crate::chat::{Chat, Ticket};
use crate::live::Live;

/// Where a request of a connection leaves what goes on with the connection: a socket of the chat.
pub(super) type Slot = Arc<Mutex<Option<Ticket>>>;

/// Answers requests; shared by all connections.
#[derive(Debug)]
pub(super) struct Handler {
    live: Arc<Live>,
    api: Arc<Api>,
    pub(super) chat: Arc<Chat>,
    trusted_proxies: Networks,
    pub(super) metrics: Metrics,
    player: Player,
}

/// Counts a request for as long as it is being answered.
struct InFlight<'a>(&'a Activity);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.request_ended(Instant::now());
    }
}

impl Handler {
    pub(super) fn new(live: Arc<Live>, api: Arc<Api>, trusted_proxies: Networks, metrics: Metrics) -> Self {
        let chat = Arc::clone(api.chat());
        Self { live, api, chat, trusted_proxies, metrics, player: Player::embedded() }
    }

    /// Answers a request. Dropping it, as hyper does when the viewer goes, drops whatever it waits for.
    pub(super) async fn handle<B>(
        &self,
        mut request: Request<B>,
        peer: IpAddr,
        activity: &Arc<Activity>,
        upgraded: &Slot,
        draining: &CancellationToken,
    ) -> Response<Body>
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        activity.request_began(Instant::now());
        let _in_flight = InFlight(activity);
        let caller = client::caller(peer, request.headers(), &self.trusted_proxies);
        let viewer = caller.address;
        if let Route::Api = Route::of(request.uri().path()) {
            let is_head = request.method() == Method::HEAD;
            let reply = Box::pin(self.api.answer(request, caller)).await;
            self.metrics.responded(Route::Api.kind(), reply.status());
            return reply::of_api(reply, is_head)
                .map(|body| body.watched(activity, &self.metrics.sent_bytes));
        }
        if Route::of(request.uri().path()) == Route::Socket && request.method() == Method::GET {
            let (reply, ticket) = self.chat.admit(&mut request, viewer);
            self.metrics.responded(Route::Socket.kind(), reply.status());
            *upgraded.lock().unwrap_or_else(PoisonError::into_inner) = ticket;
            return reply::of_api(reply, false).map(|body| body.watched(activity, &self.metrics.sent_bytes));
        }
        let (parts, _body) = request.into_parts();
        let route = Route::of(parts.uri.path());
        if matches!(route, Route::Multivariant | Route::Media(_)) {
            self.api.mark(viewer, &parts.headers);
        }
        let response = if parts.method == Method::OPTIONS {
            reply::preflight()
        } else if parts.method != Method::GET && parts.method != Method::HEAD {
            reply::method_not_allowed()
        } else {
            let query = parts.uri.query().unwrap_or_default();
            tokio::select! {
                biased;
                response = self.answer(route, &parts.method, query, &parts.headers, draining) => response,
                () = draining.cancelled() => {
                    reply::draining(self.live.target_duration())
                }
            }
        };
        self.metrics.responded(route.kind(), response.status());
        // HEAD has the headers of GET and no body (RFC 9110 §9.3.2).
        let is_head = parts.method == Method::HEAD;
        response.map(|body| {
            let body = if is_head { Body::default() } else { body };
            body.watched(activity, &self.metrics.sent_bytes)
        })
    }

    async fn answer(
        &self,
        route: Route<'_>,
        method: &Method,
        query: &str,
        headers: &HeaderMap,
        draining: &CancellationToken,
    ) -> Response<Body> {
        match route {
            Route::Multivariant => self.multivariant(headers).await,
            Route::Media(variant) => self.media(variant, query, headers).await,
            Route::Object(name) => self.object(name, method == Method::GET, headers).await,
            Route::Health => reply::text(StatusCode::OK, "healthy"),
            Route::Ready(_) if draining.is_cancelled() => not_ready("shutting down"),
            Route::Ready(probe) => self.ready(probe),
            Route::Page(name) => match self.player.get(name) {
                Some(asset) => reply::page(asset, headers),
                None => self.unknown(),
            },
            // HEAD opens no socket.
            Route::Socket => reply::text(StatusCode::BAD_REQUEST, "a WebSocket handshake is expected here"),
            Route::Api | Route::Unknown => self.unknown(),
        }
    }

    /// Each part by what it needs, and `/readyz` by what viewers need: media and page. A store that is away makes no
    /// edge unready for them: all edges share it, and a balancer would take all of them away.
    fn ready(&self, probe: Probe) -> Response<Body> {
        let (media, chat) = (probe != Probe::Chat, probe != Probe::Media);
        if media && !self.live.is_ready() {
            return not_ready("no link to the origin");
        }
        if chat && !self.api.is_ready() {
            return not_ready("the settings were not read yet");
        }
        if probe == Probe::Chat && self.api.store_is_away() {
            return not_ready("the store does not answer");
        }
        reply::text(StatusCode::OK, "ready")
    }

    async fn multivariant(&self, headers: &HeaderMap) -> Response<Body> {
        match self.live.multivariant().await {
            Ok(playlist) => {
                reply::playlist(&playlist, headers, Cached::Playlist, self.live.target_duration())
            }
            Err(failure) => reply::failure(failure, Cached::PlaylistError, self.live.target_duration()),
        }
    }

    async fn media(&self, variant: VariantId, query: &str, headers: &HeaderMap) -> Response<Body> {
        let directives = match Directives::parse(query) {
            Ok(directives) => directives,
            Err(error) => {
                let target = self.live.target_duration();
                return reply::error(
                    StatusCode::BAD_REQUEST,
                    &error.to_string(),
                    Cached::BlockingError,
                    target,
                );
            }
        };
        let answer = self.live.media(variant, &directives).await;
        let target = self.live.target_duration();
        match answer {
            Ok(media) if directives.blocks() && media.first => {
                reply::playlist(&media.playlist, headers, Cached::BlockingPlaylist, target)
            }
            Ok(media) => reply::playlist(&media.playlist, headers, Cached::Playlist, target),
            Err(failure) if directives.blocks() => reply::failure(failure, Cached::BlockingError, target),
            Err(failure) => reply::failure(failure, Cached::PlaylistError, target),
        }
    }

    async fn object(&self, name: ObjectName, may_be_partial: bool, headers: &HeaderMap) -> Response<Body> {
        let answer = self.live.object(name).await;
        let target_duration = self.live.target_duration();
        let object = match answer {
            Ok(object) => object,
            Err(failure) => return reply::failure(failure, Cached::ObjectError, target_duration),
        };
        let ObjectName { epoch, variant, .. } = name;
        let (content_type, etag) = match name.kind {
            ObjectKind::Init(number) => ("video/mp4", format!("\"{epoch}-{variant}-i{number}\"")),
            ObjectKind::Segment(msn) => ("video/iso.segment", format!("\"{epoch}-{variant}-{msn}\"")),
            ObjectKind::Part(msn, part) => {
                ("video/iso.segment", format!("\"{epoch}-{variant}-{msn}.{part}\""))
            }
        };
        let rank = self.live.rank(variant);
        let description = Description { content_type, etag, rank, target_duration };
        reply::object(object, &description, headers, may_be_partial, &self.metrics.part_first_byte)
    }

    fn unknown(&self) -> Response<Body> {
        let target = self.live.target_duration();
        reply::error(StatusCode::NOT_FOUND, "not found", Cached::ObjectError, target)
    }
}

fn not_ready(why: &str) -> Response<Body> {
    reply::text(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {why}"))
}
