//! The viewers that edges publish, each edge in a record of its own that ends by itself.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::active::{Audience, MAX_ACTIVE};
use super::sketch::{InvalidSketch, MAX_SKETCH_BYTES, Sketch};
use farcast_feed::time::WallTime;
use farcast_store::{
    Batch, Items, Key, Precondition, Record, Scan, Store, StoreError, Tuple, TypedKey, decode,
};

/// Longest life of a record. One that claims more comes of a clock that is wrong, and would outlive its edge.
pub const LONGEST: Duration = Duration::from_secs(600);

/// Records that one collection clears: the rest waits for the next.
const MAX_CLEARED: usize = 64;

/// An edge's last state.
#[derive(Debug, Serialize, Deserialize)]
struct Published {
    /// Expiry, in milliseconds since 1970.
    until_ms: u64,
    /// Exact number of the edge's viewers.
    viewers: u64,
    /// [`Sketch::to_bytes`] in base64.
    sketch: String,
}

impl Record for Published {
    const VERSION: u8 = 1;
}

/// The viewers of all edges.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Total {
    /// A sketch of them.
    pub sketch: Sketch,
    /// Edges that published.
    pub edges: usize,
    /// Most viewers of one edge, and those of all edges added up: the truth lies between.
    bounds: (u64, u64),
}

impl Total {
    /// Number of viewers: exact with one edge, or with [`super::MAX_EXACT`] viewers or fewer. The estimate is held
    /// between the bounds that the exact numbers of the edges allow, so that user agents which were picked to mislead
    /// the sketch do not succeed.
    #[must_use]
    pub fn viewers(&self) -> u64 {
        let (least, most) = self.bounds;
        self.sketch.estimate().max(least).min(most)
    }

    fn add(&mut self, audience: &Audience) {
        let (least, most) = self.bounds;
        self.bounds = (least.max(audience.viewers), most.saturating_add(audience.viewers));
        self.sketch.merge(&audience.sketch);
        self.edges += 1;
    }
}

/// Longest id of a run, in bytes.
const MAX_RUN_ID_BYTES: usize = 32;

/// Longest record: the largest sketch in base64, and the two numbers.
const MAX_PUBLISHED_BYTES: usize = MAX_SKETCH_BYTES.div_ceil(3) * 4 + 256;

fn prefix() -> Tuple {
    Tuple::new().text("viewers")
}

/// True if a key is that of a record that a run of an edge publishes.
#[must_use]
pub fn is_published_key(key: &Key) -> bool {
    let Ok(mut items) = Items::behind(&prefix().key(), key) else { return false };
    items.bytes().is_ok_and(|run_id| run_id.len() <= MAX_RUN_ID_BYTES) && items.end().is_ok()
}

/// True if an honest edge may publish this value at `now`: a sketch, of no more viewers than an edge counts, that ends in
/// time.
#[must_use]
pub fn is_lawful(value: &[u8], now: WallTime) -> bool {
    match read(value, now) {
        _ if value.len() > MAX_PUBLISHED_BYTES => false,
        Ok(Entry::Counts(audience)) => {
            let most = u64::try_from(MAX_ACTIVE).unwrap_or(u64::MAX);
            let known = audience.sketch.is_exact().then(|| audience.sketch.estimate());
            audience.viewers <= most && known.is_none_or(|known| known == audience.viewers)
        }
        // Its clock may be behind.
        Ok(Entry::Ended) => true,
        Ok(Entry::Newer) | Err(_) => false,
    }
}

fn key(run_id: &[u8]) -> TypedKey<Published> {
    TypedKey::new(prefix().bytes(run_id).key())
}

/// Publishes the viewers of an edge until `now + lasts`, in place of its former record; `run_id` tells this run of
/// this edge from all others. Clocks must agree to a fraction of `lasts`. When the future is dropped it may be
/// published.
///
/// # Errors
/// The store's.
pub async fn publish(
    store: &Store,
    run_id: &[u8],
    audience: &Audience,
    now: WallTime,
    lasts: Duration,
) -> Result<(), StoreError> {
    let published = Published {
        until_ms: now.after(lasts.min(LONGEST)).0 / 1000,
        viewers: audience.viewers,
        sketch: STANDARD_NO_PAD.encode(audience.sketch.to_bytes()),
    };
    store.commit(Batch::new().put(&key(run_id), &published)?).await?;
    Ok(())
}

/// Takes back what an edge published, when it stops. When the future is dropped it may be taken back.
///
/// # Errors
/// The store's: it ends by itself then.
pub async fn withdraw(store: &Store, run_id: &[u8]) -> Result<(), StoreError> {
    store.commit(Batch::new().clear(key(run_id).key().clone())).await?;
    Ok(())
}

