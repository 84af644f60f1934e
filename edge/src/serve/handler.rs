//! From a request to its response.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Buf;
use farcast_api::login::{self, FORWARDED_PROTO};
use farcast_api::negotiate::Choice;
use farcast_api::reply::guard_login;
use farcast_api::{Reply, events, host};
use farcast_config::Networks;
use farcast_feed::hls::{Directives, InvalidDirectives};
use farcast_feed::name::{ObjectKind, ObjectName, VariantId};
use farcast_link::ForwardedRequest;
use farcast_link::receiver::EventStream;
use farcast_pages::{ADMIN_PREFIX, Asset};
use farcast_service::access::{self, AccessLog};
use farcast_service::proxy_protocol;
use farcast_telemetry::health::{Health, Probe};
use farcast_telemetry::throttle::Throttle;
use http::header::{CONNECTION, ORIGIN, STRICT_TRANSPORT_SECURITY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::body::Body;
use super::client;
use super::drain::Drain;
use super::lifetime::Cached;
use super::metrics::Metrics;
use super::page::{Edges, Facts, is_media_player};
use super::pages::Pages;
use super::reply::{self, Description};
use super::route::{Route, VIEWER};
use super::{COMPLAIN, Config};
use crate::api::{Api, Target, address};
use crate::chat::{Chat, Ticket};
use crate::live::Live;
use crate::overload::{Overload, retry_after_s};
use crate::playback::Told;

/// The slot in which a request leaves the rest of its connection's life: a socket of the chat.
pub(super) type Slot = Arc<Mutex<Option<Ticket>>>;

/// Answers requests; shared by all connections.
#[derive(Debug)]
pub(super) struct Handler {
    live: Arc<Live>,
    api: Arc<Api>,
    pub(super) chat: Arc<Chat>,
    trusted_proxies: Networks,
    pub(super) health: Health,
    /// The header that makes browsers use HTTPS only (HSTS), where that is wanted.
    strict_transport: Option<HeaderValue>,
    /// The port of HTTPS, where viewers without are sent there.
    redirect_port: Option<u16>,
    warned_of_proxy: AtomicBool,
    complaints_of_headers: Mutex<Throttle>,
    access_log: Option<AccessLog>,
    overload: Arc<Overload>,
    pub(super) metrics: Metrics,
    pub(super) drain: Arc<Drain>,
    pages: Pages,
}

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Most requests with bodies that are under way on a connection, but for trusted proxies, which bring those of many.
const MAX_BODIES: usize = 8;

/// The source of a connection's requests.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) peer: IpAddr,
    /// True if the connection is one of TLS.
    pub(super) is_secure: bool,
    /// Places for requests with bodies that are under way.
    pub(super) bodies: Arc<Semaphore>,
}

impl Source {
    pub(super) fn new(peer: IpAddr, is_secure: bool) -> Self {
        Self { peer, is_secure, bodies: Arc::new(Semaphore::new(MAX_BODIES)) }
    }
}

