//! Owncast features that Farcast does not have: Owncast's admin pages read and save all of them, so each is truthfully
//! reported as off.
//!
//! Turning one off, or leaving it empty, succeeds, so that pages can save; turning one on is refused with the reason.
//! Requests for its data return an empty list.

use farcast_api::{Reply, body, reply};
use serde_json::{Value, json};

/// A feature that is not there, by what sets it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Absent {
    Federation,
    FederationPrivate,
    FederationEngagement,
    FederationUsername,
    FederationMessage,
    FederationBlocks,
    FederationPost,
    FollowerApproval,
    Discord,
    Browser,
    Twitter,
    Javascript,
    SearchOptOut,
    VideoEndpoint,
    SocketHost,
    SlurFilter,
    ChatLogin,
    /// This one is always on: it cannot be turned off.
    SpamProtection,
}

use Absent as A;

/// The value of a feature's setting that means "off".
enum Off {
    False,
    True,
    EmptyText,
    EmptyList,
    /// A document whose `enabled` is not true.
    NotEnabled,
    /// Nothing is.
    Never,
}

impl Absent {
    fn off(self) -> Off {
        match self {
            A::Federation
            | A::FederationPrivate
            | A::FederationEngagement
            | A::SearchOptOut
            | A::SlurFilter
            | A::ChatLogin => Off::False,
            A::SpamProtection => Off::True,
            A::FederationUsername
            | A::FederationMessage
            | A::Javascript
            | A::VideoEndpoint
            | A::SocketHost => Off::EmptyText,
            A::FederationBlocks => Off::EmptyList,
            A::Discord | A::Browser | A::Twitter => Off::NotEnabled,
            A::FederationPost | A::FollowerApproval => Off::Never,
        }
    }

    /// The reason: the feature that Farcast lacks.
    fn reason(self) -> &'static str {
        match self {
            A::Federation
            | A::FederationPrivate
            | A::FederationEngagement
            | A::FederationUsername
            | A::FederationMessage
            | A::FederationBlocks
            | A::FederationPost
            | A::FollowerApproval => "Farcast has no federation",
            A::Discord => {
                "Farcast has no notifications to Discord: a webhook for STREAM_STARTED can make them"
            }
            A::Browser => "Farcast has no notifications of browsers",
            A::Twitter => "Farcast has no notifications to Twitter",
            A::Javascript => "Farcast has no custom JavaScript",
            A::SearchOptOut => "Farcast has no setting that search engines heed",
            A::VideoEndpoint => "Farcast has no other address for media: its edges serve it",
            A::SocketHost => "Farcast has no other host for the chat's sockets: its edges serve them",
            A::SlurFilter => "Farcast has no filter of slurs: forbidden usernames and moderators there are",
            A::ChatLogin => "Farcast has no login for the chat",
            A::SpamProtection => "Farcast's protection of the chat from floods is always on",
        }
    }
}

impl Off {
    /// True if a value means "off"; an error if it is of another type.
    fn is(&self, value: &Value) -> Result<bool, &'static str> {
        match (self, value) {
            (Self::False, Value::Bool(on)) => Ok(!on),
            (Self::True, Value::Bool(on)) => Ok(*on),
            (Self::False | Self::True, _) => Err("this needs true or false"),
            (Self::EmptyText, Value::String(text)) => Ok(text.trim().is_empty()),
            (Self::EmptyText, _) => Err("this needs a text"),
            (Self::EmptyList, Value::Array(items)) => Ok(items.is_empty()),
            // Owncast's page of 0.0.11 sends them as one text.
            (Self::EmptyList, Value::String(text)) => Ok(text.trim().is_empty()),
            (Self::EmptyList, _) => Err("this needs a list"),
            // Null is zero where Owncast's server reads a document.
            (Self::NotEnabled, Value::Null) => Ok(true),
            (Self::NotEnabled, Value::Object(members)) => match members.get("enabled") {
                None | Some(Value::Null | Value::Bool(false)) => Ok(true),
                Some(Value::Bool(true)) => Ok(false),
                Some(_) => Err("enabled is true or false"),
            },
            (Self::NotEnabled, _) => Err("this needs a document"),
            (Self::Never, _) => Ok(false),
        }
    }
}

