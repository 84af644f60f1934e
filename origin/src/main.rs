//! The origin program.

fn main() {}
