//! Access tokens of bots and tools: kept as hashes, shown once.
//!
//! A token is 32 random bytes, so a plain SHA-256 is enough, and it is the key by which a token is found. The names of all
//! tokens are a setting that edges read (`reservedUsernames`): nobody in the chat may take them. It is a list with as many
//! entries as there are tokens, changed in the batch that adds or removes one, so that it always fits them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use farcast_chat::User;
use farcast_chat::user::new_token;
use farcast_feed::time::WallTime;
use farcast_settings::Field;
use farcast_store::wire::PRIVATE;
use farcast_store::{
    Batch, Items, Key, Precondition, Record, Scan, Store, StoreError, Stored, Tuple, TypedKey, decode, encode,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Most tokens.
pub(crate) const MAX_TOKENS: usize = 1000;
/// Characters of a token that are kept in clear, to tell it from others.
pub(crate) const SHOWN_CHARS: usize = 6;
/// Longest token in bytes that is looked for.
const MAX_TOKEN_BYTES: usize = 255;
/// Bytes that the names of all tokens may have together: with their quotes they fit a value of the store.
const MAX_NAMES_BYTES: usize = 90_000;
/// Interval at which the use of a token is noted.
const USED_EVERY: Duration = Duration::from_secs(60);
/// Tries of a change that others keep overtaking.
const TRIES: u32 = 64;
/// Hues of a token's colour.
const HUES: std::ops::RangeInclusive<u16> = 0..=360;

const NAMES: Field = Field("reservedUsernames");

/// The scopes of a token. No scope contains another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Scope {
    /// Write in the chat, in its own name.
    CanSendMessages,
    /// Write in the chat in the name of the server.
    CanSendSystemMessages,
    /// Use a part of the admin API.
    HasAdminAccess,
}

impl Scope {
    /// Its name in the API.
    pub(crate) fn name(self) -> String {
        let name = serde_json::to_value(self).ok();
        name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// A token as it is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Token {
    pub(crate) id: String,
    /// Its first characters.
    pub(crate) begins: String,
    pub(crate) name: String,
    pub(crate) color: u16,
    pub(crate) created_at: WallTime,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) last_used_at: Option<WallTime>,
}

impl Record for Token {
    const VERSION: u8 = 1;
}

impl Token {
    /// The author of the token's messages in the chat.
    pub(crate) fn user(&self) -> User {
        User {
            id: self.id.clone(),
            display_name: self.name.clone(),
            display_color: self.color,
            created_at: self.created_at,
            previous_names: vec![self.name.clone()],
            name_changed_at: None,
            disabled_at: None,
            is_moderator: false,
            is_bot: true,
            revision: 0,
        }
    }
}

/// The token of a request.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    key: Key,
    stored: Stored<Token>,
}

impl Held {
    pub(crate) fn token(&self) -> &Token {
        &self.stored.record
    }

    /// The precondition of everything that is done with it: it was not deleted in the meantime.
    pub(crate) fn is_there(&self) -> Precondition {
        Precondition::Present(self.key.clone())
    }
}

/// The reason why a token was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotMade {
    #[error("there are {MAX_TOKENS} tokens: delete one first")]
    TooMany,
    #[error("the names of all tokens have more than {MAX_NAMES_BYTES} bytes: delete one first")]
    NamesTooLong,
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn prefix() -> Tuple {
    Tuple::new().text(PRIVATE).text("token")
}

fn key(secret: &str) -> TypedKey<Token> {
    TypedKey::new(prefix().bytes(&Sha256::digest(secret.as_bytes())).key())
}

/// The key of a token, by the token itself.
pub(crate) fn place(secret: &str) -> Key {
    key(secret).key().clone()
}

/// The key of a token, by its hash as a user's is written: SHA-256 in URL-safe Base64 without padding.
pub(crate) fn place_of(hash: &str) -> Option<Key> {
    let hash = URL_SAFE_NO_PAD.decode(hash).ok().filter(|hash| hash.len() == 32)?;
    Some(prefix().bytes(&hash).key())
}

/// The hash of a token, by its key: what [`place_of`] reads.
pub(crate) fn hash_of(place: &Key) -> Option<String> {
    let hash = Items::behind(&prefix().key(), place).and_then(|mut items| items.bytes()).ok()?;
    Some(URL_SAFE_NO_PAD.encode(hash))
}

/// A batch that adds tokens whose secrets others know, each at its place, and reserves their names. None if there is nothing
/// to add, or if the names of all tokens would be too long to be kept.
///
/// # Errors
/// When the store fails.
pub(crate) async fn adding(store: &Store, new: &[(Key, Token)]) -> Result<Option<Batch>, StoreError> {
    let (mut names, unchanged) = farcast_settings::read::<Vec<String>>(store, NAMES).await?;
    names.extend(new.iter().map(|(_, token)| token.name.clone()));
    if new.is_empty() || serde_json::to_string(&names).map_or(usize::MAX, |text| text.len()) > MAX_NAMES_BYTES
    {
        return Ok(None);
    }
    let mut batch = Batch::new().require(unchanged);
    for (place, token) in new {
        batch = batch.require(Precondition::Absent(place.clone())).set(place.clone(), encode(token)?);
    }
    farcast_settings::change(batch, NAMES, &names).map(Some)
}

