//! What a real server answers, byte by byte, over UDP and TCP.

use crate::harness::{Running, ZONE, framed};
use crate::sample::*;

/// A query of the zone's own address.
fn apex(kind: u16) -> Vec<u8> {
    query(0x1234, ZONE, kind)
}

fn v4(last: u8) -> Vec<u8> {
    vec![192, 0, 2, last]
}

/// A refusal: no records, no authority.
fn refused(reply: &Reply, code: u16) {
    assert!(reply.is_response() && !reply.is_authoritative() && !reply.has_recursion(), "{reply:?}");
    assert_eq!(reply.code, code, "{reply:?}");
    assert!(reply.answers.is_empty() && reply.authorities.is_empty() && reply.additionals.is_empty());
}

/// That there is nothing: the SOA record, with the time for which that may be kept.
fn not_there(reply: &Reply, code: u16) {
    assert!(reply.is_authoritative() && !reply.has_recursion(), "{reply:?}");
    assert_eq!((reply.code, reply.answers.len(), reply.additionals.len()), (code, 0, 0), "{reply:?}");
    let [soa] = &reply.authorities[..] else { panic!("{reply:?}") };
    assert_eq!((&soa.owner[..], soa.kind, soa.ttl), ("live.example.org.", SOA, 10));
}

#[test]
fn addresses_are_the_best_in_their_order_and_nothing_is_added() {
    let server = Running::start();
    let reply = server.ask(&apex(A));
    assert!(reply.is_response() && reply.is_authoritative());
    // QR, AA and RD: as in the query; RA, AD and CD are never set.
    assert_eq!((reply.id, reply.flags), (0x1234, 0x8500));
    assert_eq!(reply.contents(), [v4(1), v4(2), v4(3)], "three at most");
    for record in &reply.answers {
        assert_eq!(
            (&record.owner[..], record.kind, record.class, record.ttl),
            ("live.example.org.", A, 1, 20)
        );
    }
    assert!(reply.authorities.is_empty() && reply.additionals.is_empty() && reply.opt.is_none());
    let reply = server.ask(&apex(AAAA));
    assert_eq!(reply.contents(), [[[0; 15].as_slice(), &[1]].concat()]);
    // Without the client's wish for recursion it is not said either.
    let mut message = apex(A);
    message[2] = 0;
    assert_eq!(server.ask(&message).flags, 0x8400);
}

#[test]
fn the_case_of_the_question_is_kept_in_question_and_owner() {
    let server = Running::start();
    let reply = server.ask(&query(1, "LiVe.eXaMpLe.ORG", A));
    assert_eq!(reply.question, Some(("LiVe.eXaMpLe.ORG.".to_owned(), A, 1)));
    assert_eq!(reply.answers.len(), 3);
    assert!(reply.answers.iter().all(|record| record.owner == "LiVe.eXaMpLe.ORG."), "{reply:?}");
}

#[test]
fn soa_and_ns_are_those_of_the_zone() {
    let server = Running::start();
    let reply = server.ask(&apex(SOA));
    assert_eq!((reply.answers.len(), reply.answers[0].ttl), (1, 3600));
    let text = String::from_utf8_lossy(&reply.answers[0].content).into_owned();
    assert!(text.contains("ns1") && text.contains("hostmaster"), "{text:?}");
    let minimum = &reply.answers[0].content[reply.answers[0].content.len() - 4..];
    assert_eq!(minimum, 10_u32.to_be_bytes());
    let reply = server.ask(&apex(NS));
    assert_eq!(reply.answers.len(), 3);
    assert!(reply.additionals.is_empty() && reply.authorities.is_empty());
    // The server outside of the zone cannot be compressed into it.
    assert_eq!(reply.answers[2].content, [&name("ns.example")[..11], &name("net")].concat());
}

#[test]
fn name_servers_within_the_zone_have_their_addresses_and_nothing_else() {
    let server = Running::start();
    let ask = |host: &str, kind| server.ask(&query(1, host, kind));
    assert_eq!(ask("ns1.live.example.org", A).contents(), [v4(53)]);
    assert_eq!(ask("ns1.live.example.org", A).answers[0].ttl, 3600);
    assert_eq!(ask("ns1.live.example.org", AAAA).answers.len(), 1);
    not_there(&ask("ns1.live.example.org", TXT), NO_ERROR);
    not_there(&ask("a.ns.live.example.org", AAAA), NO_ERROR);
    // There is a name below it, so it exists (RFC 8020).
    not_there(&ask("ns.live.example.org", A), NO_ERROR);
    not_there(&ask("b.ns.live.example.org", A), NX_DOMAIN);
}

