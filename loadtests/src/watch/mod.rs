//! Many viewers: [`viewer`] is one, [`bodies`] lets them share what they parse and judge, [`tally`]
//! adds up what happened, [`media`] says what to download next, [`report`] is what is said at the end, [`run`] starts and joins them.

pub mod bodies;
#[cfg(test)]
mod fake;
pub mod histogram;
pub mod media;
pub mod report;
pub mod run;
pub mod tally;
pub mod viewer;
