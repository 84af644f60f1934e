//! Webhooks: making, showing and deleting them. [`crate::webhooks`] calls them.

use farcast_api::body::{self, OrZero, null_is_zero};
use farcast_api::time::Time;
use farcast_api::{Reply, reply};
use farcast_feed::time::WallTime;
use farcast_store::{Store, StoreError};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::address;
use super::shape::{NewWebhook, ShownWebhook};
use crate::http_client::Reach;
use crate::webhooks::{self, Delivery, EVENTS, NotTried, Refused, Trials};

/// Longest address in characters.
const MAX_URL_CHARS: usize = 2048;

pub(super) async fn list(store: &Store) -> Result<Reply, StoreError> {
    let shown: Vec<_> = webhooks::all(store).await?.into_iter().map(ShownWebhook::from).collect();
    Ok(reply::ok(&shown))
}

#[derive(Deserialize)]
struct Wish {
    #[serde(deserialize_with = "null_is_zero")]
    url: String,
    #[serde(deserialize_with = "null_is_zero")]
    events: Vec<OrZero<String>>,
}

fn refused(error: &str) -> Reply {
    reply::problem(StatusCode::BAD_REQUEST, error)
}

/// Checks a webhook that is to be made; returns its events, each once.
///
/// # Errors
/// The fault, in one line.
pub(crate) fn checked(
    url: &str,
    events: impl IntoIterator<Item = String>,
    reach: Reach,
) -> Result<Vec<String>, String> {
    if url.chars().count() > MAX_URL_CHARS {
        return Err(format!("an address has at most {MAX_URL_CHARS} characters"));
    }
    let host = address::web(url)?;
    // What names resolve to is looked at when they are called.
    if reach == Reach::Public && address::is_private(&host) {
        return Err(
            "this address is not of the public network: the setting webhook_private_addresses of the origin would permit it"
                .to_owned(),
        );
    }
    let events = in_order(events);
    if events.is_empty() || !events.iter().all(|event| EVENTS.contains(&event.as_str())) {
        return Err("one or more invalid event provided".to_owned());
    }
    Ok(events)
}

pub(super) async fn create(store: &Store, reach: Reach, body: &[u8]) -> Result<Reply, StoreError> {
    let Wish { url, events } = match body::json(body) {
        Ok(wish) => wish,
        Err(what) => return Ok(refused(&what)),
    };
    let events = match checked(&url, events.into_iter().map(|OrZero(event)| event), reach) {
        Ok(events) => events,
        Err(what) => return Ok(refused(&what)),
    };
    match webhooks::create(store, url, events, WallTime::now()).await {
        Ok(webhook) => Ok(reply::ok(&NewWebhook::from(webhook))),
        Err(too_many @ Refused::TooMany) => Ok(refused(&too_many.to_string())),
        Err(Refused::Store(error)) => Err(error),
    }
}

/// Each once, in the order in which they were sent: clients compare what they read with what they sent.
pub(super) fn in_order<T: PartialEq>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for item in items {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    once
}

/// A number, or a text of one: Owncast's description has the text, its server the number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

impl Default for Id {
    fn default() -> Self {
        Self::Number(0)
    }
}

#[derive(Deserialize)]
struct Which {
    #[serde(deserialize_with = "null_is_zero")]
    id: Id,
}

/// The id of a request's body.
fn id(body: &[u8]) -> Result<u64, String> {
    let id = match body::json::<Which>(body)?.id {
        Id::Number(id) => Some(id),
        Id::Text(text) => text.parse().ok(),
    };
    id.ok_or_else(|| "an id is a number".to_owned())
}

fn not_found(id: u64) -> Reply {
    reply::problem(StatusCode::NOT_FOUND, &format!("{id} not found"))
}

pub(super) async fn delete(store: &Store, trials: &Trials, body: &[u8]) -> Result<Reply, StoreError> {
    let id = match id(body) {
        Ok(id) => id,
        Err(what) => return Ok(refused(&what)),
    };
    if webhooks::delete(store, id).await? {
        trials.deliveries().forget(id);
        Ok(reply::done("deleted webhook"))
    } else {
        Ok(not_found(id))
    }
}

