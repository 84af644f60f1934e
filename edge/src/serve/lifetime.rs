//! How long caches may keep a response (RFC 8216bis appendix B.1), in target durations.

use std::time::Duration;

/// What a response is, as far as caches care.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cached {
    /// A playlist that answers what was asked for and nothing later: it will never change under its URL.
    BlockingPlaylist,
    /// The answer to a blocking request that is an error.
    BlockingError,
    /// A playlist as it is now.
    Playlist,
    /// A playlist that is not to be had.
    PlaylistError,
    /// An object, which never changes.
    Object,
    /// An object that is not to be had.
    ObjectError,
}

impl Cached {
    /// `max-age` in whole seconds, rounded down: half a target duration of one second is none.
    pub(super) fn max_age_s(self, target_duration: Duration) -> u64 {
        let lifetime = match self {
            Self::BlockingPlaylist | Self::Object => target_duration * 6,
            Self::BlockingError => target_duration * 4,
            Self::Playlist => target_duration / 2,
            Self::PlaylistError | Self::ObjectError => target_duration,
        };
        lifetime.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_those_of_the_profile() {
        let lifetimes = [
            (Cached::BlockingPlaylist, 24),
            (Cached::BlockingError, 16),
            (Cached::Playlist, 2),
            (Cached::PlaylistError, 4),
            (Cached::Object, 24),
            (Cached::ObjectError, 4),
        ];
        for (cached, seconds) in lifetimes {
            assert_eq!(cached.max_age_s(Duration::from_secs(4)), seconds, "{cached:?}");
        }
        assert_eq!(Cached::Playlist.max_age_s(Duration::from_secs(1)), 0);
    }
}
