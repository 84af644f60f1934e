//! EDNS and the client's network (RFC 6891, RFC 7871), byte by byte.

use crate::harness::{Running, ZONE};
use crate::sample::*;

const SUBNET_OF_ONE: [u8; 3] = [203, 0, 113];

fn apex() -> Vec<u8> {
    query(1, ZONE, A)
}

fn with_subnet(host: &str, kind: u16, option: &[u8]) -> Vec<u8> {
    with_opt(query(1, host, kind), 1232, option)
}

#[test]
fn edns_is_answered_with_edns_and_only_then() {
    let server = Running::start();
    assert_eq!(server.ask(&apex()).opt, None);
    let opt = server.ask(&with_opt(apex(), 4096, &[])).opt.unwrap();
    assert_eq!((&opt.owner[..], opt.class, opt.ttl, opt.content.len()), ("", 1232, 0, 0));
    // DO comes back, other flags do not (RFC 3225 §3, RFC 6891 §6.1.4).
    let opt = server.ask(&with_record(apex(), &[0], OPT, 4096, 0xFFFF, &[])).opt.unwrap();
    assert_eq!(opt.ttl, 0x8000);
    // In errors too.
    let refused = server.ask(&with_opt(query(1, "example.com", A), 1232, &[]));
    assert!(refused.code == REFUSED && refused.opt.is_some());
    let not_implemented = server.ask(&{
        let mut message = with_opt(apex(), 1232, &[]);
        message[2] = 4 << 3;
        message
    });
    assert!(not_implemented.code == NOT_IMP && not_implemented.opt.is_some());
}

#[test]
fn other_versions_are_told_which_one_is_spoken() {
    let server = Running::start();
    for version in [1, 2, 255] {
        // Options of that version may have any form.
        let message = with_record(apex(), &[0], OPT, 1232, version << 16, b"\0\x08\0");
        let reply = server.ask(&message);
        assert_eq!((reply.code, reply.answers.len()), (BAD_VERS, 0), "{version}");
        let opt = reply.opt.unwrap();
        assert_eq!(((opt.ttl >> 16) & 255, opt.content.len()), (0, 0), "version 0 and no options");
    }
}

#[test]
fn options_that_nobody_knows_are_passed_over() {
    let server = Running::start();
    // A cookie, padding, an option for experiments.
    let options = [option(10, &[7; 8]), option(12, &[0; 100]), option(65_001, b"?")].concat();
    let reply = server.ask(&with_opt(apex(), 1232, &options));
    assert_eq!((reply.code, reply.answers.len(), reply.options().unwrap().len()), (NO_ERROR, 3, 0));
    // And so are records that a query does not need.
    let message = with_record(with_opt(apex(), 1232, &[]), b"\xC0\x0C", 250, 255, 0, &[1; 30]);
    assert_eq!(server.ask(&message).answers.len(), 3);
}

#[test]
fn a_reply_keeps_to_the_size_that_the_client_takes_and_to_1232_bytes() {
    let server = Running::start();
    // 30 texts of 44 bytes.
    let large = || query(1, "_acme-challenge.v4only.live.example.org", TXT);
    let size = |payload: u16| server.ask(&with_opt(large(), payload, &[]));
    for message in
        [large(), with_opt(large(), 0, &[]), with_opt(large(), 511, &[]), with_opt(large(), 1200, &[])]
    {
        let reply = server.ask(&message);
        assert!(reply.is_truncated() && reply.answers.is_empty() && reply.is_authoritative(), "{reply:?}");
        assert!(reply.question.is_some() && reply.len <= message.len(), "{reply:?}");
    }
    assert!(size(1232).is_truncated() && size(65_535).is_truncated());
    let whole = server.tcp().ask(&with_opt(large(), 512, &[]));
    assert_eq!((whole.is_truncated(), whole.answers.len()), (false, 30));
    assert!(whole.len > 1232);
    // What just fits is whole: the limit is between the two.
    let ns = |payload| server.ask(&with_opt(query(1, ZONE, NS), payload, &[]));
    assert!(!ns(0).is_truncated() && ns(0).len <= 512);
}

#[test]
fn the_network_of_the_client_decides_and_is_told_back_with_its_scope() {
    let server = Running::start();
    let reply = server.ask(&with_subnet(ZONE, A, &subnet(1, 24, 0, &SUBNET_OF_ONE)));
    assert_eq!(reply.contents(), [[192, 0, 2, 7]]);
    assert_eq!(reply.options().unwrap(), subnet(1, 24, 24, &SUBNET_OF_ONE));
    // The scope is that of the answer: here it is shorter, and there longer, than what was told.
    let reply = server.ask(&with_subnet(ZONE, A, &subnet(1, 23, 0, &[198, 51, 100])));
    assert_eq!(reply.options().unwrap(), subnet(1, 23, 20, &[198, 51, 100]));
    let reply = server.ask(&with_subnet(ZONE, A, &subnet(1, 8, 0, &[198])));
    assert_eq!(reply.options().unwrap(), subnet(1, 8, 20, &[198]));
    // Two options of which one is known.
    let both = [option(10, &[7; 8]), subnet(1, 24, 0, &SUBNET_OF_ONE)].concat();
    assert_eq!(server.ask(&with_subnet(ZONE, A, &both)).contents(), [[192, 0, 2, 7]]);
}