/// The target of a request, independent of the request's buffers.
enum Asked {
    Multivariant,
    Media(VariantId, Result<Directives, InvalidDirectives>),
    Object(ObjectName),
    Health,
    Ready(Probe),
    Page(Arc<Asset>),
    /// The page, of a player that can do nothing with it.
    Redirect,
    /// The page, of a viewer for whom another edge is better: its address there.
    ElsewhereAt(String),
    /// The page or the playlist, of a new viewer for whom there is no room: seconds after which they are to come back.
    TurnedAway {
        is_page: bool,
        retry_after_s: u64,
    },
    /// The steering manifest for a player; none before the directory was read.
    Steering(Option<Vec<u8>>),
    Socket,
    /// The answer to a challenge, if it is one of ours.
    Challenge(Option<String>),
    /// Without TLS, where that is not wanted: the address with it.
    SecureAt(String),
    Unknown,
    Preflight,
    /// By a method that is not answered.
    Wrongly,
    /// By a head that proxies may read differently: why.
    Doubtful(&'static str),
}

/// A request that was read, as far as its answer needs it: nothing else is kept while that is waited for.
pub(super) struct Begun {
    kind: &'static str,
    is_head: bool,
    is_http1: bool,
    is_secure: bool,
    work: Work,
}

/// The kinds of work for a request.
enum Work {
    /// By the API or the chat, as a future of its own.
    Beyond(Pin<Box<dyn Future<Output = Answered> + Send>>),
    Here(Asked, Choice),
}

/// The API's answer: a whole reply, or one whose body comes piece by piece.
enum Answered {
    Whole(Reply),
    Stream(Response<EventStream>),
}

impl From<Result<Response<EventStream>, Reply>> for Answered {
    fn from(opened: Result<Response<EventStream>, Reply>) -> Self {
        opened.map_or_else(Self::Whole, Self::Stream)
    }
}

/// A request's body that can be read.
pub(super) trait RequestBody:
    http_body::Body<Data: Buf + Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static
{
}

impl<B> RequestBody for B where
    B: http_body::Body<Data: Buf + Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static
{
}

/// More requests with bodies come by one connection at once than may.
struct TooManyBodies;

impl TooManyBodies {
    fn reply(self) -> Reply {
        farcast_api::reply::unavailable("too many bodies come by this connection at once, try again soon")
    }
}

/// Counts a request for as long as it is being answered.
pub(super) struct InFlight(Arc<Activity>);

impl InFlight {
    /// A request began; true if it is its connection's first.
    pub(super) fn begin(activity: &Arc<Activity>) -> (Self, bool) {
        let is_first = activity.request_began(Instant::now());
        (Self(Arc::clone(activity)), is_first)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.request_ended(Instant::now());
    }
}

impl Handler {
    pub(super) fn new(
        live: Arc<Live>,
        api: Arc<Api>,
        config: &Config,
        health: Health,
        metrics: Metrics,
    ) -> Self {
        let chat = Arc::clone(api.chat());
        let strict_transport = Some(config.hsts_max_age.as_secs())
            .filter(|seconds| *seconds > 0)
            .and_then(|seconds| HeaderValue::try_from(format!("max-age={seconds}")).ok());
        Self {
            live,
            api,
            chat,
            trusted_proxies: config.trusted_proxies.clone(),
            strict_transport,
            redirect_port: config.redirect_port,
            warned_of_proxy: AtomicBool::new(false),
            complaints_of_headers: Mutex::new(Throttle::new(COMPLAIN)),
            access_log: config.access_log.clone(),
            overload: Arc::clone(&config.overload),
            health,
            metrics,
            drain: Arc::default(),
            pages: Pages::new(&config.frame_ancestors, config.web_dir.as_deref()),
        }
    }

    /// The entry of a request in the access log, if there is one.
    pub(super) fn noted<B>(&self, request: &Request<B>, source: &Source) -> Option<access::Entry> {
        let log = self.access_log.as_ref()?;
        Some(log.begin(request, client::address(source.peer, request.headers(), &self.trusted_proxies)))
    }

    /// Reads a request, which [`Self::answer`] answers.
    pub(super) fn begin<B: RequestBody>(
        &self,
        request: Request<B>,
        source: &Source,
        upgraded: &Slot,
    ) -> Begun {
        self.warn_of_proxy(source.peer, request.headers());
        let doubt = host::check(&request).err();
        let (route, method) = (Route::of(request.uri().path()), request.method());
        Begun {
            kind: if doubt.is_some() { Route::Unknown.kind() } else { route.kind() },
            is_head: method == Method::HEAD,
            is_http1: request.version() < Version::HTTP_2,
            is_secure: source.is_secure,
            work: match (doubt, route) {
                (Some(doubt), _) => Work::Here(Asked::Doubtful(doubt), Choice::default()),
                (None, route) if let Some(location) = self.secure_address(&route, &request, source) => {
                    Work::Here(Asked::SecureAt(location), Choice::default())
                }
                (None, Route::Api(target)) => Work::Beyond(self.ask_api(target, request, source)),
                (None, Route::Socket) if *method == Method::GET => {
                    Work::Beyond(self.ask_chat(request, source, upgraded))
                }
                // Nobody reads a body here.
                (None, route) => {
                    Work::Here(self.asked(route, &request, source), Choice::of(request.headers()))
                }
            },
        }
    }

    /// Answers a request. Dropping it, as hyper does when the viewer goes, drops whatever it waits for.
    pub(super) async fn answer(
        &self,
        begun: Begun,
        activity: &Arc<Activity>,
        draining: &CancellationToken,
    ) -> Response<Body> {
        let Begun { kind, is_head, is_http1, is_secure, mut work } = begun;
        let mut response = match &mut work {
            Work::Beyond(answered) => match answered.await {
                Answered::Whole(reply) => reply::of_api(reply, is_head),
                Answered::Stream(stream) => stream.map(|body| Body::events(body, draining.clone())),
            },
            Work::Here(asked, choice) => tokio::select! {
                biased;
                response = self.answer_here(asked, is_head, choice, draining) => {
                    // HEAD has the headers of GET and no body (RFC 9110 §9.3.2).
                    if is_head { response.map(|_| Body::default()) } else { response }
                }
                () = draining.cancelled() => {
                    let target = self.live.target_duration();
                    reply::error(StatusCode::SERVICE_UNAVAILABLE, "this edge is shutting down", target)
                }
            },
        };
        self.metrics.responded(kind, response.status());
        response.body_mut().watch(activity, &self.metrics.sent_bytes);
        if is_http1 {
            response.body_mut().over_http1();
        }
        if let Some(value) = self.strict_transport.as_ref().filter(|_| is_secure) {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, value.clone());
        }
        response
    }

