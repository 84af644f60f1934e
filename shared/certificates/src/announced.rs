//! What the origin's ACME client announces to all edges through the store: the certificate that there is, and the answers to
//! an authority's challenges (RFC 8555 §8). None of it is secret.

use std::sync::Arc;

use farcast_store::{Record, Store, Tuple, TypedKey};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::domains::{Domain, MAX_DOMAINS};
use crate::pair::Fingerprint;

/// Most challenges at once: one for each name of a certificate.
pub const MAX_CHALLENGES: usize = MAX_DOMAINS;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Announced {
    /// Greater with each change, so that the origin can tell what an edge has seen.
    pub number: u64,
    /// The certificate that edges are to use; none until there is one.
    pub certificate: Option<Fingerprint>,
    /// Challenges that are to be answered now; at most [`MAX_CHALLENGES`].
    pub challenges: Vec<Challenge>,
}

impl Record for Announced {
    const VERSION: u8 = 1;
}

/// The proof that a name is ours, for whoever is asked for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Challenge {
    /// The name, of a wildcard the one behind `*.`.
    pub domain: Domain,
    /// The way in which it is asked for.
    pub answer: Answer,
}

/// The answer to a challenge.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// The text at `/.well-known/acme-challenge/<token>` (RFC 8555 §8.3).
    Http {
        /// The last part of the path.
        token: String,
        /// The body: the key authorization.
        text: String,
    },
    /// The SHA-256 of the key authorization, in the certificate of a handshake for `acme-tls/1` (RFC 8737 §3).
    TlsAlpn {
        /// The digest.
        digest: [u8; 32],
    },
    /// A TXT record of `_acme-challenge` before the name (RFC 8555 §8.4).
    Dns {
        /// Its text.
        text: String,
    },
}

/// Paths at which an authority asks by HTTP; the token follows (RFC 8555 §8.3).
pub const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// The newest announcement; none before the store was read for the first time.
pub type Following = watch::Receiver<Option<Arc<Announced>>>;

/// The key of the announcement.
#[must_use]
pub fn announced_key() -> TypedKey<Announced> {
    TypedKey::new(Tuple::new().text("certificate_announced").key())
}

/// Keeps `announced` as the store has it. Runs until dropped.
pub async fn follow(store: &Store, announced: &watch::Sender<Option<Arc<Announced>>>) {
    store.follow(&announced_key(), announced, "the announced certificate").await;
}

impl Announced {
    /// The answer to a request for `/.well-known/acme-challenge/<token>` at any host.
    #[must_use]
    pub fn http(&self, token: &str) -> Option<&str> {
        self.challenges.iter().find_map(|challenge| match &challenge.answer {
            Answer::Http { token: known, text } if known == token => Some(text.as_str()),
            _ => None,
        })
    }

    /// The digest for a handshake for `acme-tls/1` with this host.
    #[must_use]
    pub fn tls_alpn(&self, host: &str) -> Option<[u8; 32]> {
        self.of(host).find_map(|answer| match answer {
            Answer::TlsAlpn { digest } => Some(*digest),
            _ => None,
        })
    }

    /// The texts of `_acme-challenge` before this host: a name and the wildcard below it have one each.
    #[must_use]
    pub fn dns(&self, host: &str) -> Vec<String> {
        let text = |answer: &Answer| match answer {
            Answer::Dns { text } => Some(text.clone()),
            _ => None,
        };
        self.of(host).filter_map(text).collect()
    }

    fn of<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Answer> {
        let same = move |challenge: &&Challenge| challenge.domain.base().eq_ignore_ascii_case(host);
        self.challenges.iter().filter(same).map(|challenge| &challenge.answer)
    }
}

#[cfg(test)]
mod tests {
    use farcast_store::memory::Memory;

    use super::*;

    fn challenge(domain: &str, answer: Answer) -> Challenge {
        Challenge { domain: Domain::try_from(domain.to_owned()).unwrap(), answer }
    }

    fn some() -> Announced {
        let http = Answer::Http { token: "t".to_owned(), text: "t.thumb".to_owned() };
        let dns = |text: &str| Answer::Dns { text: text.to_owned() };
        Announced {
            number: 1,
            certificate: None,
            challenges: vec![
                challenge("a.example", http),
                challenge("b.example", Answer::TlsAlpn { digest: [7; 32] }),
                challenge("c.example", dns("one")),
                challenge("*.c.example", dns("two")),
            ],
        }
    }

    #[test]
    fn each_way_of_asking_has_its_own_answers() {
        let announced = some();
        assert_eq!(announced.http("t"), Some("t.thumb"));
        assert_eq!(announced.http(""), None);
        assert_eq!(announced.tls_alpn("B.example"), Some([7; 32]));
        assert_eq!(announced.tls_alpn("a.example"), None);
        assert_eq!(announced.dns("c.example"), ["one", "two"]);
        assert!(announced.dns("a.example").is_empty());
    }

    #[tokio::test]
    async fn whoever_follows_sees_what_is_announced() {
        let (store, _) = Memory::store();
        let (tell, mut following) = watch::channel(None);
        let followed = store.clone();
        let follow = tokio::spawn(async move { follow(&followed, &tell).await });
        following.wait_for(Option::is_some).await.unwrap();
        let announce = |record: &mut Announced| {
            *record = some();
            Ok::<_, farcast_store::StoreError>(())
        };
        store.update(&announced_key(), announce, |batch| batch).await.unwrap();
        let seen =
            following.wait_for(|seen| seen.as_ref().is_some_and(|seen| seen.number == 1)).await.unwrap();
        assert_eq!(seen.as_deref(), Some(&some()));
        drop(seen);
        follow.abort();
    }
}
