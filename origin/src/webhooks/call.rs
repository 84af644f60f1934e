//! One attempt to tell a receiver of one event.
//!
//! A receiver that has moved may send on (307, 308: RFC 9110 §15.4.8, §15.4.9): the same POST goes to where it says, with the
//! same signature, which is of this body alone and is worth nothing for another. Each address is looked at as the first one
//! is, so no redirect leads into a private network; none leads from https to http. Other redirects would lose the body.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use farcast_chat::{Entry, shape};
use farcast_feed::time::WallTime;
use farcast_store::Versionstamp;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{HeaderMap, Request, StatusCode, Uri};
use jiff::fmt::rfc2822;
use serde_json::json;
use tokio::time::Instant;
use url::Url;

use super::failure::{Failure, Reason};
use super::record::Webhook;
use crate::http_client::{HttpClient, HttpClientError, Limits};

/// The limits of an answer, redirects included. Its body is not read.
const LIMITS: Limits = Limits { deadline: Duration::from_secs(5), body_bytes: 64 * 1024 };

/// Most redirects in a row: http to https, and a name to another, and one to spare.
const MAX_REDIRECTS: usize = 3;

/// Longest address that is sent on to, as an address of a webhook.
const MAX_LOCATION_BYTES: usize = 2048;

/// Standard Webhooks 1.0.0, "Webhook headers".
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// The request to a receiver: the same at every attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Call {
    /// The event's id, by which receivers recognise one that they have got already; the same for all webhooks.
    pub(super) id: String,
    /// Its name among the events.
    pub(super) event: &'static str,
    /// JSON.
    pub(super) body: Bytes,
}

impl Call {
    /// The request for an entry, if webhooks get it.
    pub(super) fn new(at: Versionstamp, entry: &Entry, server_url: &str) -> Option<Self> {
        let (event, mut data) = shape::webhook(entry)?;
        // Owncast 0.3 has it beside the fields of the event.
        data["serverURL"] = json!(server_url);
        let body = json!({ "type": event, "eventData": data }).to_string().into();
        Some(Self { id: id(at, entry), event, body })
    }
}

