//! Access tokens of bots and tools, as their owner makes and deletes them ([`crate::tokens`] keeps them).

use farcast_api::body::{self, OrZero, null_is_zero};
use farcast_api::{Reply, reply};
use farcast_chat::name;
use farcast_feed::time::WallTime;
use farcast_store::{Store, StoreError};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, from_value};

use super::shape::{NewToken, ShownToken};
use super::webhook::in_order;
use crate::tokens::{self, NotMade, Scope};

/// The mark after the shortened token in a list.
const ELLIPSIS: char = '…';

pub(super) async fn list(store: &Store) -> Result<Reply, StoreError> {
    let shown = tokens::all(store).await?.into_iter().map(|(_, token)| ShownToken::new(token, ELLIPSIS));
    Ok(reply::ok(&shown.collect::<Vec<_>>()))
}

#[derive(Deserialize)]
struct Wish {
    #[serde(deserialize_with = "null_is_zero")]
    name: String,
    #[serde(deserialize_with = "null_is_zero")]
    scopes: Vec<OrZero<String>>,
}

fn refused(error: &str) -> Reply {
    reply::problem(StatusCode::BAD_REQUEST, error)
}

/// Checks the name of a token.
///
/// # Errors
/// The fault, in one line.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    if !(1..=255).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err("a name has 1 to 255 characters, none of them control characters");
    }
    // It is who speaks in the chat.
    if !name::is_shown(name) {
        return Err(
            "a name has a character that can be seen, and none that cannot or that turns the direction of text",
        );
    }
    Ok(())
}

/// The scopes of a token, each once.
///
/// # Errors
/// The fault, in one line.
pub(crate) fn checked_scopes(scopes: impl IntoIterator<Item = String>) -> Result<Vec<Scope>, &'static str> {
    let scopes: Result<Vec<Scope>, _> =
        scopes.into_iter().map(|scope| from_value(Value::String(scope))).collect();
    match scopes {
        Ok(scopes) if !scopes.is_empty() => Ok(in_order(scopes)),
        _ => Err("one or more invalid scopes provided"),
    }
}

pub(super) async fn create(store: &Store, body: &[u8]) -> Result<Reply, StoreError> {
    let wish: Wish = match body::json(body) {
        Ok(wish) => wish,
        Err(what) => return Ok(refused(&what)),
    };
    if let Err(what) = check_name(&wish.name) {
        return Ok(refused(what));
    }
    let scopes = match checked_scopes(wish.scopes.into_iter().map(|OrZero(scope)| scope)) {
        Ok(scopes) => scopes,
        Err(what) => return Ok(refused(what)),
    };
    match tokens::create(store, wish.name, scopes, WallTime::now()).await {
        Ok((token, secret)) => Ok(reply::ok(&NewToken::new(token, secret))),
        Err(NotMade::Store(error)) => Err(error),
        Err(error) => Ok(refused(&error.to_string())),
    }
}

#[derive(Deserialize)]
struct Which {
    #[serde(default, deserialize_with = "null_is_zero")]
    token: String,
    #[serde(default, deserialize_with = "null_is_zero")]
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

#[cfg(test)]
mod tests {
    use farcast_store::memory::Memory;

    use super::*;

    fn json(reply: &Reply) -> Value {
        serde_json::from_slice(reply.body()).unwrap()
    }

    #[tokio::test]
    async fn scopes_are_listed_in_the_order_in_which_they_were_sent_each_once() {
        let (store, _) = Memory::store();
        let body = br#"{"name":"bot","scopes":["HAS_ADMIN_ACCESS","CAN_SEND_MESSAGES","HAS_ADMIN_ACCESS"]}"#;
        let sent = serde_json::json!(["HAS_ADMIN_ACCESS", "CAN_SEND_MESSAGES"]);
        assert_eq!(json(&create(&store, body).await.unwrap())["scopes"], sent);
        assert_eq!(json(&list(&store).await.unwrap())[0]["scopes"], sent);
    }

    #[tokio::test]
    async fn a_name_with_whole_emoji_is_taken_and_one_that_hides_something_is_not() {
        let (store, _) = Memory::store();
        let make = async |name: &str| {
            let body = serde_json::json!({ "name": name, "scopes": ["CAN_SEND_MESSAGES"] });
            create(&store, body.to_string().as_bytes()).await.unwrap()
        };
        for name in ["👩\u{200d}🚀 bot", "🏳\u{fe0f}\u{200d}🌈", "7\u{fe0f}\u{20e3}"] {
            assert_eq!(json(&make(name).await)["displayName"], name);
        }
        for name in ["\u{200b}", "ad\u{200d}min", "a\u{202e}b", "\u{2066}a"] {
            assert_eq!(make(name).await.status(), StatusCode::BAD_REQUEST, "{name:?}");
        }
    }

    #[tokio::test]
    async fn null_is_zero_which_is_no_name_no_scope_and_no_token() {
        let (store, _) = Memory::store();
        assert_eq!(list(&store).await.unwrap().body(), "[]\n");
        for (body, why) in [
            (r#"{"name":null,"scopes":["CAN_SEND_MESSAGES"]}"#, "a name has"),
            (r#"{"name":"a","scopes":null}"#, "invalid scopes"),
            (r#"{"name":"a","scopes":[null]}"#, "invalid scopes"),
        ] {
            let refused = json(&create(&store, body.as_bytes()).await.unwrap());
            assert!(refused["error"].as_str().unwrap().contains(why), "{body}: {refused}");
        }
        let refused = json(&delete(&store, br#"{"token":null,"id":null}"#).await.unwrap());
        assert_eq!(refused["error"], "must provide a token");
        let made = json(&create(&store, br#"{"name":"a","scopes":["CAN_SEND_MESSAGES"]}"#).await.unwrap());
        let by_value = serde_json::json!({ "token": made["accessToken"], "id": null });
        let deleted = delete(&store, by_value.to_string().as_bytes()).await.unwrap();
        assert_eq!(deleted.status(), StatusCode::OK);
    }
}
