//! Asking connections to go while this edge is drained: when players had time to be steered elsewhere, and not all at once.
//!
//! An edge that is drained goes on serving whoever stays: a connection is asked once, by GOAWAY, `Connection: close` or, in
//! the chat, the close code 1012. One that comes back afterwards, because there is no other edge, stays.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// Groups of connections, which are asked one after the other.
const GROUPS: usize = 16;

/// Time for players to hear of other edges by content steering, which they ask every 10 s, and to move.
const GRACE: Duration = Duration::from_secs(30);

/// Time from one group to the next: the last is asked a minute after the first.
const STEP: Duration = Duration::from_secs(4);

/// See the module. Shared by all connections.
#[derive(Debug, Default)]
pub struct Drain {
    groups: [Mutex<CancellationToken>; GROUPS],
    next: AtomicUsize,
    /// Groups that were asked, while this edge is drained: whoever comes back joins one of these, and stays.
    asked: AtomicUsize,
    since: Mutex<Option<Began>>,
    is_on: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
struct Began {
    at: Instant,
    /// Groups that were asked.
    asked: usize,
}

impl Drain {
    /// A token that is cancelled when its holder is to go: each connection takes one.
    pub(super) fn token(&self) -> CancellationToken {
        let groups = match self.asked.load(Ordering::Relaxed) {
            0 => GROUPS,
            asked => asked,
        };
        let group = self.next.fetch_add(1, Ordering::Relaxed) % groups;
        let token = self.groups.get(group).map(|group| group.lock().unwrap_or_else(PoisonError::into_inner));
        token.map(|token| token.clone()).unwrap_or_default()
    }

    /// True while this edge is drained.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Follows whether this edge is drained. To be called every second or so.
    pub fn follow(&self, is_drained: bool, now: Instant) {
        self.is_on.store(is_drained, Ordering::Relaxed);
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_drained {
            *since = None;
            self.asked.store(0, Ordering::Relaxed);
            return;
        }
        let began = since.get_or_insert(Began { at: now, asked: 0 });
        while began.asked < GROUPS && now.saturating_duration_since(began.at) >= due(began.asked) {
            if let Some(group) = self.groups.get(began.asked) {
                let mut token = group.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *token).cancel();
            }
            began.asked += 1;
            self.asked.store(began.asked, Ordering::Relaxed);
        }
    }

    /// Asks everybody at once, those included who come later: the program stops, or another has taken over.
    pub(super) fn end(&self) {
        for group in &self.groups {
            group.lock().unwrap_or_else(PoisonError::into_inner).cancel();
        }
    }
}

fn due(group: usize) -> Duration {
    GRACE + STEP * u32::try_from(group).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_asked_once_one_group_after_the_other() {
        let (drain, start) = (Drain::default(), Instant::now());
        let tokens: Vec<_> = (0..2 * GROUPS).map(|_| drain.token()).collect();
        let asked = || tokens.iter().filter(|token| token.is_cancelled()).count();
        let follow = |is_drained, seconds| drain.follow(is_drained, start + Duration::from_secs(seconds));
        follow(false, 0);
        follow(true, 1);
        follow(true, 30);
        assert_eq!((asked(), drain.is_on()), (0, true), "players have time to move");
        follow(true, 31);
        assert_eq!(asked(), 2);
        follow(true, 35);
        assert_eq!(asked(), 4);
        let back: Vec<_> = (0..GROUPS).map(|_| drain.token()).collect();
        follow(true, 300);
        assert_eq!(asked(), 2 * GROUPS);
        follow(true, 10_000);
        assert!(back.iter().all(|token| !token.is_cancelled()), "whoever comes back stays");
    }

    #[test]
    fn an_edge_that_is_drained_no_more_asks_nobody_and_the_next_time_begins_anew() {
        let (drain, start) = (Drain::default(), Instant::now());
        let token = drain.token();
        let follow = |is_drained, seconds| drain.follow(is_drained, start + Duration::from_secs(seconds));
        follow(true, 0);
        follow(false, 29);
        assert!(!drain.is_on());
        follow(true, 40);
        follow(true, 69);
        assert!(!token.is_cancelled());
        follow(true, 70);
        assert!(token.is_cancelled());
    }

    #[test]
    fn a_program_that_stops_asks_everybody() {
        let drain = Drain::default();
        let before = drain.token();
        drain.end();
        assert!(before.is_cancelled() && (0..GROUPS).all(|_| drain.token().is_cancelled()));
    }
}
