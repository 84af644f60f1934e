//! Guessers and owners, in virtual time.

use super::*;

/// A day of guesses as fast as they are looked at.
const DAY: Duration = Duration::from_secs(24 * 3600);

fn caller(address: &str) -> Caller {
    Caller::from(address.parse::<IpAddr>().unwrap())
}

fn through(edge: u8, address: &str) -> Caller {
    Caller { edge: Some(EdgeId::from([edge; 32])), ..caller(address) }
}

/// Number of guesses that are checked within `time`, of a caller that tries every `pause`.
fn guesses(
    brake: &mut Brake,
    start: Instant,
    time: Duration,
    pause: Duration,
    mut next: impl FnMut(u64) -> (Caller, Door),
) -> u64 {
    let (mut now, mut number, mut looked_at) = (start, 0, 0);
    while now < start + time {
        let (caller, door) = next(number);
        number += 1;
        if brake.must_wait(&caller, door, number, now).is_none() {
            brake.failed(&caller, door, number, now);
            looked_at += 1;
        }
        now += pause;
    }
    looked_at
}

#[test]
fn who_keeps_failing_waits_longer_and_longer_and_failures_fade() {
    let (mut brake, mut now) = (Brake::default(), Instant::now());
    let [a, b] = [caller("10.0.0.1"), caller("10.0.0.2")];
    for guess in 0..4 {
        brake.failed(&a, Door::Http, guess, now);
    }
    assert_eq!(brake.must_wait(&a, Door::Http, 0, now), None);
    let mut waits = Vec::new();
    for guess in 4..13 {
        brake.failed(&a, Door::Http, guess, now);
        let wait = brake.must_wait(&a, Door::Http, 0, now).unwrap();
        waits.push(wait.as_secs());
        now += wait;
        assert_eq!(brake.must_wait(&a, Door::Http, 0, now), None);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 32, 60, 60]);
    assert_eq!(brake.must_wait(&b, Door::Http, 0, now), None);
    brake.failed(&a, Door::Http, 99, now);
    let mapped = caller("::ffff:10.0.0.1");
    assert_eq!(brake.must_wait(&mapped, Door::Http, 0, now), Some(Duration::from_secs(60)));
    // Success takes nothing back: it may be another's, behind the same address.
    brake.succeeded(&caller("10.0.0.1"), Door::Rtmp, now);
    assert_eq!(brake.must_wait(&a, Door::Http, 0, now), Some(Duration::from_secs(60)));
    let later = now + Duration::from_secs(13 * 60);
    for guess in 100..104 {
        brake.failed(&a, Door::Http, guess, later);
    }
    assert_eq!(brake.must_wait(&a, Door::Http, 0, later), None);
}

#[test]
fn both_doors_have_one_brake() {
    let (mut brake, now) = (Brake::default(), Instant::now());
    let pause = Duration::from_secs(1);
    let looked_at = guesses(&mut brake, now, DAY, pause, |number| {
        (caller("192.0.2.1"), if number % 2 == 0 { Door::Rtmp } else { Door::Http })
    });
    assert!((1430..1460).contains(&looked_at), "{looked_at} guesses in a day");
}

#[test]
fn the_networks_of_one_site_are_braked_together() {
    let (mut brake, now) = (Brake::default(), Instant::now());
    let pause = Duration::from_millis(100);
    let looked_at = guesses(&mut brake, now, Duration::from_secs(3600), pause, |number| {
        (caller(&format!("2001:db8:0:{:x}::1", number % 0xffff)), Door::Rtmp)
    });
    assert!(looked_at < 160 + 10 + 360, "{looked_at} guesses in an hour");
    // Within a /64 it is one network.
    let mut brake = Brake::default();
    let looked_at = guesses(&mut brake, now, Duration::from_secs(3600), pause, |number| {
        (caller(&format!("2001:db8:1:1::{:x}", number % 0xffff)), Door::Rtmp)
    });
    assert!(looked_at < 80, "{looked_at} guesses in an hour");
}

