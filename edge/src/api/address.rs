//! The address of this server, as the client has reached it.

use farcast_settings::OperatorSettings;
use http::header::HOST;
use http::{HeaderMap, Uri};

/// Scheme and host of the request, without a slash at the end.
pub(crate) fn asked(uri: &Uri, headers: &HeaderMap, is_secure: bool) -> String {
    let host = uri.authority().map(|authority| authority.as_str());
    let host = host.or_else(|| headers.get(HOST)?.to_str().ok()).unwrap_or_default();
    format!("{}://{host}", if is_secure { "https" } else { "http" })
}

/// The beginning of our own links: the address that the owner set, or else the one of the request.
pub(crate) fn public<'a>(runtime: &'a OperatorSettings, asked: &'a str) -> &'a str {
    if runtime.server_url.is_empty() { asked } else { &runtime.server_url }
}
