//! The decision whether this origin may take the channel, by observations of its lease. Sans-IO.

use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_store::lease;

use super::{Holder, LASTS, LOOK};

/// Longest time between two looks that still are one watch: a process or a store that stood still sees nothing in it, and
/// the other origin could not renew either.
const GAP: Duration = Duration::from_millis(3_000);

const _: () = assert!(LOOK.as_millis() < GAP.as_millis() && GAP.as_millis() < LASTS.as_millis());

/// The verdict.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// The lease is free: no origin, as long as it has this value.
    Free(Option<Bytes>),
    /// Another origin holds the lease.
    Held(Holder),
}

/// Watches the lease.
#[derive(Debug)]
pub(super) struct Judge {
    own: Holder,
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    value: Bytes,
    /// Time at which the value was first seen.
    since: Instant,
    /// Time at which the value was last seen.
    last: Instant,
}

impl Judge {
    pub(super) fn new(own: Holder) -> Self {
        Self { own, seen: None }
    }

    /// The lease has this value: it was asked for at the first instant and known at the second.
    pub(super) fn look(&mut self, value: Option<Bytes>, asked: Instant, known: Instant) -> Verdict {
        let Some(value) = value else { return Verdict::Free(None) };
        let holder = Holder::of(lease::note(&value));
        // A former run of this very origin: the data folder's lock says that it is over. On another host it may be a copy.
        if holder == self.own {
            return Verdict::Free(Some(value));
        }
        let seen = self
            .seen
            .take()
            .filter(|seen| seen.value == value && known.saturating_duration_since(seen.last) <= GAP);
        let since = seen.map_or(known, |seen| seen.since);
        self.seen = Some(Seen { value: value.clone(), since, last: known });
        // The value was there when it was asked for, not necessarily when it was known.
        if asked.saturating_duration_since(since) >= LASTS {
            Verdict::Free(Some(value))
        } else {
            Verdict::Held(holder)
        }
    }

    /// The store did not answer: earlier observations say nothing about the time until the next look.
    pub(super) fn blind(&mut self) {
        self.seen = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(host: &str, identity: &str) -> Holder {
        Holder { host: host.to_owned(), data_dir: "/data".to_owned(), identity: identity.to_owned() }
    }

    /// The value of a lease: a holder's id, an end, a note.
    fn value(run: u8, end: u64, holder: &Holder) -> Option<Bytes> {
        Some([&[run; 16][..], &end.to_be_bytes(), &holder.note()].concat().into())
    }

    struct Watch {
        judge: Judge,
        start: Instant,
    }

    impl Watch {
        fn new() -> Self {
            Self { judge: Judge::new(holder("b", "2")), start: Instant::now() }
        }

        fn look(&mut self, at_ms: u64, value: Option<Bytes>) -> bool {
            let at = self.start + Duration::from_millis(at_ms);
            matches!(self.judge.look(value, at, at), Verdict::Free(_))
        }
    }

    #[test]
    fn a_lease_that_is_not_renewed_while_it_is_watched_is_free() {
        let mut watch = Watch::new();
        let other = value(1, 0, &holder("a", "1"));
        for second in 0..15 {
            assert!(!watch.look(second * 1_000, other.clone()), "{second}");
        }
        assert!(watch.look(15_000, other));
    }

    #[test]
    fn one_that_is_renewed_never_is_whatever_clocks_say() {
        let mut watch = Watch::new();
        for second in 0..600 {
            // By the watcher's clock it ended in 1970.
            let renewed = value(1, second / 5, &holder("a", "1"));
            assert!(!watch.look(second * 1_000, renewed), "{second}");
        }
        assert!(watch.look(601_000, None), "it was given back");
    }

    #[test]
    fn time_in_which_nothing_was_seen_does_not_count() {
        let mut watch = Watch::new();
        let other = value(1, 0, &holder("a", "1"));
        for second in 0..14 {
            assert!(!watch.look(second * 1_000, other.clone()));
        }
        watch.judge.blind();
        assert!(!watch.look(15_000, other.clone()), "the store was away");
        for second in 15..29 {
            assert!(!watch.look(second * 1_000, other.clone()));
        }
        assert!(!watch.look(40_000, other.clone()), "this process stood still");
        for second in 40..55 {
            assert!(!watch.look(second * 1_000, other.clone()));
        }
        assert!(watch.look(55_000, other));
    }

    #[test]
    fn an_answer_that_took_long_may_be_as_old_as_its_question() {
        let mut watch = Watch::new();
        let other = value(1, 0, &holder("a", "1"));
        for second in 0..=14 {
            assert!(!watch.look(second * 1_000, other.clone()));
        }
        let at = |ms| watch.start + Duration::from_millis(ms);
        let late = watch.judge.look(other, at(14_500), at(16_500));
        assert!(matches!(late, Verdict::Held(_)), "{late:?}");
    }

    #[test]
    fn who_was_restarted_has_its_channel_again_at_once_and_a_copy_of_it_has_not() {
        assert!(Watch::new().look(0, value(1, u64::MAX, &holder("b", "2"))));
        assert!(
            !Watch::new().look(0, value(1, 0, &holder("a", "2"))),
            "its folder was copied to another host"
        );
        assert!(!Watch::new().look(0, value(1, 0, &holder("b", "1"))));
        assert!(!Watch::new().look(0, Some(Bytes::from_static(b"?"))), "a note that cannot be read");
    }
}
