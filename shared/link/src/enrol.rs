//! Enrolment: how an edge with a join token gets its certificate.
//!
//! The edge dials with [`super::ALPN_ENROL`], accepts only a server whose authority has the token's
//! fingerprint, opens one bidirectional stream, sends a [`Request`], and reads a [`Reply`]. The proof
//! binds the secret to this very TLS session (RFC 8446 §7.5), so the secret never travels and a proof
//! is worth nothing anywhere else. An edge that has a certificate presents it, and gets the next one for
//! that: no proof is asked for then, so tokens may be short-lived. The edge's key never travels either:
//! that it owns the key shows when it uses the certificate.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Label for exporting keying material of the enrolment's TLS session.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-farcast-enrol-1";

/// Bytes of an uncompressed P-256 point (SEC 1 §2.3.3).
pub const PUBLIC_KEY_BYTES: usize = 65;

/// An edge's wish for a certificate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The edge's name, for people; at most [`super::MAX_NAME_BYTES`] bytes.
    pub name: String,
    /// [`proof`] of the secret.
    pub proof: [u8; 32],
    /// The key to certify, [`PUBLIC_KEY_BYTES`] long.
    pub public_key: Bytes,
}

/// The origin's answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The edge is in.
    Enrolled {
        /// DER of its certificate.
        certificate: Bytes,
        /// Expiry of the certificate, in seconds since 1970.
        expires_at_s: u64,
    },
    /// The proof is wrong.
    BadToken,
    /// The request is out of bounds.
    BadRequest,
    /// The token has expired, is used up or was revoked.
    TokenEnded,
}

/// Proves the `secret` to the other end of the session that exported `session`. Both inputs have a
/// fixed length, so a plain hash cannot be extended into another proof.
#[must_use]
pub fn proof(secret: &[u8; 32], session: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"farcast enrol 1")
        .chain_update(secret)
        .chain_update(session)
        .finalize()
        .into()
}

/// Checks that `claimed` proves the `secret`, in constant time.
#[must_use]
pub fn is_proof(claimed: &[u8; 32], secret: &[u8; 32], session: &[u8; 32]) -> bool {
    subtle::ConstantTimeEq::ct_eq(claimed.as_slice(), proof(secret, session).as_slice()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_one_secret_and_one_session() {
        let good = proof(&[1; 32], &[2; 32]);
        assert!(is_proof(&good, &[1; 32], &[2; 32]));
        assert!(!is_proof(&good, &[1; 32], &[3; 32]));
        assert!(!is_proof(&good, &[3; 32], &[2; 32]));
    }
}
