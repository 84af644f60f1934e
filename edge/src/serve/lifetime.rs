//! Lifetimes of responses in caches (RFC 8216bis appendix B.1, RFC 9111), in target durations.
//!
//! No error is kept by any cache. The profile would have errors kept for one to four target durations, which spares
//! servers of files; but an object that is "too far ahead" or "not made yet" now is asked for by all viewers a moment
//! later, so any client behind the same cache that asks first would turn them away.

use std::time::Duration;

/// The kinds of responses, as far as caches care.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cached {
    /// A playlist that has the requested part and nothing later: it will never change under its URL.
    BlockingPlaylist,
    /// A playlist as it is now.
    Playlist,
    /// An object, which never changes.
    Object,
}

impl Cached {
    /// `max-age` in whole seconds, rounded down: half a target duration of one second is none.
    pub(super) fn max_age_s(self, target_duration: Duration) -> u64 {
        let lifetime = match self {
            Self::BlockingPlaylist | Self::Object => target_duration * 6,
            Self::Playlist => target_duration / 2,
        };
        lifetime.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_those_of_the_profile() {
        let lifetimes = [(Cached::BlockingPlaylist, 24), (Cached::Playlist, 2), (Cached::Object, 24)];
        for (cached, seconds) in lifetimes {
            assert_eq!(cached.max_age_s(Duration::from_secs(4)), seconds, "{cached:?}");
        }
        assert_eq!(Cached::Playlist.max_age_s(Duration::from_secs(1)), 0);
    }
}
