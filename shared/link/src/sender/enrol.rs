//! Enrolment, the origin's side: one connection, one request, one certificate.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_feed::time::WallTime;

use crate::enrol::{self, Reply, Request};
use crate::roster::book::{NotAdded, TokenState};
use crate::roster::{self, Made, Roster, RosterError};
use crate::{CloseCode, Frames, MAX_NAME_BYTES, encode};

/// Delay of the answer to a failed try. With a few tries at a time ([`super::server`]) this makes
/// guessing hopeless; the secret has 256 bits anyway.
pub(super) const FAILED_TRY_DELAY: Duration = Duration::from_secs(1);

/// Longest time for the request to come: an edge sends it with the end of the handshake.
const REQUEST_DEADLINE: Duration = Duration::from_secs(3);

/// Longest time for the whole exchange.
pub(super) const DEADLINE: Duration = Duration::from_secs(7);

/// Longest a peer may take to read the answer.
const LINGER: Duration = Duration::from_secs(2);

/// The outcome of an enrolment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Enrolled,
    BadToken,
    TokenEnded,
    Failed,
}

/// The fingerprint of the certificate with which a peer came, if it came with one. TLS has checked it.
pub(super) fn fingerprint(connection: &quinn::Connection) -> Option<roster::book::Fingerprint> {
    let chain =
        connection.peer_identity()?.downcast::<Vec<rustls_pki_types::CertificateDer<'static>>>().ok()?;
    Some(roster::fingerprint(chain.first()?))
}

/// Answers one enrolment and closes the connection. Not cancel safe; takes at most [`DEADLINE`].
pub(super) async fn serve(connection: &quinn::Connection, roster: &Arc<Roster>) -> Outcome {
    match tokio::time::timeout(DEADLINE, exchange(connection, roster)).await {
        Ok(Some(outcome)) => outcome,
        Ok(None) => {
            connection.close(CloseCode::Protocol.code(), CloseCode::Protocol.reason().as_bytes());
            Outcome::Failed
        }
        Err(_) => {
            connection.close(CloseCode::Deadline.code(), CloseCode::Deadline.reason().as_bytes());
            Outcome::Failed
        }
    }
}

async fn exchange(connection: &quinn::Connection, roster: &Arc<Roster>) -> Option<Outcome> {
    let (mut send, request) = tokio::time::timeout(REQUEST_DEADLINE, request(connection)).await.ok()??;
    let (reply, outcome) = answer(connection, roster, request).await?;
    if matches!(outcome, Outcome::BadToken | Outcome::TokenEnded) {
        tokio::time::sleep(FAILED_TRY_DELAY).await;
    }
    send.write_all(&encode(&reply).ok()?).await.ok()?;
    send.finish().ok()?;
    // The edge closes once it has the answer.
    let _ = tokio::time::timeout(LINGER, connection.closed()).await;
    connection.close(CloseCode::Done.code(), b"");
    Some(outcome)
}

async fn request(connection: &quinn::Connection) -> Option<(quinn::SendStream, Request)> {
    let (send, mut receive) = connection.accept_bi().await.ok()?;
    let mut frames = Frames::new();
    loop {
        if let Some(request) = frames.next_message().ok()? {
            return Some((send, request));
        }
        let chunk = receive.read_chunk(4096, true).await.ok()??;
        frames.feed(&chunk.bytes);
    }
}

async fn answer(
    connection: &quinn::Connection,
    roster: &Arc<Roster>,
    request: Request,
) -> Option<(Reply, Outcome)> {
    let mut session = [0; 32];
    connection.export_keying_material(&mut session, enrol::EXPORTER_LABEL, b"").ok()?;
    let Request { name, proof, public_key } = request;
    let now = WallTime::now();
    // An edge with a certificate renews it by that: tokens may end sooner.
    let renews = fingerprint(connection).and_then(|certificate| roster.whose(&certificate));
    let token = match &renews {
        Some(_) => None,
        None => match roster.proved(|secret| enrol::is_proof(&proof, secret, &session), now) {
            None => return Some((Reply::BadToken, Outcome::BadToken)),
            Some((_, state)) if state != TokenState::Valid => {
                return Some((Reply::TokenEnded, Outcome::TokenEnded));
            }
            Some((id, _)) => Some(id),
        },
    };
    let uncompressed_point = public_key.len() == enrol::PUBLIC_KEY_BYTES && public_key[0] == 4;
    if name.len() > MAX_NAME_BYTES || !uncompressed_point {
        return Some((Reply::BadRequest, Outcome::Failed));
    }
    let roster = Arc::clone(roster);
    let certify = move || match (renews, token) {
        (Some(name), _) => roster.renew(&name, &public_key),
        (None, Some(token)) => roster.enrol(&token, &name, &public_key, now),
        (None, None) => Err(NotAdded::Unknown.into()),
    };
    match tokio::task::spawn_blocking(certify).await.ok()? {
        Ok(Made { name, certificate, expires_at_s }) => {
            tracing::info!(edge = name, remote = %connection.remote_address(), "an edge has a new certificate");
            Some((Reply::Enrolled { certificate: Bytes::from(certificate), expires_at_s }, Outcome::Enrolled))
        }
        // Its last use went to another edge in between.
        Err(RosterError::NotAdded(NotAdded::TokenEnded)) => Some((Reply::TokenEnded, Outcome::TokenEnded)),
        Err(error) => {
            tracing::error!(%error, "an edge cannot be enrolled");
            None
        }
    }
}
