//! The routes of paths.

use farcast_certificates::CHALLENGES;
use farcast_feed::name::{ObjectKind, ObjectName, VariantId};
use farcast_telemetry::health::Probe;

use crate::api::Target;

/// The viewer page.
pub(super) const VIEWER: &str = "index.html";

/// The target of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Route<'a> {
    /// `/hls/stream.m3u8`
    Multivariant,
    /// `/hls/steering.json`
    Steering,
    /// `/hls/<variant>/stream.m3u8`
    Media(VariantId),
    /// Any other path below `/hls/` that names an object.
    Object(ObjectName),
    /// `/healthz`
    Health,
    /// `/readyz`, and the same for a part.
    Ready(Probe),
    /// The API answers it.
    Api(Target),
    /// `/ws`: the chat's socket.
    Socket,
    /// `/.well-known/acme-challenge/<token>`: an authority asks whether a name is ours (RFC 8555 §8.3).
    Challenge(&'a str),
    /// A file of the pages, if there is one of this name.
    Page(&'a str),
    /// Nothing.
    Unknown,
}

impl<'a> Route<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        if let Some(probe) = Probe::of(path) {
            return Self::Ready(probe);
        }
        let Some(media) = path.strip_prefix("/hls/") else {
            return match path {
                "/healthz" => Self::Health,
                "/" | "/watch" => Self::Page(VIEWER),
                "/admin" | "/admin/" => Self::Page("admin/index.html"),
                "/embed/video" => Self::Page("embed/video.html"),
                "/embed/chat" | "/embed/chat/readonly" => Self::Page("embed/chat/readonly.html"),
                "/embed/chat/readwrite" => Self::Page("embed/chat/readwrite.html"),
                "/ws" => Self::Socket,
                _ if path.starts_with(CHALLENGES) => Self::Challenge(&path[CHALLENGES.len()..]),
                _ => match Target::of(path) {
                    Some(target) => Self::Api(target),
                    None => path.strip_prefix('/').map_or(Self::Unknown, Self::Page),
                },
            };
        };
        if media == "stream.m3u8" {
            return Self::Multivariant;
        }
        if media == "steering.json" {
            return Self::Steering;
        }
        if let Some(variant) = media.strip_suffix("/stream.m3u8") {
            let number = variant.parse().ok().filter(|n: &u16| n.to_string() == variant);
            return number.map_or(Self::Unknown, |n| Self::Media(VariantId(n)));
        }
        media.parse().map_or(Self::Unknown, Self::Object)
    }

    /// The names that [`Self::kind`] gives.
    pub(super) const KINDS: [&'static str; 12] = [
        "multivariant",
        "media",
        "steering",
        "init",
        "segment",
        "part",
        "health",
        "api",
        "chat",
        "challenge",
        "page",
        "unknown",
    ];

    /// Name for metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Multivariant => "multivariant",
            Self::Media(_) => "media",
            Self::Steering => "steering",
            Self::Object(name) => match name.kind {
                ObjectKind::Init(_) => "init",
                ObjectKind::Segment(_) => "segment",
                ObjectKind::Part(..) => "part",
            },
            Self::Health | Self::Ready(_) => "health",
            Self::Api(_) => "api",
            Self::Socket => "chat",
            Self::Challenge(_) => "challenge",
            Self::Page(_) => "page",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_spelling() {
        assert_eq!(Route::of("/hls/stream.m3u8"), Route::Multivariant);
        assert_eq!(Route::of("/hls/2/stream.m3u8"), Route::Media(VariantId(2)));
        assert!(matches!(Route::of("/hls/2/1/7.3.m4s"), Route::Object(_)));
        assert_eq!(Route::of("/hls/steering.json"), Route::Steering);
        assert_eq!(Route::of("/"), Route::Page("index.html"));
        assert_eq!(Route::of("/watch"), Route::Page("index.html"));
        assert_eq!(Route::of("/embed/video"), Route::Page("embed/video.html"));
        assert_eq!(Route::of("/embed/chat/readwrite"), Route::Page("embed/chat/readwrite.html"));
        assert_eq!(Route::of("/readyz"), Route::Ready(Probe::All));
        assert_eq!(Route::of("/readyz/chat"), Route::Ready(Probe::Chat));
        assert_eq!(Route::of("/api/none"), Route::Api(Target::Unknown));
        assert!(matches!(Route::of("/logo"), Route::Api(Target::Endpoint(_))));
        assert_eq!(Route::of("/ws"), Route::Socket);
        assert_eq!(Route::of("/.well-known/acme-challenge/a_-9"), Route::Challenge("a_-9"));
        assert_eq!(Route::of("/api/admin/status"), Route::Api(Target::Forwarded));
        assert_eq!(Route::of("/admin"), Route::Page("admin/index.html"));
        assert_eq!(Route::of("/admin/assets/a-1.js"), Route::Page("admin/assets/a-1.js"));
        for other in ["/hls/02/stream.m3u8", "/hls/+2/stream.m3u8", "/hls/x", "/hls/", "*", ""] {
            assert_eq!(Route::of(other), Route::Unknown, "{other}");
        }
    }
}