#[test]
fn an_edge_that_claims_any_address_is_braked_and_locks_nobody_out_elsewhere() {
    let (mut brake, now) = (Brake::default(), Instant::now());
    let pause = Duration::from_secs(1);
    let owner = "203.0.113.5";
    let looked_at = guesses(&mut brake, now, DAY, pause, |number| {
        let claimed = if number % 2 == 0 {
            owner.to_owned()
        } else {
            format!("10.{}.{}.1", number / 256 % 256, number % 256)
        };
        (through(1, &claimed), Door::Http)
    });
    assert!((8400..8700).contains(&looked_at), "{looked_at} guesses in a day");
    let later = now + DAY;
    for guess in 0..10 {
        brake.failed(&through(1, owner), Door::Http, guess, later);
    }
    assert_eq!(brake.must_wait(&caller(owner), Door::Rtmp, 0, later), None);
    assert_eq!(brake.must_wait(&caller(owner), Door::Http, 0, later), None);
    assert_eq!(brake.must_wait(&through(2, owner), Door::Http, 0, later), None);
    // Nor do many edges of one owner help.
    let mut brake = Brake::default();
    let looked_at =
        guesses(&mut brake, now, Duration::from_secs(3600), Duration::from_millis(100), |number| {
            (through((number % 200) as u8, &format!("10.0.{}.1", number % 256)), Door::Http)
        });
    assert!((3200..3720).contains(&looked_at), "{looked_at} guesses in an hour");
}

#[test]
fn a_login_that_shows_its_cookie_waits_for_nobody_but_itself() {
    let (mut brake, now) = (Brake::default(), Instant::now());
    let owner = Caller { exemption: Some([7; 16]), ..caller("192.0.2.1") };
    for guess in 0..100 {
        brake.failed(&caller("192.0.2.1"), Door::Http, guess, now);
    }
    assert_eq!(brake.must_wait(&owner, Door::Http, 0, now), None);
    assert!(brake.must_wait(&caller("192.0.2.1"), Door::Http, 0, now).is_some());
    let looked_at = guesses(&mut brake, now, DAY, Duration::from_secs(1), |_| (owner, Door::Http));
    assert!((8640..8660).contains(&looked_at), "{looked_at} guesses in a day by one who stole it");
}

#[test]
fn a_network_that_published_before_has_an_allowance_beside_its_strangers() {
    let (mut brake, start) = (Brake::default(), Instant::now());
    let here = caller("192.0.2.1");
    brake.succeeded(&here, Door::Rtmp, start);
    // Another client of the same network used up all tries at the other listener; the encoder comes back.
    guesses(&mut brake, start, Duration::from_secs(600), Duration::from_secs(1), |_| (here, Door::Http));
    let later = start + Duration::from_secs(600);
    assert!(brake.must_wait(&here, Door::Http, 0, later).is_some());
    assert_eq!(brake.must_wait(&here, Door::Rtmp, 0, later), None);
    // One who guesses at the same listener, every second for an hour: both get a share, and guesses stay few.
    let (mut looked_at, mut owner_in, mut owner_tried) = (0, 0, 0);
    for second in 0..3600_u64 {
        let now = later + Duration::from_secs(second);
        if brake.must_wait(&here, Door::Rtmp, second, now).is_none() {
            brake.failed(&here, Door::Rtmp, second, now);
            looked_at += 1;
        }
        // The encoder tries every seven seconds, half a second later.
        if second % 7 == 0 {
            owner_tried += 1;
            let now = now + Duration::from_millis(500);
            owner_in += u32::from(brake.must_wait(&here, Door::Rtmp, u64::MAX, now).is_none());
        }
    }
    assert!(looked_at <= 1820, "{looked_at} guesses in an hour");
    // A sixth on average: within a minute, with one chance in thousand of less than a tenth of this.
    assert!(owner_in * 12 > owner_tried, "the owner got in {owner_in} of {owner_tried} times");
}

#[test]
fn a_program_with_an_old_password_does_not_close_the_other_door() {
    let (mut brake, start) = (Brake::default(), Instant::now());
    let home = caller("192.0.2.1");
    for second in 0..3600 {
        let now = start + Duration::from_secs(second);
        if brake.must_wait(&home, Door::Rtmp, 0, now).is_none() {
            brake.failed(&home, Door::Rtmp, 42, now);
        }
        assert_eq!(brake.must_wait(&home, Door::Http, 0, now), None, "after {second} s");
    }
}

#[test]
fn what_is_remembered_is_bounded_and_the_worst_longest() {
    let (mut brake, now) = (Brake::default(), Instant::now());
    let worst = caller("192.0.2.1");
    for guess in 0..20 {
        brake.failed(&worst, Door::Http, guess, now);
    }
    for number in 0..50_000_u32 {
        let stranger = Caller::from(IpAddr::from((0x0a00_0000 + number).to_be_bytes()));
        brake.failed(&stranger, Door::Rtmp, 1, now);
        if number % 10 == 0 {
            brake.succeeded(&stranger, Door::Rtmp, now);
        }
    }
    let (counts, familiar) = brake.counts.sizes();
    assert!(counts <= counts::MAX_COUNTS && familiar <= counts::MAX_FAMILIAR, "{counts}, {familiar}");
    assert_eq!(brake.must_wait(&worst, Door::Http, 0, now), Some(Duration::from_secs(60)));
}
