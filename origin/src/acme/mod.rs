//! The certificate of all edges, and of this origin's own listeners, from an authority that speaks ACME (RFC 8555): obtained,
//! renewed in time, kept sealed in the store, and given to edges over the link.
//!
//! Place in the flow: [`Acme::run`] decides by [`policy`] when to ask; [`order`] is one exchange with the authority, over
//! [`client`]; what the authority's challenges are to be answered is announced in the store, from where every edge reads it
//! ([`farcast_certificates::Announced`]), so that it does not matter which edge the authority meets. There is one origin to a
//! channel, so one renews for all.
//!
//! Invariants: an authority is asked no more often than [`policy`] allows, also by an origin that is started again and again;
//! nothing is asked before each connected edge has said that it has the answers, or ten seconds have passed; account key and
//! certificate key leave this process sealed, or over the link to an edge; a certificate that cannot be used replaces none.

mod client;
mod config;
mod kept;
mod metrics;
mod order;
mod policy;
mod sealed;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use farcast_api::time::Time;
use farcast_certificates::{
    Announced, Challenge, Checked, Current, Domain, Fingerprint, Following, Pair, announced_key,
};
use farcast_feed::time::WallTime;
use farcast_link::sender::Edges;
use farcast_link::{Ask, EdgeReport, MAX_REPORT_BYTES};
use farcast_store::{Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::kept::{Kept, Shelf};
use self::order::{Announce, OrderError};

pub use self::config::{ChallengeKind, ChallengeKinds, Config, External};
pub use self::metrics::Metrics;
pub use self::sealed::Key;

/// Longest wait for edges to have seen an announcement.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// Interval at which edges are asked whether they have.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Longest wait for edges before the authority is asked, which looks for its proofs at all of them.
const EDGES_WITHIN: Duration = Duration::from_secs(60);

/// Time without another edge after which all are thought to be there: they come back one by one when the origin was started
/// again, each within seconds, and are in DNS a little later.
const SETTLED: Duration = Duration::from_secs(6);

/// Longest sleep until the clock is looked at again: it may have been set, or the machine have slept.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Longest time for one order: the authority may take some minutes to look at all names.
const ORDER_WITHIN: Duration = Duration::from_secs(600);

/// The parts that an [`Acme`] works with.
#[derive(Debug)]
pub struct Services {
    /// The store, for what is kept and announced.
    pub store: Store,
    /// The edges, which are asked for what they have seen.
    pub edges: Edges,
    /// The announcements as this process follows them.
    pub following: Following,
    /// The certificate of this origin's own listeners, where they have no other.
    pub current: Option<Arc<Current>>,
    /// The certificate for edges: a [`Pair`] as JSON.
    pub given: watch::Sender<Option<Bytes>>,
    /// Seals what is kept.
    pub key: Key,
    /// Counts.
    pub metrics: Metrics,
}

/// See the module.
#[derive(Debug)]
pub struct Acme {
    config: Config,
    shelf: Shelf,
    services: Services,
}

/// The reason why there is no new certificate.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error("the authority took longer than {ORDER_WITHIN:?}")]
    TooLong,
}

/// Announces that there is no certificate for all edges: for an origin without names to get one for. Edges go on with what they
/// have.
///
/// # Errors
/// When the store fails.
pub async fn announce_none(store: &Store) -> Result<(), StoreError> {
    if store.load(&announced_key()).await?.is_some() {
        announce(store, None, Vec::new()).await?;
    }
    Ok(())
}

/// Announces these, and returns the announcement's number.
async fn announce(
    store: &Store,
    certificate: Option<Fingerprint>,
    challenges: Vec<Challenge>,
) -> Result<u64, StoreError> {
    let change = |record: &mut Announced| {
        if record.certificate != certificate || record.challenges != challenges {
            *record = Announced {
                number: record.number + 1,
                certificate: certificate.clone(),
                challenges: challenges.clone(),
            };
        }
        Ok::<_, StoreError>(())
    };
    Ok(store.update(&announced_key(), change, |batch| batch).await?.number)
}

impl Acme {
    /// Obtains and renews a certificate as configured.
    #[must_use]
    pub fn new(config: Config, services: Services) -> Self {
        let shelf = Shelf::new(services.store.clone(), services.key.clone());
        Self { config, shelf, services }
    }

    /// Runs until `shutdown`. An order that is under way then is given up; the authority forgets it.
    pub async fn run(self, shutdown: CancellationToken) {
        let forever = async {
            let mut kept = loop {
                match self.begin().await {
                    Ok(kept) => break kept,
                    Err(error) => {
                        tracing::warn!(%error, "the kept certificate cannot be read yet");
                        tokio::time::sleep(ASK_EVERY * 8).await;
                    }
                }
            };
            loop {
                self.until_due(&kept).await;
                self.until_edges_are_there().await;
                self.try_once(&mut kept).await;
            }
        };
        shutdown.run_until_cancelled(forever).await;
    }

    /// Takes what was kept into use.
    async fn begin(&self) -> Result<Kept, StoreError> {
        let kept = self.shelf.load(&self.config).await?;
        if let Some((pair, checked)) = &kept.certificate {
            self.put_in_use(pair, checked);
        }
        announce(&self.services.store, self.fingerprint(&kept), Vec::new()).await?;
        Ok(kept)
    }

    fn fingerprint(&self, kept: &Kept) -> Option<Fingerprint> {
        kept.certificate.as_ref().map(|(pair, _)| pair.fingerprint())
    }

    fn put_in_use(&self, pair: &Pair, checked: &Checked) {
        if let Some(current) = &self.services.current {
            current.set(checked);
        }
        self.services.metrics.has(checked.not_after);
        // A struct of two texts is always JSON.
        self.services.given.send_replace(serde_json::to_vec(pair).ok().map(Bytes::from));
    }

