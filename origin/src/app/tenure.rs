//! The store, and the tenure as the one origin of its channel.

use std::sync::Arc;

use farcast_link::sender::Identity;
use farcast_service::tasks::Ended;
use farcast_store::{Engine, Store};
use farcast_store_fdb::{Foundation, Network};
use farcast_telemetry::health::Health;
use farcast_telemetry::metrics;
use tokio_util::sync::CancellationToken;

use super::operators::Operators;
use crate::settings::Settings;
use crate::standby::{self, Holder, Tenure};
use crate::store::{self, Embedded};

/// The store, and what says when its writer has ended, where that is a thread of ours.
pub(super) fn open_store(
    settings: &Settings,
    registry: &metrics::Registry,
) -> anyhow::Result<(Store, Option<Ended>)> {
    let seen = farcast_store::Metrics::new(registry.inner())?;
    let (engine, ended): (Arc<dyn Engine>, _) = match settings.store.cluster() {
        Some(cluster) => {
            let engine = Foundation::open(&Network::boot()?, &cluster.file, cluster.root().as_bytes())?;
            (engine.counting(seen.clone()), None)
        }
        None => {
            let engine = Embedded::open(&settings.data_dir, store::Metrics::new(registry.inner())?)?;
            let ended = engine.ended();
            (Arc::new(engine), Some(ended))
        }
    };
    Ok((Store::new(engine).observed(seen), ended))
}

/// Waits until this is the channel's origin, where others can reach the store; operators see meanwhile that it lives
/// and waits. Returns the store as its origin has it, and its tenure. Cancel safe.
pub(super) async fn hold(
    store: Store,
    settings: &Settings,
    identity: &Identity,
    operators: &Operators,
    health: &Health,
) -> anyhow::Result<(Store, Option<Tenure>)> {
    if settings.store.cluster().is_none() {
        // The lock of the data folder lets one origin in.
        return Ok((store, None));
    }
    let own = Holder::here(&settings.data_dir, &identity.fingerprint());
    let listening = operators.listen()?;
    let mine = health.readiness("the origin of its channel yet: the log says what it waits for");
    let shown = CancellationToken::new();
    let waiting = async {
        let taken = standby::stand_by(&store, own).await;
        shown.cancel();
        taken
    };
    let ((), (store, tenure)) = tokio::join!(listening.run(None, shown.clone()), waiting);
    mine.set(true);
    Ok((store, Some(tenure)))
}
