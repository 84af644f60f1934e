//! The public API: what everybody may ask about the server and its broadcast.
//!
//! Place in the flow: called by [`crate::serve`]; answers from snapshots that follow the store
//! ([`farcast_settings`]), so no request reads it, except for pictures that were not loaded yet. Requests that only
//! the origin can answer are passed on to it where that is allowed (`forward_admin`). A snapshot that was never read,
//! because the store is away, is a 503 that names it; an old one is better than none.

mod absent;
pub(crate) mod address;
mod config;
pub(crate) mod oembed;
mod picture;
mod status;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes};
use farcast_api::budget::Budget;
use farcast_api::login::{LOGIN_DEADLINE, LOGIN_PATH, MAX_LOGIN_BYTES};
use farcast_api::{Method, Reply, Table, body, login, percent_decoded, platform, reply};
use farcast_audience::viewers::{Active, ViewerId};
use farcast_link::{ForwardedRequest, MAX_FORWARDED_BYTES};
use farcast_settings::{LiveStatus, OperatorSettings, Snapshot};
use farcast_store::Store;
use http::header::{CACHE_CONTROL, USER_AGENT};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use tokio::sync::watch;

use self::config::Rendered;
use self::picture::{Pictures, Shown};
pub use self::picture::{StillFuture, Stills};
use crate::chat::Chat;
use crate::playback::{Playback, Told};
use farcast_link::receiver::{EventStream, Forwarder, Offered};

use Method::{Act, Get, Post};

/// The endpoints of paths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Endpoint {
    Config,
    Status,
    Ping,
    Directory,
    Emoji,
    EmojiPicture,
    Platforms,
    PlatformLogo,
    Variants,
    Logo,
    LogoExternal,
    Chat,
    Socket,
    Register,
    Visibility,
    Enabled,
    UserDetails,
    Thumbnail,
    Preview,
    Icon,
    Robots,
    Embed,
    Script,
    Followers,
    RemoteFollow,
    Playback,
    Notifications,
    IndieAuth,
    IndieAuthReturn,
    Fediverse,
    FediverseCode,
}

const ROUTES: Table<Endpoint> = Table(&[
    (Get, "/api/status", Endpoint::Status),
    (Get, "/api/config", Endpoint::Config),
    (Get, "/api/ping", Endpoint::Ping),
    (Get, "/api/yp", Endpoint::Directory),
    (Get, "/api/emoji", Endpoint::Emoji),
    (Get, "/img/emoji/{file}", Endpoint::EmojiPicture),
    (Get, "/api/socialplatforms", Endpoint::Platforms),
    (Get, "/img/platformlogos/{file}", Endpoint::PlatformLogo),
    (Get, "/api/video/variants", Endpoint::Variants),
    (Get, "/logo", Endpoint::Logo),
    (Get, "/logo/external", Endpoint::LogoExternal),
    (Get, "/api/chat", Endpoint::Chat),
    // Opened by `crate::serve`, listed for the contract.
    (Get, "/ws", Endpoint::Socket),
    (Post, "/api/chat/register", Endpoint::Register),
    (Post, "/api/chat/messagevisibility", Endpoint::Visibility),
    (Post, "/api/chat/updatemessagevisibility", Endpoint::Visibility),
    (Post, "/api/chat/users/setenabled", Endpoint::Enabled),
    (Get, "/api/moderation/chat/user/{id}", Endpoint::UserDetails),
    (Get, "/thumbnail.jpg", Endpoint::Thumbnail),
    (Get, "/preview.gif", Endpoint::Preview),
    (Get, "/favicon.ico", Endpoint::Icon),
    (Get, "/robots.txt", Endpoint::Robots),
    (Get, "/oembed", Endpoint::Embed),
    (Get, "/customjavascript", Endpoint::Script),
    (Get, "/api/followers", Endpoint::Followers),
    (Post, "/api/remotefollow", Endpoint::RemoteFollow),
    (Post, "/api/metrics/playback", Endpoint::Playback),
    (Post, "/api/notifications/register", Endpoint::Notifications),
    (Post, "/api/auth/indieauth", Endpoint::IndieAuth),
    (Get, "/api/auth/indieauth/callback", Endpoint::IndieAuthReturn),
    (Post, "/api/auth/fediverse", Endpoint::Fediverse),
    (Post, "/api/auth/fediverse/verify", Endpoint::FediverseCode),
]);

/// The sender of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// From where.
    pub address: IpAddr,
    /// The user's name according to a trusted proxy.
    pub name: Option<String>,
}

/// Paths that search engines should leave alone: neither is a page.
const ROBOTS: &str = "User-agent: *\nDisallow: /admin\nDisallow: /api/\n";

/// Paths and methods, to be compared with the contract.
pub fn listed() -> impl Iterator<Item = (Method, &'static str)> {
    ROUTES.0.iter().map(|&(method, path, _)| (method, path))
}

/// What an [`Api`] answers from.
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
    /// Hears how it goes for viewers.
    pub playback: Arc<Playback>,
    /// The chat.
    pub chat: Arc<Chat>,
    /// Memory for request bodies.
    pub bodies: Arc<Budget>,
    /// Passes on what the origin answers, where that is allowed.
    pub forwarder: Option<Forwarder>,
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

/// True if a path is of the API, answered here or not.
#[must_use]
pub fn is_of_api(path: &str) -> bool {
    path.starts_with("/api/") || is_forwarded(path) || ROUTES.find(path).is_some()
}

