//! Edges and the tokens with which they join, as their owner sees, makes and revokes them ([`farcast_link::roster`] keeps them).

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use farcast_api::body::{self, null_is_zero};
use farcast_api::time::Time;
use farcast_api::{Reply, percent_decoded, reply};
use farcast_chat::name;
use farcast_edge_directory::{Router, View, withdraw};
use farcast_feed::name::StreamName;
use farcast_feed::query::{Place, parameters};
use farcast_feed::time::WallTime;
use farcast_routing::{
    BaseUrl, Capacity, Carried, Coordinates, EdgeId, EdgeRecord, Level, Load, MAX_NAME_CHARS, Seen, State,
};
use farcast_settings::{EdgeOrders, Field, OperatorSettings};
use farcast_store::StoreError;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Managed;
use crate::join_command;

use farcast_link::JoinToken;
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
    Drain,
    Undrain,
    Rename,
    Explain,
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
    display_name: String,
    drained: bool,
    routing: Option<Routing>,
}

/// What an edge announces, as the origin judges it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Routing {
    state: State,
    level: Level,
    version: String,
    region: String,
    coordinates: Option<Coordinates>,
    urls: Vec<BaseUrl>,
    addresses: Vec<IpAddr>,
    capacity: Capacity,
    load: Load,
    channels: BTreeMap<StreamName, Carried>,
}

impl Routing {
    fn new(seen: &Seen, state: State) -> Self {
        let EdgeRecord { version, region, coordinates, urls, addresses, capacity, load, channels, .. } =
            EdgeRecord::clone(&seen.record);
        let level = seen.level;
        Self { state, level, version, region, coordinates, urls, addresses, capacity, load, channels }
    }
}

