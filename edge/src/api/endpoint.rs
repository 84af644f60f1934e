//! The endpoints of the API: the path of each, and its handler. Each kind is matched in full where it is answered
//! ([`super::Api`]), so that an endpoint without an answer does not compile.

use farcast_api::{Method, Table};

/// The handler of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// The origin.
    Forwarded,
    /// This edge.
    Endpoint(Found),
    /// Nothing, although it is a path of the API.
    Unknown,
}

/// An endpoint that was found for a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    pub(super) method: Method,
    pub(super) endpoint: Endpoint,
    /// Length of the free segment at the path's end; 0 for a path without.
    rest_len: usize,
}

impl Found {
    /// The path's free segment.
    pub(super) fn rest(self, path: &str) -> &str {
        path.len().checked_sub(self.rest_len).and_then(|at| path.get(at..)).unwrap_or_default()
    }
}

impl Target {
    /// Of a path; none if it is not one of the API.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        if ["/api/admin/", "/api/integrations/"].iter().any(|prefix| path.starts_with(prefix)) {
            return Some(Self::Forwarded);
        }
        if let Some(found) = ROUTES.find(path) {
            let (method, endpoint, rest_len) = (found.method, found.endpoint, found.rest.len());
            return Some(Self::Endpoint(Found { method, endpoint, rest_len }));
        }
        path.starts_with("/api/").then_some(Self::Unknown)
    }
}

/// An endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Endpoint {
    Get(Get),
    Post(Post),
}

/// Endpoints that read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Get {
    Ping,
    Edges,
    Platforms,
    PlatformLogo,
    Chat,
    /// Opened by [`crate::serve`], listed for the contract.
    Socket,
    UserDetails,
    Robots,
    Embed,
    Script,
    Followers,
    IndieAuthReturn,
    OfServer(OfServer),
}

/// Endpoints that need the settings and the status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OfServer {
    Config,
    Status,
    Directory,
    Emoji,
    EmojiPicture,
    Variants,
    Logo,
    LogoExternal,
    Thumbnail,
    Preview,
    Icon,
}

/// Endpoints that change something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Post {
    Register,
    Visibility,
    Enabled,
    RemoteFollow,
    Playback,
    OfUser(OfUser),
}

/// Endpoints that need a user's token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OfUser {
    Notifications,
    IndieAuth,
    Fediverse,
    FediverseCode,
}

const fn get(path: &'static str, get: Get) -> (Method, &'static str, Endpoint) {
    (Method::Get, path, Endpoint::Get(get))
}

const fn of_server(path: &'static str, of_server: OfServer) -> (Method, &'static str, Endpoint) {
    get(path, Get::OfServer(of_server))
}

const fn post(path: &'static str, post: Post) -> (Method, &'static str, Endpoint) {
    (Method::Post, path, Endpoint::Post(post))
}

const fn of_user(path: &'static str, of_user: OfUser) -> (Method, &'static str, Endpoint) {
    post(path, Post::OfUser(of_user))
}

const ROUTES: Table<Endpoint> = Table(&[
    of_server("/api/status", OfServer::Status),
    of_server("/api/config", OfServer::Config),
    get("/api/ping", Get::Ping),
    get("/api/edges", Get::Edges),
    of_server("/api/yp", OfServer::Directory),
    of_server("/api/emoji", OfServer::Emoji),
    of_server("/img/emoji/{file}", OfServer::EmojiPicture),
    get("/api/socialplatforms", Get::Platforms),
    get("/img/platformlogos/{file}", Get::PlatformLogo),
    of_server("/api/video/variants", OfServer::Variants),
    of_server("/logo", OfServer::Logo),
    of_server("/logo/external", OfServer::LogoExternal),
    get("/api/chat", Get::Chat),
    get("/ws", Get::Socket),
    post("/api/chat/register", Post::Register),
    post("/api/chat/messagevisibility", Post::Visibility),
    post("/api/chat/updatemessagevisibility", Post::Visibility),
    post("/api/chat/users/setenabled", Post::Enabled),
    get("/api/moderation/chat/user/{id}", Get::UserDetails),
    of_server("/thumbnail.jpg", OfServer::Thumbnail),
    of_server("/preview.gif", OfServer::Preview),
    of_server("/favicon.ico", OfServer::Icon),
    get("/robots.txt", Get::Robots),
    get("/oembed", Get::Embed),
    get("/customjavascript", Get::Script),
    get("/api/followers", Get::Followers),
    post("/api/remotefollow", Post::RemoteFollow),
    post("/api/metrics/playback", Post::Playback),
    of_user("/api/notifications/register", OfUser::Notifications),
    of_user("/api/auth/indieauth", OfUser::IndieAuth),
    get("/api/auth/indieauth/callback", Get::IndieAuthReturn),
    of_user("/api/auth/fediverse", OfUser::Fediverse),
    of_user("/api/auth/fediverse/verify", OfUser::FediverseCode),
]);

/// Paths and methods, to be compared with the contract.
pub fn listed() -> impl Iterator<Item = (Method, &'static str)> {
    ROUTES.0.iter().map(|&(method, path, _)| (method, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_segment_is_found_again() {
        let path = "/img/emoji/a%20b.png";
        let Some(Target::Endpoint(found)) = Target::of(path) else { panic!("there is none") };
        assert_eq!(found.rest(path), "a%20b.png");
        let Some(Target::Endpoint(found)) = Target::of("/api/status") else { panic!("there is none") };
        assert_eq!(found.rest("/api/status"), "");
        assert_eq!(Target::of("/api/none"), Some(Target::Unknown));
        assert_eq!(Target::of("/api/admin/none"), Some(Target::Forwarded));
        assert_eq!(Target::of("/watch"), None);
    }
}
