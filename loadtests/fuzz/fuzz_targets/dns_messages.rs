//! What strangers ask the DNS server: a message over UDP and TCP, or a stream of them. Each reply is small enough, belongs to
//! its query, and can be read by another reader.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| farcast_dns::fuzz::answer(bytes));
