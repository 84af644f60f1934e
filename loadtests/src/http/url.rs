//! Addresses of playlists and media.

use std::str::FromStr;

use http::Uri;

/// An absolute `http` or `https` address.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Url {
    /// True if it is `https`.
    pub secure: bool,
    /// Host without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path, and query if any.
    pub path: String,
}

/// A text that is no such address.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an http or https address")]
pub struct InvalidUrl;

impl FromStr for Url {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidUrl)?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(InvalidUrl),
        };
        let host = uri.host().ok_or(InvalidUrl)?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { secure, host, port, path })
    }
}

impl Url {
    /// Host and port as in a `Host` header.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The scheme's name.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The same server with another path.
    #[must_use]
    pub fn with_path(&self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self.clone() }
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_put_together() {
        let url: Url = "https://[::1]:8443/hls/stream.m3u8".parse().unwrap();
        assert_eq!((url.secure, url.port, url.host.as_str()), (true, 8443, "::1"));
        assert_eq!(url.to_string(), "https://[::1]:8443/hls/stream.m3u8");
        assert_eq!("http://h".parse::<Url>().unwrap().to_string(), "http://h:80/");
        for bad in ["ftp://h/", "/hls", "", "http://"] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }
}
