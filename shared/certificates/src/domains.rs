//! Names in a certificate, as settings have them.

use std::fmt;

use farcast_config::{InvalidValue, Value};
use serde::{Deserialize, Serialize};

/// Most names in a certificate: authorities accept 100.
pub const MAX_DOMAINS: usize = 100;

/// Longest name of a host in characters, and of a label (RFC 1035 §2.3.4).
const MAX_NAME_CHARS: usize = 253;
const MAX_LABEL_CHARS: usize = 63;

/// A DNS name that a certificate is for: lower case, ASCII (RFC 5890's A-labels), at least two labels; the first may be `*`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// A text that is no [`Domain`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{0:?} is not a host name such as live.example.org or *.example.org, in ASCII letters (xn-- for others)"
)]
pub struct InvalidDomain(String);

impl Domain {
    /// The name, without `*.` where it is a wildcard: that of which possession is shown.
    #[must_use]
    pub fn base(&self) -> &str {
        self.0.strip_prefix("*.").unwrap_or(&self.0)
    }

    /// True for a name that begins with `*.`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.base().len() != self.0.len()
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Domain {
    type Error = InvalidDomain;

    fn try_from(text: String) -> Result<Self, InvalidDomain> {
        let name = Self(text.to_ascii_lowercase());
        let label = |label: &str| {
            let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
            (1..=MAX_LABEL_CHARS).contains(&label.len())
                && label.chars().all(inside)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let base = name.base();
        let is_address = base.rsplit('.').next().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()));
        let is_name = name.0.len() <= MAX_NAME_CHARS && base.contains('.') && base.split('.').all(label);
        if is_name && !is_address { Ok(name) } else { Err(InvalidDomain(text)) }
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names of one certificate, each once, in the order in which they were given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Domains(pub Vec<Domain>);

impl Value for Domains {
    const EXPECTS: &'static str = "host names such as live.example.org, *.live.example.org, comma-separated";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let mut domains = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let domain =
                Domain::try_from(part.to_owned()).map_err(|error| InvalidValue::new(error.to_string()))?;
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        if domains.len() > MAX_DOMAINS {
            return Err(InvalidValue::new(format!("has more than {MAX_DOMAINS} names")));
        }
        Ok(Self(domains))
    }

    fn show(&self) -> Option<String> {
        Some(self.0.iter().map(Domain::as_str).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_are_taken_and_nothing_else() {
        for name in ["live.example.org", "*.example.org", "xn--bcher-kva.example", "a.b", "1.example"] {
            assert_eq!(Domain::try_from(name.to_owned()).unwrap().as_str(), name);
        }
        assert_eq!(Domain::try_from("Live.Example.ORG".to_owned()).unwrap().as_str(), "live.example.org");
        let long = format!("{}.example", "a".repeat(64));
        for wrong in [
            "",
            "localhost",
            "192.0.2.1",
            "*",
            "*.org",
            "a.*.example",
            "bücher.example",
            "a..b",
            ".a.b",
            "a.b.",
            "-a.example",
            "a-.example",
            "a_b.example",
            "http://a.example",
            "a.example:443",
            "a.example/",
            "::1",
            "*.*.example.org",
            &long,
        ] {
            assert!(Domain::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_wildcard_is_shown_to_be_held_by_the_name_behind_it() {
        let domain = Domain::try_from("*.example.org".to_owned()).unwrap();
        assert!(domain.is_wildcard());
        assert_eq!(domain.base(), "example.org");
        assert!(!Domain::try_from("example.org".to_owned()).unwrap().is_wildcard());
    }

    #[test]
    fn a_setting_names_each_domain_once_and_no_more_than_authorities_take() {
        let domains = Domains::parse(" a.example, A.example,*.b.example, ").unwrap();
        assert_eq!(domains.show().as_deref(), Some("a.example, *.b.example"));
        let error = Domains::parse("a.example, nonsense").unwrap_err().to_string();
        assert!(error.contains("\"nonsense\""), "{error}");
        let many = |n: usize| (0..n).map(|i| format!("h{i}.example")).collect::<Vec<_>>().join(",");
        assert_eq!(Domains::parse(&many(100)).unwrap().0.len(), 100);
        assert!(Domains::parse(&many(101)).is_err());
    }
}
