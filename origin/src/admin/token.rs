//! Access tokens of bots and tools, as their owner makes and deletes them ([`crate::tokens`] keeps them).

use farcast_shared::api::{Reply, body, reply};
use farcast_shared::store::{Store, StoreError};
use farcast_shared::time::WallTime;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, from_value};

use super::shape::{NewToken, ShownToken};
use crate::tokens::{self, NotMade, Scope};

/// What follows the beginning of a token in a list.
const ELLIPSIS: char = '…';

pub(super) async fn list(store: &Store) -> Result<Reply, StoreError> {
    let shown = tokens::all(store).await?.into_iter().map(|(_, token)| ShownToken::new(token, ELLIPSIS));
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
    let scopes: Result<Vec<Scope>, _> =
        wish.scopes.into_iter().map(|scope| from_value(Value::String(scope))).collect();
    let mut scopes = match scopes {
        Ok(scopes) if !scopes.is_empty() => scopes,
        _ => return Ok(refused("one or more invalid scopes provided")),
    };
    scopes.sort();
    scopes.dedup();
    match tokens::create(store, wish.name, scopes, WallTime::now()).await {
        Ok((token, secret)) => Ok(reply::ok(&NewToken::new(token, secret))),
        Err(NotMade::Store(error)) => Err(error),
        Err(error) => Ok(refused(&error.to_string())),
    }
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
    let wanted = tokens::place(&which.token);
    let begins = which.token.strip_suffix(ELLIPSIS);
    let found: Vec<_> = tokens::all(store)
        .await?
        .into_iter()
        .filter(|(place, token)| match begins {
            _ if !which.id.is_empty() => token.id == which.id,
            Some(begins) => token.begins == begins,
            None => *place == wanted,
        })
        .collect();
    match &found[..] {
        [] => Ok(missing()),
        [(place, token)] if tokens::delete(store, place, &token.name).await? => {
            Ok(reply::done("deleted token"))
        }
        [_] => Ok(missing()),
        _ => Ok(refused("several tokens begin so: name one by its id")),
    }
}

fn missing() -> Reply {
    reply::problem(StatusCode::NOT_FOUND, "there is no such token")
}
