use super::*;

fn limiter(per_second: u32) -> Limiter {
    Limiter::new(Limits { answers_per_second: per_second, refusals_per_second: 1, ..Limits::default() })
}

fn peer(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// How many of `count` replies are sent, and sent truncated.
fn sent(limiter: &mut Limiter, to: &str, kind: Kind, count: usize, now: Instant) -> (usize, usize) {
    let verdicts: Vec<_> = (0..count).map(|_| limiter.judge(peer(to), kind, now)).collect();
    let of = |verdict| verdicts.iter().filter(|one| **one == verdict).count();
    (of(Verdict::Send), of(Verdict::Truncate))
}

#[test]
fn a_network_gets_two_seconds_worth_at_once_and_then_its_rate() {
    let (mut limiter, start) = (limiter(10), Instant::now());
    assert_eq!(sent(&mut limiter, "192.0.2.1", Kind::Positive, 100, start), (20, 40));
    assert_eq!(sent(&mut limiter, "192.0.2.1", Kind::Positive, 4, start), (0, 2));
    let later = start + Duration::from_millis(1_001);
    assert_eq!(sent(&mut limiter, "192.0.2.1", Kind::Positive, 50, later).0, 10);
    let much_later = start + Duration::from_secs(100);
    assert_eq!(sent(&mut limiter, "192.0.2.1", Kind::Positive, 100, much_later).0, 20);
}

#[test]
fn addresses_of_a_network_are_counted_together_and_others_are_not() {
    for (first, same, other) in [
        ("192.0.2.1", "192.0.2.255", "192.0.3.1"),
        ("192.0.2.1", "::ffff:192.0.2.9", "192.0.1.1"),
        ("2001:db8::1", "2001:db8:0:ff:ffff::", "2001:db8:0:100::"),
    ] {
        let (mut limiter, now) = (limiter(10), Instant::now());
        assert_eq!(sent(&mut limiter, first, Kind::Positive, 20, now).0, 20);
        assert_eq!(sent(&mut limiter, same, Kind::Positive, 20, now).0, 0, "{same}");
        assert_eq!(sent(&mut limiter, other, Kind::Positive, 20, now).0, 20, "{other}");
    }
}

#[test]
fn kinds_have_their_own_limits_and_zero_is_none() {
    let (mut one, now) = (limiter(10), Instant::now());
    assert_eq!(sent(&mut one, "192.0.2.1", Kind::Negative, 9, now).0, 2);
    assert_eq!(sent(&mut one, "192.0.2.1", Kind::Refusal, 9, now).0, 2);
    assert_eq!(sent(&mut one, "192.0.2.1", Kind::Positive, 99, now).0, 20);
    assert_eq!(sent(&mut limiter(0), "192.0.2.1", Kind::Positive, 1000, now), (1000, 0));
}

#[test]
fn a_flood_of_other_networks_takes_no_more_memory_and_sets_nobody_free() {
    let (mut limiter, now) = (limiter(10), Instant::now());
    assert_eq!(sent(&mut limiter, "192.0.2.1", Kind::Positive, 20, now).0, 20);
    for number in 0..300_000_u32 {
        let other = IpAddr::V4(Ipv4Addr::from_bits(number << 8));
        limiter.judge(other, Kind::Positive, now);
        if number % 100 == 0 {
            assert_ne!(limiter.judge(peer("192.0.2.1"), Kind::Positive, now), Verdict::Send, "{number}");
        }
    }
    assert_eq!(limiter.places.len(), SETS);
}