/// An entry's id. For one that cannot be in a header or be signed (a full stop would move the signed text) its place.
fn id(at: Versionstamp, entry: &Entry) -> String {
    let fits = |id: &str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if fits(&entry.id) {
        entry.id.clone()
    } else {
        at.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The sender of attempts; tests have their own.
pub(super) trait Caller: Send + Sync + 'static {
    /// Calls a receiver, once. When the future is dropped the request may have arrived.
    fn call(
        &self,
        webhook: &Webhook,
        call: &Call,
        now: WallTime,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Attempts over HTTP.
#[derive(Clone, Debug)]
pub struct Http(HttpClient);

impl Http {
    /// Attempts of this client.
    #[must_use]
    pub fn new(client: HttpClient) -> Self {
        Self(client)
    }
}

impl Caller for Http {
    async fn call(&self, webhook: &Webhook, call: &Call, now: WallTime) -> Result<(), Failure> {
        let mut request = request(webhook, call, now)
            .ok_or_else(|| Failure::new(Reason::Address, "its address is not one of http or https"))?;
        let until = Instant::now() + LIMITS.deadline;
        for _ in 0..=MAX_REDIRECTS {
            let limits = Limits { deadline: until.saturating_duration_since(Instant::now()), ..LIMITS };
            let head = match self.0.send_for_head(request.clone(), limits).await {
                Ok(head) => head,
                // However little was left of it.
                Err(HttpClientError::Deadline(_)) => {
                    let late = HttpClientError::Deadline(LIMITS.deadline);
                    return Err(Failure::new(reason(&late), late.to_string()));
                }
                Err(error) => return Err(Failure::new(reason(&error), error.to_string())),
            };
            let sends_on =
                matches!(head.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            if !sends_on {
                return judge(head.status, &head.headers, now);
            }
            *request.uri_mut() = sent_on(request.uri(), &head.headers).map_err(|why| {
                Failure::new(Reason::Redirect, format!("status {}: {why}", head.status.as_u16()))
            })?;
        }
        Err(Failure::new(Reason::Redirect, format!("it sends on more than {MAX_REDIRECTS} times")))
    }
}

/// The target of a redirect.
fn sent_on(from: &Uri, headers: &HeaderMap) -> Result<Uri, &'static str> {
    let no_address = "it sends on to no address";
    let to = headers.get(LOCATION).and_then(|to| to.to_str().ok()).ok_or(no_address)?;
    if to.len() > MAX_LOCATION_BYTES {
        return Err(no_address);
    }
    let from = Url::parse(&from.to_string()).map_err(|_| no_address)?;
    let mut to = from.join(to).map_err(|_| no_address)?;
    to.set_fragment(None);
    if !matches!(to.scheme(), "http" | "https") || !to.has_host() {
        return Err("it sends on to an address that is not one of http or https");
    }
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err("it sends on from https to http, where anybody could read what is told");
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Err("it sends on to an address with a login in it");
    }
    to.as_str().parse().map_err(|_| no_address)
}

fn request(webhook: &Webhook, call: &Call, now: WallTime) -> Option<Request<Bytes>> {
    let timestamp_s = now.0 / 1_000_000;
    let mut request = Request::new(call.body.clone());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = webhook.url.parse::<Uri>().ok()?;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ID, HeaderValue::from_str(&call.id).ok()?);
    headers.insert(TIMESTAMP, timestamp_s.into());
    if let Some(secret) = &webhook.secret {
        let signature = secret.sign(&call.id, timestamp_s, &call.body);
        headers.insert(SIGNATURE, HeaderValue::from_str(&signature).ok()?);
    }
    Some(request)
}

fn judge(status: StatusCode, headers: &HeaderMap, now: WallTime) -> Result<(), Failure> {
    let reason = match status {
        status if status.is_success() => return Ok(()),
        StatusCode::GONE => Reason::Gone,
        status if status.is_redirection() => Reason::Redirect,
        _ => Reason::Status,
    };
    let text = match reason {
        Reason::Gone => "status 410: it does not want to be told any more".to_owned(),
        Reason::Redirect => {
            format!(
                "status {}: of redirects only 307 and 308 are followed, which keep the body",
                status.as_u16()
            )
        }
        _ => format!("status {}", status.as_u16()),
    };
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
    Err(Failure { reason, text, retry_after })
}

/// RFC 9110 §10.2.3: seconds or a date.
fn retry_after(text: &str, now: WallTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::parse(text).ok()?.timestamp();
    Some(WallTime::from(SystemTime::from(date)).since(now))
}

fn reason(error: &HttpClientError) -> Reason {
    match error {
        HttpClientError::Address(_) | HttpClientError::NotPublic => Reason::Address,
        HttpClientError::Connect { .. } => Reason::Connect,
        HttpClientError::Deadline(_) => Reason::Timeout,
        HttpClientError::Exchange { .. } | HttpClientError::TooLarge(_) => Reason::Exchange,
    }
}

#[cfg(test)]
mod tests {
    use farcast_chat::Event;

    use super::*;

    const NOW: WallTime = WallTime(1_700_000_000_000_000);

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_as_a_date() {
        let seconds = |text: &str| retry_after(text, NOW).map(|pause| pause.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Tue, 14 Nov 2023 22:14:20 GMT"), Some(60));
        assert_eq!(seconds("Tue, 14 Nov 2023 22:13:19 GMT"), Some(0));
        for nonsense in ["", "-1", "soon", "1.5", "Tue, 99 Nov 2023 22:14:20 GMT"] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn only_2xx_is_a_success() {
        let judged = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            judge(status, &HeaderMap::new(), NOW).map_err(|failure| failure.reason)
        };
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(judged(status), Ok(()));
        }
        for status in [300, 301, 302, 304, 307, 308] {
            assert_eq!(judged(status), Err(Reason::Redirect));
        }
        assert_eq!(judged(410), Err(Reason::Gone));
        for status in [100, 400, 404, 429, 500, 503, 600] {
            assert_eq!(judged(status), Err(Reason::Status));
        }
    }

    #[test]
    fn an_address_that_is_sent_on_to_is_one_of_the_web_and_no_less_safe() {
        let sent_on = |from: &str, to: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_str(to).unwrap());
            super::sent_on(&from.parse().unwrap(), &headers).map(|uri| uri.to_string())
        };
        for (from, to, expected) in [
            ("http://a.example/hook?x=1", "https://a.example/hook", "https://a.example/hook"),
            ("https://a.example/hook?x=1", "/new?y=2#top", "https://a.example/new?y=2"),
            ("https://a.example/in/hook", "other", "https://a.example/in/other"),
            ("https://a.example/hook", "//b.example:8443/h", "https://b.example:8443/h"),
            ("http://a.example/hook", "http://10.0.0.1/", "http://10.0.0.1/"),
        ] {
            assert_eq!(sent_on(from, to).as_deref(), Ok(expected), "{to}");
        }
        for to in [
            "http://a.example/",
            "ftp://a.example/",
            "javascript:alert(1)",
            "https://user:pw@a.example/",
            "https://",
            "http://[",
        ] {
            assert!(sent_on("https://a.example/hook", to).is_err(), "{to}");
        }
        assert!(sent_on("http://a.example/", &format!("/{}", "a".repeat(2048))).is_err());
        assert!(super::sent_on(&"http://a.example/".parse().unwrap(), &HeaderMap::new()).is_err());
    }

    #[test]
    fn an_id_can_always_be_signed() {
        let entry = |id: &str| Entry {
            id: id.to_owned(),
            at: NOW,
            event: Event::Visibility { ids: Vec::new(), visible: true },
            network: None,
        };
        let at = Versionstamp { commit: *b"0123456789", order: 258 };
        assert_eq!(id(at, &entry("aB3-_")), "aB3-_");
        for odd in ["", "a.1", "a b", "é", "a\r\nb", &"a".repeat(65)] {
            assert_eq!(id(at, &entry(odd)), "303132333435363738390102");
        }
    }
}
