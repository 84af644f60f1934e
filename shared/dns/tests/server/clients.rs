//! What other people's clients make of the answers: dig (BIND), kdig (Knot), drill (NLnet Labs). Each that is not installed
//! is left out, aloud.

use std::io::Write as _;
use std::process::Command;

use crate::harness::Running;

const ZONE: &str = "live.example.org";

/// The output of a client, without blank lines; none where it is not installed.
fn output(client: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(client).args(arguments).output() {
        Ok(output) => {
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{client} {arguments:?} says: {text}");
            Some(text)
        }
        Err(error) => {
            // Past the test harness, which keeps the output of tests that pass to itself.
            let _ = writeln!(std::io::stderr(), "LEFT OUT: what {client} makes of the answers ({error})");
            None
        }
    }
}

struct Asking<'a> {
    client: &'a str,
    /// What says where the server is.
    server: Vec<String>,
}

impl Asking<'_> {
    /// What a client shows; every text of `expected` has to be in it. False where it is not installed.
    fn shows(&self, arguments: &str, expected: &[&str]) -> bool {
        let server = self.server.iter().map(String::as_str);
        let all: Vec<_> = server.chain(arguments.split_whitespace()).collect();
        let Some(text) = output(self.client, &all) else { return false };
        // Columns are set by each version as it likes.
        let shown = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for one in expected {
            assert!(shown.contains(one), "{one:?} is not what {} {arguments} shows:\n{text}", self.client);
        }
        true
    }
}

fn dig<'a>(client: &'a str, server: &Running) -> Asking<'a> {
    let port = server.address().port().to_string();
    let server = vec!["@127.0.0.1".to_owned(), "-p".to_owned(), port];
    Asking { client, server }
}

#[test]
fn dig_reads_what_is_answered() {
    let server = Running::start();
    let dig = dig("dig", &server);
    let answers = ["status: NOERROR", "flags: qr aa rd", "ANSWER: 3", "live.example.org. 20 IN A 192.0.2.1"];
    if !dig.shows(&format!("+norrcomments {ZONE} A"), &answers) {
        return;
    }
    dig.shows(&format!("+tcp {ZONE} A"), &[&answers[..], &["(TCP)"]].concat());
    dig.shows(
        &format!("+subnet=203.0.113.0/24 {ZONE} A"),
        &["A 192.0.2.7", "CLIENT-SUBNET: 203.0.113.0/24/24"],
    );
    dig.shows(
        &format!("+subnet=198.51.100.0/22 {ZONE} A"),
        &["CLIENT-SUBNET: 198.51.100.0/22/20", "ANSWER: 3"],
    );
    dig.shows(&format!("+subnet=2001:db8::/56 {ZONE} AAAA"), &["CLIENT-SUBNET: 2001:db8::/56/0", "AAAA ::1"]);
    dig.shows(&format!("+subnet=0 {ZONE} A"), &["CLIENT-SUBNET: 0", "ANSWER: 3"]);
    // A version that is not spoken: dig is told, and asks again with 0; without that it shows the refusal.
    dig.shows(&format!("+edns=1 {ZONE} A"), &["status: NOERROR", "ANSWER: 3"]);
    dig.shows(&format!("+edns=1 +noednsnegotiation {ZONE} A"), &["status: BADVERS", "EDNS: version: 0"]);
    dig.shows(&format!("+noedns {ZONE} A"), &["ANSWER: 3", "ADDITIONAL: 0"]);
    dig.shows(&format!("+ednsopt=65001:00 +cookie +nsid {ZONE} A"), &["status: NOERROR", "ANSWER: 3"]);
    dig.shows(&format!("{ZONE} ANY"), &["status: REFUSED"]);
    dig.shows(&format!("{ZONE} ANY +notcp"), &["status: REFUSED"]);
    dig.shows(&format!("+opcode=notify {ZONE} SOA"), &["status: NOTIMP"]);
    dig.shows(&format!("{ZONE} CH TXT"), &["status: REFUSED"]);
    dig.shows("example.com A", &["status: REFUSED"]);
    dig.shows("nobody.live.example.org A", &["status: NXDOMAIN", "IN SOA ns1.live.example.org."]);
    dig.shows(&format!("{ZONE} MX"), &["status: NOERROR", "ANSWER: 0, AUTHORITY: 1"]);
    dig.shows(&format!("{ZONE} NS"), &["ANSWER: 3", "NS a.ns.live.example.org."]);
    dig.shows(&format!("{ZONE} SOA +multiline"), &["3600 IN SOA", "hostmaster.live.example.org."]);
}

#[test]
fn dig_turns_to_tcp_for_what_is_too_large() {
    let server = Running::start();
    let (dig, large) = (dig("dig", &server), "_acme-challenge.v4only.live.example.org TXT");
    if dig.shows(&format!("+bufsize=1232 {large}"), &["Truncated, retrying in TCP mode", "ANSWER: 30"]) {
        dig.shows(
            &format!("+bufsize=4096 +ignore {large}"),
            &["flags: qr aa tc rd", "ANSWER: 0", "udp: 1232"],
        );
        dig.shows(&format!("+bufsize=0 +ignore {large}"), &["flags: qr aa tc rd", "ANSWER: 0"]);
    }
}

#[test]
fn kdig_reads_what_is_answered() {
    let server = Running::start();
    let kdig = dig("kdig", &server);
    if !kdig.shows(&format!("{ZONE} A"), &["status: NOERROR", "ANSWER: 3", "20 IN A 192.0.2.3"]) {
        return;
    }
    kdig.shows(&format!("+tcp {ZONE} A"), &["ANSWER: 3", "(TCP)"]);
    kdig.shows(&format!("+subnet=203.0.113.0/24 {ZONE} A"), &["A 192.0.2.7", "203.0.113.0/24/24"]);
    kdig.shows(&format!("+edns=1 {ZONE} A"), &["ext-rcode: BADVERS"]);
    kdig.shows(&format!("+bufsize=512 +ignore _acme-challenge.v4only.{ZONE} TXT"), &["Flags: qr aa tc rd"]);
    kdig.shows(&format!("+dnssec {ZONE} A"), &["flags: do", "ANSWER: 3"]);
    kdig.shows(&format!("{ZONE} ANY"), &["status: REFUSED"]);
    kdig.shows(&format!("nobody.{ZONE} A"), &["status: NXDOMAIN", "IN SOA ns1.live.example.org."]);
}

#[test]
fn drill_reads_what_is_answered() {
    let server = Running::start();
    let port = server.address().port().to_string();
    let drill = Asking { client: "drill", server: vec!["-p".to_owned(), port] };
    let at = "@127.0.0.1";
    if !drill.shows(&format!("{ZONE} {at} A"), &["rcode: NOERROR", "flags: qr aa rd", "IN A 192.0.2.1"]) {
        return;
    }
    drill.shows(&format!("-t {ZONE} {at} AAAA"), &["IN AAAA ::1"]);
    drill.shows(&format!("-c /dev/null {ZONE} {at} NS"), &["IN NS ns1.live.example.org."]);
    drill.shows(&format!("{ZONE} {at} ANY"), &["rcode: REFUSED"]);
    drill.shows(&format!("nobody.{ZONE} {at} A"), &["rcode: NXDOMAIN", "IN SOA"]);
    drill.shows(&format!("-b 512 -u _acme-challenge.{ZONE} {at} TXT"), &["\"first\"", "\"second\""]);
}