#[test]
fn what_is_not_there_is_told_apart() {
    let server = Running::start();
    let ask = |host: &str, kind| server.ask(&query(1, host, kind));
    not_there(&ask("nobody.live.example.org", A), NX_DOMAIN);
    not_there(&ask("nobody.live.example.org", TXT), NX_DOMAIN);
    not_there(&ask("*.live.example.org", A), NX_DOMAIN);
    not_there(&ask("a b.live.example.org", A), NX_DOMAIN);
    not_there(&ask("v4only.live.example.org", AAAA), NO_ERROR);
    not_there(&ask("v4only.live.example.org", SOA), NO_ERROR);
    not_there(&ask(ZONE, TXT), NO_ERROR);
    // `www` is a host of the zone, even where the ranking does not know it.
    not_there(&ask("www.live.example.org", A), NO_ERROR);
    refused(&ask("later.live.example.org", A), SERV_FAIL);
}

#[test]
fn a_label_with_a_dot_in_it_is_not_two() {
    let server = Running::start();
    // One label of "a.ns", then the zone.
    let mut message = header(1, 0, [1, 0, 0, 0]);
    message.extend(b"\x04a.ns");
    message.extend(name(ZONE));
    message.extend([0, 1, 0, 1]);
    not_there(&server.ask(&message), NX_DOMAIN);
}

#[test]
fn acme_finds_its_texts() {
    let server = Running::start();
    let reply = server.ask(&query(1, "_acme-challenge.live.example.org", TXT));
    assert_eq!(reply.contents(), [b"\x05first".as_slice(), b"\x06second"]);
    assert_eq!(reply.answers[0].ttl, 20);
    let ask = |host: &str, kind| server.ask(&query(1, host, kind));
    not_there(&ask("_acme-challenge.live.example.org", A), NO_ERROR);
    not_there(&ask("_acme-challenge.www.live.example.org", TXT), NO_ERROR);
    not_there(&ask("_acme-challenge.nobody.live.example.org", TXT), NX_DOMAIN);
}

