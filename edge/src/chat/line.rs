//! The chat messages that users send: a JSON object per frame.

use serde::Deserialize;

/// A message of a user.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(tag = "type")]
pub enum Line {
    /// Sends a text.
    #[serde(rename = "CHAT")]
    Chat {
        /// The text: Markdown.
        body: String,
    },
    /// Wants another name.
    #[serde(rename = "NAME_CHANGE", rename_all = "camelCase")]
    NameChange {
        /// The new name.
        new_name: String,
    },
    /// Wants another colour.
    #[serde(rename = "COLOR_CHANGE", rename_all = "camelCase")]
    ColorChange {
        /// The new hue, in degrees.
        new_color: i64,
    },
}

/// The message of a frame; none if it is not a known one. Line breaks count as spaces, as in Owncast.
#[must_use]
pub fn parse(text: &str) -> Option<Line> {
    serde_json::from_str(&text.replace(['\n', '\r'], " ")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_all_else_is_ignored() {
        let chat = |body: &str| Some(Line::Chat { body: body.to_owned() });
        assert_eq!(parse(r#"{"type":"CHAT","body":"hi","id":7,"user":{"id":"forged"}}"#), chat("hi"));
        assert_eq!(parse("{\"type\":\"CHAT\",\"body\":\"a\nb\"}"), chat("a b"));
        assert_eq!(parse(r#"{"type":"CHAT","body":"a\nb"}"#), chat("a\nb"));
        let name = Some(Line::NameChange { new_name: "Ada".to_owned() });
        assert_eq!(parse(r#"{"type":"NAME_CHANGE","newName":"Ada"}"#), name);
        let color = Some(Line::ColorChange { new_color: 7 });
        assert_eq!(parse(r#"{"type":"COLOR_CHANGE","newColor":7}"#), color);
        assert_eq!(parse(r#"{"type":"COLOR_CHANGE","newColor":"red"}"#), None);
        for other in ["", "hello", "[]", r#"{"type":"PONG"}"#, r#"{"type":"CHAT"}"#, r#"{"body":"x"}"#] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
