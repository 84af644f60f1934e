//! A real server on ports that the system chooses, judged from outside.

mod clients;
mod edns;
mod harness;
mod hostile;
mod reflection;
mod rules;
mod sample;
mod stream;