/// Answers what sets a feature that is not there.
pub(super) fn set(what: Absent, body: &[u8]) -> Reply {
    let (off, reason) = (what.off(), what.reason());
    if matches!(off, Off::Never) {
        return reply::bad_request(reason);
    }
    let value = match body::json::<body::Value<Value>>(body) {
        Ok(body::Value { value }) => value,
        Err(problem) => return reply::bad_request(&format!("unable to parse new value: {problem}")),
    };
    match off.is(&value) {
        Ok(true) => reply::done(&format!("nothing to change: {reason}")),
        Ok(false) => reply::bad_request(reason),
        Err(problem) => reply::bad_request(&format!("unable to parse new value: {problem}")),
    }
}

/// The empty answers to requests for the data of a feature that Farcast does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Nothing {
    /// An empty list.
    List,
    /// An empty page of a list.
    Page,
    /// The statement that this server does not update itself.
    Updates,
}

pub(super) fn shown(what: Nothing) -> Reply {
    match what {
        Nothing::List => reply::ok(&json!([])),
        Nothing::Page => reply::ok(&json!({ "total": 0, "results": [] })),
        Nothing::Updates => reply::ok(&json!({ "supportsUpdate": false, "canRestart": false })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(what: Absent, value: &Value) -> (u16, String) {
        let reply = set(what, json!({ "value": value }).to_string().as_bytes());
        let answer: Value = serde_json::from_slice(reply.body()).unwrap();
        assert_eq!(answer["success"], json!(reply.status().is_success()));
        (reply.status().as_u16(), answer["message"].as_str().unwrap().to_owned())
    }

    #[test]
    fn what_is_not_there_can_be_turned_off_and_not_on() {
        let (on, off) = (json!(true), json!(false));
        for (what, on, off) in [
            (A::Federation, &on, &off),
            (A::FederationPrivate, &on, &off),
            (A::FederationEngagement, &on, &off),
            (A::SearchOptOut, &on, &off),
            (A::SlurFilter, &on, &off),
            (A::ChatLogin, &on, &off),
            (A::SpamProtection, &off, &on),
            (A::FederationUsername, &json!("ada"), &json!("")),
            (A::FederationMessage, &json!("We are live"), &json!(" \n")),
            (A::Javascript, &json!("alert(1)"), &json!("")),
            (A::VideoEndpoint, &json!("https://cdn.example"), &json!("")),
            (A::SocketHost, &json!("wss://chat.example"), &json!("")),
            (A::FederationBlocks, &json!(["evil.example"]), &json!([])),
            (
                A::Discord,
                &json!({ "enabled": true, "webhook": "https://a" }),
                &json!({ "enabled": false, "webhook": "" }),
            ),
            (A::Browser, &json!({ "enabled": true }), &json!({ "enabled": null, "goLiveMessage": null })),
            (A::Twitter, &json!({ "enabled": true }), &json!({})),
        ] {
            let (status, message) = answer(what, off);
            assert_eq!(status, 200, "{what:?}: {message}");
            let (status, message) = answer(what, on);
            assert!(status == 400 && message.starts_with("Farcast"), "{what:?}: {message}");
            for wrong in [json!(7), json!([{}, { "a": 1 }])] {
                assert_eq!(answer(what, &wrong).0, 400, "{what:?} {wrong}");
            }
            assert_eq!(set(what, b"{}").status(), 400, "{what:?} without a value");
            assert_eq!(set(what, b"nonsense").status(), 400, "{what:?}");
        }
    }

    #[test]
    fn null_is_off_where_owncasts_server_reads_a_document_and_no_value_elsewhere() {
        for what in [A::Discord, A::Browser, A::Twitter] {
            assert_eq!(answer(what, &Value::Null).0, 200, "{what:?}");
        }
        for what in [A::Federation, A::FederationUsername, A::FederationBlocks, A::Javascript, A::SlurFilter]
        {
            let (status, message) = answer(what, &Value::Null);
            assert!(status == 400 && message.starts_with("unable to parse"), "{what:?}: {message}");
        }
    }

    #[test]
    fn what_cannot_be_done_without_it_is_refused_whatever_comes() {
        for what in [A::FederationPost, A::FollowerApproval] {
            assert_eq!(answer(what, &json!("")), (400, "Farcast has no federation".to_owned()));
            assert_eq!(set(what, b"").status(), 400);
        }
    }
}
