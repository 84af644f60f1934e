//! Many viewers: [`viewer`] is one, [`bodies`] lets them share what they parse and verify, [`tally`] adds up the
//! events, [`media`] chooses the next download, [`report`] is the result at the end, [`run`] starts and joins them.

pub mod bodies;
#[cfg(test)]
mod fake;
pub mod histogram;
pub mod media;
pub mod report;
pub mod run;
pub mod tally;
pub mod viewer;
