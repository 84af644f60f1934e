//! The public API: what everybody may ask about the server and its broadcast.
//!
//! Place in the flow: called by [`crate::serve`]; answers from snapshots that follow the store
//! ([`farcast_settings`]), so no request reads it, except for pictures that were not loaded yet. Requests that only
//! the origin can answer are passed on to it where that is allowed (`forward_admin`). A snapshot that was never read,
//! because the store is away, is a 503 that names it; an old one is better than none.

mod absent;
pub(crate) mod address;
mod config;
mod endpoint;
pub(crate) mod oembed;
mod picture;
mod status;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes};
use farcast_api::budget::Budget;
use farcast_api::login::{LOGIN_DEADLINE, LOGIN_PATH, MAX_LOGIN_BYTES};
use farcast_api::{Reply, body, login, percent_decoded, platform, reply};
use farcast_audience::viewers::{Active, ViewerId};
use farcast_certificates::Following;
use farcast_edge_directory::{Measured, Router};
use farcast_link::{ForwardedRequest, MAX_FORWARDED_BYTES};
use farcast_settings::{LiveStatus, OperatorSettings, Snapshot};
use farcast_store::Store;
use http::header::{CACHE_CONTROL, USER_AGENT};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use tokio::sync::watch;

use self::config::Rendered;
use self::endpoint::{Endpoint, Get, OfServer, OfUser, Post};
pub use self::endpoint::{Target, listed};
use self::picture::{Pictures, Shown};
pub use self::picture::{StillFuture, Stills};
use crate::chat::Chat;
use crate::playback::{Playback, Told};
use farcast_link::receiver::{EventStream, Forwarder, Offered};

/// The sender of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Its address.
    pub address: IpAddr,
    /// The user's name according to a trusted proxy.
    pub name: Option<String>,
}

/// Paths that search engines should leave alone: neither is a page.
const ROBOTS: &str = "User-agent: *\nDisallow: /admin\nDisallow: /api/\n";

/// The sources from which an [`Api`] answers.
#[derive(Debug)]
pub struct Sources {
    /// The store with the pictures.
    pub store: Store,
    /// The settings in force, once they were read.
    pub runtime: watch::Receiver<Option<Snapshot>>,
    /// The status of the broadcast, once it was read.
    pub status: watch::Receiver<Option<Arc<LiveStatus>>>,
    /// The viewers of this edge.
    pub viewers: Arc<Active>,
    /// Collects playback reports of viewers.
    pub playback: Arc<Playback>,
    /// The chat.
    pub chat: Arc<Chat>,
    /// Memory for request bodies.
    pub bodies: Arc<Budget>,
    /// Passes on what the origin answers, where that is allowed.
    pub forwarder: Option<Forwarder>,
    /// Leads viewers to edges.
    pub router: Arc<Router>,
    /// The origin's announcements about certificates, with the answers to an authority's challenges.
    pub certificates: Following,
    /// The source of the broadcast's pictures.
    pub stills: Arc<dyn Stills>,
}

/// The API. Shared by all connections.
#[derive(Debug)]
pub struct Api {
    sources: Sources,
    rendered: Rendered,
    pictures: Pictures,
}

fn platform_logo(file: &str, headers: &HeaderMap) -> Reply {
    let Some((key, svg)) = platform::logo(file) else { return reply::empty(StatusCode::NOT_FOUND) };
    let etag = format!("\"{key}-{}\"", env!("CARGO_PKG_VERSION"));
    picture::drawn("image/svg+xml", &etag, svg.into(), headers)
}

fn robots() -> Reply {
    let reply = reply::with_body(StatusCode::OK, "text/plain; charset=utf-8", ROBOTS);
    reply::with(reply, CACHE_CONTROL, "public, max-age=600")
}

