//! The stream key that an address may mean.

use std::fmt;

/// Longest key that is looked at.
pub const MAX_KEY_BYTES: usize = 1024;

/// Most keys that one address may mean. All are compared, so that the bound is one of work as well.
pub const MAX_CANDIDATES: usize = 8;

/// A stream key as a peer gave it: the text itself, and what its address means if it was pasted with something around
/// it, the likelier first. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamKey {
    /// Without doubles; the first is the text itself.
    candidates: Vec<String>,
}

impl StreamKey {
    /// A key that is meant as it is.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self { candidates: vec![key.into()] }
    }

    /// The keys that are meant by an address, the likelier first. `None` if there is none: empty and overlong ones are
    /// left out, and so are those beyond [`MAX_CANDIDATES`].
    #[must_use]
    pub fn any_of(candidates: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut kept: Vec<String> = Vec::new();
        for candidate in candidates {
            let fits = !candidate.is_empty() && candidate.len() <= MAX_KEY_BYTES;
            if fits && kept.len() < MAX_CANDIDATES && !kept.contains(&candidate) {
                kept.push(candidate);
            }
        }
        (!kept.is_empty()).then_some(Self { candidates: kept })
    }

    /// The key as it was given. Not to be logged.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.candidates.first().map_or("", String::as_str)
    }

    /// All that may be meant, at least one and [`MAX_CANDIDATES`] at most. Not to be logged. A try of one address is one
    /// try, however many these are.
    pub fn candidates(&self) -> impl Iterator<Item = &str> {
        self.candidates.iter().map(String::as_str)
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(…)")
    }
}
