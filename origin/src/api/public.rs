//! The part of the public API that the admin page shows, on the origin's own listener: edges have all of it.

use std::sync::Arc;

use farcast_api::status::status;
use farcast_api::{Method, Reply, Table, platform, reply};
use farcast_pages::picture::{self, FOR_A_DAY, ICON, LOGO};
use farcast_settings::{Asset, LiveStatus, Snapshot, load_asset};
use farcast_store::Store;
use http::{HeaderMap, Request, StatusCode};
use tokio::sync::watch;

use Method::Get;

/// The endpoints of a path.
#[derive(Clone, Copy, Debug)]
enum Endpoint {
    Status,
    Platforms,
    Logo,
    Icon,
}

const ROUTES: Table<Endpoint> = Table(&[
    (Get, "/api/status", Endpoint::Status),
    (Get, "/api/socialplatforms", Endpoint::Platforms),
    (Get, "/logo", Endpoint::Logo),
    (Get, "/favicon.ico", Endpoint::Icon),
]);

/// The public facts. Shared by all connections.
#[derive(Debug)]
pub struct Public {
    store: Store,
    runtime: watch::Receiver<Option<Snapshot>>,
    status: watch::Receiver<Option<Arc<LiveStatus>>>,
}

impl Public {
    /// Answers from these.
    #[must_use]
    pub fn new(
        store: Store,
        runtime: watch::Receiver<Option<Snapshot>>,
        status: watch::Receiver<Option<Arc<LiveStatus>>>,
    ) -> Self {
        Self { store, runtime, status }
    }

    /// Answers a request; none if its path is not public here. Cancel safe.
    pub(super) async fn answer<B>(&self, request: &Request<B>) -> Option<Reply> {
        let found = ROUTES.find(request.uri().path())?;
        if request.method() == http::Method::OPTIONS {
            return Some(reply::options(found.method));
        }
        if !found.method.fits(request.method()) {
            return Some(reply::method_not_allowed(request.method(), found.method));
        }
        let (snapshot, told) = (self.runtime.borrow().clone(), self.status.borrow().clone());
        let (Some(snapshot), Some(told)) = (snapshot, told) else {
            return Some(reply::unavailable("the origin has not read its settings yet"));
        };
        let logo = snapshot.runtime.logo.as_ref();
        Some(match found.endpoint {
            Endpoint::Status => status(&snapshot.runtime, &told),
            Endpoint::Platforms => platform::all(),
            Endpoint::Logo => match logo {
                Some(logo) => self.picture(logo, request.headers()).await,
                None => picture::own("image/svg+xml", LOGO, request.headers(), FOR_A_DAY),
            },
            // In a form that every browser can draw.
            Endpoint::Icon => match logo.filter(|logo| logo.content_type != "image/svg+xml") {
                Some(logo) => self.picture(logo, request.headers()).await,
                None => picture::own("image/x-icon", ICON, request.headers(), FOR_A_DAY),
            },
        })
    }

    async fn picture(&self, asset: &Asset, headers: &HeaderMap) -> Reply {
        let Some(content_type) = picture::known_type(&asset.content_type) else {
            return reply::empty(StatusCode::NOT_FOUND);
        };
        match load_asset(&self.store, asset).await {
            Ok(Some(bytes)) => {
                picture::answer(content_type, &format!("\"{}\"", asset.hash), bytes, headers, FOR_A_DAY)
            }
            _ => reply::unavailable("the picture cannot be loaded now"),
        }
    }
}

/// Paths and methods, to be compared with the contract.
pub(super) fn listed() -> impl Iterator<Item = (Method, &'static str)> {
    ROUTES.0.iter().map(|&(method, path, _)| (method, path))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use farcast_settings::{OperatorSettings, save_asset};
    use farcast_store::Batch;
    use farcast_store::memory::Memory;

    use super::*;

    async fn ask(public: &Public, method: &str, path: &str) -> Option<Reply> {
        public.answer(&Request::builder().method(method).uri(path).body(()).unwrap()).await
    }

    #[tokio::test]
    async fn the_page_finds_what_it_shows_and_the_logo_is_the_owners() {
        let (store, _) = Memory::store();
        let png = Bytes::from_static(b"\x89PNG\r\n\x1a\n");
        let (batch, logo) = save_asset(Batch::new(), "logo.png", "image/png", &png);
        let (settings, runtime) =
            watch::channel(Some(Snapshot { runtime: Arc::default(), tip: Bytes::new() }));
        let (_told, status) =
            watch::channel(Some(Arc::new(LiveStatus { viewers: 7, ..LiveStatus::default() })));
        let public = Public::new(store.clone(), runtime, status);
        for (path, content_type) in [
            ("/api/status", "application/json"),
            ("/api/socialplatforms", "application/json"),
            ("/logo", "image/svg+xml"),
            ("/favicon.ico", "image/x-icon"),
        ] {
            let reply = ask(&public, "GET", path).await.unwrap();
            assert_eq!(reply.status(), StatusCode::OK, "{path}");
            assert_eq!(reply.headers()["content-type"], content_type);
            assert_eq!(ask(&public, "POST", path).await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
        }
        assert!(ask(&public, "GET", "/api/config").await.is_none());
        store.commit(batch).await.unwrap();
        let own = OperatorSettings { logo: Some(logo), ..OperatorSettings::default() };
        settings.send(Some(Snapshot { runtime: Arc::new(own), tip: Bytes::new() })).unwrap();
        for path in ["/logo", "/favicon.ico"] {
            assert_eq!(ask(&public, "GET", path).await.unwrap().body(), &png, "{path}");
        }
    }
}
