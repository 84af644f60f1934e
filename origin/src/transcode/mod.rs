//! From the source to the configured ladder.
