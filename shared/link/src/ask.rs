//! Questions of the origin to an edge: each a bidirectional stream of the origin's.

use serde::{Deserialize, Serialize};

/// Questions that an origin may have open at an edge.
pub const MAX_ASKS: u32 = 16;

/// Longest answer in bytes: some 50,000 connections of the chat.
pub const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Longest [`EdgeReport`] in bytes.
pub const MAX_REPORT_BYTES: usize = 4096;

/// Longest version of an edge that is shown, in characters.
const MAX_VERSION_CHARS: usize = 40;

/// A question: the first and only message of its stream. The answer is JSON, up to the end of the stream. New questions
/// are added at the end: an edge that does not know one does not answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// The connections of the chat: a list of `farcast_chat::Client`.
    Clients,
    /// Sends a message of the server to one connection of the chat. The answer says whether it is here.
    Tell {
        /// The connection's number.
        client: u64,
        /// Name of the server.
        name: String,
        /// The text; HTML that was made safe, at most 128 KiB.
        body: String,
    },
    /// The reports of playback: a `farcast_audience::playback::Summary`. An edge that does not know the question yet closes the
    /// stream without an answer.
    Playback,
    /// The state of the edge: an [`EdgeReport`].
    Report,
    /// The edge's metrics: Prometheus' text, as a JSON string.
    Metrics,
}

/// An edge's report about itself, for its owner. Nothing is decided by it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeReport {
    /// Version of its program.
    pub version: String,
    /// Current number of viewers.
    pub viewers: u32,
    /// Bytes of bodies that it has sent since it started.
    pub sent_bytes: u64,
    /// Number of the newest announcement about certificates that it follows; 0 of an edge that knows of none.
    #[serde(default)]
    pub announced: u64,
}

impl EdgeReport {
    /// The same without characters that cannot be shown: an edge may send any text.
    #[must_use]
    pub fn shown(self) -> Self {
        let version = self.version.chars().filter(char::is_ascii_graphic).take(MAX_VERSION_CHARS).collect();
        Self { version, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_edge_calls_its_version_is_short_and_can_be_shown() {
        let report = |version: &str| EdgeReport { version: version.to_owned(), ..EdgeReport::default() };
        assert_eq!(report("0.1.0").shown().version, "0.1.0");
        assert_eq!(report("\u{202e}<b>\n\0x").shown().version, "<b>x");
        assert_eq!(report(&"9".repeat(4000)).shown().version.len(), MAX_VERSION_CHARS);
    }

    #[test]
    fn a_report_with_numbers_beyond_all_measure_is_none() {
        let read = |json: &str| serde_json::from_str::<EdgeReport>(json);
        assert!(read(r#"{"version":"1","viewers":3,"sentBytes":4}"#).is_ok());
        for wrong in [
            r#"{"version":"1","viewers":-3,"sentBytes":4}"#,
            r#"{"version":"1","viewers":4294967296,"sentBytes":4}"#,
            r#"{"version":"1","viewers":3,"sentBytes":1e99}"#,
            r#"{"version":1,"viewers":3,"sentBytes":4}"#,
            "null",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
