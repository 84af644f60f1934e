//! What the viewers of one address share, and the clock that they all look at.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::check::siblings::Siblings;
use crate::steering::pathways::Pathway;
use crate::watch::bodies::Bodies;
use crate::watch::bounded::Bounded;
use crate::watch::tally::Tally;

/// Time after a start or trouble for which reports of siblings may lag.
pub(super) const UNSTEADY: Duration = Duration::from_secs(8);
/// Pathways whose variants are compared; those of further ones are not.
const MOST_PATHWAYS: usize = 256;
/// Steering manifests that are remembered as judged.
const JUDGED: usize = 256;

/// The state that the viewers of one address share.
pub struct Shared {
    /// Playlists, of all Pathways: the same media has the same playlist everywhere.
    pub(super) bodies: Mutex<Bodies>,
    /// The variants of each Pathway, and when it was last in trouble.
    pub(super) siblings: Mutex<HashMap<String, (Siblings, Instant)>>,
    /// Hashes of steering manifests that have been judged.
    pub(super) judged: Mutex<Bounded<u64, ()>>,
}

impl Default for Shared {
    fn default() -> Self {
        let judged = Mutex::new(Bounded::new(JUDGED));
        Self { bodies: Mutex::default(), siblings: Mutex::default(), judged }
    }
}

impl Shared {
    /// Lets the variants of `pathway` be compared from now on; `independent` is what the Multivariant Playlist says.
    pub(super) fn compare(&self, pathway: &Pathway, independent: bool) {
        let Some(first) = pathway.variants.first() else { return };
        // Reports name siblings by relative references, which cannot lead to another server.
        if pathway.variants.iter().any(|variant| variant.url.authority() != first.url.authority()) {
            return;
        }
        let mut siblings = lock(&self.siblings);
        if siblings.len() >= MOST_PATHWAYS {
            return;
        }
        siblings.entry(pathway.id.clone()).or_insert_with(|| {
            let paths = pathway.variants.iter().map(|variant| variant.url.bare_path().to_owned());
            (Siblings::new(paths).independent(independent), now())
        });
    }

    /// Notes that `pathway` is in trouble, so that reports of siblings may lag there.
    pub(super) fn trouble(&self, pathway: &str) {
        if let Some((_, trouble)) = lock(&self.siblings).get_mut(pathway) {
            *trouble = now();
        }
    }
}

/// The tally that all viewers share.
pub type SharedTally = Arc<Mutex<Tally>>;

/// The time; tests let it pass as they like.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The state behind a lock; a panicked holder leaves counts, which stay usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