/// True if the origin answers a path.
fn is_forwarded(path: &str) -> bool {
    ["/api/admin/", "/api/integrations/"].iter().any(|prefix| path.starts_with(prefix))
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

    /// Hears how it goes for viewers.
    #[must_use]
    pub fn playback(&self) -> &Playback {
        &self.sources.playback
    }

    /// True if the settings and the status were read, so that requests can be answered.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.sources.runtime.borrow().is_some() && self.sources.status.borrow().is_some()
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

    /// Answers a request for a path of the API. Cancel safe; a request that was passed on may be done all the same.
    pub async fn answer<B>(&self, request: Request<B>, caller: Caller) -> Reply
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let (path, peer) = (request.uri().path(), caller.address);
        if is_forwarded(path) {
            return match &self.sources.forwarder {
                Some(forwarder) => self.forward(forwarder, request, peer).await,
                None => reply::empty(StatusCode::NOT_FOUND),
            };
        }
        let Some(found) = ROUTES.find(path) else { return reply::empty(StatusCode::NOT_FOUND) };
        if request.method() == http::Method::OPTIONS {
            return reply::options(found.method);
        }
        if !found.method.fits(request.method()) {
            return reply::method_not_allowed(request.method(), found.method);
        }
        let endpoint = found.endpoint;
        match found.method {
            Get => {
                let query = request.uri().query();
                if endpoint == Endpoint::Embed {
                    return self.embed(request.uri(), request.headers());
                }
                self.get(endpoint, found.rest, query, request.headers(), peer).await
            }
            Post | Act => {
                let query = request.uri().query().map(str::to_owned);
                match body::read(request.into_body(), body::MAX_BODY_BYTES, self.sources.bodies.share(peer))
                    .await
                {
                    Ok(given) => self.post(endpoint, query.as_deref(), &given, &caller).await,
                    Err(refused) => refused,
                }
            }
        }
    }

    fn embed(&self, uri: &Uri, headers: &HeaderMap) -> Reply {
        let Some(snapshot) = self.sources.runtime.borrow().clone() else {
            return reply::store_not_reached(&self.sources.store);
        };
        let asked = address::asked(uri, headers, login::is_secure(headers));
        oembed::answer(uri.query(), &snapshot.runtime, &asked, address::public(&snapshot.runtime, &asked))
    }

    async fn post(&self, endpoint: Endpoint, query: Option<&str>, given: &[u8], caller: &Caller) -> Reply {
        let (chat, peer) = (&self.sources.chat, caller.address);
        match endpoint {
            Endpoint::Register => chat.register(given, peer, caller.name.as_deref()).await,
            Endpoint::Visibility => chat.set_visible(query, given, peer).await,
            Endpoint::Enabled => chat.set_enabled(query, given, peer).await,
            Endpoint::RemoteFollow => absent::remote_follow(),
            Endpoint::Playback => absent::playback(given),
            Endpoint::Notifications | Endpoint::IndieAuth | Endpoint::Fediverse | Endpoint::FediverseCode => {
                match chat.token(query, peer).await {
                    Err(refused) => refused,
                    Ok(_) => match endpoint {
                        Endpoint::Notifications => absent::notifications(),
                        Endpoint::IndieAuth => absent::indie_auth(),
                        Endpoint::Fediverse => absent::fediverse(),
                        _ => absent::fediverse_code(),
                    },
                }
            }
            _ => reply::empty(StatusCode::NOT_FOUND),
        }
    }

    async fn get(
        &self,
        endpoint: Endpoint,
        rest: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        peer: IpAddr,
    ) -> Reply {
        match endpoint {
            Endpoint::Ping => {
                self.mark(peer, headers);
                if let Some(told) = Told::of(query, headers) {
                    self.sources.playback.hear(&told, peer, Instant::now());
                }
                return reply::empty(StatusCode::OK);
            }
            Endpoint::Platforms => return platform::all(),
            Endpoint::PlatformLogo => return platform_logo(rest, headers),
            Endpoint::Chat => return self.sources.chat.backlog(query, peer).await,
            Endpoint::UserDetails => return self.sources.chat.details(query, rest, peer).await,
            Endpoint::Robots => return robots(),
            Endpoint::Script => return absent::script(),
            Endpoint::Followers => return absent::followers(),
            Endpoint::IndieAuthReturn => return absent::indie_auth(),
            _ => {}
        }
        let snapshot = self.sources.runtime.borrow().clone();
        let status = self.sources.status.borrow().clone();
        let (Some(snapshot), Some(status)) = (snapshot, status) else {
            return reply::store_not_reached(&self.sources.store);
        };
        let runtime = &snapshot.runtime;
        match endpoint {
            Endpoint::Config => {
                reply::with_body(StatusCode::OK, "application/json", self.rendered.config(&snapshot))
            }
            Endpoint::Status => farcast_api::status::status(runtime, &status),
            Endpoint::Directory => status::directory(runtime, &status),
            Endpoint::Emoji => config::emoji(runtime),
            Endpoint::Variants => config::variants(runtime),
            Endpoint::Logo => self.pictures.logo(&self.sources.store, runtime, headers).await,
            Endpoint::LogoExternal => {
                self.pictures.logo_external(&self.sources.store, runtime, headers).await
            }
            Endpoint::Icon => self.pictures.icon(&self.sources.store, runtime, headers).await,
            Endpoint::Thumbnail => {
                self.pictures.thumbnail(&self.sources.store, self.shown_of(runtime), headers).await
            }
            Endpoint::Preview => {
                self.pictures.preview(&self.sources.store, self.shown_of(runtime), headers).await
            }
            Endpoint::EmojiPicture => {
                let file = percent_decoded(rest);
                self.pictures.emoji(&self.sources.store, runtime, &file, headers).await
            }
            _ => reply::empty(StatusCode::NOT_FOUND),
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
            // Read first: the slow body of a stranger takes no place of the requests that others pass on.
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
