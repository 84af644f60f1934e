//! The protocol between origin and edges over QUIC.
