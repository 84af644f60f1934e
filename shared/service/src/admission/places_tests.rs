//! Attacks on the places, in virtual time.

use proptest::prelude::*;

use super::*;

const CONFIG: Config = Config { places: 32, kept: 4 };

fn v4(number: u32) -> IpAddr {
    IpAddr::from((0x0a00_0000 + number).to_be_bytes())
}

fn entered(entry: Entry) -> (Id, Option<Id>) {
    match entry {
        Entry::In { id, evicted } => (id, evicted),
        Entry::Full => panic!("there was no place"),
    }
}

#[test]
fn one_network_may_take_all_places_while_nobody_else_wants_one() {
    let (mut places, now) = (Places::new(CONFIG), Instant::now());
    for _ in 0..CONFIG.places {
        assert_eq!(entered(places.enter(v4(1), true, now)).1, None);
    }
    // One more of it takes the place of its own oldest, and another network gets one too.
    assert_eq!(entered(places.enter(v4(1), true, now)).1, Some(0));
    let (honest, evicted) = entered(places.enter(v4(2), true, now));
    assert_eq!(evicted, Some(1));
    for _ in 0..1000 {
        places.enter(v4(1), true, now);
    }
    assert!(places.release(honest), "who comes once stays");
    assert_eq!(places.taken(), CONFIG.places - 1);
}

#[test]
fn networks_that_come_all_the_time_give_way_to_one_that_comes_seldom() {
    // 64 networks, more than places, each with a new connection ten times a second, held as long as may be.
    let (mut places, start) = (Places::new(CONFIG), Instant::now());
    let honest = v4(1_000_000);
    let (mut got_in, mut stayed) = (0, 0);
    for tick in 0..600_u32 {
        let now = start + Duration::from_millis(u64::from(tick) * 100);
        let place = (tick % 50 == 25).then(|| places.enter(honest, true, now));
        for network in 0..64 {
            places.enter(v4(network), true, now);
        }
        match place {
            Some(Entry::In { id, .. }) => {
                got_in += 1;
                stayed += u32::from(places.release(id));
            }
            Some(Entry::Full) | None => {}
        }
    }
    assert_eq!((got_in, stayed), (12, 12));
}

#[test]
fn networks_that_proved_themselves_keep_places_whatever_strangers_do() {
    let (mut places, now) = (Places::new(CONFIG), Instant::now());
    places.remember(v4(1), now);
    let kept: Vec<Id> = (0..CONFIG.kept).map(|_| entered(places.enter(v4(1), true, now)).0).collect();
    for network in 0..10_000 {
        places.enter(v4(100 + network), true, now);
    }
    // Beyond those it counts as an unknown network.
    let (beyond, _) = entered(places.enter(v4(2), true, now));
    assert!(places.release(beyond));
    for id in kept {
        assert!(places.release(id));
    }
    // It gets in while all places are taken, and fruitless tries are not held against it.
    for _ in 0..100 {
        let (id, _) = entered(places.enter(v4(1), true, now));
        places.leave(id, now);
        places.enter(v4(7), true, now);
    }
}

#[test]
fn addresses_of_one_ipv6_network_are_one() {
    let (mut places, now) = (Places::new(CONFIG), Instant::now());
    let address = |network: u16, host: u16| IpAddr::from([0x2001, 0xdb8, 0, network, 0, 0, 0, host]);
    let (honest, _) = entered(places.enter(address(1, 1), true, now));
    for host in 0..1000 {
        places.enter(address(2, host), true, now);
    }
    assert!(places.release(honest));
    // And so are those of one site, while others want places: each of these comes from a network of its own. Within the
    // site those give way that come more than once.
    let (elsewhere, _) = entered(places.enter(v4(1), true, now));
    let (neighbour, _) = entered(places.enter(address(3, 1), true, now));
    for network in 100..20_000 {
        places.enter(address(network, 1), true, now);
    }
    assert!(places.release(elsewhere) && !places.release(neighbour));
    let (neighbour, _) = entered(places.enter(address(4, 1), true, now));
    for host in 0..1000 {
        places.enter(address(2, host), true, now);
    }
    assert!(places.release(neighbour));
}

#[test]
fn what_others_can_forge_is_not_held_against_a_network() {
    let (mut places, now) = (Places::new(CONFIG), Instant::now());
    for _ in 0..100 {
        let (id, _) = entered(places.enter(v4(1), false, now));
        places.leave(id, now);
    }
    for network in 2..2 + 32 {
        places.enter(v4(network), true, now);
    }
    assert!(matches!(places.enter(v4(1), true, now), Entry::In { .. }));
}

#[test]
fn what_is_remembered_is_bounded_and_the_worst_are_remembered_longest() {
    let (mut places, now) = (Places::new(CONFIG), Instant::now());
    let worst = v4(0);
    for _ in 0..10 {
        places.was_fruitless(worst, true, now);
    }
    for network in 1..20_000 {
        places.was_fruitless(v4(network), true, now);
        if network % 8 == 0 {
            places.remember(v4(network), now);
        }
    }
    assert!(places.fruitless.len() <= MAX_FRUITLESS && places.proved.len() <= MAX_PROVED_NETWORKS);
    assert_eq!(places.fruitless_of(Group::Network(worst), now), 10);
    let later = now + FORGIVEN_AFTER * 10;
    assert_eq!(places.fruitless_of(Group::Network(worst), later), 0);
}

proptest! {
    /// Whatever comes and goes: never more than there are, nobody is told to go who is not there, and a newcomer
    /// that is refused has more than its share.
    #[test]
    fn places_are_never_more_than_there_are(steps in proptest::collection::vec((0_u32..12, 0_u8..6), 1..400)) {
        let (mut places, start) = (Places::new(Config { places: 8, kept: 2 }), Instant::now());
        let mut there: Vec<(Id, IpAddr)> = Vec::new();
        for (step, (network, what)) in steps.into_iter().enumerate() {
            let now = start + Duration::from_millis(step as u64 * 300);
            match what {
                0 if !there.is_empty() => {
                    let (id, _) = there.remove(network as usize % there.len());
                    places.leave(id, now);
                }
                1 if !there.is_empty() => {
                    let (id, address) = there.remove(network as usize % there.len());
                    prop_assert!(places.release(id));
                    places.remember(address, now);
                }
                _ => match places.enter(v4(network), what != 2, now) {
                    Entry::In { id, evicted } => {
                        if let Some(evicted) = evicted {
                            prop_assert_eq!(there.len(), 8);
                            let at = there.iter().position(|(id, _)| *id == evicted);
                            prop_assert!(at.is_some());
                            there.retain(|(id, _)| *id != evicted);
                        }
                        there.push((id, v4(network)));
                    }
                    Entry::Full => prop_assert_eq!(there.len(), 8),
                },
            }
            prop_assert_eq!(places.taken(), there.len());
        }
    }
}
