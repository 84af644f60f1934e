//! The cache of media objects, which all channels share: one bound on its bytes, whoever fills it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_feed::name::ObjectName;
use farcast_link::receiver::FetchError;
use farcast_telemetry::make::Make as _;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use prometheus::{IntGauge, Registry};

/// Time for which an object is kept. It is listed for a minute and stays available for a playlist's and a
/// segment's duration after that (RFC 8216bis §6.2.2); the playlist of an ended broadcast is served for two
/// minutes. No player asks for it later, so keeping it would only fill memory up to the cache's bound.
const LIFETIME: Duration = Duration::from_secs(200);

/// Rough cost of an entry besides its bytes.
const ENTRY_OVERHEAD_BYTES: usize = 256;

/// Number of a channel: objects of two channels may have one name.
type Number = u16;

/// The cache of all channels. Cheap to clone; clones are one.
#[derive(Clone, Debug)]
pub struct ObjectCache {
    objects: Cache<(Number, ObjectName), Bytes>,
    bytes: IntGauge,
    entries: IntGauge,
}

/// A channel's part of the cache.
#[derive(Clone, Debug)]
pub struct ChannelCache {
    all: ObjectCache,
    number: Number,
}

impl ObjectCache {
    /// An empty cache that holds at most `max_bytes` of objects; registers its metrics.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(max_bytes: u64, registry: &Registry) -> Result<Self, prometheus::Error> {
        let weigh = |_: &(Number, ObjectName), bytes: &Bytes| {
            u32::try_from(bytes.len() + ENTRY_OVERHEAD_BYTES).unwrap_or(u32::MAX)
        };
        // LRU: the default policy may refuse an object that was just born.
        let objects = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(weigh)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(LIFETIME)
            .build();
        Ok(Self {
            objects,
            bytes: registry.gauge("farcast_live_cache_bytes", "Bytes that the object cache holds.")?,
            entries: registry.gauge("farcast_live_cache_entries", "Objects that the cache holds.")?,
        })
    }

    /// The part of a channel, by a number that no other channel has.
    #[must_use]
    pub fn of_channel(&self, number: Number) -> ChannelCache {
        ChannelCache { all: self.clone(), number }
    }
}

impl ChannelCache {
    pub(super) async fn get(&self, name: &ObjectName) -> Option<Bytes> {
        self.all.objects.get(&(self.number, *name)).await
    }

    pub(super) async fn insert(&self, name: ObjectName, bytes: Bytes) {
        self.all.objects.insert((self.number, name), bytes).await;
    }

    /// The object, fetched once for all who ask for it at the same time. A failure is not kept.
    pub(super) async fn get_or_fetch(
        &self,
        name: ObjectName,
        fetch: impl Future<Output = Result<Bytes, FetchError>>,
    ) -> Result<Bytes, Arc<FetchError>> {
        self.all.objects.try_get_with((self.number, name), fetch).await
    }

    pub(super) fn observe(&self) {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.all.bytes.set(signed(self.all.objects.weighted_size()));
        self.all.entries.set(signed(self.all.objects.entry_count()));
    }

    /// Number of objects of all channels, when all pending work on them is done.
    #[cfg(test)]
    pub(super) async fn settled_count(&self) -> u64 {
        self.all.objects.run_pending_tasks().await;
        self.all.objects.entry_count()
    }
}
