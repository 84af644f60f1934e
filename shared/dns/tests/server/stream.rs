//! Queries over TCP, however their bytes are split, and how long a connection lasts.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::harness::{Running, TcpClient, ZONE, framed, unlimited};
use crate::sample::*;
use farcast_dns::limits::Limits;

fn numbered(id: u16) -> Vec<u8> {
    query(id, ZONE, A)
}

fn closed(closed: &str, cause: &str, server: &Running) {
    server.wait_for(&format!("{closed} {cause}"));
}

#[test]
fn queries_are_answered_in_order_without_waiting_for_replies() {
    let server = Running::start();
    let mut stream = server.tcp();
    let count = 2000;
    let all: Vec<u8> = (0..count).flat_map(|id| framed(&numbered(id))).collect();
    let mut writer = TcpClient(stream.0.try_clone().unwrap());
    let writes = std::thread::spawn(move || writer.write(&all));
    for id in 0..count {
        let reply = stream.reply();
        assert_eq!((reply.id, reply.answers.len()), (id, 3));
    }
    writes.join().unwrap();
}

#[test]
fn two_messages_may_come_in_one_piece_and_a_third_in_two() {
    let server = Running::start();
    let mut stream = server.tcp();
    let third = framed(&numbered(3));
    let (begin, end) = third.split_at(9);
    stream.write(&[&framed(&numbered(1)), &framed(&numbered(2)), begin].concat());
    assert_eq!((stream.reply().id, stream.reply().id), (1, 2));
    stream.write(end);
    assert_eq!(stream.reply().id, 3);
}

#[test]
fn a_message_may_come_byte_by_byte() {
    let server = Running::start();
    let mut stream = server.tcp();
    for byte in framed(&with_opt(numbered(1), 1232, &subnet(1, 24, 0, &[203, 0, 113]))) {
        stream.write(&[byte]);
    }
    assert_eq!(stream.reply().contents(), [[192, 0, 2, 7]]);
}

#[test]
fn the_largest_query_is_answered_and_a_larger_one_ends_the_connection() {
    let server = Running::start();
    let padded = |bytes: usize| with_opt(numbered(1), 1232, &option(12, &vec![0; bytes]));
    let room = 4096 - padded(0).len();
    assert_eq!(server.tcp().ask(&padded(room)).answers.len(), 3);
    for wrong in [padded(room + 1), vec![], vec![1; 11]] {
        let mut stream = server.tcp();
        stream.write(&framed(&wrong)[..2]);
        assert!(stream.is_closed(), "{} bytes", wrong.len());
    }
    closed("farcast_dns_malformed_total{cause=\"length\"}", "3", &server);
}

#[test]
fn a_malformed_query_is_refused_and_the_connection_goes_on_and_a_response_ends_it() {
    let server = Running::start();
    let mut stream = server.tcp();
    assert_eq!(stream.ask(&header(1, 0, [0; 4])).code, FORM_ERR);
    assert_eq!(stream.ask(&numbered(2)).answers.len(), 3);
    let mut response = numbered(3);
    response[2] |= 0x80;
    stream.write(&framed(&response));
    assert!(stream.is_closed());
}

#[test]
fn who_is_idle_or_slow_is_let_go() {
    let limits = Limits { idle: Duration::from_millis(300), ..unlimited() };
    let server = Running::with(&["127.0.0.1:0"], limits);
    let began = std::time::Instant::now();
    let (mut silent, mut asked, mut within) = (server.tcp(), server.tcp(), server.tcp());
    assert_eq!(asked.ask(&numbered(1)).id, 1);
    within.write(&framed(&numbered(1))[..5]);
    assert!(silent.is_closed() && asked.is_closed() && within.is_closed());
    assert!(began.elapsed() >= limits.idle, "{:?}", began.elapsed());
    // A byte now and then does not make a message last longer: this one would take eight seconds.
    let mut slow = server.tcp();
    slow.0.set_read_timeout(Some(Duration::from_millis(40))).unwrap();
    let message = framed(&[1; 4096]);
    let is_let_go = message.iter().take(200).any(|byte| {
        let written = std::io::Write::write_all(&mut slow.0, &[*byte]);
        let read = std::io::Read::read(&mut slow.0, &mut [0; 1]);
        let is_waiting = read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        written.is_err() || !is_waiting
    });
    assert!(is_let_go);
    server.wait_for("farcast_dns_connections_timed_out_total 4");
}

#[test]
fn who_never_reads_is_let_go() {
    let limits = Limits { idle: Duration::from_millis(300), ..unlimited() };
    let server = Running::with(&["127.0.0.1:0"], limits);
    let mut deaf = server.tcp();
    deaf.0.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    // Replies are longer than queries: buffers on both ways are full before long.
    let many: Vec<u8> = (0..1000).flat_map(|id| framed(&numbered(id))).collect();
    let refused = (0..10_000).any(|_| std::io::Write::write_all(&mut deaf.0, &many).is_err());
    assert!(refused, "the server reads on without end");
    closed("farcast_dns_connections_timed_out_total", "1", &server);
    assert_eq!(server.tcp().ask(&numbered(1)).id, 1);
}

#[test]
fn a_network_has_its_share_of_connections_and_the_others_go_on() {
    let limits = Limits { connections: 8, connections_per_network: 3, ..unlimited() };
    let server = Running::with(&["127.0.0.1:0"], limits);
    let greedy = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
    let mut kept: Vec<_> = (0..3).map(|_| TcpClient::from_to(greedy, server.address())).collect();
    for stream in &mut kept {
        assert_eq!(stream.ask(&numbered(1)).id, 1);
    }
    let mut beyond = TcpClient::from_to(greedy, server.address());
    assert!(beyond.is_closed());
    closed("farcast_dns_connections_refused_total", "1", &server);
    assert_eq!(server.tcp().ask(&numbered(2)).id, 2);
    // A place that is given back can be had.
    drop(kept.pop());
    server.wait_for("farcast_dns_connections 2");
    assert_eq!(TcpClient::from_to(greedy, server.address()).ask(&numbered(3)).id, 3);
}

#[test]
fn when_all_places_are_taken_those_of_who_has_the_most_make_room() {
    let limits = Limits { connections: 8, connections_per_network: 6, ..unlimited() };
    let server = Running::with(&["127.0.0.1:0"], limits);
    let from = |last| TcpClient::from_to(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), server.address());
    let asked_twice = |mut stream: TcpClient| {
        assert_eq!((stream.ask(&numbered(1)).id, stream.ask(&numbered(2)).id), (1, 2));
        stream
    };
    let mut many: Vec<_> = (0..6).map(|_| asked_twice(from(9))).collect();
    let mut few: Vec<_> = (0..2).map(|_| asked_twice(from(8))).collect();
    let mut newcomer = from(7);
    assert_eq!(newcomer.ask(&numbered(3)).id, 3);
    assert!(many[0].is_closed());
    assert!(few.iter_mut().all(|stream| stream.ask(&numbered(4)).id == 4));
}