impl Api {
    /// An API that is not served yet.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        let pictures = Pictures::new(Arc::clone(&sources.stills));
        Self { sources, rendered: Rendered::default(), pictures }
    }

    /// True if the admin's API is available here: the origin answers it.
    #[must_use]
    pub fn has_admin(&self) -> bool {
        self.sources.forwarder.is_some()
    }

    /// The chat.
    #[must_use]
    pub fn chat(&self) -> &Arc<Chat> {
        &self.sources.chat
    }

    /// Collects playback reports of viewers.
    #[must_use]
    pub fn playback(&self) -> &Playback {
        &self.sources.playback
    }

    /// True if the settings and the status were read, so that requests can be answered.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.sources.runtime.borrow().is_some() && self.sources.status.borrow().is_some()
    }

    /// True if a broadcast is on the air, as far as this edge has read.
    #[must_use]
    pub fn is_on_air(&self) -> bool {
        self.sources.status.borrow().as_ref().is_some_and(|status| status.online)
    }

    /// The server's data for a page, once it was read: the settings, and `/api/config` made of them.
    #[must_use]
    pub fn shown(&self) -> Option<(Arc<OperatorSettings>, Bytes)> {
        let snapshot = self.sources.runtime.borrow().clone()?;
        let config = self.rendered.config(&snapshot);
        Some((snapshot.runtime, config))
    }

    fn shown_of<'a>(&self, runtime: &'a OperatorSettings) -> Shown<'a> {
        let status = self.sources.status.borrow().clone().unwrap_or_default();
        Shown { runtime, is_live: status.online, since: status.connected_at }
    }

    /// True if the store has not answered for a while: the chat stands still, and the settings shown may be old.
    #[must_use]
    pub fn store_is_away(&self) -> bool {
        self.sources.store.is_away()
    }

    /// Notes that a viewer asked for something that only viewers ask for.
    pub fn mark(&self, peer: IpAddr, headers: &HeaderMap) {
        let agent = headers.get(USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
        self.sources.viewers.mark(ViewerId::new(peer, agent), Instant::now());
    }

    /// Answers a request for a path of the API, which is that of the target. Most answers need no waiting; what may wait is
    /// boxed, so that room for it is taken only then. Cancel safe; a request that was passed on may be
    /// done all the same.
    pub async fn answer<B>(&self, target: Target, request: Request<B>, caller: Caller) -> Reply
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let peer = caller.address;
        let found = match target {
            Target::Endpoint(found) => found,
            Target::Unknown => return reply::empty(StatusCode::NOT_FOUND),
            Target::Forwarded => {
                return match &self.sources.forwarder {
                    Some(forwarder) => Box::pin(self.forward(forwarder, request, peer)).await,
                    None => reply::empty(StatusCode::NOT_FOUND),
                };
            }
        };
        if request.method() == http::Method::OPTIONS {
            return reply::options(found.method);
        }
        if !found.method.fits(request.method()) {
            return reply::method_not_allowed(request.method(), found.method);
        }
        let (uri, headers) = (request.uri(), request.headers());
        match found.endpoint {
            Endpoint::Get(Get::Embed) => self.embed(uri, headers),
            Endpoint::Get(get) => self.get(get, found.rest(uri.path()), uri.query(), headers, peer).await,
            Endpoint::Post(post) => {
                let query = uri.query().map(str::to_owned);
                let share = self.sources.bodies.share(peer);
                let answered = async {
                    match body::read(request.into_body(), body::MAX_BODY_BYTES, share).await {
                        Ok(given) => self.post(post, query.as_deref(), &given, &caller).await,
                        Err(refused) => refused,
                    }
                };
                Box::pin(answered).await
            }
        }
    }

    fn edges(&self, query: Option<&str>, peer: IpAddr, is_secure: bool) -> Reply {
        match Measured::of(query.unwrap_or_default()) {
            Ok(measured) => reply::ok(&self.sources.router.for_viewer(peer, measured, is_secure)),
            Err(error) => reply::problem(StatusCode::BAD_REQUEST, &error.to_string()),
        }
    }

    /// The answer to an authority's challenge with this token, if it is one of ours.
    #[must_use]
    pub fn challenge(&self, token: &str) -> Option<String> {
        self.sources.certificates.borrow().as_ref()?.http(token).map(str::to_owned)
    }

    /// Leads viewers to edges.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.sources.router
    }

    fn embed(&self, uri: &Uri, headers: &HeaderMap) -> Reply {
        let Some(snapshot) = self.sources.runtime.borrow().clone() else {
            return reply::store_not_reached(&self.sources.store);
        };
        let asked = address::asked(uri, headers, login::is_secure(headers));
        oembed::answer(uri.query(), &snapshot.runtime, &asked, address::public(&snapshot.runtime, &asked))
    }

    async fn post(&self, endpoint: Post, query: Option<&str>, given: &[u8], caller: &Caller) -> Reply {
        let (chat, peer) = (&self.sources.chat, caller.address);
        match endpoint {
            Post::Register => chat.register(given, peer, caller.name.as_deref()).await,
            Post::Visibility => chat.set_visible(query, given, peer).await,
            Post::Enabled => chat.set_enabled(query, given, peer).await,
            Post::RemoteFollow => absent::remote_follow(),
            Post::Playback => absent::playback(given),
            Post::OfUser(of_user) => match chat.token(query, peer).await {
                Err(refused) => refused,
                Ok(_) => match of_user {
                    OfUser::Notifications => absent::notifications(),
                    OfUser::IndieAuth => absent::indie_auth(),
                    OfUser::Fediverse => absent::fediverse(),
                    OfUser::FediverseCode => absent::fediverse_code(),
                },
            },
        }
    }

    async fn get(
        &self,
        endpoint: Get,
        rest: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        peer: IpAddr,
    ) -> Reply {
        let of_server = match endpoint {
            Get::Ping => {
                self.mark(peer, headers);
                if let Some(told) = Told::of(query, headers) {
                    self.sources.playback.hear(&told, peer, Instant::now());
                }
                return reply::empty(StatusCode::OK);
            }
            Get::Edges => return self.edges(query, peer, login::is_secure(headers)),
            Get::Platforms => return platform::all(),
            Get::PlatformLogo => return platform_logo(rest, headers),
            Get::Chat => return Box::pin(self.sources.chat.backlog(query, peer)).await,
            Get::UserDetails => return Box::pin(self.sources.chat.details(query, rest, peer)).await,
            Get::Robots => return robots(),
            Get::Script => return absent::script(),
            Get::Followers => return absent::followers(),
            Get::IndieAuthReturn => return absent::indie_auth(),
            // Both are answered before.
            Get::Socket | Get::Embed => return reply::empty(StatusCode::NOT_FOUND),
            Get::OfServer(of_server) => of_server,
        };
        let snapshot = self.sources.runtime.borrow().clone();
        let status = self.sources.status.borrow().clone();
        let (Some(snapshot), Some(status)) = (snapshot, status) else {
            return reply::store_not_reached(&self.sources.store);
        };
        let (runtime, store) = (&snapshot.runtime, &self.sources.store);
        match of_server {
            OfServer::Config => {
                reply::with_body(StatusCode::OK, "application/json", self.rendered.config(&snapshot))
            }
            OfServer::Status => farcast_api::status::status(runtime, &status),
            OfServer::Directory => status::directory(runtime, &status),
            OfServer::Emoji => config::emoji(runtime),
            OfServer::Variants => config::variants(runtime),
            OfServer::Logo => Box::pin(self.pictures.logo(store, runtime, headers)).await,
            OfServer::LogoExternal => Box::pin(self.pictures.logo_external(store, runtime, headers)).await,
            OfServer::Icon => Box::pin(self.pictures.icon(store, runtime, headers)).await,
            OfServer::Thumbnail => {
                Box::pin(self.pictures.thumbnail(store, self.shown_of(runtime), headers)).await
            }
            OfServer::Preview => {
                Box::pin(self.pictures.preview(store, self.shown_of(runtime), headers)).await
            }
            OfServer::EmojiPicture => {
                let file = percent_decoded(rest);
                Box::pin(self.pictures.emoji(store, runtime, &file, headers)).await
            }
        }
    }

    /// Opens the stream of events that a request asks for.
    ///
    /// # Errors
    /// The reply if the caller is not admitted; 404 where nothing is passed on.
    pub async fn events(&self, head: ForwardedRequest) -> Result<Response<EventStream>, Reply> {
        match &self.sources.forwarder {
            Some(forwarder) => forwarder.events(head).await,
            None => Err(reply::empty(StatusCode::NOT_FOUND)),
        }
    }

    async fn forward<B>(&self, forwarder: &Forwarder, request: Request<B>, peer: IpAddr) -> Reply
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let head = ForwardedRequest::new(&request, peer);
        let is_head = request.method() == http::Method::HEAD;
        let changes = request.method() == http::Method::POST;
        // Without a login nothing is answered that needs a body: it is not even offered.
        let (path, headers) = (request.uri().path(), request.headers());
        let has_login = login::is_there(path, headers);
        let is_login = path == LOGIN_PATH;
        let body = request.into_body();
        let is_offered = has_login && !body.is_end_stream();
        let share = || self.sources.bodies.share(peer);
        let mut reply = if is_login && is_offered {
            // Read first: the slow body of an unauthenticated client takes no place of the requests that others pass
            // on.
            match body::read_within(LOGIN_DEADLINE, body, MAX_LOGIN_BYTES, share()).await {
                Ok(read) => {
                    let body = Full::new(read.bytes());
                    let offered = Offered { body, share: share(), limit_bytes: MAX_LOGIN_BYTES };
                    forwarder.forward(head, Some(offered)).await
                }
                Err(refused) => return refused,
            }
        } else {
            let offered =
                is_offered.then(|| Offered { body, share: share(), limit_bytes: MAX_FORWARDED_BYTES });
            forwarder.forward(head, offered).await
        };
        if changes && reply.status().is_success() {
            self.await_change().await;
        }
        if is_head {
            *reply.body_mut() = Bytes::new();
        }
        reply
    }

    /// Waits until this edge has seen the change: the client's next request comes to this edge.
    async fn await_change(&self) {
        self.sources.chat.settings().caught_up().await;
    }
}
