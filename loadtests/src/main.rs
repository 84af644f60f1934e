//! `farcast-load`.

fn main() {}
