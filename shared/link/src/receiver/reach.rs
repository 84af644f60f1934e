//! Whether the origin can be reached from here: its name resolves, its UDP port answers, and it is the origin of the token.
//!
//! For the doctor, not for the link: a connection for enrolment that asks for nothing and is closed again. The origin needs no
//! certificate of an edge for that, so no edge's link is disturbed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use quinn::ConnectionError;

use super::client::{DIAL_DEADLINE, DRAIN, connecting};
use super::identity::Identity;
use super::tls::client_config;
use crate::{ALPN_ENROL, CloseCode, JoinToken};

/// Where an edge finds its origin, and how it recognises it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// `host:port`, the most preferred first.
    pub addresses: Vec<String>,
    /// SHA-256 of the DER of its certificate authority.
    pub fingerprint: [u8; 32],
}

impl From<&JoinToken> for Origin {
    fn from(token: &JoinToken) -> Self {
        Self { addresses: token.addresses.clone(), fingerprint: token.fingerprint }
    }
}

impl From<&Identity> for Origin {
    fn from(identity: &Identity) -> Self {
        Self { addresses: identity.addresses.clone(), fingerprint: identity.fingerprint }
    }
}

/// An origin that answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached {
    /// Where.
    pub at: SocketAddr,
    /// How long the handshake took.
    pub handshake: Duration,
}

/// The reason why an address of an origin is of no use.
#[derive(Debug, thiserror::Error)]
pub enum NotReached {
    /// The name has no address, or DNS does not answer.
    #[error("the name of {0} cannot be resolved")]
    Name(String),
    /// Nothing came back.
    #[error("{0} does not answer")]
    Silent(SocketAddr),
    /// Something answered, but not this origin.
    #[error("{at} answers, but it is not the origin of this join token")]
    Other {
        /// Where.
        at: SocketAddr,
        /// What the handshake said.
        #[source]
        source: ConnectionError,
    },
    /// No packet could be sent, or no socket opened.
    #[error("{0} cannot be dialled: {1}")]
    Unusable(String, String),
}

/// Tries one `host:port`, at each of the addresses that its name has, at most five seconds each. Cancel safe.
///
/// # Errors
/// [`NotReached`], of the last address that was tried.
pub async fn reach(address: &str, fingerprint: [u8; 32]) -> Result<Reached, NotReached> {
    let name = || NotReached::Name(address.to_owned());
    let lookup = tokio::time::timeout(DIAL_DEADLINE, tokio::net::lookup_host(address)).await;
    let resolved = lookup.map_err(|_| name())?.map_err(|_| name())?;
    let mut failure = name();
    for remote in resolved {
        match one(remote, fingerprint).await {
            Ok(handshake) => return Ok(Reached { at: remote, handshake }),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn one(at: SocketAddr, fingerprint: [u8; 32]) -> Result<Duration, NotReached> {
    let unusable = |error: &dyn std::error::Error| NotReached::Unusable(at.to_string(), error.to_string());
    let config = client_config(ALPN_ENROL, fingerprint, None).map_err(|error| unusable(&error))?;
    let began = Instant::now();
    let (endpoint, connecting) = connecting(at, &config).map_err(|error| unusable(&error))?;
    let connection = match tokio::time::timeout(DIAL_DEADLINE, connecting).await {
        Err(_) | Ok(Err(ConnectionError::TimedOut)) => return Err(NotReached::Silent(at)),
        Ok(Err(source)) => return Err(NotReached::Other { at, source }),
        Ok(Ok(connection)) => connection,
    };
    let handshake = began.elapsed();
    connection.close(CloseCode::Done.code(), b"");
    let _ = tokio::time::timeout(DRAIN, endpoint.wait_idle()).await;
    Ok(handshake)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::net::UdpSocket;

    use super::*;
    use crate::sender::tests::Origin as Rig;

    #[tokio::test]
    async fn an_origin_answers_and_another_one_is_told_apart() {
        let rig = Rig::start();
        let Origin { addresses, fingerprint } = Origin::from(&rig.token());
        let reached = reach(&addresses[0], fingerprint).await.unwrap();
        assert_eq!(reached.at, rig.address);
        let other = reach(&addresses[0], [7; 32]).await.unwrap_err();
        assert!(matches!(&other, NotReached::Other { at, .. } if *at == rig.address), "{other}");
        assert!(other.source().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_is_silent_and_a_name_that_is_none_are_told_apart() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = silent.local_addr().unwrap();
        let error = reach(&at.to_string(), [7; 32]).await.unwrap_err();
        assert!(matches!(error, NotReached::Silent(there) if there == at), "{error}");
        // RFC 6761 §6.4: no such name resolves.
        let error = reach("origin.invalid:4433", [7; 32]).await.unwrap_err();
        assert!(matches!(error, NotReached::Name(_)), "{error}");
    }
}
