//! Enrolment, the origin's side: one connection, one request, one certificate.

use std::time::Duration;

use bytes::Bytes;
use farcast_shared::protocol::enrol::{self, Reply, Request};
use farcast_shared::protocol::{CloseCode, Frames, MAX_NAME_BYTES, encode};

use super::identity::Identity;

/// How long a failed try is kept waiting for its answer. With a few tries at a time
/// ([`super::server`]) this makes guessing hopeless; the secret has 256 bits anyway.
pub(super) const FAILED_TRY_DELAY: Duration = Duration::from_secs(1);

/// How long the request may take to come: an edge sends it with the end of the handshake.
const REQUEST_DEADLINE: Duration = Duration::from_secs(3);

/// How long the whole exchange may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(7);

/// Longest a peer may take to read the answer.
const LINGER: Duration = Duration::from_secs(2);

/// How an enrolment ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Enrolled,
    BadToken,
    Failed,
}

/// Answers one enrolment and closes the connection. Not cancel safe; takes at most [`DEADLINE`].
pub(super) async fn serve(connection: &quinn::Connection, identity: &Identity) -> Outcome {
    match tokio::time::timeout(DEADLINE, exchange(connection, identity)).await {
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

async fn exchange(connection: &quinn::Connection, identity: &Identity) -> Option<Outcome> {
    let (mut send, request) = tokio::time::timeout(REQUEST_DEADLINE, request(connection)).await.ok()??;
    let (reply, outcome) = answer(connection, identity, &request)?;
    if outcome == Outcome::BadToken {
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

fn answer(
    connection: &quinn::Connection,
    identity: &Identity,
    request: &Request,
) -> Option<(Reply, Outcome)> {
    let mut session = [0; 32];
    connection.export_keying_material(&mut session, enrol::EXPORTER_LABEL, b"").ok()?;
    if !enrol::is_proof(&request.proof, identity.secret(), &session) {
        return Some((Reply::BadToken, Outcome::BadToken));
    }
    let uncompressed_point =
        request.public_key.len() == enrol::PUBLIC_KEY_BYTES && request.public_key[0] == 4;
    if request.name.len() > MAX_NAME_BYTES || !uncompressed_point {
        return Some((Reply::BadRequest, Outcome::Failed));
    }
    let (certificate, expires_at_s) = identity.certify(&request.name, &request.public_key).ok()?;
    Some((Reply::Enrolled { certificate: Bytes::from(certificate), expires_at_s }, Outcome::Enrolled))
}