/// All tokens with their places, the oldest first.
pub(crate) async fn all(store: &Store) -> Result<Vec<(Key, Token)>, StoreError> {
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

/// The token that somebody shows, if it is one.
pub(crate) async fn find(store: &Store, secret: &str) -> Result<Option<Held>, StoreError> {
    if secret.is_empty() || secret.len() > MAX_TOKEN_BYTES {
        return Ok(None);
    }
    let key = key(secret);
    let found = store.load(&key).await?;
    Ok(found.map(|stored| Held { key: key.key().clone(), stored }))
}

/// Notes that a token was used, once a minute. One that was deleted in the meantime stays so.
pub(crate) async fn used(store: &Store, held: Held, now: WallTime) {
    let Held { key, stored: Stored { mut record, bytes } } = held;
    if record.last_used_at.is_some_and(|at| now.since(at) < USED_EVERY) {
        return;
    }
    record.last_used_at = Some(now);
    let noted = match encode(&record) {
        Ok(value) => {
            let unchanged = Precondition::Equals(key.clone(), bytes);
            store.commit(Batch::new().require(unchanged).set(key, value)).await.map(drop)
        }
        Err(error) => Err(error),
    };
    match noted {
        // Somebody else noted it, or deleted the token.
        Ok(()) | Err(StoreError::Precondition { .. }) => {}
        Err(error) => tracing::debug!(%error, "the use of an access token is not noted"),
    }
}

/// Makes a token; returns it with its secret, which is kept by nobody.
pub(crate) async fn create(
    store: &Store,
    name: String,
    scopes: Vec<Scope>,
    now: WallTime,
) -> Result<(Token, String), NotMade> {
    for _ in 0..TRIES {
        let (mut names, unchanged) = farcast_settings::read::<Vec<String>>(store, NAMES).await?;
        let there = all(store).await?;
        if there.len() >= MAX_TOKENS {
            return Err(NotMade::TooMany);
        }
        names.push(name.clone());
        if serde_json::to_string(&names).map_or(usize::MAX, |text| text.len()) > MAX_NAMES_BYTES {
            return Err(NotMade::NamesTooLong);
        }
        let secret = new_token();
        let begins = &secret[..SHOWN_CHARS];
        // So that a list tells them apart.
        if there.iter().any(|(_, token)| token.begins == begins) {
            continue;
        }
        let token = Token {
            id: URL_SAFE.encode(rand::random::<[u8; 6]>()),
            begins: begins.to_owned(),
            name: name.clone(),
            color: rand::random_range(HUES),
            created_at: now,
            scopes: scopes.clone(),
            last_used_at: None,
        };
        let key = key(&secret);
        let absent = Precondition::Absent(key.key().clone());
        let batch = Batch::new().require(unchanged).require(absent).put(&key, &token)?;
        match store.commit(farcast_settings::change(batch, NAMES, &names)?).await {
            Err(StoreError::Precondition { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok((token, secret)),
        }
    }
    Err(busy().into())
}

/// Deletes a token; whether it was there.
pub(crate) async fn delete(store: &Store, place: &Key, name: &str) -> Result<bool, StoreError> {
    for _ in 0..TRIES {
        let (mut names, unchanged) = farcast_settings::read::<Vec<String>>(store, NAMES).await?;
        if let Some(index) = names.iter().position(|there| there == name) {
            names.remove(index);
        }
        let there = Precondition::Present(place.clone());
        let batch = Batch::new().require(there).require(unchanged).clear(place.clone());
        match store.commit(farcast_settings::change(batch, NAMES, &names)?).await {
            Err(StoreError::Precondition { index: 0 }) => return Ok(false),
            Err(StoreError::Precondition { .. }) => {}
            done => return done.map(|_| true),
        }
    }
    Err(busy())
}

/// Reserves the names of the tokens that were made before names were reserved. Before anything else is done with tokens.
pub(crate) async fn reserve_names(store: &Store) -> Result<(), StoreError> {
    let of_tokens: Vec<_> = all(store).await?.into_iter().map(|(_, token)| token.name).collect();
    let (mut sorted, mut bytes) = (of_tokens.clone(), 0);
    sorted.sort();
    let fits = |name: &String| {
        bytes += serde_json::to_string(name).map_or(usize::MAX, |text| text.len() + 1);
        bytes <= MAX_NAMES_BYTES
    };
    let names: Vec<_> = of_tokens.into_iter().filter(fits).collect();
    farcast_settings::update(store, NAMES, |reserved: &mut Vec<String>| {
        let mut there = reserved.clone();
        there.sort();
        if there != sorted {
            reserved.clone_from(&names);
        }
        Ok(())
    })
    .await
    .map(drop)
}

fn busy() -> StoreError {
    StoreError::Unavailable("others change the access tokens all the time".to_owned())
}
