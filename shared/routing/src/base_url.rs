//! The address below which an edge serves everything.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// Scheme, host and port of an edge: `https://fra.example`, `http://192.0.2.7:8080`. Without user, path, query and
/// fragment, at most [`BaseUrl::MAX_BYTES`] bytes. Hosts are in their canonical form (lower case, punycode).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl {
    text: String,
    host: String,
    port: u16,
    secure: bool,
}

/// A text that is no [`BaseUrl`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an edge's address is http:// or https://, a host and perhaps a port, and nothing else")]
pub struct InvalidBaseUrl;

impl BaseUrl {
    /// Longest address, in bytes: the longest host name of DNS, scheme and port.
    pub const MAX_BYTES: usize = 272;

    /// The address of a text; a slash at its end is allowed and dropped.
    ///
    /// # Errors
    /// [`InvalidBaseUrl`].
    pub fn new(text: &str) -> Result<Self, InvalidBaseUrl> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidBaseUrl);
        }
        let url = Url::parse(text).map_err(|_| InvalidBaseUrl)?;
        let secure = url.scheme() == "https";
        let plain = (secure || url.scheme() == "http")
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        let (Some(host), Some(port), true) = (url.host_str(), url.port_or_known_default(), plain) else {
            return Err(InvalidBaseUrl);
        };
        let (host, text) = (host.to_owned(), url.as_str().trim_end_matches('/').to_owned());
        // Punycode may be longer than what was read.
        if host.is_empty() || port == 0 || text.len() > Self::MAX_BYTES {
            return Err(InvalidBaseUrl);
        }
        Ok(Self { text, host, port, secure })
    }

    /// Without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A name, an IPv4 address, or an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The scheme's own port where none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is `https`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = InvalidBaseUrl;

    fn try_from(text: String) -> Result<Self, InvalidBaseUrl> {
        Self::new(&text)
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.text
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_scheme_host_and_port() {
        let read =
            |text: &str| BaseUrl::new(text).map(|url| (url.host().to_owned(), url.port(), url.is_secure()));
        assert_eq!(read("https://Fra.Example/"), Ok(("fra.example".to_owned(), 443, true)));
        assert_eq!(read("http://192.0.2.7:8080"), Ok(("192.0.2.7".to_owned(), 8080, false)));
        assert_eq!(read("https://[2001:db8::1]:444"), Ok(("[2001:db8::1]".to_owned(), 444, true)));
        assert_eq!(BaseUrl::new("https://a.example:443/").unwrap().as_str(), "https://a.example");
    }

    #[test]
    fn anything_more_is_refused() {
        let long = format!("https://{}.example", "a".repeat(300));
        for bad in [
            "",
            "a.example",
            "//a.example",
            "ftp://a.example",
            "javascript:alert(1)",
            "https://u@a.example",
            "https://u:p@a.example",
            "https://a.example/x",
            "https://a.example/?q",
            "https://a.example/#f",
            "https://a.example:0",
            "https://",
            &long,
        ] {
            assert_eq!(BaseUrl::new(bad), Err(InvalidBaseUrl), "{bad}");
        }
    }
}
