//! One ping: the request to the directory, and the meaning of its answer.

use std::time::Duration;

use bytes::Bytes;
use farcast_store::{Store, StoreError};
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode, Uri};
use serde::{Deserialize, Serialize};

use super::key::{self, SavedKey};
use crate::http_client::{HttpClient, HttpClientError, Limits};

/// The directory of the Owncast project.
pub const DEFAULT_DIRECTORY: &str = "https://directory.owncast.online";

/// The limits of an answer.
const LIMITS: Limits = Limits { deadline: Duration::from_secs(10), body_bytes: 64 * 1024 };

/// Longest key that is kept in bytes.
const MAX_KEY_BYTES: usize = 1024;

/// Longest message of the directory that is shown, in characters.
const MAX_MESSAGE_CHARS: usize = 200;

/// The directory.
#[derive(Clone, Debug)]
pub struct Directory {
    http: HttpClient,
    store: Store,
    ping: Uri,
}

/// The directory's address is none.
#[derive(Debug, thiserror::Error)]
#[error("the directory's address is not one of http or https: {0}")]
pub struct InvalidDirectory(String);

/// The reason why a ping failed.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// There was no answer.
    #[error(transparent)]
    Http(#[from] HttpClientError),
    /// The answer is not the directory's.
    #[error("the directory answered with status {0} and an unknown body")]
    Answer(StatusCode),
    /// The directory does not want us.
    #[error("the directory refused (code {code}): {message}")]
    Refused {
        /// The directory's number for why.
        code: i64,
        /// The directory's words for why.
        message: String,
    },
    /// The key cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Serialize)]
struct Ping<'a> {
    /// Empty the first time.
    key: &'a str,
    url: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    key: Option<String>,
    success: bool,
    error: Option<String>,
    error_code: Option<i64>,
}

impl Directory {
    /// The directory at an address, which pings go below.
    ///
    /// # Errors
    /// When it is no address of http or https.
    pub fn new(http: HttpClient, store: Store, address: &str) -> Result<Self, InvalidDirectory> {
        let invalid = || InvalidDirectory(address.to_owned());
        let ping = format!("{}/api/ping", address.trim_end_matches('/'));
        let ping: Uri = ping.parse().map_err(|_| invalid())?;
        let good = matches!(ping.scheme_str(), Some("http" | "https")) && ping.path().ends_with("/api/ping");
        if good { Ok(Self { http, store, ping }) } else { Err(invalid()) }
    }

    /// Tells the directory that this server is live at `server_url`, and keeps the key that it returns. When the future
    /// is dropped the request may have arrived.
    ///
    /// # Errors
    /// [`DirectoryError`]. After a refusal the key is as before.
    pub async fn ping(&self, server_url: &str) -> Result<(), DirectoryError> {
        let (SavedKey { key }, unchanged) = key::load(&self.store).await?;
        let body = serde_json::to_vec(&Ping { key: &key, url: server_url }).map(Bytes::from);
        let body = body.map_err(|error| StoreError::Damaged(error.to_string()))?;
        let mut request = Request::new(body);
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.ping.clone();
        request.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        let answer = self.http.send(request, LIMITS).await?;
        let status = answer.status();
        let not_understood = || DirectoryError::Answer(status);
        let answer: Answer = serde_json::from_slice(answer.body()).map_err(|_| not_understood())?;
        if !answer.success {
            let message = answer.error.unwrap_or_default().chars().take(MAX_MESSAGE_CHARS).collect();
            return Err(DirectoryError::Refused { code: answer.error_code.unwrap_or_default(), message });
        }
        match answer.key {
            _ if !status.is_success() => Err(not_understood()),
            Some(new) if new.len() > MAX_KEY_BYTES => Err(not_understood()),
            Some(new) if !new.is_empty() && new != key => {
                Ok(key::replace(&self.store, unchanged, &SavedKey { key: new }).await?)
            }
            _ => Ok(()),
        }
    }
}
