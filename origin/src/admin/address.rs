//! Validation of addresses that operators enter.

use http::Uri;

use crate::http_client::network;

/// Names that lead to no public server (RFC 6761, RFC 6762, RFC 9476).
const PRIVATE_SUFFIXES: [&str; 4] = ["localhost", "local", "internal", "alt"];

/// Checks an `http` or `https` URL with a host; returns the host.
///
/// # Errors
/// The fault, in one line.
pub(super) fn web(text: &str) -> Result<String, String> {
    let wrong = || "this is no http or https URL".to_owned();
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let host = uri.host().filter(|host| known && !host.is_empty()).ok_or_else(wrong)?;
    Ok(host.to_ascii_lowercase())
}

/// Checks an address that a page links to: a URL of the web, or `mailto:`.
pub(super) fn link(text: &str) -> Result<(), String> {
    match text.strip_prefix("mailto:") {
        Some(mailbox) if mailbox.contains('@') && !mailbox.contains(char::is_whitespace) => Ok(()),
        Some(_) => Err("this is no address of a mailbox".to_owned()),
        None => web(text).map(drop),
    }
}

/// Checks the server's public address; returns it without slashes at the end.
pub(super) fn server(text: &str) -> Result<String, String> {
    let host = web(text).map_err(|_| "server url value invalid".to_owned())?;
    if text.len() > 2048 {
        return Err("server url value invalid".to_owned());
    }
    if is_private(&host) {
        Err("Server URL cannot be private".to_owned())
    } else {
        Ok(text.trim_end_matches('/').to_owned())
    }
}

/// True if a host is private by its name: reachable only from this machine or its network.
pub(super) fn is_private(host: &str) -> bool {
    if let Some(address) = network::literal(host) {
        return network::is_private_address(address);
    }
    let name = host.trim_end_matches('.');
    PRIVATE_SUFFIXES
        .iter()
        .any(|suffix| name == *suffix || name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_webs_urls_are_taken() {
        for good in ["https://example.org", "http://example.org:81/a?b#c", "HTTPS://EXAMPLE.org"] {
            web(good).unwrap();
        }
        for bad in [
            "",
            "example.org",
            "ftp://example.org",
            "javascript:alert(1)",
            "https://",
            "http:///a",
            "//a.b",
            "https://a b",
        ] {
            assert!(web(bad).is_err(), "{bad}");
        }
        link("mailto:a@b.org").unwrap();
        assert!(link("mailto:").is_err() && link("data:text/html,x").is_err());
    }

    #[test]
    fn a_servers_address_is_public() {
        assert_eq!(server("https://live.example.org//").unwrap(), "https://live.example.org");
        for private in [
            "http://localhost:8080",
            "https://box.local",
            "https://a.internal.",
            "http://127.0.0.1",
            "http://10.1.2.3",
            "http://192.168.0.1/",
            "http://[::1]:8080",
            "http://[fe80::1]",
            "http://[fd00::1]",
            "http://169.254.169.254",
            "http://100.64.0.1",
            "http://0.0.0.0",
            "http://[::ffff:10.0.0.1]",
        ] {
            assert_eq!(server(private), Err("Server URL cannot be private".to_owned()), "{private}");
        }
        assert_eq!(server("localhost"), Err("server url value invalid".to_owned()));
        assert!(server("https://mylocal").is_ok() && server("https://8.8.8.8").is_ok());
    }
}
