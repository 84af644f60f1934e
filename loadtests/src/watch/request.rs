//! A viewer's requests, and what can go wrong with them.

use std::time::Duration;

use http::StatusCode;

use crate::check::reload::Asked;
use crate::http::connection::{Answer, Connection, HttpError, Keep};
use crate::http::url::Url;
use crate::playlist::Position;

/// Longest wait for an answer that does not block.
pub(super) const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// The first playlist, by the name that errors give it.
pub(super) const MULTIVARIANT: &str = "multivariant playlist";

/// The reason why a viewer starts again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("{what}: {error}")]
    Http { what: &'static str, error: HttpError },
    #[error("{what}: status {status}")]
    Status { what: &'static str, status: StatusCode },
    #[error("{what}: no playlist")]
    Unreadable { what: &'static str },
    #[error("{what}: not on the server of its playlist")]
    Elsewhere { what: &'static str },
    #[error("not on the air")]
    Waiting,
}

impl Trouble {
    /// True if the server has ended the connection in order before it took the request.
    pub(super) fn is_goodbye(&self) -> bool {
        matches!(self, Self::Http { error: HttpError::NotSent, .. })
    }

    /// True if the wait alone cost more than a player can afford to repeat.
    pub(super) fn is_timeout(&self) -> bool {
        matches!(self, Self::Http { error: HttpError::Deadline, .. })
    }
}

/// Where a viewer is: the Media Playlist of its variant on its Pathway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// ID of the Pathway.
    pub(super) pathway: String,
    /// True if the playlist is steered.
    pub(super) steered: bool,
    /// The Media Playlist.
    pub(super) url: Url,
}

impl Place {
    /// The Pathway to be counted; `None` without steering.
    pub(super) fn counted(&self) -> Option<&str> {
        self.steered.then_some(self.pathway.as_str())
    }

    /// Path and query of what the playlist refers to.
    pub(super) fn path_of(&self, reference: &str, what: &'static str) -> Result<String, Trouble> {
        let url = self.url.join(reference).map_err(|_| Trouble::Elsewhere { what })?;
        let here = url.secure == self.url.secure && url.authority() == self.url.authority();
        if here { Ok(url.path) } else { Err(Trouble::Elsewhere { what }) }
    }
}

/// Asks for something that must be there.
pub(super) async fn get(
    connection: &mut Connection,
    path: &str,
    keep: Keep,
    limit: Duration,
    what: &'static str,
) -> Result<Answer, Trouble> {
    let answer = connection.get(path, keep, limit).await.map_err(|error| Trouble::Http { what, error })?;
    match answer.status {
        StatusCode::OK => Ok(answer),
        StatusCode::NOT_FOUND | StatusCode::SERVICE_UNAVAILABLE if what == MULTIVARIANT => {
            Err(Trouble::Waiting)
        }
        status => Err(Trouble::Status { what, status }),
    }
}

/// The path of a Media Playlist with the directives of a request.
pub(super) fn query(path: &str, asked: Asked) -> String {
    // Directives in the order that the standard demands of clients (§6.2.5).
    let mark = if path.contains('?') { '&' } else { '?' };
    match (asked.position, asked.skip) {
        (None, false) => path.to_owned(),
        (None, true) => format!("{path}{mark}_HLS_skip=YES"),
        (Some(Position { msn, part }), false) => format!("{path}{mark}_HLS_msn={msn}&_HLS_part={part}"),
        (Some(Position { msn, part }), true) => {
            format!("{path}{mark}_HLS_msn={msn}&_HLS_part={part}&_HLS_skip=YES")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_in_the_demanded_order() {
        let position = Some(Position { msn: 3, part: 1 });
        assert_eq!(query("/p", Asked { position, skip: true }), "/p?_HLS_msn=3&_HLS_part=1&_HLS_skip=YES");
        assert_eq!(query("/p", Asked::default()), "/p");
        assert_eq!(query("/p?t=1", Asked { position: None, skip: true }), "/p?t=1&_HLS_skip=YES");
    }

    #[test]
    fn what_a_playlist_refers_to_is_on_its_server() {
        let url: Url = "http://h/hls/0/stream.m3u8?t=1".parse().unwrap();
        let place = Place { pathway: "a".to_owned(), steered: true, url };
        assert_eq!(place.path_of("1/2.m4s", "media").unwrap(), "/hls/0/1/2.m4s");
        assert!(place.path_of("https://h/x", "media").is_err());
    }
}
