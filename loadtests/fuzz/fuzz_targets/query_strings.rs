//! Delivery directives of a playlist request (RFC 8216bis §6.2.5).

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| farcast_feed::hls::fuzz_query(bytes));
