//! When the authority is asked, without a clock: in time before the certificate ends, and ever more rarely while it fails.

use std::time::{Duration, SystemTime};

use farcast_certificates::{Checked, Domain};

use super::kept::Attempts;

/// Pauses after attempts that failed. Four within the first two hours, then four a day: Let's Encrypt allows five failures an
/// hour for each name, and whoever mends a DNS record or a firewall need not wait long.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(6 * 3600),
];

/// Shortest pause after the authority said that it was asked too often.
const LIMITED: Duration = Duration::from_secs(3600);

/// Longest pause, whatever an authority asks for.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Certificates that are valid for less are renewed after half of their time, others after two thirds.
const SHORT: Duration = Duration::from_secs(10 * 24 * 3600);

/// When to ask: at once without a usable certificate for these names, else when it is time to renew it; not before what the
/// last failure asks for.
pub(super) fn due(certificate: Option<&Checked>, domains: &[Domain], attempts: &Attempts) -> SystemTime {
    let wanted = certificate.filter(|it| it.covers(domains)).map_or(SystemTime::UNIX_EPOCH, renewal);
    wanted.max(attempts.not_before())
}

fn renewal(checked: &Checked) -> SystemTime {
    let Checked { not_before, not_after, .. } = *checked;
    let lifetime = not_after.duration_since(not_before).unwrap_or_default();
    not_before + if lifetime < SHORT { lifetime / 2 } else { lifetime / 3 * 2 }
}

/// The pause after an attempt that failed, before which `failures` failed; `limited` if the authority was asked too often, and
/// `least` as long as it asks for.
pub(super) fn pause(failures: u32, limited: bool, least: Option<Duration>) -> Duration {
    let index = usize::try_from(failures).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    let floor = if limited { LIMITED } else { Duration::ZERO };
    PAUSES[index].max(floor).max(least.unwrap_or_default()).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::tests::made;
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn domain(name: &str) -> Domain {
        name.to_owned().try_into().unwrap()
    }

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_of_its_time_and_a_short_one_after_half() {
        let begin = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let none = Attempts::default();
        for (lifetime, renewed) in [(90 * DAY, 60 * DAY), (6 * DAY, 3 * DAY), (DAY / 24, DAY / 48)] {
            let checked = made(&["a.example"], begin, lifetime).check().unwrap();
            assert_eq!(due(Some(&checked), &[domain("a.example")], &none), begin + renewed);
            // Names were added, or others taken: at once.
            assert_eq!(due(Some(&checked), &[domain("a.example"), domain("b.example")], &none), UNIX_EPOCH);
        }
        assert_eq!(due(None, &[domain("a.example")], &none), UNIX_EPOCH);
    }

    #[test]
    fn after_a_failure_nothing_is_asked_before_its_pause_is_over() {
        let mut attempts = Attempts::default();
        let next = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        attempts.failed(next, "no");
        assert_eq!(due(None, &[domain("a.example")], &attempts), next);
        attempts.forget();
        assert_eq!(due(None, &[domain("a.example")], &attempts), UNIX_EPOCH);
    }

    #[test]
    fn pauses_grow_and_keep_to_what_authorities_allow() {
        let pauses: Vec<_> = (0..8).map(|failures| pause(failures, false, None)).collect();
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]), "{pauses:?}");
        // Let's Encrypt: five failures an hour.
        let within = |span: Duration| {
            let mut at = Duration::ZERO;
            pauses
                .iter()
                .take_while(|pause| {
                    at += **pause;
                    at <= span
                })
                .count()
                + 1
        };
        assert!(within(Duration::from_secs(3600)) <= 4);
        assert_eq!(pause(0, true, None), LIMITED);
        assert_eq!(pause(0, false, Some(DAY / 2)), DAY / 2);
        assert_eq!(pause(u32::MAX, true, Some(30 * DAY)), DAY);
    }
}
