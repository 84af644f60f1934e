//! The limit of replies over UDP, and that it leaves TCP alone.

use crate::harness::{Running, ZONE};
use crate::sample::*;
use farcast_dns::limits::Limits;

#[test]
fn replies_beyond_the_limit_are_dropped_or_sent_to_tcp_and_other_kinds_and_networks_are_not() {
    // One reply a second, two at once.
    let limits = Limits { answers_per_second: 1, refusals_per_second: 1, ..Limits::default() };
    let server = Running::with(&["127.0.0.1:0"], limits);
    let client = server.udp();
    for id in 0..100 {
        client.send(&with_opt(query(id, ZONE, A), 1232, &[]));
    }
    // Refusals are counted apart: the reply to this one says that the others have been judged.
    client.send(&query(1000, "example.com", A));
    let replies: Vec<_> = std::iter::repeat_with(|| Reply::read(&client.receive()))
        .take_while(|reply| reply.id != 1000)
        .collect();
    let (truncated, whole): (Vec<_>, Vec<_>) = replies.into_iter().partition(Reply::is_truncated);
    // On a machine that is busy some seconds may have passed.
    assert!((2..20).contains(&whole.len()), "{} of 100 are answered", whole.len());
    assert!((40..50).contains(&truncated.len()), "{} of 100 are sent to TCP", truncated.len());
    let size = with_opt(query(0, ZONE, A), 1232, &[]).len();
    assert!(truncated.iter().all(|reply| reply.len <= size && reply.answers.is_empty()), "no amplifier");
    assert_eq!(server.tcp().ask(&query(1, ZONE, A)).answers.len(), 3);
    // Another /24.
    let other = "127.0.1.1".parse().unwrap();
    let reply = crate::harness::UdpClient::from_to(other, server.address()).ask(&query(1, ZONE, A));
    assert_eq!(reply.answers.len(), 3);
    let dropped = 100 - whole.len() - truncated.len();
    server.wait_for(&format!("farcast_dns_rate_limited_total{{outcome=\"dropped\"}} {dropped}"));
    server.wait_for(&format!("farcast_dns_rate_limited_total{{outcome=\"truncated\"}} {}", truncated.len()));
}
