//! Enrolment, the edge's side: a token becomes a certificate.

use bytes::Bytes;
use quinn::Connection;

use super::identity::Identity;
use crate::enrol::{EXPORTER_LABEL, Reply, Request, proof};
use crate::{CloseCode, FrameError, Frames, JoinToken, encode};

/// The reason why an edge got no certificate.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The origin does not know the token's secret: the token is wrong or of the past.
    #[error("the origin refuses the join token")]
    BadToken,
    /// The token was good once.
    #[error(
        "the join token has expired, is used up or was revoked: take a new one from the origin, its file join-token or \
         its admin API"
    )]
    TokenEnded,
    /// The origin does not accept the request.
    #[error("the origin does not accept the request")]
    BadRequest,
    /// The connection broke.
    #[error("the connection broke")]
    Connection(#[from] quinn::ConnectionError),
    /// The stream broke.
    #[error("the stream broke")]
    Write(#[from] quinn::WriteError),
    /// The stream broke.
    #[error("the stream broke")]
    Read(#[from] quinn::ReadError),
    /// The answer ended early.
    #[error("the answer ended early")]
    Truncated,
    /// The answer does not parse.
    #[error("the answer does not parse")]
    Frame(#[from] FrameError),
    /// No key could be made.
    #[error("no key could be made")]
    Key(#[from] rcgen::Error),
    /// The TLS session gives no keying material.
    #[error("the TLS session gives no keying material")]
    Export,
}

/// The proof with which an edge asks for a certificate.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// A join token: the edge enrols.
    Token(&'a JoinToken),
    /// A certificate that is to be renewed.
    Certificate(&'a Identity),
}

impl By<'_> {
    /// SHA-256 of the DER of the origin's authority.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        match self {
            Self::Token(token) => token.fingerprint,
            Self::Certificate(identity) => identity.fingerprint,
        }
    }

    /// The origin's addresses.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        match self {
            Self::Token(token) => &token.addresses,
            Self::Certificate(identity) => &identity.addresses,
        }
    }
}

/// Enrols over a connection that was made with [`crate::ALPN_ENROL`] and closes it.
/// The caller sets the deadline; cancel safe, a half-done enrolment leaves nothing behind here.
///
/// # Errors
/// Any [`EnrolError`].
pub async fn enrol(connection: &Connection, by: By<'_>, name: &str) -> Result<Identity, EnrolError> {
    let key = rcgen::KeyPair::generate()?;
    let mut session = [0; 32];
    connection.export_keying_material(&mut session, EXPORTER_LABEL, b"").map_err(|_| EnrolError::Export)?;
    let request = Request {
        name: name.to_owned(),
        proof: match by {
            By::Token(token) => proof(&token.secret, &session),
            // The connection was made with it.
            By::Certificate(_) => [0; 32],
        },
        public_key: Bytes::copy_from_slice(key.public_key_raw()),
    };
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(&encode(&request)?).await?;
    let mut frames = Frames::new();
    let reply = loop {
        if let Some(reply) = frames.next_message::<Reply>()? {
            break reply;
        }
        let chunk = receive.read_chunk(4096, true).await?.ok_or(EnrolError::Truncated)?;
        frames.feed(&chunk.bytes);
    };
    connection.close(CloseCode::Done.code(), b"");
    match reply {
        Reply::BadToken => Err(EnrolError::BadToken),
        Reply::TokenEnded => Err(EnrolError::TokenEnded),
        Reply::BadRequest => Err(EnrolError::BadRequest),
        Reply::Enrolled { certificate, expires_at_s } => Ok(Identity {
            key: key.serialize_der(),
            certificate: certificate.to_vec(),
            expires_at_s,
            fingerprint: by.fingerprint(),
            addresses: by.addresses().to_vec(),
        }),
    }
}
