//! The values of an RTMP command (AMF0).

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| farcast_origin::ingest::rtmp::fuzz::amf0(bytes));
