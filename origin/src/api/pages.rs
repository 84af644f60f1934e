//! The admin page, on the origin's own listener, for operators who run no edge with `forward_admin`. It is the same that
//! edges serve ([`farcast_pages`]), and talks to the API beside it.

use std::path::Path;

use farcast_api::negotiate::Choice;
use farcast_api::{Method, Reply, reply};
use farcast_pages::{ADMIN, ADMIN_PREFIX, Files};
use http::header::LOCATION;
use http::{Request, StatusCode};

/// No page of others may show it in a frame.
const FRAME_ANCESTORS: &str = "'none'";

/// The admin page and its files. Shared by all connections.
#[derive(Debug)]
pub struct Pages {
    files: Files,
}

impl Pages {
    /// The pages in the program, or in a folder of all pages.
    #[must_use]
    pub fn new(folder: Option<&Path>) -> Self {
        Self { files: Files::new(FRAME_ANCESTORS, folder) }
    }

    /// Answers a request; none if its path is no page's.
    #[must_use]
    pub fn answer<B>(&self, request: &Request<B>) -> Option<Reply> {
        let path = request.uri().path();
        let page = match path {
            "/" => None,
            "/admin" | "/admin/" => Some(self.files.get(ADMIN)?),
            _ => Some(self.files.get(path.strip_prefix('/').filter(|name| name.starts_with(ADMIN_PREFIX))?)?),
        };
        if request.method() == http::Method::OPTIONS {
            return Some(reply::options(Method::Get));
        }
        if !Method::Get.fits(request.method()) {
            return Some(reply::method_not_allowed(request.method(), Method::Get));
        }
        Some(match page {
            Some(page) => page.reply(&Choice::of(request.headers())),
            None => reply::with(reply::empty(StatusCode::TEMPORARY_REDIRECT), LOCATION, "/admin/"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(pages: &Pages, method: &str, path: &str) -> Option<Reply> {
        pages.answer(&Request::builder().method(method).uri(path).body(()).unwrap())
    }

    #[test]
    fn the_admin_page_is_there_and_the_way_leads_to_it() {
        let pages = Pages::new(None);
        let root = ask(&pages, "GET", "/").unwrap();
        assert_eq!(root.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(root.headers()[LOCATION], "/admin/");
        for path in ["/admin", "/admin/"] {
            let page = ask(&pages, "GET", path).unwrap();
            assert_eq!(page.status(), StatusCode::OK);
            assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
            let policy = page.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.ends_with("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
            let again = Request::get(path).header("if-none-match", &page.headers()["etag"]).body(()).unwrap();
            assert_eq!(pages.answer(&again).unwrap().status(), StatusCode::NOT_MODIFIED);
        }
        assert_eq!(ask(&pages, "POST", "/admin/").unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(ask(&pages, "OPTIONS", "/admin/").unwrap().status(), StatusCode::NO_CONTENT);
    }

    #[test]
    fn the_viewer_page_and_what_is_elsewhere_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for (dir, file) in [("admin", "a.js"), ("viewer", "b.js")] {
            std::fs::create_dir(folder.path().join(dir)).unwrap();
            std::fs::write(folder.path().join(dir).join(file), "x").unwrap();
        }
        let pages = Pages::new(Some(folder.path()));
        assert_eq!(ask(&pages, "GET", "/admin/a.js").unwrap().body(), "x");
        for path in
            ["/b.js", "/viewer/b.js", "/admin/../viewer/b.js", "/index.html", "/healthz", "/admin/none"]
        {
            assert!(ask(&pages, "GET", path).is_none(), "{path}");
        }
    }
}
