//! Playlists, rendered once and shared.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A rendered playlist in both encodings; cheap to clone.
#[derive(Clone, Debug)]
pub struct Playlist(Arc<Bodies>);

#[derive(Debug)]
struct Bodies {
    identity: Bytes,
    gzip: OnceLock<Bytes>,
}

impl Playlist {
    pub(super) fn new(text: String) -> Self {
        Self(Arc::new(Bodies { identity: text.into(), gzip: OnceLock::new() }))
    }

    /// The text.
    #[must_use]
    pub fn identity(&self) -> Bytes {
        self.0.identity.clone()
    }

    /// The text, gzipped (RFC 1952): by the first who asks, for all.
    #[must_use]
    pub fn gzip(&self) -> Bytes {
        self.0.gzip.get_or_init(|| gzip(&self.0.identity)).clone()
    }
}

/// The renderings of one version of a variant.
#[derive(Debug, Default)]
pub(super) struct Renderings {
    pub(super) version: u64,
    pub(super) full: OnceLock<Option<Playlist>>,
    pub(super) delta: OnceLock<Option<Playlist>>,
}

impl Renderings {
    pub(super) fn new(version: u64) -> Self {
        Self { version, ..Self::default() }
    }
}

/// Gzips a body that is served many times.
#[must_use]
pub(crate) fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4 + 64), Compression::default());
    // Writing to a Vec cannot fail; if it did, an empty body would be better than a panic.
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.map(Bytes::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn gzip_is_made_once_and_reads_back() {
        let playlist = Playlist::new("#EXTM3U\n".repeat(50));
        let (one, two) = (playlist.gzip(), playlist.clone().gzip());
        assert_eq!(one.as_ptr(), two.as_ptr());
        let mut text = String::new();
        flate2::read::GzDecoder::new(&one[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, playlist.identity());
    }
}