impl ShownEdge {
    fn new(listed: Listed, settings: &OperatorSettings, view: &View) -> Self {
        let Listed { name, edge, connected } = listed;
        let seen = EdgeId::new(&name).ok().and_then(|id| view.snapshot.edge(&id));
        let orders = settings.edges.get(&name).cloned().unwrap_or_default();
        let announced = seen.map(|seen| seen.record.shown_name().to_owned());
        let display_name = Some(orders.display_name).filter(|name| !name.is_empty()).or(announced);
        Self {
            display_name: display_name.unwrap_or_else(|| name.clone()),
            drained: orders.drained,
            routing: seen.map(|seen| Routing::new(seen, view.snapshot.state(seen, view.now()))),
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
    /// The line to paste on the edge, beside the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

impl ShownToken {
    fn new(token: Token, whole: Option<&JoinToken>, now: WallTime) -> Self {
        Self {
            state: token.state(now),
            id: token.id,
            label: token.label,
            created_at: Time(token.created_at),
            expires_at: token.expires_at.map(Time),
            max_uses: token.max_uses,
            uses: token.uses,
            standing: token.standing,
            token: whole.map(ToString::to_string),
            command: whole.map(join_command::line),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    #[serde(default, deserialize_with = "null_is_zero")]
    name: String,
    /// For a renaming only.
    #[serde(default, deserialize_with = "null_is_zero")]
    display_name: String,
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
///
/// # Errors
/// The store's.
pub(super) async fn answer(
    asked: Asked,
    managed: &Managed,
    query: Option<&str>,
    body: &[u8],
) -> Result<Reply, StoreError> {
    match asked {
        Asked::Edges => Ok(edges(managed)),
        Asked::Explain => Ok(explain(&managed.router, query.unwrap_or_default())),
        Asked::Drain => drain(managed, body, true).await,
        Asked::Undrain => drain(managed, body, false).await,
        Asked::Rename => rename(managed, body).await,
        Asked::RevokeEdge => revoke_edge(managed, body).await,
        Asked::Tokens => Ok(tokens(&managed.roster)),
        Asked::CreateToken => Ok(on_disk(managed, body, create_token).await),
        Asked::RevokeToken => Ok(on_disk(managed, body, revoke_token).await),
    }
}

async fn on_disk(managed: &Managed, body: &[u8], work: fn(&Roster, &[u8]) -> Reply) -> Reply {
    let (roster, body) = (Arc::clone(&managed.roster), body.to_vec());
    let done = tokio::task::spawn_blocking(move || work(&roster, &body)).await;
    done.unwrap_or_else(|_| reply::unavailable("the origin is shutting down"))
}

fn settings_of(managed: &Managed) -> Arc<OperatorSettings> {
    let known = managed.runtime.borrow();
    known.as_ref().map(|known| Arc::clone(&known.runtime)).unwrap_or_default()
}

fn edges(managed: &Managed) -> Reply {
    let (settings, view) = (settings_of(managed), managed.router.view());
    let listed = managed.roster.edges().into_iter();
    reply::ok(&listed.map(|listed| ShownEdge::new(listed, &settings, &view)).collect::<Vec<_>>())
}

fn explain(router: &Router, query: &str) -> Reply {
    let value = |wanted: &str| {
        let mut proper = parameters(query).filter(|(place, ..)| *place == Place::Proper);
        proper.find(|(_, name, _)| *name == wanted).map(|(.., value)| percent_decoded(value))
    };
    let Some(address) = value("ip").and_then(|ip| ip.parse::<IpAddr>().ok()) else {
        return refused("ip is an IPv4 or IPv6 address, such as 192.0.2.7");
    };
    let current = value("edge").and_then(|id| EdgeId::new(&id).ok());
    reply::ok(&router.explain(address.to_canonical(), current.as_ref()))
}

/// True if an edge of this name has joined and was not revoked.
fn has_joined(managed: &Managed, name: &str) -> bool {
    managed.roster.edges().iter().any(|listed| listed.name == name && listed.edge.revoked_at.is_none())
}

fn no_such_edge() -> Reply {
    reply::problem(StatusCode::NOT_FOUND, "there is no such edge")
}

/// Changes the orders to an edge. Those that say nothing any more are not kept.
async fn order(managed: &Managed, name: &str, change: impl Fn(&mut EdgeOrders)) -> Result<(), StoreError> {
    // Names that the roster has forgotten may be given again, to other edges.
    let known: HashSet<String> = managed.roster.edges().into_iter().map(|listed| listed.name).collect();
    let changed = |all: &mut BTreeMap<String, EdgeOrders>| {
        all.retain(|name, _| known.contains(name));
        let orders = all.entry(name.to_owned()).or_default();
        change(orders);
        if *orders == EdgeOrders::default() {
            all.remove(name);
        }
        Ok::<_, StoreError>(())
    };
    farcast_settings::update(&managed.store, Field("edges"), changed).await.map(drop)
}

async fn drain(managed: &Managed, given: &[u8], drained: bool) -> Result<Reply, StoreError> {
    let Named { name, .. } = match body::json(given) {
        Ok(wish) => wish,
        Err(what) => return Ok(refused(&what)),
    };
    if !has_joined(managed, &name) {
        return Ok(no_such_edge());
    }
    order(managed, &name, |orders| orders.drained = drained).await?;
    tracing::info!(edge = name, drained, "an edge was drained, or may take viewers again");
    Ok(reply::done(if drained { "its viewers are moved to other edges" } else { "it takes viewers again" }))
}

async fn rename(managed: &Managed, given: &[u8]) -> Result<Reply, StoreError> {
    let Named { name, display_name } = match body::json(given) {
        Ok(wish) => wish,
        Err(what) => return Ok(refused(&what)),
    };
    if !has_joined(managed, &name) {
        return Ok(no_such_edge());
    }
    let fits = display_name.chars().count() <= MAX_NAME_CHARS;
    if !fits || !(display_name.is_empty() || name::is_shown(&display_name)) {
        return Ok(refused("displayName has at most 80 characters, all of which can be seen"));
    }
    order(managed, &name, |orders| orders.display_name.clone_from(&display_name)).await?;
    Ok(reply::done("renamed"))
}

fn tokens(roster: &Roster) -> Reply {
    let now = WallTime::now();
    let shown = roster.tokens().into_iter().map(|token| ShownToken::new(token, None, now));
    reply::ok(&shown.collect::<Vec<_>>())
}

async fn revoke_edge(managed: &Managed, given: &[u8]) -> Result<Reply, StoreError> {
    let Named { name, .. } = match body::json(given) {
        Ok(wish) => wish,
        Err(what) => return Ok(refused(&what)),
    };
    let (roster, edge) = (Arc::clone(&managed.roster), name.clone());
    let revoked = tokio::task::spawn_blocking(move || roster.revoke_edge(&edge, WallTime::now())).await;
    let token = match revoked {
        Ok(Ok(token)) => token,
        Ok(Err(error)) => return Ok(failed(&error, "there is no such edge")),
        Err(_) => return Ok(reply::unavailable("the origin is shutting down")),
    };
    tracing::warn!(edge = name, token, "an edge was revoked, and the join token that it enrolled with");
    // It is out whatever becomes of these: viewers are led there until its record is silent for 20 seconds.
    let forgotten = async {
        order(managed, &name, |orders| *orders = EdgeOrders::default()).await?;
        match EdgeId::new(&name) {
            Ok(id) => withdraw(&managed.store, &id).await,
            Err(_) => Ok(()),
        }
    };
    if let Err(error) = forgotten.await {
        tracing::warn!(edge = name, %error, "the revoked edge's record could not be removed, it will count as lost");
    }
    Ok(reply::done("revoked, with the join token that it enrolled with"))
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
            reply::ok(&ShownToken::new(token, Some(&whole), now))
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
