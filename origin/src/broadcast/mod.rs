//! The life of a broadcast: one owner from the first frame to the end of the grace period.
