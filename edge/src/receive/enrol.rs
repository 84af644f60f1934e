//! Enrolment, the edge's side: a token becomes a certificate.

use bytes::Bytes;
use farcast_shared::protocol::enrol::{EXPORTER_LABEL, Reply, Request, proof};
use farcast_shared::protocol::{CloseCode, FrameError, Frames, JoinToken, encode};
use quinn::Connection;

use super::identity::Identity;

/// Why an edge got no certificate.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The origin does not know the token's secret: the token is wrong or of the past.
    #[error("the origin refuses the join token")]
    BadToken,
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

/// Enrols over a connection that was made with [`farcast_shared::protocol::ALPN_ENROL`] and closes it.
/// The caller sets the deadline; cancel safe, a half-done enrolment leaves nothing behind here.
///
/// # Errors
/// Any [`EnrolError`].
pub async fn enrol(connection: &Connection, token: &JoinToken, name: &str) -> Result<Identity, EnrolError> {
    let key = rcgen::KeyPair::generate()?;
    let mut session = [0; 32];
    connection.export_keying_material(&mut session, EXPORTER_LABEL, b"").map_err(|_| EnrolError::Export)?;
    let request = Request {
        name: name.to_owned(),
        proof: proof(&token.secret, &session),
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
        Reply::BadRequest => Err(EnrolError::BadRequest),
        Reply::Enrolled { certificate, expires_at_s } => Ok(Identity {
            key: key.serialize_der(),
            certificate: certificate.to_vec(),
            expires_at_s,
            fingerprint: token.fingerprint,
            addresses: token.addresses.clone(),
        }),
    }
}
