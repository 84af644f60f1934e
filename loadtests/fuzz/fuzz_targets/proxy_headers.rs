//! What a proxy, or who pretends to be one, sends before a connection: whatever is taken for a header leaves what follows alone.

#![no_main]

use farcast_service::proxy_protocol::header::{HEAD_BYTES, MOST_BYTES, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok((source, behind)) = parse(bytes) {
        let header = &bytes[..bytes.len() - behind.len()];
        assert!((HEAD_BYTES..=MOST_BYTES).contains(&header.len()));
        assert_eq!(parse(header), Ok((source, &[][..])), "it depends on what follows");
        assert!(parse(&header[..header.len() - 1]).is_err());
    }
});
