//! Decides from settings and broadcast whether the directory is pinged.

use std::time::Instant;

use farcast_settings::Snapshot;
use tokio::sync::watch;

use super::Conditions;
use crate::broadcast::Air;

/// Keeps `conditions` as settings and broadcast have them. Runs until dropped, or until the channel of one of both
/// closes.
pub async fn follow(
    mut runtime: watch::Receiver<Option<Snapshot>>,
    mut air: watch::Receiver<Air>,
    conditions: watch::Sender<Conditions>,
) {
    let mut live_since = None;
    loop {
        live_since = air.borrow_and_update().online.then(|| live_since.unwrap_or_else(Instant::now));
        let set = runtime.borrow_and_update().as_ref().map(|snapshot| snapshot.runtime.clone());
        let now = Conditions {
            enabled: set.as_ref().is_some_and(|set| set.directory_enabled),
            live_since,
            server_url: set.map(|set| set.server_url.clone()).unwrap_or_default(),
        };
        conditions.send_if_modified(|known| {
            let changed = *known != now;
            *known = now;
            changed
        });
        let changed = tokio::select! {
            changed = runtime.changed() => changed,
            changed = air.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use farcast_settings::OperatorSettings;

    use super::*;

    #[tokio::test]
    async fn a_broadcast_is_live_since_it_began_whatever_is_set_meanwhile() {
        let set = |directory_enabled| {
            let runtime = OperatorSettings {
                directory_enabled,
                server_url: "https://a".to_owned(),
                ..OperatorSettings::default()
            };
            Some(Snapshot { runtime: Arc::new(runtime), tip: Bytes::new() })
        };
        let (settings, runtime) = watch::channel(set(false));
        let (on, air) = watch::channel(Air::default());
        let (told, mut conditions) = watch::channel(Conditions::default());
        let task = tokio::spawn(follow(runtime, air, told));
        on.send_replace(Air { online: true, ..Air::default() });
        let since = conditions.wait_for(|now| now.live_since.is_some()).await.unwrap().live_since;
        settings.send_replace(set(true));
        let now = conditions.wait_for(|now| now.enabled).await.unwrap().clone();
        assert_eq!((now.live_since, now.server_url.as_str()), (since, "https://a"));
        on.send_replace(Air::default());
        conditions.wait_for(|now| now.live_since.is_none()).await.unwrap();
        drop(on);
        task.await.unwrap();
    }
}
