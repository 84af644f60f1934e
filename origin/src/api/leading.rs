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

#[cfg(test)]
mod tests {
    use farcast_edge_directory::{Metrics, follow, publish, views};
    use farcast_feed::name::StreamName;
    use farcast_geo::Geo;
    use farcast_routing::EdgeRecord;
    use farcast_store::memory::Memory;
    use tokio::sync::watch;

    use super::*;

    const VIEWER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn ask(leading: &Leading, method: &str, path: &str) -> Option<(u16, String)> {
        let reply = leading.answer(&Request::builder().method(method).uri(path).body(()).unwrap(), VIEWER)?;
        let location = reply.headers().get(LOCATION).map(|value| value.to_str().unwrap().to_owned());
        Some((reply.status().as_u16(), location.unwrap_or_default()))
    }

    #[tokio::test(start_paused = true)]
    async fn viewers_are_led_to_an_edge_where_there_is_one_and_all_else_stays() {
        let (store, view) = (Memory::store().0, views());
        let router = Router::new(view.subscribe(), None, Arc::new(Geo::none()), StreamName::live());
        let leading = Leading::new(Arc::new(router));
        assert_eq!(ask(&leading, "GET", "/"), None, "the admin page is there");
        let json = serde_json::json!({
            "id": "fra", "urls": ["http://fra.example:8080"], "state": "ready", "renewal": 1,
            "channels": { "live": { "lagMs": 0 } },
        });
        let record = EdgeRecord::parse(json.to_string().as_bytes()).unwrap();
        publish(&store, &record).await.unwrap();
        let (settings, metrics) =
            (watch::channel(None).1, Metrics::new(&prometheus::Registry::new()).unwrap());
        let mut seen = view.subscribe();
        let following = tokio::spawn(async move { follow(&store, settings, &view, &metrics).await });
        seen.wait_for(|view| view.was_read).await.unwrap();
        let page = |path: &str| Some((307, format!("http://fra.example:8080{path}")));
        assert_eq!(ask(&leading, "GET", "/"), page("/?edge=fra"));
        assert_eq!(ask(&leading, "HEAD", "/watch?x=1"), page("/watch?edge=fra&x=1"));
        for (method, path) in [("POST", "/"), ("GET", "/admin/"), ("GET", "/hls/steering.json")] {
            assert_eq!(ask(&leading, method, path), None, "{method} {path}");
        }
        let query = "base=e-gone&at=http://gone.example:8080&_HLS_pathway=%22e-fra%22";
        let manifest = ask(&leading, "GET", &format!("/hls/steering.json?{query}"));
        assert_eq!(manifest, Some((200, String::new())));
        following.abort();
    }
}
