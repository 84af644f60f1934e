//! The doctor: checks of the machine on which a program runs or is to run, in plain words.
//!
//! Place in the flow: the command `doctor` of both programs, and what `join` says at its end. Each check looks at one thing,
//! changes nothing that lasts, and returns [`Finding`]s: what is so, and what to do where it is not good. The programs choose
//! the checks, in the order in which a person would look.
//!
//! Invariants: no check waits longer than its own deadline; none is a reason to panic or to give up the others; a finding
//! that is not [`Verdict::Ok`] says what to do.

mod certificate;
mod clock;
mod cluster;
mod data_folder;
mod network_buffers;
mod open_files;
mod ports;
mod report;
mod running;
mod service_user;
mod settings;

pub use certificate::certificate;
pub use clock::clock;
pub use cluster::cluster;
pub use data_folder::data_folder;
pub use network_buffers::network_buffers;
pub use open_files::open_files;
pub use ports::{Port, Transport, ports};
pub use report::{Finding, Report, Verdict};
pub use running::Running;
pub use settings::{Read, settings};