/// An attempt to tell a receiver, as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownDelivery {
    webhook: u64,
    time: Time,
    event: &'static str,
    attempt: u32,
    duration_ms: u64,
    error: Option<String>,
}

impl ShownDelivery {
    fn new(webhook: u64, delivery: Delivery) -> Self {
        let Delivery { at, event, attempt, took, error } = delivery;
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self { webhook, time: Time(at), event, attempt, duration_ms, error }
    }
}

/// The last deliveries of all webhooks, those of each the newest first.
pub(super) async fn deliveries(store: &Store, trials: &Trials) -> Result<Reply, StoreError> {
    let all = webhooks::all(store).await?;
    let shown = all.into_iter().map(|kept| kept.webhook.id).flat_map(|id| {
        let last = trials.deliveries().of(id).into_iter();
        last.map(move |delivery| ShownDelivery::new(id, delivery))
    });
    Ok(reply::ok(&shown.collect::<Vec<_>>()))
}

/// Sends one delivery now, and tells what came of it.
pub(super) async fn test(trials: &Trials, server_url: &str, body: &[u8]) -> Result<Reply, StoreError> {
    let id = match id(body) {
        Ok(id) => id,
        Err(what) => return Ok(refused(&what)),
    };
    match trials.run(id, server_url).await {
        Ok(delivery) => Ok(reply::ok(&ShownDelivery::new(id, delivery))),
        Err(NotTried::Unknown) => Ok(not_found(id)),
        Err(busy @ NotTried::Busy) => Ok(reply::unavailable(&busy.to_string())),
        Err(NotTried::Store(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use farcast_store::memory::Memory;
    use serde_json::Value;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::http_client::HttpClient;

    fn json(reply: &Reply) -> Value {
        serde_json::from_slice(reply.body()).unwrap()
    }

    fn trials(store: &Store, reach: Reach) -> Trials {
        let http = webhooks::Http::new(HttpClient::new(reach).unwrap());
        Trials::new(store.clone(), http, webhooks::Deliveries::default())
    }

    /// A receiver that answers each request with a status; returns its address and the requests that it got.
    async fn receiver(status: &'static str) -> (String, tokio::sync::mpsc::Receiver<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (tell, told) = tokio::sync::mpsc::channel(8);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                // The type is the last of the body.
                while !request.ends_with(b"\"type\":\"TEST\"}") {
                    let mut room = [0; 4096];
                    let read = stream.read(&mut room).await.unwrap();
                    assert!(read > 0, "the request breaks off");
                    request.extend_from_slice(&room[..read]);
                }
                tell.send(String::from_utf8(request).unwrap()).await.unwrap();
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (url, told)
    }

    #[tokio::test]
    async fn a_test_is_sent_signed_and_what_came_back_is_told_and_listed() {
        let (store, _) = Memory::store();
        let trials = trials(&store, Reach::Anywhere);
        for (status, error) in [("204 No Content", Value::Null), ("503 Busy", "status 503".into())] {
            let (url, mut told) = receiver(status).await;
            let id = json(&make(&store, Reach::Anywhere, &url).await)["id"].clone();
            let wish = format!(r#"{{"id":{id}}}"#);
            let tried = test(&trials, "https://live.example.org", wish.as_bytes()).await.unwrap();
            assert_eq!(tried.status(), StatusCode::OK);
            let tried = json(&tried);
            assert_eq!(
                (&tried["error"], &tried["event"], &tried["attempt"]),
                (&error, &"TEST".into(), &1.into())
            );
            let request = told.recv().await.unwrap();
            for part in ["webhook-signature: v1,", "webhook-id: test-", "\"type\":\"TEST\""] {
                assert!(request.contains(part), "{request}");
            }
            let listed = json(&deliveries(&store, &trials).await.unwrap());
            let last = listed.as_array().unwrap().last().unwrap();
            assert_eq!((last, &last["webhook"]), (&tried, &id));
        }
        let unknown = test(&trials, "", br#"{"id":99}"#).await.unwrap();
        assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
        delete(&store, &trials, br#"{"id":1}"#).await.unwrap();
        assert_eq!(json(&deliveries(&store, &trials).await.unwrap()).as_array().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_test_reaches_nothing_that_webhooks_may_not() {
        let (store, _) = Memory::store();
        let (url, mut told) = receiver("204 No Content").await;
        // Made while that was permitted.
        make(&store, Reach::Anywhere, &url).await;
        let tried = test(&trials(&store, Reach::Public), "", br#"{"id":1}"#).await.unwrap();
        assert!(json(&tried)["error"].as_str().unwrap().contains("public"), "{tried:?}");
        assert!(told.try_recv().is_err());
    }

    async fn make(store: &Store, reach: Reach, url: &str) -> Reply {
        let body = format!(r#"{{"url":"{url}","events":["CHAT"]}}"#);
        create(store, reach, body.as_bytes()).await.unwrap()
    }

    #[tokio::test]
    async fn a_secret_is_shown_when_a_webhook_is_made_and_never_again() {
        let (store, _) = Memory::store();
        let made = json(&make(&store, Reach::Public, "https://bot.example.org/hook").await);
        let secret = made["secret"].as_str().unwrap();
        assert!(secret.starts_with("whsec_"));
        assert_eq!((&made["id"], &made["lastUsed"]), (&Value::from(1), &Value::Null));
        let listed = list(&store).await.unwrap();
        assert!(!String::from_utf8_lossy(listed.body()).contains("whsec_"));
        let listed = json(&listed);
        assert_eq!((&listed[0]["id"], &listed[0]["url"]), (&made["id"], &made["url"]));
        for absent in ["secret", "disabledAt", "disabledReason", "failure"] {
            assert_eq!(listed[0].get(absent), None, "{absent}");
        }
    }

    #[tokio::test]
    async fn events_are_listed_in_the_order_in_which_they_were_sent_each_once() {
        let (store, _) = Memory::store();
        let body = br#"{"url":"https://a.example.org","events":["STREAM_STOPPED","CHAT","STREAM_STOPPED","NAME_CHANGE"]}"#;
        let made = json(&create(&store, Reach::Public, body).await.unwrap());
        let sent = serde_json::json!(["STREAM_STOPPED", "CHAT", "NAME_CHANGE"]);
        assert_eq!(made["events"], sent);
        assert_eq!(json(&list(&store).await.unwrap())[0]["events"], sent);
    }

    #[tokio::test]
    async fn null_is_zero_which_is_no_address_no_event_and_no_webhook() {
        let (store, _) = Memory::store();
        for (body, why) in [
            (r#"{"url":null,"events":["CHAT"]}"#, "no http or https URL"),
            (r#"{"url":"https://a.example.org","events":null}"#, "invalid event"),
            (r#"{"url":"https://a.example.org","events":[null]}"#, "invalid event"),
        ] {
            let refused = create(&store, Reach::Public, body.as_bytes()).await.unwrap();
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{body}");
            assert!(json(&refused)["error"].as_str().unwrap().contains(why), "{body}");
        }
        let trials = trials(&store, Reach::Public);
        let none = delete(&store, &trials, br#"{"id":null}"#).await.unwrap();
        assert_eq!((none.status(), &json(&none)["error"]), (StatusCode::NOT_FOUND, &"0 not found".into()));
        assert_eq!(delete(&store, &trials, b"{}").await.unwrap().status(), StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn addresses_of_no_public_network_are_refused_unless_they_are_permitted() {
        let (store, _) = Memory::store();
        for url in [
            "http://127.0.0.1:9/",
            "http://localhost/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/latest/meta-data",
            "https://db.internal/",
        ] {
            let refused = make(&store, Reach::Public, url).await;
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{url}");
            assert!(json(&refused)["error"].as_str().unwrap().contains("webhook_private_addresses"));
            assert_eq!(make(&store, Reach::Anywhere, url).await.status(), StatusCode::OK, "{url}");
        }
    }
}
