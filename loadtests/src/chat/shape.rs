//! The required shape of a chat's events: Owncast's fields, read here without the edge's types.

use jiff::Timestamp;
use serde_json::Value;

/// Users of events: every field, and of what kind.
const USER: [(&str, Kind); 5] = [
    ("id", Kind::Text),
    ("displayName", Kind::Text),
    ("displayColor", Kind::Number),
    ("createdAt", Kind::Time),
    ("previousNames", Kind::Texts),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Text,
    Number,
    Flag,
    Time,
    Texts,
    /// An object with [`USER`]'s fields.
    User,
    /// An object with a `displayName`: the server speaks.
    Server,
    Null,
}

impl Kind {
    fn is(self, value: &Value) -> bool {
        match self {
            Self::Text => value.as_str().is_some_and(|text| !text.is_empty()),
            Self::Number => value.is_u64(),
            Self::Flag => value.is_boolean(),
            Self::Time => value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()),
            Self::Texts => value.as_array().is_some_and(|texts| texts.iter().all(Value::is_string)),
            Self::User => USER.iter().all(|(name, kind)| value.get(name).is_some_and(|v| kind.is(v))),
            Self::Server => value.get("displayName").is_some_and(Value::is_string),
            Self::Null => value.is_null(),
        }
    }
}

/// An event that was looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Its type; empty if it has none.
    pub kind: String,
    /// The public id of its user, if any.
    pub user: Option<String>,
    /// The fault.
    pub wrong: Vec<String>,
}

/// Looks at one JSON object.
#[must_use]
pub fn look(line: &[u8]) -> Event {
    let Ok(value @ Value::Object(_)) = serde_json::from_slice(line) else {
        let wrong = vec!["a line that is no JSON object".to_owned()];
        return Event { kind: String::new(), user: None, wrong };
    };
    let kind = value.get("type").and_then(Value::as_str).unwrap_or("").to_owned();
    let user = value.pointer("/user/id").and_then(Value::as_str).map(str::to_owned);
    let mut wrong = Vec::new();
    if kind.is_empty() {
        wrong.push("an event without a type".to_owned());
    }
    for (name, field) in fields(&kind) {
        let found = value.get(name);
        // Each field of a user by its name, so that the report says which.
        if *field == Kind::User && found.is_some_and(Value::is_object) {
            for (inner, field) in USER {
                if !found.and_then(|user| user.get(inner)).is_some_and(|value| field.is(value)) {
                    wrong.push(format!("{kind}: no good user.{inner}"));
                }
            }
        } else if !found.is_some_and(|value| field.is(value)) {
            wrong.push(format!("{kind}: no good {name}"));
        }
    }
    Event { kind, user, wrong }
}

/// The fields that an event of a type must have besides it. Unknown types must have none.
fn fields(kind: &str) -> &'static [(&'static str, Kind)] {
    match kind {
        "CONNECTED_USER_INFO" => &[("user", Kind::User)],
        "CHAT" => &[
            ("id", Kind::Text),
            ("timestamp", Kind::Time),
            ("user", Kind::User),
            ("body", Kind::Text),
            ("visible", Kind::Flag),
        ],
        "SYSTEM" => {
            &[("id", Kind::Text), ("timestamp", Kind::Time), ("user", Kind::Server), ("body", Kind::Text)]
        }
        "CHAT_ACTION" => &[("id", Kind::Text), ("timestamp", Kind::Time), ("body", Kind::Text)],
        "USER_JOINED" | "USER_PARTED" => {
            &[("id", Kind::Text), ("timestamp", Kind::Time), ("user", Kind::User)]
        }
        "NAME_CHANGE" => {
            &[("id", Kind::Text), ("timestamp", Kind::Time), ("user", Kind::User), ("oldName", Kind::Text)]
        }
        "VISIBILITY-UPDATE" => {
            &[("id", Kind::Text), ("timestamp", Kind::Time), ("ids", Kind::Texts), ("visible", Kind::Flag)]
        }
        "ERROR_USER_DISABLED" => &[("id", Kind::Text), ("timestamp", Kind::Time), ("user", Kind::Null)],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chat() -> Value {
        json!({
            "type": "CHAT", "id": "x", "timestamp": "2024-05-01T10:00:00.123456789+02:00", "body": "hello", "visible": true,
            "user": {
                "id": "u", "displayName": "n", "displayColor": 7, "createdAt": "2024-05-01T10:00:00Z",
                "previousNames": ["n"],
            },
        })
    }

    #[test]
    fn a_message_as_owncast_sends_it_is_good() {
        let event = look(chat().to_string().as_bytes());
        assert_eq!(event, Event { kind: "CHAT".to_owned(), user: Some("u".to_owned()), wrong: Vec::new() });
    }

    #[test]
    fn each_field_that_is_missing_or_of_another_kind_is_named() {
        for name in ["id", "timestamp", "body", "visible", "user"] {
            for value in [Value::Null, json!([3])] {
                let mut event = chat();
                event[name] = value;
                assert_eq!(look(event.to_string().as_bytes()).wrong, [format!("CHAT: no good {name}")]);
            }
        }
        for (name, _) in USER {
            for value in [Value::Null, json!({})] {
                let mut event = chat();
                event["user"][name] = value;
                assert_eq!(look(event.to_string().as_bytes()).wrong, [format!("CHAT: no good user.{name}")]);
            }
        }
        let mut event = chat();
        event["timestamp"] = json!("yesterday");
        assert_eq!(look(event.to_string().as_bytes()).wrong, ["CHAT: no good timestamp"]);
    }

    #[test]
    fn what_is_no_event_is_wrong_and_a_new_type_is_not() {
        for line in ["", "[]", "{", "\u{0}", "{}", "{\"type\":3}", "3"] {
            assert_eq!(look(line.as_bytes()).wrong.len(), 1, "{line}");
        }
        assert!(look(br#"{"type":"FEDIVERSE_ENGAGEMENT_LIKE"}"#).wrong.is_empty());
        assert!(
            !look(br#"{"type":"ERROR_USER_DISABLED","id":"a","timestamp":"x","user":{}}"#).wrong.is_empty()
        );
    }
}
