//! Edges and the tokens with which they join, as their owner sees, makes and revokes them ([`farcast_link::roster`] keeps them).

use std::sync::Arc;
use std::time::Duration;

use farcast_api::body::{self, null_is_zero};
use farcast_api::time::Time;
use farcast_api::{Reply, reply};
use farcast_chat::name;
use farcast_feed::time::WallTime;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use farcast_link::roster::book::{NotAdded, Token, TokenState};
use farcast_link::roster::{Listed, Roster, RosterError};

/// Longest lifetime of a token that is made here, in seconds: a year.
const MAX_LIFETIME_S: u64 = 365 * 24 * 3600;

/// Lifetime of a token that is made without saying one, in seconds: a day.
const LIFETIME_S: u64 = 24 * 3600;

/// Longest label of a token, in characters.
const MAX_LABEL_CHARS: usize = 100;

/// The requests about edges and their join tokens that the roster answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    Edges,
    RevokeEdge,
    Tokens,
    CreateToken,
    RevokeToken,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownEdge {
    name: String,
    enrolled_at: Time,
    expires_at: Time,
    join_token: String,
    connected: bool,
    address: Option<String>,
    connected_at: Option<Time>,
    seen_at: Option<Time>,
    revoked_at: Option<Time>,
}

impl From<Listed> for ShownEdge {
    fn from(listed: Listed) -> Self {
        let Listed { name, edge, connected } = listed;
        Self {
            name,
            enrolled_at: Time(edge.enrolled_at),
            expires_at: Time(edge.expires_at),
            join_token: edge.token,
            connected: connected.is_some(),
            address: connected.map(|(address, _)| address.ip().to_canonical().to_string()),
            connected_at: connected.map(|(_, since)| Time(since)),
            seen_at: edge.seen_at.map(Time),
            revoked_at: edge.revoked_at.map(Time),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownToken {
    id: String,
    label: String,
    created_at: Time,
    expires_at: Option<Time>,
    max_uses: Option<u32>,
    uses: u32,
    state: TokenState,
    standing: bool,
    /// The whole of it, when it was made just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl ShownToken {
    fn new(token: Token, whole: Option<String>, now: WallTime) -> Self {
        Self {
            state: token.state(now),
            id: token.id,
            label: token.label,
            created_at: Time(token.created_at),
            expires_at: token.expires_at.map(Time),
            max_uses: token.max_uses,
            uses: token.uses,
            standing: token.standing,
            token: whole,
        }
    }
}

#[derive(Deserialize)]
struct Named {
    #[serde(default, deserialize_with = "null_is_zero")]
    name: String,
}

#[derive(Deserialize)]
struct Identified {
    #[serde(default, deserialize_with = "null_is_zero")]
    id: String,
    #[serde(default, deserialize_with = "null_is_zero")]
    edges: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    #[serde(default, deserialize_with = "null_is_zero")]
    label: String,
    #[serde(default)]
    lifetime_seconds: Option<u64>,
    #[serde(default)]
    max_uses: Option<u32>,
}

fn refused(error: &str) -> Reply {
    reply::problem(StatusCode::BAD_REQUEST, error)
}

fn failed(error: &RosterError, unknown: &str) -> Reply {
    match error {
        RosterError::NotAdded(NotAdded::Unknown) => reply::problem(StatusCode::NOT_FOUND, unknown),
        RosterError::NotAdded(error) => refused(&error.to_string()),
        error => {
            tracing::error!(%error, "the list of edges could not be changed");
            reply::unavailable("the list of edges cannot be written")
        }
    }
}

/// Answers; what blocks on the disk runs where it may. When the future is dropped a change may have been made.
pub(super) async fn answer(asked: Asked, roster: &Arc<Roster>, body: &[u8]) -> Reply {
    let (roster, body) = (Arc::clone(roster), body.to_vec());
    let answered = tokio::task::spawn_blocking(move || match asked {
        Asked::Edges => reply::ok(&roster.edges().into_iter().map(ShownEdge::from).collect::<Vec<_>>()),
        Asked::Tokens => tokens(&roster),
        Asked::RevokeEdge => revoke_edge(&roster, &body),
        Asked::CreateToken => create_token(&roster, &body),
        Asked::RevokeToken => revoke_token(&roster, &body),
    });
    answered.await.unwrap_or_else(|_| reply::unavailable("the origin is shutting down"))
}

fn tokens(roster: &Roster) -> Reply {
    let now = WallTime::now();
    let shown = roster.tokens().into_iter().map(|token| ShownToken::new(token, None, now));
    reply::ok(&shown.collect::<Vec<_>>())
}

fn revoke_edge(roster: &Roster, given: &[u8]) -> Reply {
    let Named { name } = match body::json(given) {
        Ok(wish) => wish,
        Err(what) => return refused(&what),
    };
    match roster.revoke_edge(&name, WallTime::now()) {
        Ok(token) => {
            tracing::warn!(
                edge = name,
                token,
                "an edge was revoked, and the join token that it enrolled with"
            );
            reply::done("revoked, with the join token that it enrolled with")
        }
        Err(error) => failed(&error, "there is no such edge"),
    }
}

fn create_token(roster: &Roster, given: &[u8]) -> Reply {
    let wish: Wish = match body::json(given) {
        Ok(wish) => wish,
        Err(what) => return refused(&what),
    };
    if wish.label.chars().count() > MAX_LABEL_CHARS || !(wish.label.is_empty() || name::is_shown(&wish.label))
    {
        return refused("label has at most 100 characters, all of which can be seen");
    }
    let lifetime_s = wish.lifetime_seconds.unwrap_or(LIFETIME_S);
    if !(1..=MAX_LIFETIME_S).contains(&lifetime_s) {
        return refused("lifetimeSeconds is 1 to 31536000");
    }
    if wish.max_uses == Some(0) {
        return refused("maxUses is at least 1");
    }
    let now = WallTime::now();
    match roster.add_token(&wish.label, Some(Duration::from_secs(lifetime_s)), wish.max_uses, now) {
        Ok((token, whole)) => {
            tracing::info!(token = token.id, "a join token was made");
            reply::ok(&ShownToken::new(token, Some(whole.to_string()), now))
        }
        Err(error) => failed(&error, "there is no such join token"),
    }
}

fn revoke_token(roster: &Roster, given: &[u8]) -> Reply {
    let Identified { id, edges } = match body::json(given) {
        Ok(wish) => wish,
        Err(what) => return refused(&what),
    };
    match roster.revoke_token(&id, edges, WallTime::now()) {
        Ok(()) => {
            tracing::info!(token = id, edges, "a join token was revoked");
            reply::done("revoked")
        }
        Err(error) => failed(&error, "there is no such join token"),
    }
}
