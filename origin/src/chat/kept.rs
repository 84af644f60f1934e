//! The contents of the chat's log, and the entries that may be deleted. Sans-IO: it is given the log's entries and the
//! time.

use std::collections::{HashMap, VecDeque};

use farcast_chat::{Entry, Event, since};
use farcast_feed::time::WallTime;
use farcast_settings::Retention;
use farcast_store::Versionstamp;

/// Most entries, even if a reader still needs them: twice the largest retention. It bounds the store, and the memory here
/// to some 48 MB.
const MAX_ENTRIES: usize = 2_000_000;

/// The log's entries by place and time, the oldest first, and the users that they are about.
#[derive(Debug, Default)]
pub(super) struct Kept {
    entries: VecDeque<(Versionstamp, WallTime)>,
    /// The newest entry of each user.
    users: HashMap<String, Versionstamp>,
}

/// The entries that may be deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Old {
    /// All entries up to this place, it included; none if nothing may go.
    pub(super) upto: Option<Versionstamp>,
    /// Entries that are old as well, but still needed.
    pub(super) held: usize,
}

impl Kept {
    /// Takes the log's next entry. Its time is by the clock of the process that accepted it: one in the future counts
    /// as now.
    pub(super) fn add(&mut self, place: Versionstamp, entry: &Entry, now: WallTime) {
        self.entries.push_back((place, entry.at.min(now)));
        let user = match &entry.event {
            Event::Present { user_id, .. } => Some(user_id),
            _ => entry.user().map(|user| &user.id),
        };
        if let Some(user) = user {
            match self.users.get_mut(user) {
                Some(newest) => *newest = place,
                None => drop(self.users.insert(user.clone(), place)),
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Counts the entries that are too old or too many, up to the place that readers of the log
    /// have passed, if there are such. Without a time that can be believed only their number
    /// counts.
    pub(super) fn old(&self, retention: Retention, now: Option<WallTime>, done: Option<Versionstamp>) -> Old {
        let since = now.map_or(WallTime(0), |now| since(now, retention.max_age()));
        let too_old = self.entries.iter().take_while(|(_, at)| *at < since).count();
        let most = usize::try_from(retention.max_events).unwrap_or(usize::MAX);
        let old = self.entries.len().saturating_sub(most).max(too_old);
        let free = match done {
            Some(done) => self.entries.partition_point(|(place, _)| *place <= done),
            None => self.entries.len(),
        };
        let goes = old.min(free).max(self.entries.len().saturating_sub(MAX_ENTRIES));
        let last = goes.checked_sub(1).and_then(|last| self.entries.get(last));
        Old { upto: last.map(|(place, _)| *place), held: old.saturating_sub(goes) }
    }

    /// The entries up to a place are gone; how many.
    pub(super) fn forget(&mut self, upto: Versionstamp) -> usize {
        let gone = self.entries.partition_point(|(place, _)| *place <= upto);
        self.entries.drain(..gone);
        self.users.retain(|_, newest| *newest > upto);
        gone
    }

    /// True if an entry is about a user.
    pub(super) fn mentions(&self, user: &str) -> bool {
        self.users.contains_key(user)
    }
}

#[cfg(test)]
mod tests {
    use farcast_chat::User;

    use super::*;

    const S: u64 = 1_000_000;

    fn place(number: u16) -> Versionstamp {
        Versionstamp { order: number, ..Versionstamp::ZERO }
    }

    fn user(id: &str) -> User {
        User { id: id.to_owned(), ..User::new("Ada".to_owned(), WallTime(0)) }
    }

    fn message(at_s: u64, id: &str) -> Entry {
        let event =
            Event::Message { user: user(id), client: None, body: "x".to_owned(), raw: "x".to_owned() };
        Entry::new(WallTime(at_s * S), event)
    }

    /// Entries 1 to `times.len()`, accepted at these seconds, all by the second 1000.
    fn kept(times: &[u64]) -> Kept {
        let mut kept = Kept::default();
        for (number, at_s) in (1..).zip(times) {
            kept.add(place(number), &message(*at_s, &format!("u{number}")), WallTime(1000 * S));
        }
        kept
    }

    fn old(kept: &Kept, max_age_seconds: u64, max_events: u64, done: Option<u16>) -> (Option<u16>, usize) {
        let retention = Retention { max_age_seconds, max_events };
        let old = kept.old(retention, Some(WallTime(1000 * S)), done.map(place));
        (old.upto.map(|place| place.order), old.held)
    }

    #[test]
    fn what_is_too_old_or_too_much_goes() {
        let kept = kept(&[100, 200, 300, 900, 950]);
        assert_eq!(old(&kept, 1000, 100, None), (None, 0));
        assert_eq!(old(&kept, 700, 100, None), (Some(2), 0), "300 is just as old as may be");
        assert_eq!(old(&kept, 1000, 1, None), (Some(4), 0));
        assert_eq!(old(&kept, 700, 4, None), (Some(2), 0));
        assert_eq!(old(&kept, 700, 2, None), (Some(3), 0));
        assert_eq!(old(&kept, 1, 1, None), (Some(5), 0));
        assert_eq!(old(&Kept::default(), 1, 1, None), (None, 0));
        let by_number = kept.old(Retention { max_age_seconds: 1, max_events: 3 }, None, None);
        assert_eq!(by_number.upto, Some(place(2)), "without a time only number counts");
    }

    #[test]
    fn what_is_still_needed_stays() {
        let kept = kept(&[100, 200, 300, 900, 950]);
        assert_eq!(old(&kept, 700, 100, Some(0)), (None, 2));
        assert_eq!(old(&kept, 700, 100, Some(1)), (Some(1), 1));
        assert_eq!(old(&kept, 700, 100, Some(4)), (Some(2), 0));
        assert_eq!(old(&kept, 700, 1, Some(3)), (Some(3), 1));
    }

    #[test]
    fn a_clock_that_is_ahead_keeps_nothing_for_ever() {
        let kept = kept(&[9000, 300]);
        let later = |after_s: u64| {
            let retention = Retention { max_age_seconds: 60, max_events: 100 };
            kept.old(retention, Some(WallTime((1000 + after_s) * S)), None).upto
        };
        assert_eq!(later(60), None);
        assert_eq!(later(61), Some(place(2)));
    }

    #[test]
    fn users_are_known_as_long_as_an_entry_is_about_them() {
        let mut kept = kept(&[1, 2, 3]);
        kept.add(place(4), &message(4, "u1"), WallTime(1000 * S));
        let present = Event::Present { user_id: "u9".to_owned(), client: 1 };
        kept.add(place(5), &Entry::new(WallTime(5 * S), present), WallTime(1000 * S));
        assert_eq!(kept.forget(place(3)), 3);
        assert_eq!(kept.len(), 2);
        let known = ["u1", "u2", "u3", "u9"].map(|user| kept.mentions(user));
        assert_eq!(known, [true, false, false, true]);
        assert_eq!(kept.forget(place(3)), 0);
    }
}
