//! Tests of the end of slow start: a simulated path, and the phases one by one.

use std::collections::VecDeque;

use super::*;

const MTU: u64 = 1200;

/// A bottleneck with a queue that drops what does not fit.
struct Path {
    bytes_per_s: u64,
    round_trip: Duration,
    queue_bytes: u64,
}

/// The effect of slow start on the path.
struct Outcome {
    /// The window when slow start ended by itself; `None`: by a loss.
    ended: Option<u64>,
    /// Time at which the window first held what the path holds without its queue.
    filled: Option<Duration>,
    lost: u64,
}

/// Sends as much as slow start allows until it ends.
fn slow_start(path: &Path) -> Outcome {
    let per_packet = Duration::from_secs_f64(MTU as f64 / path.bytes_per_s as f64);
    let (mut slow_start, mut window) = (SlowStart::default(), 10 * MTU);
    let (mut now, mut free_at) = (Duration::ZERO, Duration::ZERO);
    // Number, when sent, when acknowledged.
    let mut flying: VecDeque<(u64, Duration, Duration)> = VecDeque::new();
    let (mut sent, mut lost, mut first_loss, mut filled) = (0, 0, None, None);
    loop {
        while (flying.len() as u64 + lost + 1) * MTU <= window {
            slow_start.sent(sent);
            let queued = free_at.saturating_sub(now).as_secs_f64() * path.bytes_per_s as f64;
            if queued as u64 > path.queue_bytes {
                lost += 1;
                first_loss.get_or_insert(sent);
            } else {
                free_at = free_at.max(now) + per_packet;
                flying.push_back((sent, now, free_at + path.round_trip));
            }
            sent += 1;
        }
        let (number, at, back) = flying.pop_front().unwrap();
        now = back;
        if first_loss.is_some_and(|loss| number > loss + 2) {
            return Outcome { ended: None, filled, lost };
        }
        window += MTU / slow_start.acked(now.saturating_sub(at));
        if window as f64 >= path.bytes_per_s as f64 * path.round_trip.as_secs_f64() {
            filled.get_or_insert(now);
        }
        if slow_start.end_acks(number) {
            return Outcome { ended: Some(window), filled, lost };
        }
    }
}

#[test]
fn a_narrow_path_ends_slow_start_before_its_queue_overflows() {
    let narrow =
        Path { bytes_per_s: 120_000, round_trip: Duration::from_millis(10), queue_bytes: 128 * 1024 };
    let outcome = slow_start(&narrow);
    let window = outcome.ended.expect("by the queue, not by a loss");
    assert_eq!(outcome.lost, 0);
    assert!(window < narrow.queue_bytes, "{window}");
}

#[test]
fn a_fat_path_is_filled_first() {
    for (bytes_per_s, round_trip_ms) in [(6_000_000, 50), (12_500_000, 100), (125_000_000, 20)] {
        let product = bytes_per_s * round_trip_ms / 1000;
        let round_trip = Duration::from_millis(round_trip_ms);
        let outcome = slow_start(&Path { bytes_per_s, round_trip, queue_bytes: 8 * product });
        assert!(outcome.ended.is_some_and(|window| window >= product), "{:?} of {product}", outcome.ended);
        assert_eq!(outcome.lost, 0);
        // Doublings from ten packets, and one round more for the packets' own time.
        let rounds = (product as f64 / (10 * MTU) as f64).log2().ceil() as u32 + 1;
        assert!(outcome.filled.unwrap() <= round_trip * rounds, "{:?} of {rounds} rounds", outcome.filled);
    }
}

fn round(slow_start: &mut SlowStart, first: u64, trips_ms: &[u64]) -> (Vec<u64>, bool) {
    let mut divisors = Vec::new();
    let mut over = false;
    let count = trips_ms.len() as u64;
    (first..first + count).for_each(|number| slow_start.sent(number));
    for (number, trip) in (first..).zip(trips_ms) {
        divisors.push(slow_start.acked(Duration::from_millis(*trip)));
        over |= slow_start.end_acks(number);
    }
    (divisors, over)
}

#[test]
fn a_round_trip_that_falls_again_resumes_slow_start() {
    let mut slow_start = SlowStart::default();
    assert_eq!(round(&mut slow_start, 0, &[100; 8]).0, [1; 8]);
    // 12 ms more, an eighth of 100 and a bit less: not yet.
    assert_eq!(round(&mut slow_start, 8, &[112; 8]).0, [1; 8]);
    // An eighth of 112 is 14; checked from the eighth sample of the round on, which begins with the second packet.
    let (divisors, over) = round(&mut slow_start, 16, &[126; 10]);
    assert_eq!(divisors, [1, 1, 1, 1, 1, 1, 1, 1, 4, 4]);
    assert!(!over);
    assert_eq!(round(&mut slow_start, 26, &[126; 2]).0, [4; 2]);
    assert_eq!(round(&mut slow_start, 28, &[125; 9]).0, [[4; 8].as_slice(), &[1]].concat());
}

#[test]
fn few_samples_judge_nothing() {
    let mut slow_start = SlowStart::default();
    for (number, trip) in (0..40).zip([10, 400].iter().cycle()) {
        assert_eq!(round(&mut slow_start, number * 7, &[*trip; 7]), (vec![1; 7], false));
    }
}

#[test]
fn five_conservative_rounds_end_it() {
    let mut slow_start = SlowStart::default();
    round(&mut slow_start, 0, &[100; 8]);
    let ends: Vec<_> = (1..8).map(|n| round(&mut slow_start, n * 8, &[200; 8]).1).collect();
    // The second of these shows the first's growth, and is the first conservative one.
    assert_eq!(ends.iter().position(|over| *over), Some(CSS_ROUNDS as usize));
}
