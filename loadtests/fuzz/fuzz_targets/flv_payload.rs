//! Audio and video tags of a publishing session, Enhanced RTMP included.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| farcast_origin::ingest::rtmp::fuzz::flv_payload(bytes));
