//! The chunks of an RTMP connection, in pieces (RTMP 1.0 §5.3).

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| farcast_origin::ingest::rtmp::fuzz::rtmp_chunks(bytes));
