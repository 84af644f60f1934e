//! Pushing the feed to edges over QUIC.
