//! What origin and edge send one another: frames, media streams, join tokens.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| farcast_link::fuzz(bytes));
