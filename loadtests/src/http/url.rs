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

    /// Resolves a reference, absolute or relative, against this address (RFC 3986 §5.2). A fragment is dropped; a query
    /// of the reference is kept, one of this address is not.
    ///
    /// # Errors
    /// When the result is no `http` or `https` address.
    pub fn join(&self, reference: &str) -> Result<Self, InvalidUrl> {
        let reference = reference.split('#').next().unwrap_or("");
        let (path, query) = match reference.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (reference, None),
        };
        if has_scheme(path) {
            return reference.parse();
        }
        if path.starts_with("//") {
            return format!("{}:{reference}", self.scheme()).parse();
        }
        let own = self.path.split('?').next().unwrap_or("");
        let path = match (path, path.starts_with('/')) {
            ("", _) => own.to_owned(),
            (path, true) => without_dots(path),
            (path, false) => {
                let folder = own.rsplit_once('/').map_or("", |(folder, _)| folder);
                without_dots(&format!("{folder}/{path}"))
            }
        };
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        // Only to see that the characters are those of an address.
        format!("{}://{}{path}{query}", self.scheme(), self.authority()).parse()
    }

    /// The path without the query.
    #[must_use]
    pub fn bare_path(&self) -> &str {
        self.path.split('?').next().unwrap_or("")
    }

    /// The same address with query parameters, each in place of those of its name. Values are percent-encoded.
    #[must_use]
    pub fn with_parameters<'a>(&self, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let mut pairs: Vec<String> = query.split('&').filter(|p| !p.is_empty()).map(str::to_owned).collect();
        for (name, value) in parameters {
            let name = encoded(name);
            pairs.retain(|pair| pair.split('=').next() != Some(&name));
            pairs.push(format!("{name}={}", encoded(value)));
        }
        let mark = if pairs.is_empty() { "" } else { "?" };
        self.with_path(format!("{path}{mark}{}", pairs.join("&")))
    }

    /// The same address at another host, given without port; scheme, port and path stay.
    ///
    /// # Errors
    /// When `host` is no host name or address.
    pub fn with_host(&self, host: &str) -> Result<Self, InvalidUrl> {
        let alone: Self = format!("http://{host}/").parse()?;
        let as_given = alone.host.eq_ignore_ascii_case(host.trim_matches(['[', ']']));
        if !as_given || alone.path != "/" {
            return Err(InvalidUrl);
        }
        Ok(Self { host: alone.host, ..self.clone() })
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

/// True if a reference begins with a scheme.
fn has_scheme(reference: &str) -> bool {
    let Some((scheme, _)) = reference.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// A path that begins with `/`, its `.` and `..` resolved (RFC 3986 §5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut pieces = path.split('/').skip(1).peekable();
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        match piece {
            "." => {}
            ".." => drop(kept.pop()),
            piece => kept.push(piece),
        }
        if last && matches!(piece, "." | "..") {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// Percent-encodes all but the unreserved characters (RFC 3986 §2.3).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
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

    #[test]
    fn references_are_resolved() {
        let base: Url = "http://h:8080/hls/stream.m3u8?a=1".parse().unwrap();
        for (reference, whole) in [
            ("0/stream.m3u8", "http://h:8080/hls/0/stream.m3u8"),
            ("../x?y=/z", "http://h:8080/x?y=/z"),
            ("../../../x", "http://h:8080/x"),
            ("./..", "http://h:8080/"),
            ("/s?b=2#f", "http://h:8080/s?b=2"),
            ("?b=2", "http://h:8080/hls/stream.m3u8?b=2"),
            ("//i/s", "http://i:80/s"),
            ("https://i/s", "https://i:443/s"),
        ] {
            assert_eq!(base.join(reference).unwrap().to_string(), whole, "{reference}");
        }
        for bad in ["data:application/json,{}", "a b", "http://"] {
            assert!(base.join(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_are_encoded_and_take_the_place_of_their_like() {
        let url: Url = "http://h/s?a=1&_HLS_pathway=x&b".parse().unwrap();
        let with = url.with_parameters([("_HLS_pathway", "\"e-fra\""), ("c", "1")]);
        assert_eq!(with.path, "/s?a=1&b&_HLS_pathway=%22e-fra%22&c=1");
        assert_eq!(url.with_parameters([]).path, url.path);
    }

    #[test]
    fn a_host_is_replaced_and_nothing_else() {
        let url: Url = "https://a:8443/x?y".parse().unwrap();
        assert_eq!(url.with_host("b.example").unwrap().to_string(), "https://b.example:8443/x?y");
        assert_eq!(url.with_host("[::1]").unwrap().to_string(), "https://[::1]:8443/x?y");
        for bad in ["", "b:1", "http://b", "b/x", "u@b", "b c", "b?x", ":1"] {
            assert!(url.with_host(bad).is_err(), "{bad}");
        }
    }
}
