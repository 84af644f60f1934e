//! Where the key is in an RTMP address.
//!
//! `rtmp://host/live` is the server and the rest of the path is the key, which may contain `/`. Encoders
//! cut the path into application and stream name in different places, and people put the key into the server
//! field, so the two are joined again before the key is taken.

use std::fmt;

/// The only application.
pub const APPLICATION: &str = "live";

/// Longest key that is looked at.
const MAX_KEY_BYTES: usize = 1024;

/// A stream key as a peer gave it. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamKey(String);

impl StreamKey {
    /// A key.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself. Not to be logged.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(…)")
    }
}

/// Whether `application`, as given to connect, is ours.
pub(super) fn is_ours(application: &str) -> bool {
    let application = application.trim_matches('/');
    application.strip_prefix(APPLICATION).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The key in an address that [`is_ours`]; `None` if there is none.
pub(super) fn key(application: &str, stream_name: &str) -> Option<StreamKey> {
    let in_application = application.trim_matches('/').strip_prefix(APPLICATION)?.trim_start_matches('/');
    let key = match (in_application, stream_name) {
        ("", name) => name.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) => format!("{path}/{name}"),
    };
    (!key.is_empty() && key.len() <= MAX_KEY_BYTES).then_some(StreamKey(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to cut a path into application and stream name.
    fn cuts(path: &str) -> Vec<(&str, &str)> {
        let path = path.trim_start_matches('/');
        let slashes = path.match_indices('/').map(|(at, _)| (&path[..at], &path[at + 1..]));
        slashes.chain([(path, "")]).collect()
    }

    #[test]
    fn the_key_is_the_whole_rest_wherever_the_path_is_cut() {
        for key_text in ["abc", "one/two/three", "one/live/three", "live", "a?b=c"] {
            let path = format!("/live/{key_text}");
            for (application, name) in cuts(&path) {
                assert!(is_ours(application));
                assert_eq!(key(application, name), Some(StreamKey::new(key_text)), "{application} {name}");
            }
        }
    }

    #[test]
    fn a_part_of_the_path_is_not_the_key() {
        assert_ne!(key("live", "one/two/three"), Some(StreamKey::new("three")));
    }

    #[test]
    fn paths_of_other_applications_and_without_key_are_not_ours() {
        for (application, name) in [("live", ""), ("live/", ""), ("", "")] {
            assert_eq!(key(application, name), None);
        }
        for application in ["streamkey", "streamkey/live", "before/live", "", "Live", "liver", "/"] {
            assert!(!is_ours(application), "{application}");
        }
    }
}
