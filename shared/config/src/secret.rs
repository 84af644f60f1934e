//! Secrets: texts that are never shown in logs or output.

use std::fmt;

use subtle::ConstantTimeEq;

use super::{InvalidValue, Value};

/// The text that is shown in place of a secret.
pub(super) const REDACTED: &str = "(redacted)";

/// A key, token or password: `Debug`, `Display` and serialisation show a placeholder only.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. The caller answers for where it goes.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Secret {
    /// In time that depends on the lengths only.
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl Value for Secret {
    const EXPECTS: &'static str = "a secret text";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.trim().is_empty() {
            return Err(InvalidValue::new("a secret is not empty"));
        }
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> Option<String> {
        Some(REDACTED.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nowhere() {
        let secret = Secret::new("hunter2");
        let shown =
            format!("{secret} {secret:?} {:?} {}", secret.show(), serde_json::to_string(&secret).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(secret, Secret::new("hunter2"));
        assert_ne!(secret, Secret::new("hunter3"));
    }
}
