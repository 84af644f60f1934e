//! Receiving the feed from the origin over QUIC.
