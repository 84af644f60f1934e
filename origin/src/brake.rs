//! The brake of logins: an address that keeps failing has to wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use farcast_shared::api::{Reply, reply};
use farcast_shared::network;
use http::StatusCode;
use http::header::RETRY_AFTER;

/// Failures that cost nothing: people mistype.
const FREE_FAILURES: u32 = 5;
/// First wait after those; it doubles with each failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Failures older than this are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// Addresses that are remembered; beyond it the one that failed longest ago is forgotten.
const MAX_ADDRESSES: usize = 10_000;

/// Who failed how often. Sans-IO.
#[derive(Debug, Default)]
pub(crate) struct Brake {
    failures: HashMap<IpAddr, Failures>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn free_at(self) -> Instant {
        match self.count.checked_sub(FREE_FAILURES) {
            None => self.last,
            Some(beyond) => self.last + FIRST_WAIT.saturating_mul(1 << beyond.min(6)).min(LONGEST_WAIT),
        }
    }
}

impl Brake {
    /// How long an address has to wait, if it has to.
    pub(crate) fn must_wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let left = self.failures.get(&network::of(address))?.free_at().saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// An address failed.
    pub(crate) fn failed(&mut self, address: IpAddr, now: Instant) {
        let address = network::of(address);
        if self.failures.len() >= MAX_ADDRESSES && !self.failures.contains_key(&address) {
            self.failures
                .retain(|_, failures| now.saturating_duration_since(failures.last) < FORGOTTEN_AFTER);
            if self.failures.len() >= MAX_ADDRESSES
                && let Some(oldest) =
                    self.failures.iter().min_by_key(|(_, failures)| failures.last).map(|(a, _)| *a)
            {
                self.failures.remove(&oldest);
            }
        }
        let failures = self.failures.entry(address).or_insert(Failures { count: 0, last: now });
        if now.saturating_duration_since(failures.last) >= FORGOTTEN_AFTER {
            failures.count = 0;
        }
        *failures = Failures { count: failures.count.saturating_add(1), last: now };
    }

    /// An address was right.
    pub(crate) fn succeeded(&mut self, address: IpAddr) {
        self.failures.remove(&network::of(address));
    }
}

/// The answer to who has to wait.
pub(crate) fn refused(wait: Duration) -> Reply {
    let mut refused = reply::refused(StatusCode::TOO_MANY_REQUESTS, "too many failed logins, wait a little");
    refused.headers_mut().insert(RETRY_AFTER, (wait.as_secs() + 1).into());
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_failing_waits_longer_and_longer() {
        let (mut brake, mut now) = (Brake::default(), Instant::now());
        let [a, b] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        for _ in 0..FREE_FAILURES - 1 {
            brake.failed(a, now);
        }
        assert_eq!(brake.must_wait(a, now), None);
        let mut waits = Vec::new();
        for _ in 0..8 {
            brake.failed(a, now);
            let wait = brake.must_wait(a, now).unwrap();
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(brake.must_wait(a, now), None);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(brake.must_wait(b, now), None);
        brake.failed(a, now);
        assert_eq!(brake.must_wait("::ffff:10.0.0.1".parse().unwrap(), now), Some(LONGEST_WAIT));
        brake.succeeded(a);
        assert_eq!(brake.must_wait(a, now), None);
    }

    #[test]
    fn old_failures_are_forgotten_and_many_addresses_are_bounded() {
        let (mut brake, now) = (Brake::default(), Instant::now());
        for number in 0..u32::try_from(MAX_ADDRESSES).unwrap() + 10 {
            brake.failed(IpAddr::from(number.to_be_bytes()), now + Duration::from_micros(number.into()));
        }
        assert_eq!(brake.failures.len(), MAX_ADDRESSES);
        let one = IpAddr::from([1, 2, 3, 4]);
        for _ in 0..20 {
            brake.failed(one, now + Duration::from_secs(1));
        }
        let later = now + Duration::from_secs(1) + FORGOTTEN_AFTER;
        brake.failed(one, later);
        assert_eq!(brake.must_wait(one, later), None);
    }
}
