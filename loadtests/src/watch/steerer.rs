//! What leads a viewer from Pathway to Pathway: the policy, and the requests to the steering server beside the playback.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::sync::Notify;

use crate::check;
use crate::http::connection::{Answer, Dialer, Keep};
use crate::http::gzip;
use crate::http::url::Url;
use crate::playlist::Multivariant;
use crate::steering::manifest::{Manifest, Unusable};
use crate::steering::pathways::{Pathways, Variant};
use crate::steering::policy::{Policy, Reason, Refusal};
use crate::steering::throughput::Throughput;
use crate::watch::request::{ANSWER_DEADLINE, Place};
use crate::watch::shared::{Shared, SharedTally, lock, now};

/// The steering of one viewer. Its playback and [`Steerer::follow`] run side by side.
pub(super) struct Steerer {
    dialer: Dialer,
    shared: Arc<Shared>,
    tally: SharedTally,
    state: Mutex<State>,
    begun: Notify,
}

#[derive(Default)]
struct State {
    /// `None` until there is a Multivariant Playlist.
    policy: Option<Policy>,
    throughput: Throughput,
}

impl Steerer {
    /// Without a playlist yet; `dialer` has the settings of connections to steering servers.
    pub(super) fn new(dialer: Dialer, shared: Arc<Shared>, tally: SharedTally) -> Self {
        Self { dialer, shared, tally, state: Mutex::default(), begun: Notify::new() }
    }

    /// Takes the Multivariant Playlist, at the dialer's address; `steered` is false if steering is to be ignored. Returns
    /// false if the URI of a variant is none.
    pub(super) fn begin(&self, playlist: &Multivariant, steered: bool) -> bool {
        let Ok(policy) = Policy::new(playlist, &self.dialer.server, steered, now()) else { return false };
        lock(&self.tally).steering.viewers += u64::from(policy.is_steered());
        lock(&self.state).policy = Some(policy);
        self.begun.notify_one();
        true
    }

    /// Where a viewer is that watches what `variant` was, or else the `index`-th variant; `None` before the beginning.
    pub(super) fn place(&self, variant: Option<&Variant>, index: usize) -> Option<(Place, Variant)> {
        let state = lock(&self.state);
        let policy = state.policy.as_ref()?;
        let pathway = policy.current()?;
        let variant = pathway.like(variant, index)?.clone();
        let (pathway, url) = (pathway.id.clone(), variant.url.clone());
        Some((Place { pathway, steered: policy.is_steered(), url }, variant))
    }

    /// The Pathways; `None` before the beginning.
    pub(super) fn pathways(&self) -> Option<Pathways> {
        lock(&self.state).policy.as_ref().map(|policy| policy.pathways().clone())
    }

    /// Counts a download of media for `_HLS_throughput`. Playlists are too short to tell more than the round trip.
    pub(super) fn measured(&self, bytes: usize, length: Duration) {
        lock(&self.state).throughput.add(bytes, length);
    }

    /// True if there is a Pathway to go to should this one fail.
    pub(super) fn has_another(&self) -> bool {
        lock(&self.state).policy.as_ref().is_some_and(|policy| policy.has_another(now()))
    }

    /// Changes to the best Pathway, without the current one if it has failed. Returns true if that is another.
    pub(super) fn change(&self, reason: Reason) -> bool {
        let changed = {
            let mut state = lock(&self.state);
            let Some(policy) = &mut state.policy else { return false };
            match reason {
                Reason::Steering => policy.change(now()),
                Reason::Failure => policy.fail(now()),
            }
        };
        let steering = &mut lock(&self.tally).steering;
        match reason {
            Reason::Steering => steering.switches_by_steering += u64::from(changed),
            Reason::Failure => steering.switches_by_failure += u64::from(changed),
        }
        changed
    }

    /// Asks the steering server whenever it is due. Never ends; cancel safe: a request under way is closed.
    pub(super) async fn follow(&self) {
        loop {
            match self.due() {
                // No playlist yet, or none that is steered any more.
                None => self.begun.notified().await,
                Some(due) => {
                    tokio::time::sleep_until(due.into()).await;
                    self.ask().await;
                }
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        lock(&self.state).policy.as_ref().and_then(Policy::due)
    }

    async fn ask(&self) {
        let url = {
            let state = lock(&self.state);
            state.policy.as_ref().and_then(|policy| policy.request(state.throughput.bps()))
        };
        let Some(url) = url else { return };
        lock(&self.tally).steering.requests += 1;
        let dialer = Dialer { server: url.clone(), ..self.dialer.clone() };
        let exchange = async { dialer.connect().await?.get(&url.path, Keep::Body, ANSWER_DEADLINE).await };
        let failure = match exchange.await {
            Err(error) => Some((Refusal::Failed, error.to_string())),
            Ok(answer) if answer.status == StatusCode::OK => self.read(&answer, &url),
            Ok(answer) => Some((refusal(&answer), format!("status {}", answer.status))),
        };
        if let Some((refusal, text)) = failure {
            lock(&self.tally).steering_error(text);
            if let Some(policy) = &mut lock(&self.state).policy {
                policy.refused(refusal, now());
            }
        }
    }

    /// Judges and obeys a manifest. Returns why it is ignored, if it is.
    fn read(&self, answer: &Answer, url: &Url) -> Option<(Refusal, String)> {
        let text = gzip::text(&answer.body, answer.is_gzip());
        let read = match &text {
            Ok(text) => Manifest::parse(text),
            Err(error) => Err(Unusable::Syntax(error.to_string())),
        };
        let mut state = lock(&self.state);
        let policy = state.policy.as_mut()?;
        if self.is_new(answer) {
            let found = check::steering::manifest(answer.header("content-type"), &read, policy.pathways());
            let excerpt = text.as_deref().unwrap_or_default();
            lock(&self.tally).breach(found.into_iter().map(|b| b.with_excerpt(excerpt)).collect());
        }
        match read {
            Ok(manifest) => policy.obey(&manifest, url, now()),
            Err(error) => return Some((Refusal::Failed, error.to_string())),
        }
        None
    }

    /// True if no viewer of this address had this answer before: each is judged once.
    fn is_new(&self, answer: &Answer) -> bool {
        static HASHER: OnceLock<RandomState> = OnceLock::new();
        let parts = (answer.header("content-type"), &answer.body);
        let hash = HASHER.get_or_init(RandomState::new).hash_one(parts);
        let mut judged = lock(&self.shared.judged);
        let new = judged.get(&hash).is_none();
        judged.insert(hash, ());
        new
    }
}

fn refusal(answer: &Answer) -> Refusal {
    match answer.status {
        StatusCode::GONE => Refusal::Gone,
        StatusCode::TOO_MANY_REQUESTS => match answer.header("retry-after").parse() {
            Ok(seconds) => Refusal::Busy(Duration::from_secs(seconds)),
            Err(_) => Refusal::Failed,
        },
        _ => Refusal::Failed,
    }
}
