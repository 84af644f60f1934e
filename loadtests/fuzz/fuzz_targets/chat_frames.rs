//! What a chatter sends: WebSocket frames, however they are split, and the lines in them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| farcast_edge::chat::fuzz(bytes));
