//! Quotas of an edge: no edge fills the store or keeps it busy.
//!
//! Far beyond the needs of an honest edge with its 20,000 connections, its start with all of them at once included. Calls
//! beyond are refused as "not available", so that an edge which is only busy tries again and is slowed down.

use std::time::{Duration, Instant};

use super::Refused;
use super::act::Act;

/// A rate: burst, and refill per second.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u64,
    per_second: u64,
}

/// Calls. A newcomer to the chat costs four: with all connections coming back at once, three times as many.
const CALLS: Rate = Rate { burst: 240_000, per_second: 10_000 };
/// Bytes of batches. A chat message has 18 KiB at most and half of one mostly; the viewers of an edge 44 KiB in five
/// seconds.
const WRITTEN: Rate = Rate { burst: 64 << 20, per_second: 4 << 20 };
/// Bytes of values that are read. At its start an edge reads all pictures and the end of the log.
const READ: Rate = Rate { burst: 512 << 20, per_second: 32 << 20 };
/// Users that are added: records that are kept for 90 days. The burst is a large audience that comes for the first time;
/// the rate is 170,000 a day.
const USERS: Rate = Rate { burst: 50_000, per_second: 2 };
/// Entries of the chat's log: several times as many as anybody can read, or as 200 people write who write without pause. The
/// log is cut each minute.
const ENTRIES: Rate = Rate { burst: 4_000, per_second: 400 };
/// Join and leave messages. An honest edge sends 20 at once, then 5 per second.
const COMINGS: Rate = Rate { burst: 60, per_second: 10 };

/// Microseconds in which chat messages are rendered: half a core. An ordinary one takes a tenth of a millisecond; those
/// that are made to take long must not take the time of transcoding.
const RENDERING: Rate = Rate { burst: 10_000_000, per_second: 500_000 };

/// The quota that was used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spent {
    Calls,
    Written,
    Read,
    Users,
    Entries,
    Comings,
    Rendering,
}

impl std::fmt::Display for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Calls => "calls of the store",
            Self::Written => "bytes to write",
            Self::Read => "bytes to read",
            Self::Users => "new users of the chat",
            Self::Entries => "lines of the chat",
            Self::Comings => "comings and goings",
            Self::Rendering => "time to render lines",
        })
    }
}

/// The used part of a [`Rate`].
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    /// Time at which the quota is whole again.
    whole_at: Option<Instant>,
}

impl Used {
    fn after(self, rate: Rate, amount: u64, now: Instant) -> Instant {
        let cost = Duration::from_secs(amount) / u32::try_from(rate.per_second).unwrap_or(u32::MAX);
        self.whole_at.map_or(now, |at| at.max(now)) + cost
    }

    fn has_left(self, rate: Rate, amount: u64, now: Instant) -> bool {
        self.after(rate, amount, now)
            <= now + Duration::from_secs(rate.burst) / u32::try_from(rate.per_second).unwrap_or(u32::MAX)
    }

    fn take(&mut self, rate: Rate, amount: u64, now: Instant) {
        self.whole_at = Some(self.after(rate, amount, now));
    }
}

/// An edge's use. Sans-IO.
#[derive(Debug, Default)]
pub(super) struct Quota {
    calls: Used,
    written: Used,
    read: Used,
    users: Used,
    entries: Used,
    comings: Used,
    rendering: Used,
}

fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Quota {
    /// A call, and the bytes that it writes.
    pub(super) fn call(&mut self, written: usize, now: Instant) -> Result<(), Refused> {
        let written = size(written);
        if !self.calls.has_left(CALLS, 1, now) {
            return Err(Refused::Quota(Spent::Calls));
        }
        if !self.written.has_left(WRITTEN, written, now) {
            return Err(Refused::Quota(Spent::Written));
        }
        // Earlier reads count: the size of a read is known afterwards.
        if !self.read.has_left(READ, 0, now) {
            return Err(Refused::Quota(Spent::Read));
        }
        self.calls.take(CALLS, 1, now);
        self.written.take(WRITTEN, written, now);
        Ok(())
    }

    /// Counts bytes that were read.
    pub(super) fn was_read(&mut self, bytes: usize, now: Instant) {
        self.read.take(READ, size(bytes), now);
    }

    /// A chat message was rendered, which took so long.
    pub(super) fn was_rendered(&mut self, took: Duration, now: Instant) {
        self.rendering.take(RENDERING, u64::try_from(took.as_micros()).unwrap_or(u64::MAX), now);
    }

    /// Counts an act.
    pub(super) fn act(&mut self, act: &Act, now: Instant) -> Result<(), Refused> {
        // As for reading: how long it takes is known afterwards.
        if matches!(act, Act::Say { .. }) && !self.rendering.has_left(RENDERING, 0, now) {
            return Err(Refused::Quota(Spent::Rendering));
        }
        let (used, rate, spent, amount) = match act {
            Act::Register { .. } => (&mut self.users, USERS, Spent::Users, 1),
            Act::Told { .. } => (&mut self.comings, COMINGS, Spent::Comings, 1),
            Act::Say { .. } | Act::Rename { .. } | Act::Recolour { .. } | Act::SetEnabled { .. } => {
                (&mut self.entries, ENTRIES, Spent::Entries, 1)
            }
            Act::SetVisible { changes } => (&mut self.entries, ENTRIES, Spent::Entries, size(changes.len())),
            Act::Seen { .. } | Act::Numbers { .. } | Act::Viewers { .. } | Act::Announce { .. } => {
                return Ok(());
            }
        };
        if !used.has_left(rate, amount, now) {
            return Err(Refused::Quota(spent));
        }
        used.take(rate, amount, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::act::Moving;
    use super::*;

    #[test]
    fn so_much_at_once_then_so_much_per_second() {
        let (mut quota, start) = (Quota::default(), Instant::now());
        let told = Act::Told { moving: Moving::Parted, user_id: "a".to_owned() };
        for _ in 0..COMINGS.burst {
            assert_eq!(quota.act(&told, start), Ok(()));
        }
        assert_eq!(quota.act(&told, start), Err(Refused::Quota(Spent::Comings)));
        let later = start + Duration::from_secs(2);
        let again = (0..100).filter(|_| quota.act(&told, later).is_ok()).count();
        assert_eq!(again, 20);
    }

    #[test]
    fn bytes_count_whichever_way_they_go() {
        let (mut quota, start) = (Quota::default(), Instant::now());
        let batch = 1 << 20;
        let taken = (0..100).filter(|_| quota.call(batch, start).is_ok()).count();
        assert_eq!(taken, 64);
        assert_eq!(quota.call(batch, start), Err(Refused::Quota(Spent::Written)));
        assert_eq!(quota.call(0, start), Ok(()), "reading goes on");
        quota.was_read(usize::try_from(READ.burst).unwrap() + 1, start);
        assert_eq!(quota.call(0, start), Err(Refused::Quota(Spent::Read)));
        assert_eq!(quota.call(batch, start + Duration::from_secs(2)), Ok(()));
    }

    #[test]
    fn lines_that_take_long_to_render_are_fewer() {
        let (mut quota, start) = (Quota::default(), Instant::now());
        let account = farcast_chat::Account {
            user: farcast_chat::User::new("Ada".to_owned(), farcast_feed::time::WallTime(1)),
            seen_at: None,
            token: String::new(),
        };
        let say = Act::Say { given: account, client: 1, raw: "x".to_owned(), network: None };
        let said = (0..100).take_while(|_| {
            let may = quota.act(&say, start).is_ok();
            quota.was_rendered(Duration::from_millis(500), start);
            may
        });
        assert_eq!(said.count(), 21);
        assert_eq!(quota.act(&say, start), Err(Refused::Quota(Spent::Rendering)));
        assert_eq!(quota.act(&say, start + Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn calls_are_bounded() {
        let (mut quota, start) = (Quota::default(), Instant::now());
        let taken = (0..2 * CALLS.burst).filter(|_| quota.call(0, start).is_ok()).count();
        assert_eq!(size(taken), CALLS.burst);
    }
}
