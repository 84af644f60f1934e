//! The edge program.

fn main() {}