/// The viewers of all edges, now. Records that have ended are cleared, so are those that cannot be read, with a warning;
/// those of a newer version are left to programs that can read them. When the future is dropped some may be cleared.
///
/// # Errors
/// The store's, when records cannot be read; what cannot be cleared now is cleared another time.
pub async fn collect(store: &Store, now: WallTime) -> Result<Total, StoreError> {
    let (mut total, mut useless, mut damaged) = (Total::default(), Vec::new(), Vec::new());
    // A page is bounded by its bytes: some three of the largest records.
    let mut next = Some(Scan::prefix(prefix().key()));
    while let Some(scan) = next {
        let page = store.scan(scan.clone()).await?;
        next = scan.behind(&page);
        for (key, value) in page.entries {
            match read(&value, now) {
                Ok(Entry::Counts(audience)) => {
                    total.add(&audience);
                    continue;
                }
                Ok(Entry::Newer) => continue,
                Ok(Entry::Ended) => {}
                Err(error) if damaged.len() < MAX_CLEARED => damaged.push(error),
                Err(_) => {}
            }
            if useless.len() < MAX_CLEARED {
                useless.push((key, value));
            }
        }
    }
    if let Some(error) = damaged.last() {
        let records = damaged.len();
        tracing::warn!(records, %error, "edges' counts of viewers cannot be read and are cleared");
    }
    for (key, value) in useless {
        clear(store, key, value).await;
    }
    Ok(total)
}

enum Entry {
    Counts(Audience),
    Ended,
    Newer,
}

