//! Endpoints of later versions of Owncast for features that Farcast does not have: federation, notifications, logins for
//! the chat, scripts of operators. Their clients call them all the same, so each is answered as those versions do while
//! the feature is switched off: lists are empty, actions are refused with a text that says why.

use farcast_api::{Reply, reply};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

/// A player's measurements. They are checked, so that a mistaken client gets an error, and not kept.
const MEASURED: [&str; 5] = ["bandwidth", "latency", "errors", "downloadDuration", "qualityVariantChanges"];

/// A page of a list.
#[derive(Serialize)]
struct Listed {
    total: u32,
    results: [(); 0],
}

/// `GET /api/followers`: nobody can follow.
pub(super) fn followers() -> Reply {
    reply::ok(&Listed { total: 0, results: [] })
}

/// `POST /api/remotefollow`.
pub(super) fn remote_follow() -> Reply {
    reply::bad_request("this server is not part of the fediverse and cannot be followed there")
}

/// `POST /api/notifications/register`.
pub(super) fn notifications() -> Reply {
    reply::bad_request("notifications are switched off on this server")
}

/// `POST /api/auth/indieauth`, and its way back.
pub(super) fn indie_auth() -> Reply {
    reply::bad_request("IndieAuth is switched off on this server")
}

/// `POST /api/auth/fediverse`.
pub(super) fn fediverse() -> Reply {
    reply::bad_request("logins by the fediverse are switched off on this server")
}

/// `POST /api/auth/fediverse/verify`: no code was ever sent, so none is right.
pub(super) fn fediverse_code() -> Reply {
    reply::refused(StatusCode::FORBIDDEN, "no such code was sent: logins by the fediverse are switched off")
}

/// `GET /customjavascript`: operators cannot add scripts, whose right to run the page's policy would not give anyway.
pub(super) fn script() -> Reply {
    reply::with_body(StatusCode::OK, "text/javascript; charset=utf-8", "")
}

/// `POST /api/metrics/playback`: taken, with an empty answer.
pub(super) fn playback(given: &[u8]) -> Reply {
    let measured = serde_json::from_slice::<Map<String, Value>>(given);
    let is_number = |value: &Value| value.is_number() || value.is_null();
    match measured {
        Ok(all) if MEASURED.iter().all(|name| all.get(*name).is_none_or(is_number)) => {
            reply::empty(StatusCode::OK)
        }
        _ => reply::bad_request("an object of numbers is expected here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_player_measured_is_numbers() {
        for taken in [
            "{}",
            r#"{"bandwidth":4200.5,"latency":0,"errors":1,"downloadDuration":0.2,"qualityVariantChanges":3}"#,
            r#"{"bandwidth":null,"more":"x"}"#,
        ] {
            let reply = playback(taken.as_bytes());
            assert!(reply.status() == StatusCode::OK && reply.body().is_empty(), "{taken}");
        }
        for refused in ["", "[]", "[1,2]", "null", "7", "{", r#"{"errors":"1"}"#, r#"{"latency":[]}"#] {
            assert_eq!(playback(refused.as_bytes()).status(), StatusCode::BAD_REQUEST, "{refused}");
        }
    }
}
