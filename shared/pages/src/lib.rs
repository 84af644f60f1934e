//! The pages and their files: embedded in the program (see `build.rs`), or read from a folder by developers of the pages;
//! with their policy (CSP Level 3), compressed where the browser accepts that.
//!
//! Place in the flow: edges serve all of them and fill facts into the viewer page (`farcast_edge::serve`); the origin serves
//! the admin page on its own listener (`farcast_origin::api`). A crate of its own, so that a change of the pages rebuilds
//! only the programs that embed them.

mod asset;
mod frames;
pub mod picture;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

pub use asset::Asset;
pub use frames::Place;

/// A file as `build.rs` embeds it.
struct File {
    name: &'static str,
    identity: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

/// Name of the viewer page.
pub const VIEWER: &str = "index.html";
/// Name of the admin page.
pub const ADMIN: &str = "admin/index.html";
/// The beginning of the names of the admin page's files, which is its folder as well.
pub const ADMIN_PREFIX: &str = "admin/";

/// The place of the viewer page in a folder of all pages.
const VIEWER_FOLDER: &str = "viewer";

/// Shown where the page was not built before the program.
const PLACEHOLDER: &[u8] = b"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Farcast</title>\
<h1>This server is running</h1><p>Its pages were not built into it: run <code>npm ci &amp;&amp; npm run build</code> in \
<code>shared/web</code> and build the program again. Edges have the stream at \
<a href=\"/hls/stream.m3u8\">/hls/stream.m3u8</a>.</p></html>";

/// Nothing but our own scripts and styles; media from blobs (Media Source Extensions), its worker from a file. Pictures and
/// frames of other sites where the operator put such onto the page.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; worker-src 'self'; object-src 'none'; \
base-uri 'none'; form-action 'self'";

/// Sites of others that a page may use, each with a space before it.
#[derive(Clone, Default, Debug)]
pub struct Sites {
    /// Sites from which it may load pictures.
    pub pictures: String,
    /// Sites that it may show in frames.
    pub frames: String,
    /// Schemes by which it may talk to other edges: for media, the API and the chat's socket.
    pub edges: String,
}

/// The policy of a page, `frame-ancestors` last: the sites that may show it in a frame.
#[must_use]
pub fn policy(sites: &Sites, frame_ancestors: &str) -> HeaderValue {
    let Sites { pictures, frames, edges } = sites;
    let frames = if frames.is_empty() { " 'self'" } else { frames };
    let text = format!(
        "{POLICY}; media-src 'self' blob:{edges}; connect-src 'self'{edges}; img-src 'self' data:{pictures}; \
         frame-src{frames}; frame-ancestors {frame_ancestors}"
    );
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(POLICY))
}

/// All files by name.
#[derive(Debug)]
pub struct Files {
    embedded: HashMap<&'static str, Arc<Asset>>,
    folder: Option<PathBuf>,
    frame_ancestors: String,
}

impl Files {
    /// The pages in the program, or in `folder`; `frame_ancestors` may show them in a frame, as far as a page's [`Place`]
    /// lets them.
    #[must_use]
    pub fn new(frame_ancestors: &str, folder: Option<&Path>) -> Self {
        let policy = |name| policy(&Sites::default(), Place::of(name).frame_ancestors(frame_ancestors));
        let embedded = |file: &File| {
            let mut asset = Asset::new(file.name, Bytes::from_static(file.identity), policy(file.name));
            asset.brotli = file.brotli.map(Bytes::from_static);
            asset.gzip = file.gzip.map(Bytes::from_static);
            (file.name, Arc::new(asset))
        };
        let mut files: HashMap<_, _> = FILES.iter().map(embedded).collect();
        for name in [VIEWER, ADMIN] {
            let placeholder = || Arc::new(Asset::new(name, Bytes::from_static(PLACEHOLDER), policy(name)));
            files.entry(name).or_insert_with(placeholder);
        }
        Self {
            embedded: files,
            folder: folder.map(Path::to_owned),
            frame_ancestors: frame_ancestors.to_owned(),
        }
    }

    /// True if files are read anew each time.
    #[must_use]
    pub fn are_in_a_folder(&self) -> bool {
        self.folder.is_some()
    }

    /// A file as it is. Reading it from the folder blocks: that is for developers of the pages, not for an audience.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Asset>> {
        let Some(folder) = &self.folder else { return self.embedded.get(name).cloned() };
        let is_plain = name
            .split('/')
            .all(|piece| !piece.is_empty() && !piece.starts_with('.') && !piece.contains(['\\', ':', '\0']));
        let folder = if name.starts_with(ADMIN_PREFIX) { folder.clone() } else { folder.join(VIEWER_FOLDER) };
        let bytes = is_plain.then(|| std::fs::read(folder.join(name)).ok()).flatten()?;
        let policy = policy(&Sites::default(), Place::of(name).frame_ancestors(&self.frame_ancestors));
        let mut asset = Asset::new(name, bytes.into(), policy);
        asset.cache_control = "no-cache";
        Some(Arc::new(asset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_page() {
        let files = Files::new("'self'", None);
        for name in [VIEWER, ADMIN] {
            let page = files.get(name).expect("a page");
            assert_eq!((page.content_type, page.cache_control), ("text/html; charset=utf-8", "no-cache"));
        }
        assert!(files.get("../Cargo.toml").is_none() && files.get("").is_none());
    }

    #[test]
    fn nothing_outside_of_a_folder_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for dir in [VIEWER_FOLDER, "admin"] {
            std::fs::create_dir(folder.path().join(dir)).unwrap();
            std::fs::write(folder.path().join(dir).join("index.html"), dir).unwrap();
        }
        std::fs::write(folder.path().join("secret.html"), "secret").unwrap();
        let files = Files::new("'self'", Some(folder.path()));
        assert_eq!(files.get(VIEWER).unwrap().identity, VIEWER_FOLDER);
        assert_eq!(files.get(ADMIN).unwrap().identity, "admin");
        for name in
            ["../secret.html", "./index.html", "a/../index.html", "", "/etc/passwd", "admin/../secret.html"]
        {
            assert!(files.get(name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_admin_page_is_in_no_frame() {
        let policy = Files::new("*", None).get(ADMIN).unwrap().policy.to_str().unwrap().to_owned();
        assert!(policy.ends_with("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    }
}