#[test]
fn the_client_is_the_network_that_is_told_else_the_resolver() {
    let server = Running::start();
    let ask = |kind, option: &[u8]| server.ask(&with_subnet("echo.live.example.org", kind, option));
    assert_eq!(server.ask(&query(1, "echo.live.example.org", A)).contents(), [[127, 0, 0, 1]]);
    assert_eq!(ask(A, &[]).contents(), [[127, 0, 0, 1]]);
    assert_eq!(ask(A, &subnet(1, 25, 0, &[203, 0, 113, 128])).contents(), [[203, 0, 113, 128]]);
    assert_eq!(ask(A, &subnet(1, 1, 0, &[128])).contents(), [[128, 0, 0, 0]]);
    let v6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0x80];
    let whole = [&v6[..], &[0; 9]].concat();
    assert_eq!(ask(AAAA, &subnet(2, 56, 0, &v6)).contents(), [&whole[..]]);
    assert_eq!(ask(AAAA, &subnet(2, 128, 0, &whole)).options().unwrap(), subnet(2, 128, 128, &whole));
    // A prefix of length 0 is the wish that no network be used: of each family, and of none, as dig says it.
    for family in [0, 1, 2] {
        let reply = ask(A, &subnet(family, 0, 0, &[]));
        assert_eq!(reply.contents(), [[127, 0, 0, 1]]);
        assert_eq!(reply.options().unwrap(), subnet(family, 0, 0, &[]));
    }
}

#[test]
fn a_malformed_network_is_refused() {
    let server = Running::start();
    let longer = [0xFF; 17];
    let cases: [(&str, Vec<u8>); 17] = [
        ("nothing", option(8, &[])),
        ("half of the head", option(8, &[0, 1, 24])),
        ("no address", subnet(1, 24, 0, &[])),
        ("a byte too few", subnet(1, 24, 0, &[203, 0])),
        ("a byte too many", subnet(1, 24, 0, &[203, 0, 113, 0])),
        ("all bytes of an address for a part of it", subnet(1, 17, 0, &[203, 0, 0, 0])),
        ("a bit behind the prefix", subnet(1, 23, 0, &SUBNET_OF_ONE)),
        ("the last bit behind the prefix", subnet(1, 31, 0, &[203, 0, 113, 1])),
        ("a longer prefix than an address", subnet(1, 33, 0, &[203, 0, 113, 0, 0])),
        ("the same of IPv6", subnet(2, 129, 0, &longer)),
        ("a byte too few of IPv6", subnet(2, 56, 0, &[0x20, 1, 0xd, 0xb8, 0, 0])),
        ("a bit behind the prefix of IPv6", subnet(2, 33, 0, &[0x20, 1, 0xd, 0xb8, 0x40])),
        ("a scope", subnet(1, 24, 24, &SUBNET_OF_ONE)),
        ("an unknown family", subnet(3, 24, 0, &SUBNET_OF_ONE)),
        ("no family with a prefix", subnet(0, 24, 0, &SUBNET_OF_ONE)),
        ("no prefix with an address", subnet(1, 0, 0, &[203])),
        ("two of them", [subnet(1, 24, 0, &SUBNET_OF_ONE), subnet(1, 24, 0, &SUBNET_OF_ONE)].concat()),
    ];
    for (what, option) in cases {
        let reply = server.ask(&with_subnet(ZONE, A, &option));
        assert_eq!((reply.code, reply.answers.len()), (FORM_ERR, 0), "{what}");
        assert_eq!(reply.options(), Some(&[][..]), "{what}");
    }
}

#[test]
fn what_is_the_same_for_everybody_has_scope_zero() {
    let server = Running::start();
    let told = subnet(1, 24, 0, &SUBNET_OF_ONE);
    for (host, kind) in [
        (ZONE, SOA),
        (ZONE, NS),
        (ZONE, TXT),
        ("v4only.live.example.org", AAAA),
        ("nobody.live.example.org", A),
        ("ns1.live.example.org", A),
        ("_acme-challenge.live.example.org", TXT),
        ("example.com", A),
    ] {
        assert_eq!(server.ask(&with_subnet(host, kind, &told)).options().unwrap(), told, "{host} {kind}");
    }
}