#[test]
fn what_this_server_is_not_for_is_refused() {
    let server = Running::start();
    let (ixfr, axfr, rrsig_any) = (251, 252, ANY);
    for kind in [ixfr, axfr, rrsig_any, 128, 250, 253, OPT] {
        refused(&server.ask(&apex(kind)), REFUSED);
    }
    for class in [3, 4, 254, 255] {
        refused(&server.ask(&query_of_class(1, ZONE, A, class)), REFUSED);
    }
    for host in ["example.org", "live.example.com", "xlive.example.org", "", "org"] {
        refused(&server.ask(&query(1, host, A)), REFUSED);
    }
    // A transfer says in the authority section which state it has.
    let mut message = apex(ixfr);
    message[9] = 1;
    message.extend([0xC0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
    refused(&server.ask(&message), REFUSED);
    for op_code in [1, 2, 3, 4, 5, 6, 15] {
        let mut message = apex(SOA);
        message[2] = op_code << 3;
        let reply = server.ask(&message);
        refused(&reply, NOT_IMP);
        assert_eq!(reply.flags, 0x8004 | u16::from(op_code) << 11);
    }
}

#[test]
fn malformed_messages_are_refused_as_such() {
    let server = Running::start();
    let good = apex(A);
    let mut cases: Vec<(&str, Vec<u8>)> = vec![
        ("no question", header(1, 0, [0, 0, 0, 0])),
        ("two questions", [&header(1, 0, [2, 0, 0, 0]), &good[12..], &good[12..]].concat()),
        ("a question too few", header(1, 0, [1, 0, 0, 0])),
        ("65,535 questions", [&header(1, 0, [u16::MAX; 4]), &good[12..]].concat()),
        ("an answer that is not there", [&header(1, 0, [1, 1, 0, 0]), &good[12..]].concat()),
        ("a record too few", [&header(1, 0, [1, 0, 0, 1]), &good[12..]].concat()),
        ("something behind the end", [&good[..], &[0]].concat()),
        ("a label cut off", [&header(1, 0, [1, 0, 0, 0]), &b"\x04liv"[..]].concat()),
        ("a reserved label", [&header(1, 0, [1, 0, 0, 0]), &b"\x80\x01\0\0\x01\0\x01"[..]].concat()),
        ("a pointer at itself", [&header(1, 0, [1, 0, 0, 0]), &b"\xC0\x0C\0\x01\0\x01"[..]].concat()),
        (
            "a pointer at what follows",
            [&header(1, 0, [1, 0, 0, 0]), &b"\xC0\x0E\xC0\x0C\0\x01\0\x01"[..]].concat(),
        ),
        ("a pointer into the header", [&header(1, 0, [1, 0, 0, 0]), &b"\xC0\x06\0\x01\0\x01"[..]].concat()),
        ("a loop of a label", [&header(1, 0, [1, 0, 0, 0]), &b"\x01a\xC0\x0C\0\x01\0\x01"[..]].concat()),
        ("a record longer than the message", with_record(good.clone(), &[0], A, 1, 0, &[1; 4])),
        ("OPT of a name", with_record(good.clone(), b"\x01a\0", OPT, 1232, 0, &[])),
        ("OPT of a pointer", with_record(good.clone(), b"\xC0\x0C", OPT, 1232, 0, &[])),
        ("two of OPT", with_opt(with_opt(good.clone(), 1232, &[]), 1232, &[])),
        ("an option without a length", with_opt(good.clone(), 1232, &[0, 9, 0])),
        ("an option cut off", with_opt(good.clone(), 1232, &[0, 9, 0, 4, 1, 2, 3])),
    ];
    let mut cut = cases[13].1.clone();
    cut.truncate(cut.len() - 1);
    cases[13].1 = cut;
    let long = vec!["a".repeat(63); 4].join(".");
    cases.push(("a name of more than 255 bytes", query(1, &format!("{long}.{ZONE}"), A)));
    for (what, message) in &cases {
        let reply = server.ask(message);
        assert_eq!(reply.code, FORM_ERR, "{what}: {reply:?}");
        refused(&reply, FORM_ERR);
        assert!(reply.len <= message.len() + 11, "{what} is answered with {} bytes", reply.len);
    }
    // Every beginning of a query with all that there is, but for the two that are queries.
    let full = with_opt(good.clone(), 1232, &subnet(1, 24, 0, &[203, 0, 113]));
    for len in 12..full.len() {
        assert_eq!(server.ask(&full[..len]).code, FORM_ERR, "{len} bytes");
    }
}

#[test]
fn the_longest_name_is_a_name() {
    let server = Running::start();
    // 63 + 63 + 63 + 45 bytes and their lengths, and the zone's 18.
    let labels = [63, 63, 63, 44].map(|len| "a".repeat(len)).join(".");
    let message = query(1, &format!("{labels}.{ZONE}"), A);
    assert_eq!(message.len(), 12 + 255 + 4);
    not_there(&server.ask(&message), NX_DOMAIN);
}

#[test]
fn responses_and_what_has_no_header_are_answered_with_nothing() {
    let server = Running::start();
    let client = server.udp();
    let mut response = apex(A);
    response[2] |= 0x80;
    client.send(&response);
    for len in 0..12 {
        client.send(&apex(A)[..len]);
    }
    // The first reply is to the first message that has one.
    assert_eq!(client.ask(&query(77, ZONE, A)).id, 77);
    server.wait_for("farcast_dns_malformed_total{cause=\"response\"} 1");
    // An empty datagram is not a message.
    server.wait_for("farcast_dns_malformed_total{cause=\"short\"} 11");
}

#[test]
fn a_ranking_that_panics_loses_that_query_alone() {
    let server = Running::start();
    let client = server.udp();
    client.send(&query(1, "breaks.live.example.org", A));
    assert_eq!(client.ask(&query(77, ZONE, A)).id, 77);
    let mut stream = server.tcp();
    stream.write(&framed(&query(1, "breaks.live.example.org", A)));
    assert!(stream.is_closed());
    assert_eq!(server.tcp().ask(&apex(A)).answers.len(), 3);
    server.wait_for("farcast_contained_panics_total{part=\"dns_query\"} 1");
    server.wait_for("farcast_contained_panics_total{part=\"dns_connection\"} 1");
}

#[test]
fn over_tcp_the_answers_are_the_same() {
    let server = Running::start();
    let mut stream = server.tcp();
    for kind in [A, NS, SOA, TXT, AAAA, OPT, ANY] {
        for host in [ZONE, "nobody.live.example.org", "example.com"] {
            let message = with_opt(query(7, host, kind), 1232, &subnet(1, 24, 0, &[203, 0, 113]));
            assert_eq!(stream.ask(&message), server.ask(&message), "{host} {kind}");
        }
    }
    server.wait_for(r#"farcast_dns_queries_total{rcode="noerror",transport="tcp",type="soa"} 1"#);
    server.wait_for(r#"farcast_dns_queries_total{rcode="nxdomain",transport="udp",type="a"} 1"#);
}

#[test]
fn ipv6_is_served_and_a_socket_of_all_addresses_answers_from_the_one_that_was_asked() {
    let server = Running::with(&["[::1]:0", "0.0.0.0:0", "[::]:0"], crate::harness::unlimited());
    assert_eq!(server.ask(&apex(A)).answers.len(), 3);
    assert_eq!(server.tcp().ask(&apex(A)).answers.len(), 3);
    // A client that is connected takes replies from the address that it asked, and from no other.
    let own = "127.0.0.1".parse().unwrap();
    for place in [1, 2] {
        let other = std::net::SocketAddr::new("127.0.0.2".parse().unwrap(), server.addresses[place].port());
        assert_eq!(crate::harness::UdpClient::from_to(own, other).ask(&apex(A)).answers.len(), 3, "{place}");
    }
    // A client of IPv4 is one of IPv4 at a socket of IPv6 too.
    let both = std::net::SocketAddr::new(own, server.addresses[2].port());
    let reply = crate::harness::UdpClient::from_to(own, both).ask(&query(1, "echo.live.example.org", A));
    assert_eq!(reply.contents(), [[127, 0, 0, 1]]);
}