    /// Waits until the authority is to be asked.
    async fn until_due(&self, kept: &Kept) {
        loop {
            let certificate = kept.certificate.as_ref().map(|(_, checked)| checked);
            let due = policy::due(certificate, &self.config.domains.0, &kept.attempts);
            let Ok(wait) = due.duration_since(SystemTime::now()) else { return };
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait.min(LOOK_EVERY)).await;
        }
    }

    async fn try_once(&self, kept: &mut Kept) {
        let names = || self.config.domains.0.iter().map(Domain::as_str).collect::<Vec<_>>().join(", ");
        tracing::info!(names = names(), directory = %self.config.directory, "asking the authority for a certificate");
        match self.order(kept).await {
            Ok((pair, checked)) => {
                self.services.metrics.ordered("issued");
                kept.attempts.forget();
                let until = Time(WallTime::from(checked.not_after));
                kept.certificate = Some((pair, checked));
                tracing::info!(names = names(), %until, "there is a new certificate");
                self.take_up(kept).await;
            }
            Err(error) => {
                self.services.metrics.ordered("failed");
                let (limited, least) = match &error {
                    Failure::Order(error) => (error.is_rate_limit(), error.retry_after()),
                    _ => (false, None),
                };
                let wait = policy::pause(kept.attempts.failures, limited, least);
                kept.attempts.failed(SystemTime::now() + wait, &error.to_string());
                tracing::warn!(%error, again_after = ?wait, "there is no new certificate: what is in use goes on");
                if let Err(error) = self.shelf.save_attempts(&kept.attempts).await {
                    tracing::warn!(%error, "that it failed is not kept");
                }
            }
        }
        if let Err(error) = announce(&self.services.store, self.fingerprint(kept), Vec::new()).await {
            tracing::warn!(%error, "the certificate is not announced: edges go on with the former one until it is");
        }
    }

    /// Keeps a new certificate, tried until the store takes it: it is in use here meanwhile.
    async fn take_up(&self, kept: &Kept) {
        let Some((pair, checked)) = &kept.certificate else { return };
        self.put_in_use(pair, checked);
        while let Err(error) = self.shelf.save_certificate(pair, &kept.attempts).await {
            tracing::warn!(%error, "the new certificate is not kept yet");
            tokio::time::sleep(ASK_EVERY * 8).await;
        }
    }

    /// Waits until edges are connected and no further one comes, if that takes no longer than [`EDGES_WITHIN`]: names may be this
    /// origin's own.
    async fn until_edges_are_there(&self) {
        let connected = async {
            while self.services.edges.settled().is_none_or(|settled| settled < SETTLED) {
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        let waited = tokio::time::timeout(EDGES_WITHIN, connected).await;
        if waited.is_err() && self.services.edges.count() == 0 {
            tracing::warn!(
                "no edge is connected that could answer the authority's challenges; it is asked all the same"
            );
        }
    }

    async fn order(&self, kept: &mut Kept) -> Result<(Pair, Checked), Failure> {
        // What becomes of this attempt is not known if the origin ends meanwhile: it counts as one that failed.
        let pause = policy::pause(kept.attempts.failures, false, None);
        let mut attempts = kept.attempts.clone();
        attempts.failed(SystemTime::now() + pause, "the origin ended meanwhile");
        self.shelf.save_attempts(&attempts).await?;
        let ordering = async {
            let account = self.account(kept).await?;
            let kinds = &self.config.challenges;
            let kind = kinds.for_attempt(kept.attempts.failures);
            Ok(order::obtain(&account, &self.config.domains.0, kind, self).await?)
        };
        tokio::time::timeout(ORDER_WITHIN, ordering).await.unwrap_or(Err(Failure::TooLong))
    }

    /// The account at the authority, made there if there is none.
    async fn account(&self, kept: &mut Kept) -> Result<order::Account, Failure> {
        if let Some(credentials) = kept.account.take() {
            // Kept again: it is read from its text, since its type cannot be copied.
            let text = serde_json::to_vec(&credentials).map_err(OrderError::from)?;
            kept.account = serde_json::from_slice(&text).ok();
            return Ok(order::Account::open(&self.config, credentials).await?);
        }
        let (account, credentials) = order::Account::create(&self.config).await?;
        self.shelf.save_account(&self.config, &credentials).await?;
        kept.account = Some(credentials);
        Ok(account)
    }
}

impl Announce for Acme {
    /// Announces answers to challenges, and waits until each edge that is connected has seen them.
    async fn announce(&self, challenges: Vec<Challenge>) -> Result<(), StoreError> {
        let Services { store, edges, following, .. } = &self.services;
        let certificate = store.load(&announced_key()).await?.and_then(|stored| stored.record.certificate);
        let number = announce(store, certificate, challenges).await?;
        let seen = async {
            let mut following = following.clone();
            let reached = |it: &Option<Arc<Announced>>| it.as_ref().is_some_and(|it| it.number >= number);
            // Fails only when nobody follows any more, as at the end of the program.
            let _ = following.wait_for(reached).await.map(drop);
            loop {
                let said = edges.ask_each::<EdgeReport>(&Ask::Report, MAX_REPORT_BYTES).await;
                let behind = |report: &EdgeReport| (1..number).contains(&report.announced);
                if !said.iter().filter_map(|said| said.answer.as_ref()).any(behind) {
                    return;
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        if tokio::time::timeout(SEEN_WITHIN, seen).await.is_err() {
            tracing::warn!(
                "some edge has not seen the answers to the authority's challenges; it is asked all the same"
            );
        }
        Ok(())
    }
}
