//! A real server on ports that the system chooses, judged from outside.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test that uses them")]

mod clients;
mod edns;
mod harness;
mod hostile;
mod reflection;
mod rules;
mod sample;
mod stream;
