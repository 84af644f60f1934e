//! HTTP for the ACME client: this program's own, with a deadline and a limit for each answer.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error};
use jiff::fmt::rfc2822;

use crate::http_client::{HttpClient, Limits, Reach};

const LIMITS: Limits = Limits { deadline: Duration::from_secs(60), body_bytes: 1 << 20 };

/// A client of one authority. Clones share what they heard.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: HttpClient,
    /// How long the authority wanted to be left alone, by its last refusal.
    retry_after: Arc<Mutex<Option<Duration>>>,
}

impl Client {
    /// One that trusts the public authorities, or the one in this PEM file alone. Blocks on the disk.
    pub(super) fn new(root: Option<&Path>) -> Result<Self, Error> {
        let http = match root {
            None => HttpClient::new(Reach::Anywhere).map_err(other)?,
            Some(root) => HttpClient::trusting(root, Reach::Anywhere).map_err(other)?,
        };
        Ok(Self { http, retry_after: Arc::default() })
    }

    /// How long the authority wants to be left alone, if it said so with its last refusal.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Other(Box::new(error))
}

impl instant_acme::HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let this = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(never) => match never {},
            };
            let answer = this.http.send(Request::from_parts(parts, body), LIMITS).await.map_err(other)?;
            let status = answer.status();
            let refused = status.is_client_error() || status.is_server_error();
            let wanted = refused.then(|| retry_after(answer.headers(), SystemTime::now())).flatten();
            *this.retry_after.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
            Ok(answer.map(Full::new).into())
        })
    }
}

/// The pause that an answer asks for (RFC 9110 §10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    SystemTime::from(date).duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_pause_is_read_in_both_forms() {
        let asked = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
            retry_after(&headers, UNIX_EPOCH + Duration::from_secs(784_111_777))
        };
        assert_eq!(asked("120"), Some(Duration::from_secs(120)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Duration::from_secs(60)));
        for none in ["", "soon", "-5", "Sun, 06 Nov 1994 08:49:36 GMT"] {
            assert_eq!(asked(none), None, "{none}");
        }
    }
}
