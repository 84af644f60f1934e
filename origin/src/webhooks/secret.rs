//! Signatures: by them a receiver knows that a request is from here, and new.
//!
//! Standard Webhooks 1.0.0, "Signature scheme": HMAC-SHA256 over `id.timestamp.body`, with a random key of 24 to 64 bytes
//! that is written as `whsec_` and base64; the header has `v1,` and the base64 of the result.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

const PREFIX: &str = "whsec_";
/// Bytes of a key that is made here.
const KEY_BYTES: usize = 32;
/// The lengths that the standard permits.
const PERMITTED_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The key that signs a webhook's requests.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Secret(Vec<u8>);

/// Text that is no secret.
#[derive(Debug, thiserror::Error)]
#[error("a webhook's secret is malformed")]
pub struct InvalidSecret;

impl Secret {
    /// A random one.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random::<[u8; KEY_BYTES]>().to_vec())
    }

    /// As its owner is shown it, once.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The signature of a request: the value of its header. `id` has no full stop.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp_s: u64, body: &[u8]) -> String {
        let mut hmac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        hmac.update(format!("{id}.{timestamp_s}.").as_bytes());
        hmac.update(body);
        format!("v1,{}", STANDARD.encode(hmac.sign()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.expose()
    }
}

impl TryFrom<String> for Secret {
    type Error = InvalidSecret;

    fn try_from(text: String) -> Result<Self, InvalidSecret> {
        let key = text.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
        key.filter(|key| PERMITTED_BYTES.contains(&key.len())).map(Self).ok_or(InvalidSecret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the standard's own library (`libraries/go/webhook_test.go`).
    #[test]
    fn golden_signature() {
        let secret = Secret::try_from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()).unwrap();
        let signature =
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_random_and_is_read_as_it_is_written() {
        let secret = Secret::random();
        assert_ne!(secret, Secret::random());
        assert_eq!(secret.expose().len(), "whsec_".len() + 44);
        assert_eq!(Secret::try_from(secret.expose()).unwrap(), secret);
        assert!(!format!("{secret:?}").contains(&secret.expose()["whsec_".len()..]));
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for text in ["", "whsec_", "whsec_AAAA", "whsec_?", &STANDARD.encode([0; 32])] {
            assert!(Secret::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
