//! The viewer page, the admin page and their files ([`farcast_pages`]), as this edge shows them.
//!
//! HTML is filled in before it is sent ([`super::page`]): once per change of the settings, since the facts depend on nothing
//! else but the address by which the server is reached.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use farcast_pages::{Asset, Files, Place, Sites};
use farcast_settings::OperatorSettings;

use super::page::{self, Edges, Facts};
use crate::api::address;
use crate::live::gzip;

/// The manifest by which browsers can install the page as an application.
const MANIFEST: &str = "manifest.webmanifest";
/// Pages that were filled in for these settings and this address.
#[derive(Debug)]
struct Filled {
    of: Arc<OperatorSettings>,
    base: String,
    /// Other edges that the pages may use.
    edges: Edges,
    pages: HashMap<String, Arc<Asset>>,
}

/// All files of the pages by name.
#[derive(Debug)]
pub(super) struct Pages {
    files: Files,
    frame_ancestors: String,
    filled: Mutex<Option<Filled>>,
}

impl Pages {
    /// The pages in the program, or in `folder`; `frame_ancestors` may show them in a frame.
    pub(super) fn new(frame_ancestors: &str, folder: Option<&Path>) -> Self {
        Self {
            files: Files::new(frame_ancestors, folder),
            frame_ancestors: frame_ancestors.to_owned(),
            filled: Mutex::default(),
        }
    }

    /// A file. HTML has `facts` filled in, if they are known, and links by `base`, the address of the server; it may use
    /// `edges`.
    pub(super) fn get(
        &self,
        name: &str,
        facts: Option<&Facts>,
        base: &str,
        edges: &Edges,
    ) -> Option<Arc<Asset>> {
        let Some(facts) = facts else { return self.files.get(name) };
        if name == MANIFEST {
            return Some(Arc::new(self.finished(name, page::manifest(&facts.runtime).into(), facts, edges)));
        }
        if !name.ends_with(".html") {
            return self.files.get(name);
        }
        let base = address::public(&facts.runtime, base);
        if let Some(filled) = &*self.lock()
            && !self.files.are_in_a_folder()
            && Arc::ptr_eq(&filled.of, &facts.runtime)
            && filled.base == base
            && filled.edges == *edges
            && let Some(page) = filled.pages.get(name)
        {
            return Some(Arc::clone(page));
        }
        let template = self.files.get(name)?;
        let html = page::fill(&String::from_utf8_lossy(&template.identity), facts, base);
        // Not while others wait: every request of a hostile client may name another address.
        let page = Arc::new(self.finished(name, html.into(), facts, edges));
        match &mut *self.lock() {
            Some(filled)
                if Arc::ptr_eq(&filled.of, &facts.runtime)
                    && filled.base == base
                    && filled.edges == *edges =>
            {
                filled.pages.insert(name.to_owned(), Arc::clone(&page));
            }
            other => {
                let pages = HashMap::from([(name.to_owned(), Arc::clone(&page))]);
                let (base, edges) = (base.to_owned(), edges.clone());
                *other = Some(Filled { of: Arc::clone(&facts.runtime), base, edges, pages });
            }
        }
        Some(page)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Filled>> {
        self.filled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finished(&self, name: &str, bytes: Bytes, facts: &Facts, edges: &Edges) -> Asset {
        let place = Place::of(name);
        let sites = if place == Place::Admin { Sites::default() } else { page::sites(&facts.runtime, edges) };
        let policy = farcast_pages::policy(&sites, place.frame_ancestors(&self.frame_ancestors));
        let mut asset = Asset::new(name, bytes, policy);
        asset.gzip = Some(gzip(&asset.identity)).filter(|gzip| gzip.len() < asset.identity.len());
        asset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(name: &str) -> Facts {
        let runtime = OperatorSettings { name: name.to_owned(), ..OperatorSettings::default() };
        Facts { runtime: Arc::new(runtime), config: Bytes::from_static(b"{}") }
    }

    #[test]
    fn pages_of_a_folder_are_as_they_are_now_and_nothing_outside_of_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let viewer = folder.path().join("viewer");
        std::fs::create_dir(&viewer).unwrap();
        std::fs::write(folder.path().join("secret.html"), "secret").unwrap();
        let pages = Pages::new("'self'", Some(folder.path()));
        let facts = facts("Ada");
        for text in ["one", "two"] {
            std::fs::write(
                viewer.join("index.html"),
                format!("{text}<!--farcast:head-->x<!--/farcast:head-->"),
            )
            .unwrap();
            let page = pages.get("index.html", Some(&facts), "http://a", &Edges::default()).unwrap();
            let html = String::from_utf8_lossy(&page.identity).into_owned();
            assert!(html.starts_with(text) && html.contains("<title>Ada</title>"), "{html}");
        }
        for name in ["../secret.html", "./index.html", "a/../index.html", "", "/etc/passwd"] {
            assert!(pages.get(name, Some(&facts), "", &Edges::default()).is_none(), "{name}");
        }
    }

    #[test]
    fn the_admin_page_is_in_no_frame_and_shows_nothing_of_other_sites() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("admin")).unwrap();
        std::fs::write(folder.path().join("admin/index.html"), "the admin page").unwrap();
        let pages = Pages::new("*", Some(folder.path()));
        let runtime = OperatorSettings {
            page_content: "![](https://a.example/b.png)".to_owned(),
            ..OperatorSettings::default()
        };
        let facts = Facts { runtime: Arc::new(runtime), config: Bytes::from_static(b"{}") };
        let edges = Edges::new(&[farcast_routing::BaseUrl::new("http://b.example").unwrap()], false);
        let page = pages.get("admin/index.html", Some(&facts), "http://a", &edges).unwrap();
        assert_eq!(page.identity, "the admin page");
        let policy = page.policy.to_str().unwrap();
        assert!(policy.ends_with("frame-ancestors 'none'") && !policy.contains(".example"), "{policy}");
        assert!(
            Pages::new("*", None).get("admin/index.html", None, "", &Edges::default()).is_some(),
            "at least what is missing"
        );
    }

    #[test]
    fn a_page_is_filled_in_once_per_settings_and_address() {
        let pages = Pages::new("'self'", None);
        let (one, other) = (facts("one"), facts("other"));
        let get =
            |facts: &Facts, base| pages.get("index.html", Some(facts), base, &Edges::default()).unwrap();
        let first = get(&one, "http://a");
        assert!(Arc::ptr_eq(&first, &get(&one, "http://a")));
        assert!(!Arc::ptr_eq(&first, &get(&one, "http://b")));
        assert!(!Arc::ptr_eq(&first, &get(&other, "http://a")));
    }

    #[test]
    fn the_manifest_is_of_the_settings() {
        let pages = Pages::new("'self'", None);
        let manifest = pages.get(MANIFEST, Some(&facts("Ada \"A\"")), "", &Edges::default()).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest.identity).unwrap();
        assert_eq!(manifest["name"], "Ada \"A\"");
    }
}