/// The reason why an entry cannot be read.
#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error(transparent)]
    Record(#[from] StoreError),
    #[error("the sketch is not in base64")]
    Base64(#[from] base64::DecodeError),
    #[error(transparent)]
    Sketch(#[from] InvalidSketch),
    #[error("it would last too long: an edge's clock may be wrong")]
    TooLong,
}

fn read(value: &[u8], now: WallTime) -> Result<Entry, Damage> {
    if value.first().is_some_and(|version| *version > Published::VERSION) {
        return Ok(Entry::Newer);
    }
    let published: Published = decode(value)?;
    let left = WallTime(published.until_ms.saturating_mul(1000)).since(now);
    if left.is_zero() {
        return Ok(Entry::Ended);
    }
    // Twice, since the clocks of two may differ.
    if left > 2 * LONGEST {
        return Err(Damage::TooLong);
    }
    let sketch = Sketch::from_bytes(&STANDARD_NO_PAD.decode(published.sketch)?)?;
    Ok(Entry::Counts(Audience { viewers: published.viewers, sketch }))
}

/// Clears an entry, unless its edge has replaced it meanwhile.
async fn clear(store: &Store, key: Key, value: Bytes) {
    let unchanged = Precondition::Equals(key.clone(), value);
    match store.commit(Batch::new().require(unchanged).clear(key)).await {
        Ok(_) | Err(StoreError::Precondition { .. }) => {}
        Err(error) => tracing::debug!(%error, "an edge's old count of viewers cannot be cleared yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MAX_EXACT, ViewerId};
    use super::*;
    use farcast_store::memory::Memory;

    const NOW: WallTime = WallTime(1_700_000_000_000_000);
    const LASTS: Duration = Duration::from_secs(20);

    fn audience(ids: std::ops::Range<u64>) -> Audience {
        let viewers = ids.end - ids.start;
        let id = |number: u64| ViewerId::from_bits(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Audience { viewers, sketch: ids.map(id).collect() }
    }

    async fn entries(store: &Store) -> usize {
        store.scan_all(Scan::prefix(prefix().key()), 1000).await.unwrap().len()
    }

    async fn put(store: &Store, run_id: &[u8], value: impl Into<Bytes>) {
        store.commit(Batch::new().set(key(run_id).key().clone(), value)).await.unwrap();
    }

    #[tokio::test]
    async fn a_viewer_of_two_edges_is_counted_once() {
        let (store, _) = Memory::store();
        assert_eq!(collect(&store, NOW).await.unwrap(), Total::default());
        publish(&store, b"a", &audience(0..10), NOW, LASTS).await.unwrap();
        publish(&store, b"b", &audience(5..20), NOW, LASTS).await.unwrap();
        let total = collect(&store, NOW).await.unwrap();
        assert_eq!((total.viewers(), total.edges), (20, 2));
        publish(&store, b"b", &audience(5..7), NOW, LASTS).await.unwrap();
        assert_eq!(collect(&store, NOW).await.unwrap().viewers(), 10);
        withdraw(&store, b"a").await.unwrap();
        let total = collect(&store, NOW).await.unwrap();
        assert_eq!((total.viewers(), total.edges), (2, 1));
    }

    #[tokio::test]
    async fn what_an_edge_published_ends_by_itself_and_is_cleared() {
        let (store, _) = Memory::store();
        publish(&store, b"a", &audience(0..10), NOW, LASTS).await.unwrap();
        publish(&store, b"b", &audience(0..1), NOW, 2 * LASTS).await.unwrap();
        let almost = NOW.after(LASTS - Duration::from_millis(1));
        assert_eq!(collect(&store, almost).await.unwrap().edges, 2);
        let total = collect(&store, NOW.after(LASTS)).await.unwrap();
        assert_eq!((total.viewers(), total.edges, entries(&store).await), (1, 1, 1));
    }

    #[tokio::test]
    async fn a_record_that_was_renewed_meanwhile_is_not_cleared() {
        let (store, _) = Memory::store();
        publish(&store, b"a", &audience(0..10), NOW, LASTS).await.unwrap();
        let old = store.get(key(b"a").key()).await.unwrap().unwrap();
        publish(&store, b"a", &audience(0..10), NOW.after(LASTS), LASTS).await.unwrap();
        clear(&store, key(b"a").key().clone(), old).await;
        assert_eq!(collect(&store, NOW.after(LASTS)).await.unwrap().viewers(), 10);
    }

    #[tokio::test]
    async fn damaged_records_are_cleared_and_newer_ones_left_alone() {
        let (store, _) = Memory::store();
        publish(&store, b"good", &audience(0..3), NOW, LASTS).await.unwrap();
        let until = NOW.after(LASTS).0 / 1000;
        for (run_id, value) in [
            (b"a", String::new()),
            (b"b", "\x01{".to_owned()),
            (b"c", format!("\x01{{\"until_ms\":{until},\"viewers\":1,\"sketch\":\"!\"}}")),
            (b"d", format!("\x01{{\"until_ms\":{until},\"viewers\":1,\"sketch\":\"AQc\"}}")),
            (b"e", format!("\x01{{\"until_ms\":{},\"viewers\":1,\"sketch\":\"AQA\"}}", u64::MAX)),
        ] {
            put(&store, run_id, value).await;
        }
        put(&store, b"newer", "\x02{}").await;
        assert_eq!(entries(&store).await, 7);
        let total = collect(&store, NOW).await.unwrap();
        assert_eq!((total.viewers(), total.edges), (3, 1));
        assert_eq!(entries(&store).await, 2);
    }

    #[tokio::test]
    async fn what_no_edge_counts_is_not_lawful() {
        let (store, _) = Memory::store();
        let stored = async |audience: &Audience, lasts| {
            publish(&store, b"a", audience, NOW, lasts).await.unwrap();
            store.get(key(b"a").key()).await.unwrap().unwrap()
        };
        let honest = stored(&audience(0..10), LASTS).await;
        assert!(is_lawful(&honest, NOW) && is_lawful(&honest, NOW.after(2 * LASTS)));
        let beyond = Audience { viewers: MAX_ACTIVE as u64 + 1, ..audience(0..10) };
        let invented = Audience { viewers: 11, ..audience(0..10) };
        for wrong in [beyond, invented] {
            assert!(!is_lawful(&stored(&wrong, LASTS).await, NOW), "{}", wrong.viewers);
        }
        assert!(!is_lawful(&honest, WallTime(NOW.0 - 3_000_000_000)), "it would last too long");
        for wrong in ["", "\x01{", "\x02{}"] {
            assert!(!is_lawful(wrong.as_bytes(), NOW), "{wrong:?}");
        }
        assert!(is_published_key(key(&[7; 32]).key()));
        for other in [
            key(&[7; 33]).key().clone(),
            prefix().key(),
            prefix().text("a").key(),
            key(b"a").key().successor(),
        ] {
            assert!(!is_published_key(&other), "{other:?}");
        }
    }

    #[tokio::test]
    async fn many_large_edges_are_collected_page_by_page_and_the_sum_bounds_the_estimate() {
        let (store, _) = Memory::store();
        let edge_viewers = MAX_EXACT as u64;
        for edge in 0..40_u64 {
            let audience = audience(edge * edge_viewers..(edge + 1) * edge_viewers);
            publish(&store, &edge.to_be_bytes(), &audience, NOW, LASTS).await.unwrap();
        }
        let total = collect(&store, NOW).await.unwrap();
        assert_eq!(total.edges, 40);
        let truth = 40 * edge_viewers;
        assert!(total.viewers() <= truth && total.viewers() > truth * 97 / 100, "{}", total.viewers());
    }

    #[tokio::test]
    async fn ids_that_were_picked_to_mislead_the_sketch_do_not_mislead_the_count() {
        let (store, _) = Memory::store();
        // In each register the largest value.
        let picked = Audience {
            viewers: 16_384,
            sketch: (0..16_384).map(|id| ViewerId::from_bits(id << 50)).collect(),
        };
        assert_eq!(picked.sketch.estimate(), u64::MAX);
        publish(&store, b"a", &picked, NOW, LASTS).await.unwrap();
        assert_eq!(collect(&store, NOW).await.unwrap().viewers(), 16_384);
    }

    #[tokio::test]
    async fn a_store_that_fails_is_told() {
        let (store, engine) = Memory::store();
        engine.fail(true);
        assert!(matches!(collect(&store, NOW).await, Err(StoreError::Unavailable(_))));
    }
}
