//! The active viewers of one edge: those who asked for a playlist or pinged within the last seconds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::id::ViewerId;
use super::sketch::Sketch;

/// Time for which a viewer counts after a mark. Players ask for a playlist several times in it, and the page pings.
pub const ACTIVE_FOR: Duration = Duration::from_secs(15);

/// Interval at which [`Active::sweep`] should be called.
pub const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Most viewers that are remembered, about 40 MB. New ones beyond are refused and counted; known ones stay.
pub const MAX_ACTIVE: usize = 1_000_000;

/// Parts of the map, each with its lock: two threads seldom want the same.
const SHARDS: usize = 64;

/// The active viewers. Shared between all that serves; a mark locks one shard of many for a moment.
///
/// The bound holds per shard: viewers spread evenly, unless somebody picks user agents so that theirs do not. Such a
/// party keeps out no more than one viewer in 64.
#[derive(Debug)]
pub struct Active {
    start: Instant,
    shards: [Mutex<Shard>; SHARDS],
    max_per_shard: usize,
    refused: AtomicU64,
}

/// Time at which each viewer was last seen, in milliseconds since the start. The map's hash is keyed, because an id can
/// be chosen by its sender.
type Shard = HashMap<ViewerId, u64>;

/// The viewers who were active at an instant, to be published.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Audience {
    /// Their exact number.
    pub viewers: u64,
    /// A sketch of them, to be counted together with others.
    pub sketch: Sketch,
}

