//! Access tokens of bots and tools: kept as hashes, shown once.
//!
//! A token is 32 random bytes, so a plain SHA-256 is enough, and it is the key by which a token is found.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use farcast_shared::api::{Reply, body, reply};
use farcast_shared::store::wire::PRIVATE;
use farcast_shared::store::{Batch, Precondition, Record, Scan, Store, StoreError, Tuple, TypedKey, decode};
use farcast_shared::time::WallTime;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::shape::{NewToken, ShownToken};

/// Most tokens.
const MAX_TOKENS: usize = 1000;
/// Characters of a token that are kept in clear, to be told from others.
const SHOWN_CHARS: usize = 6;
/// What follows them in a list.
const ELLIPSIS: char = '…';
/// What a token may be for.
pub(super) const SCOPES: [&str; 3] = ["CAN_SEND_MESSAGES", "CAN_SEND_SYSTEM_MESSAGES", "HAS_ADMIN_ACCESS"];
/// Hues of a user's colour.
const HUES: std::ops::RangeInclusive<u16> = 0..=360;

/// A token as it is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    pub(super) id: String,
    /// Its first characters.
    pub(super) begins: String,
    pub(super) name: String,
    pub(super) color: u16,
    pub(super) created_at: WallTime,
    pub(super) scopes: Vec<String>,
    pub(super) last_used_at: Option<WallTime>,
}

impl Record for Token {
    const VERSION: u8 = 1;
}

fn prefix() -> Tuple {
    Tuple::new().text(PRIVATE).text("token")
}

fn key(token: &str) -> TypedKey<Token> {
    TypedKey::new(prefix().bytes(&Sha256::digest(token.as_bytes())).key())
}

async fn all(store: &Store) -> Result<Vec<(farcast_shared::store::Key, Token)>, StoreError> {
    let mut tokens = Vec::new();
    for (key, value) in store.scan_all(Scan::prefix(prefix().key()), MAX_TOKENS * 2).await? {
        match decode::<Token>(&value) {
            Ok(token) => tokens.push((key, token)),
            Err(error) => tracing::error!(%error, "an access token cannot be read"),
        }
    }
    tokens.sort_by(|(_, a), (_, b)| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(tokens)
}

pub(super) async fn list(store: &Store) -> Result<Reply, StoreError> {
    let shown = all(store).await?.into_iter().map(|(_, token)| ShownToken::new(token, ELLIPSIS));
    Ok(reply::ok(&shown.collect::<Vec<_>>()))
}

#[derive(Deserialize)]
struct Wish {
    name: String,
    scopes: Vec<String>,
}

fn refused(error: &str) -> Reply {
    reply::problem(StatusCode::BAD_REQUEST, error)
}

pub(super) async fn create(store: &Store, body: &[u8]) -> Result<Reply, StoreError> {
    let wish: Wish = match body::json(body) {
        Ok(wish) => wish,
        Err(what) => return Ok(refused(&what)),
    };
    let chars = wish.name.chars().count();
    if !(1..=255).contains(&chars) || wish.name.chars().any(char::is_control) {
        return Ok(refused("a name has 1 to 255 characters, none of them control characters"));
    }
    let mut scopes = wish.scopes;
    scopes.sort();
    scopes.dedup();
    if scopes.is_empty() || !scopes.iter().all(|scope| SCOPES.contains(&scope.as_str())) {
        return Ok(refused("one or more invalid scopes provided"));
    }
    let there = all(store).await?;
    if there.len() >= MAX_TOKENS {
        return Ok(refused(&format!("there are {MAX_TOKENS} tokens: delete one first")));
    }
    let secret = loop {
        let secret = URL_SAFE.encode(rand::random::<[u8; 32]>());
        let begins = &secret[..SHOWN_CHARS];
        // So that a list tells them apart.
        if !there.iter().any(|(_, token)| token.begins == begins) {
            break secret;
        }
    };
    let token = Token {
        id: URL_SAFE.encode(rand::random::<[u8; 6]>()),
        begins: secret[..SHOWN_CHARS].to_owned(),
        name: wish.name,
        color: rand::random_range(HUES),
        created_at: WallTime::now(),
        scopes,
        last_used_at: None,
    };
    let key = key(&secret);
    let batch = Batch::new().require(Precondition::Absent(key.key().clone())).put(&key, &token)?;
    store.commit(batch).await?;
    Ok(reply::ok(&NewToken::new(token, secret)))
}

#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    token: String,
    #[serde(default)]
    id: String,
}

/// Deletes a token that is named by itself, by its beginning as the list shows it, or by its id.
pub(super) async fn delete(store: &Store, body: &[u8]) -> Result<Reply, StoreError> {
    let which: Which = match body::json(body) {
        Ok(which) => which,
        Err(what) => return Ok(refused(&what)),
    };
    if which.token.is_empty() && which.id.is_empty() {
        return Ok(refused("must provide a token"));
    }
    let wanted = key(&which.token);
    let begins = which.token.strip_suffix(ELLIPSIS);
    let found: Vec<_> = all(store)
        .await?
        .into_iter()
        .filter(|(key, token)| match begins {
            _ if !which.id.is_empty() => token.id == which.id,
            Some(begins) => token.begins == begins,
            None => key == wanted.key(),
        })
        .collect();
    match &found[..] {
        [] => Ok(reply::problem(StatusCode::NOT_FOUND, "there is no such token")),
        [(key, _)] => {
            store.commit(Batch::new().clear(key.clone())).await?;
            Ok(reply::done("deleted token"))
        }
        _ => Ok(refused("several tokens begin so: name one by its id")),
    }
}