    /// An operator who runs a proxy and did not configure it finds all viewers counted and banned as one.
    fn warn_of_proxy(&self, peer: IpAddr, headers: &HeaderMap) {
        if !self.warned_of_proxy.load(Ordering::Relaxed)
            && headers.contains_key(&X_FORWARDED_FOR)
            && !self.trusted_proxies.contain(peer)
            && !self.warned_of_proxy.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                %peer,
                "X-Forwarded-For is not believed, since its sender is not in trusted_proxies; if it is your proxy, all its \
                 viewers count as one (logged once only)"
            );
        }
    }

    /// A proxy that sends other headers than it should reaches nobody, and its operator sees only that.
    pub(super) fn warn_of_header(&self, peer: IpAddr, error: &proxy_protocol::Error) {
        let mut complaints = self.complaints_of_headers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(suppressed) = complaints.admit(Instant::now()) {
            tracing::warn!(%peer, %error, suppressed, "a connection of proxy_protocol is closed");
        }
    }

    fn ask_api<B: RequestBody>(
        &self,
        target: Target,
        mut request: Request<B>,
        source: &Source,
    ) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        let caller = client::caller(source.peer, request.headers(), &self.trusted_proxies);
        let has_login = login::is_there(request.uri().path(), request.headers());
        let is_secure = self.is_secure(request.headers(), source);
        login::set_secure(request.headers_mut(), is_secure);
        let place = self.place_for_body(&request, source);
        let api = Arc::clone(&self.api);
        if events::is_asked(&request) {
            let head = ForwardedRequest::new(&request, caller.address);
            return Box::pin(async move {
                let mut opened = api.events(head).await;
                match &mut opened {
                    Ok(stream) => guard_login(stream, has_login),
                    Err(refused) => guard_login(refused, has_login),
                }
                opened.into()
            });
        }
        Box::pin(async move {
            let mut reply = match place {
                Ok(_place) => api.answer(target, request, caller).await,
                Err(refused) => refused.reply(),
            };
            guard_login(&mut reply, has_login);
            Answered::Whole(reply)
        })
    }

    fn ask_chat<B: RequestBody>(
        &self,
        mut request: Request<B>,
        source: &Source,
        upgraded: &Slot,
    ) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        let viewer = client::caller(source.peer, request.headers(), &self.trusted_proxies).address;
        let (chat, upgraded) = (Arc::clone(&self.chat), Arc::clone(upgraded));
        Box::pin(async move {
            let (reply, ticket) = chat.admit(&mut request, viewer).await;
            *upgraded.lock().unwrap_or_else(PoisonError::into_inner) = ticket;
            Answered::Whole(reply)
        })
    }

    /// The place among its connection's bodies of a request that has one; an error to one that is too many.
    fn place_for_body<B: http_body::Body>(
        &self,
        request: &Request<B>,
        source: &Source,
    ) -> Result<Option<OwnedSemaphorePermit>, TooManyBodies> {
        if request.body().is_end_stream() || self.trusted_proxies.contain(source.peer) {
            return Ok(None);
        }
        Arc::clone(&source.bodies).try_acquire_owned().map(Some).map_err(|_| {
            self.metrics.refused_bodies.inc();
            TooManyBodies
        })
    }

    /// The address by which the server is reached, as the request says.
    fn base(&self, uri: &Uri, headers: &HeaderMap, source: &Source) -> String {
        address::asked(uri, headers, self.is_secure(headers, source))
    }

    /// True if a request came by TLS, to here or to a trusted proxy.
    fn is_secure(&self, headers: &HeaderMap, source: &Source) -> bool {
        let is_said = headers.contains_key(&FORWARDED_PROTO) && self.trusted_proxies.contain(source.peer);
        if is_said { login::is_secure(headers) } else { source.is_secure }
    }

    /// The same with TLS, of a request that came without where that is not wanted. An authority and monitoring are answered
    /// anyway.
    fn secure_address<B>(&self, route: &Route<'_>, request: &Request<B>, source: &Source) -> Option<String> {
        let port = self.redirect_port?;
        let is_for_all = matches!(route, Route::Challenge(_) | Route::Health | Route::Ready(_));
        let stays = is_for_all || self.is_secure(request.headers(), source);
        if stays { None } else { address::secure(request.uri(), request.headers(), port) }
    }

    fn asked<B>(&self, route: Route<'_>, request: &Request<B>, source: &Source) -> Asked {
        let (uri, headers) = (request.uri(), request.headers());
        match *request.method() {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => return Asked::Preflight,
            _ => return Asked::Wrongly,
        }
        if let Some(turned_away) = self.turned_away(&route, uri, headers, source) {
            return turned_away;
        }
        if matches!(route, Route::Multivariant | Route::Media(_)) {
            let address = client::address(source.peer, headers, &self.trusted_proxies);
            self.api.mark(address, headers);
            if matches!(route, Route::Media(_)) {
                self.overload.watches(address, headers, Instant::now());
            }
        }
        if matches!(route, Route::Multivariant | Route::Media(_) | Route::Object(_))
            && *request.method() == Method::GET
            && let Some(told) = Told::of(uri.query(), headers)
        {
            let address = client::address(source.peer, headers, &self.trusted_proxies);
            self.api.playback().hear(&told, address, Instant::now());
        }
        if route == Route::Page(VIEWER) && is_media_player(headers) {
            return Asked::Redirect;
        }
        match route {
            Route::Multivariant => Asked::Multivariant,
            Route::Media(variant) => {
                Asked::Media(variant, Directives::parse(uri.query().unwrap_or_default()))
            }
            Route::Object(name) => Asked::Object(name),
            Route::Health => Asked::Health,
            Route::Ready(probe) => Asked::Ready(probe),
            // Without the API there is nothing that the page could do.
            Route::Page(name) if name.starts_with(ADMIN_PREFIX) && !self.api.has_admin() => Asked::Unknown,
            Route::Steering => Asked::Steering(self.steering(uri, headers, source)),
            Route::Page(name) => self.page(name, uri, headers, source),
            Route::Socket => Asked::Socket,
            Route::Challenge(token) => Asked::Challenge(self.api.challenge(token)),
            Route::Api(_) | Route::Unknown => Asked::Unknown,
        }
    }

    /// What a new viewer is told while this edge is near a limit: where there is room, or when to come back.
    fn turned_away(
        &self,
        route: &Route<'_>,
        uri: &Uri,
        headers: &HeaderMap,
        source: &Source,
    ) -> Option<Asked> {
        let is_page = match route {
            Route::Page(name) if name.ends_with(".html") && !name.starts_with(ADMIN_PREFIX) => true,
            Route::Multivariant => false,
            _ => return None,
        };
        let viewer = client::address(source.peer, headers, &self.trusted_proxies);
        let reason = self.overload.turns_away(viewer, headers, Instant::now())?;
        // A script that reads the playlist has a page around it, which knows where other edges are.
        let may_be_led = is_page || !headers.contains_key(ORIGIN) && !headers.contains_key("sec-fetch-mode");
        let query = uri.query().unwrap_or_default();
        let is_secure = self.is_secure(headers, source);
        let relief = may_be_led.then(|| self.api.router().relief(query, viewer, is_secure)).flatten();
        self.overload.count(reason, relief.is_some());
        Some(match relief {
            Some(target) => Asked::ElsewhereAt(target.location(uri.path(), query)),
            None => Asked::TurnedAway { is_page, retry_after_s: retry_after_s() },
        })
    }

    fn page(&self, name: &str, uri: &Uri, headers: &HeaderMap, source: &Source) -> Asked {
        let viewer = client::address(source.peer, headers, &self.trusted_proxies);
        let router = self.api.router();
        if name == VIEWER {
            let query = uri.query().unwrap_or_default();
            let is_secure = self.is_secure(headers, source);
            let better = router.redirect(query, viewer, is_secure);
            if let Some(target) = better {
                return Asked::ElsewhereAt(target.location(uri.path(), query));
            }
        }
        let facts = self.api.shown().map(|(runtime, config)| Facts { runtime, config });
        let is_of_viewers = name.ends_with(".html") && !name.starts_with(ADMIN_PREFIX);
        let others = if is_of_viewers { router.sites() } else { Vec::new() };
        let edges = Edges::new(&others, self.is_secure(headers, source));
        let page = self.pages.get(name, facts.as_ref(), &self.base(uri, headers, source), &edges);
        page.map_or(Asked::Unknown, Asked::Page)
    }

    fn steering(&self, uri: &Uri, headers: &HeaderMap, source: &Source) -> Option<Vec<u8>> {
        let viewer = client::address(source.peer, headers, &self.trusted_proxies);
        let (variants, needed_bps) = self.live.ladder();
        let asked_at = self.base(uri, headers, source);
        let query = uri.query().unwrap_or_default();
        self.api.router().steering(query, viewer, &asked_at, &variants, needed_bps)
    }

    async fn answer_here(
        &self,
        asked: &Asked,
        is_head: bool,
        choice: &Choice,
        draining: &CancellationToken,
    ) -> Response<Body> {
        match *asked {
            // Each waiting request keeps room for everything that it might come to, so rare cases are boxed.
            Asked::Multivariant => Box::pin(self.multivariant(choice)).await,
            Asked::Media(variant, ref directives) => self.media(variant, directives, choice).await,
            Asked::Object(name) => self.object(name, !is_head, choice).await,
            // A task that failed is named; before the program has stopped its viewers are still served.
            Asked::Health | Asked::Ready(_) if !self.health.healthz().ok => {
                reply::text(StatusCode::SERVICE_UNAVAILABLE, self.health.healthz().text.trim_end())
            }
            Asked::Health => reply::text(StatusCode::OK, "healthy"),
            Asked::Ready(_) if draining.is_cancelled() => not_ready("shutting down"),
            Asked::Ready(probe) => self.ready(probe),
            Asked::Page(ref asset) => reply::page(asset, choice),
            Asked::Redirect => reply::to_playlist(),
            Asked::ElsewhereAt(ref location) => reply::to_edge(location),
            Asked::TurnedAway { is_page, retry_after_s } => reply::turned_away(is_page, retry_after_s),
            Asked::Steering(Some(ref manifest)) => reply::steering(manifest.clone()),
            Asked::Steering(None) => reply::text(StatusCode::NOT_FOUND, "the edges are not known yet"),
            // HEAD opens no socket.
            Asked::Socket => reply::text(StatusCode::BAD_REQUEST, "a WebSocket handshake is expected here"),
            Asked::Challenge(Some(ref text)) => reply::challenge(text),
            Asked::Challenge(None) => reply::text(StatusCode::NOT_FOUND, "no such challenge"),
            Asked::SecureAt(ref location) => reply::to_https(location),
            Asked::Unknown => self.unknown(),
            Asked::Preflight => reply::preflight(),
            Asked::Wrongly => reply::method_not_allowed(),
            Asked::Doubtful(doubt) => {
                let mut response = reply::text(StatusCode::BAD_REQUEST, doubt);
                // Anything behind it on the connection cannot be trusted either (HTTP/2 has no such header).
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
        }
    }

    /// Each probe by what it needs, and `/readyz` by what viewers need: media and page. A store that is away makes
    /// no edge unready for them: all edges share it, and a balancer would take all of them away.
    fn ready(&self, probe: Probe) -> Response<Body> {
        let (media, chat) = (probe != Probe::Chat, probe != Probe::Media);
        if media && self.drain.is_on() {
            return not_ready("drained by its operators");
        }
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

    async fn multivariant(&self, choice: &Choice) -> Response<Body> {
        match self.live.multivariant().await {
            Ok(playlist) => reply::playlist(&playlist, choice, Cached::Playlist, self.live.target_duration()),
            Err(failure) => reply::failure(failure, self.live.target_duration()),
        }
    }

    async fn media(
        &self,
        variant: VariantId,
        directives: &Result<Directives, InvalidDirectives>,
        choice: &Choice,
    ) -> Response<Body> {
        let directives = match directives {
            Ok(directives) => directives,
            Err(error) => {
                let target = self.live.target_duration();
                return reply::error(StatusCode::BAD_REQUEST, &error.to_string(), target);
            }
        };
        let answer = self.live.media(variant, directives).await;
        let target = self.live.target_duration();
        match answer {
            Ok(media) if directives.blocks() && media.first => {
                reply::playlist(&media.playlist, choice, Cached::BlockingPlaylist, target)
            }
            Ok(media) => reply::playlist(&media.playlist, choice, Cached::Playlist, target),
            Err(failure) => reply::failure(failure, target),
        }
    }

    async fn object(&self, name: ObjectName, may_be_partial: bool, choice: &Choice) -> Response<Body> {
        let answer = self.live.object(name).await;
        let target_duration = self.live.target_duration();
        let object = match answer {
            Ok(object) => object,
            Err(failure) => return reply::failure(failure, target_duration),
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
        reply::object(object, &description, choice, may_be_partial, &self.metrics.part_first_byte)
    }

    fn unknown(&self) -> Response<Body> {
        reply::error(StatusCode::NOT_FOUND, "not found", self.live.target_duration())
    }
}

fn not_ready(why: &str) -> Response<Body> {
    reply::text(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {why}"))
}