impl Active {
    /// Nobody yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self::with_limit(now, MAX_ACTIVE)
    }

    fn with_limit(now: Instant, max: usize) -> Self {
        Self {
            start: now,
            shards: std::array::from_fn(|_| Mutex::default()),
            max_per_shard: max.div_ceil(SHARDS),
            refused: AtomicU64::new(0),
        }
    }

    /// Notes that a viewer asked for a playlist or pinged.
    pub fn mark(&self, id: ViewerId, now: Instant) {
        let now_ms = self.since_start_ms(now);
        let mut shard = lock(&self.shards[id.bits() as usize % SHARDS]);
        if let Some(seen_ms) = shard.get_mut(&id) {
            *seen_ms = (*seen_ms).max(now_ms);
        } else if shard.len() < self.max_per_shard {
            shard.insert(id, now_ms);
        } else {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// True if the viewer was seen within [`ACTIVE_FOR`].
    #[must_use]
    pub fn has(&self, id: ViewerId, now: Instant) -> bool {
        let oldest_ms = self.oldest_ms(now);
        let shard = lock(&self.shards[id.bits() as usize % SHARDS]);
        shard.get(&id).is_some_and(|seen_ms| *seen_ms > oldest_ms)
    }

    /// Forgets viewers who are not active any more, and releases memory.
    pub fn sweep(&self, now: Instant) {
        let oldest_ms = self.oldest_ms(now);
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.retain(|_, seen_ms| *seen_ms > oldest_ms);
            if shard.capacity() > 4 * shard.len() {
                let enough = 2 * shard.len();
                shard.shrink_to(enough);
            }
        }
    }

    /// Number of viewers seen within [`ACTIVE_FOR`]. Looks at all of them.
    #[must_use]
    pub fn count(&self, now: Instant) -> u64 {
        let oldest_ms = self.oldest_ms(now);
        let active = |shard| lock(shard).values().filter(|&&seen_ms| seen_ms > oldest_ms).count();
        self.shards.iter().map(active).sum::<usize>() as u64
    }

    /// The viewers seen within [`ACTIVE_FOR`]. Looks at all of them.
    #[must_use]
    pub fn audience(&self, now: Instant) -> Audience {
        let oldest_ms = self.oldest_ms(now);
        let mut audience = Audience::default();
        for shard in &self.shards {
            let shard = lock(shard);
            let active = shard.iter().filter(|&(_, &seen_ms)| seen_ms > oldest_ms);
            audience.sketch.extend(active.map(|(id, _)| *id).inspect(|_| audience.viewers += 1));
        }
        audience
    }

    /// Number of marks of new viewers that were refused because there was no room.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The last moment that does not count any more, plus one, so that the start counts.
    fn oldest_ms(&self, now: Instant) -> u64 {
        self.since_start_ms(now).saturating_sub(ACTIVE_FOR.as_millis() as u64)
    }

    /// Never 0, which is before everybody.
    fn since_start_ms(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.start);
        since.as_secs() * 1000 + u64::from(since.subsec_millis()) + 1
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ViewerId {
        // Spread over the shards as a hash would.
        ViewerId::from_bits(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_viewer_counts_for_fifteen_seconds_after_the_last_mark() {
        let start = Instant::now();
        let active = Active::new(start);
        active.mark(id(1), start);
        active.mark(id(2), start);
        active.mark(id(2), start + 9 * SWEEP_EVERY / 5);
        active.mark(id(2), start + 8 * SWEEP_EVERY / 5);
        assert_eq!(active.count(start + ACTIVE_FOR - MS), 2);
        assert!(active.has(id(1), start + ACTIVE_FOR - MS) && !active.has(id(1), start + ACTIVE_FOR));
        assert!(!active.has(id(3), start));
        assert_eq!(active.count(start + ACTIVE_FOR), 1, "a mark that comes late takes nothing back");
        assert_eq!(active.count(start + ACTIVE_FOR + 9 * SWEEP_EVERY / 5 - MS), 1);
        assert_eq!(active.count(start + ACTIVE_FOR + 9 * SWEEP_EVERY / 5), 0);
    }

    #[test]
    fn the_audience_is_those_who_count() {
        let start = Instant::now();
        let active = Active::new(start);
        (0..10).for_each(|number| active.mark(id(number), start));
        (5..20).for_each(|number| active.mark(id(number), start + ACTIVE_FOR));
        let audience = active.audience(start + ACTIVE_FOR);
        assert_eq!(audience, Audience { viewers: 15, sketch: (5..20).map(id).collect() });
    }

    #[test]
    fn a_sweep_forgets_only_who_does_not_count_and_gives_memory_back() {
        let start = Instant::now();
        let active = Active::new(start);
        (0..10_000).for_each(|number| active.mark(id(number), start));
        active.mark(id(1), start + MS);
        let room = || active.shards.iter().map(|shard| lock(shard).capacity()).sum::<usize>();
        assert!(room() >= 10_000);
        active.sweep(start + ACTIVE_FOR);
        assert_eq!(active.count(start + ACTIVE_FOR), 1);
        assert!(room() < 100, "{}", room());
    }

    #[test]
    fn beyond_the_limit_new_viewers_are_refused_and_known_ones_stay() {
        let start = Instant::now();
        let active = Active::with_limit(start, SHARDS);
        let one_shard = |number: u64| ViewerId::from_bits(number * SHARDS as u64);
        active.mark(one_shard(0), start);
        active.mark(one_shard(1), start + ACTIVE_FOR);
        active.mark(one_shard(0), start + ACTIVE_FOR);
        assert_eq!((active.refused(), active.count(start + ACTIVE_FOR)), (1, 1));
        active.mark(ViewerId::from_bits(1), start + ACTIVE_FOR);
        assert_eq!((active.refused(), active.count(start + ACTIVE_FOR)), (1, 2), "other shards have room");
        active.sweep(start + 2 * ACTIVE_FOR);
        active.mark(one_shard(1), start + 2 * ACTIVE_FOR);
        assert_eq!((active.refused(), active.count(start + 2 * ACTIVE_FOR)), (1, 1));
    }

    #[test]
    fn marks_of_many_threads_all_count() {
        let start = Instant::now();
        let active = Active::new(start);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let active = &active;
                // Each id by two threads.
                scope.spawn(move || {
                    (thread / 2 * 5000..(thread / 2 + 1) * 5000)
                        .for_each(|number| active.mark(id(number), start));
                });
            }
        });
        assert_eq!(active.count(start), 10_000);
    }
}
