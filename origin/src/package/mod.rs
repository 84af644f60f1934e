//! From frames to feed: segments, parts and initialisation sections of one variant.
