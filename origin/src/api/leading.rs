//! Viewers who come to the origin's own address: they are led to the page of the best edge, and players to other edges by the
//! steering manifest.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use farcast_api::login;
use farcast_api::{Method, Reply, reply};
use farcast_edge_directory::{Router, STEERING_PATH};
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Request, StatusCode};

/// Leads viewers to edges. Shared by all connections.
#[derive(Debug)]
pub struct Leading {
    router: Arc<Router>,
}

impl Leading {
    /// By this router.
    #[must_use]
    pub fn new(router: Arc<Router>) -> Self {
        Self { router }
    }

    /// Answers a request of a viewer; none if its path leads nowhere else, or there is no edge to lead to.
    #[must_use]
    pub fn answer<B>(&self, request: &Request<B>, viewer: IpAddr) -> Option<Reply> {
        let uri = request.uri();
        let (path, query) = (uri.path(), uri.query().unwrap_or_default());
        let is_read = Method::Get.fits(request.method());
        match path {
            "/" | "/watch" if is_read => {
                let target = self.router.lead(viewer.to_canonical(), login::is_secure(request.headers()))?;
                let mut moved = reply::empty(StatusCode::TEMPORARY_REDIRECT);
                let location = HeaderValue::try_from(target.location(path, query)).ok()?;
                moved.headers_mut().insert(LOCATION, location);
                // It depends on the viewer.
                Some(reply::with(moved, CACHE_CONTROL, "private, no-store"))
            }
            STEERING_PATH if is_read => {
                let manifest = self.router.steering(query, viewer.to_canonical(), "", &[], 0)?;
                Some(reply::with_body(StatusCode::OK, "application/json", Bytes::from(manifest)))
            }
            _ => None,
        }
    }
}
