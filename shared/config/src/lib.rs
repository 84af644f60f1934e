//! Reading configuration: defaults < file (TOML) < environment (`FARCAST_*`) < flags.
//!
//! A program declares its settings once, with [`settings!`](crate::settings): name, documentation,
//! type and default. The key of the file, the environment variable, the flag and the help text all
//! follow from that; [`load()`] reads the layers and reports every problem at once, each with its
//! place. The types are strict: durations and sizes need units, unknown keys are refused with the
//! nearest name, secrets never show.
//!
//! This module knows no setting and starts nothing. Place in the flow: first thing in `main`.
//!
//! Invariants: a value of a later layer replaces the earlier one whole; a mistake in any layer is a
//! problem even when a later layer hides it; the value of a secret appears in no message, no
//! `Debug`, no effective configuration.

mod address;
mod amend;
mod choice;
mod complete;
mod declare;
mod duration;
mod effective;
mod file;
mod flags;
mod help;
mod load;
mod man;
pub mod network;
mod networks;
mod problem;
mod program;
mod reader;
mod secret;
mod setting;
mod size;
mod store_address;
mod value;

pub use address::HostPort;
pub use amend::{Amended, Difference, NotAmended, Wanted, amend, value_in};
pub use complete::Shell;
pub use load::{Loaded, Outcome, load};
pub use networks::Networks;
pub use problem::{Place, Problem, Problems};
pub use program::{Asked, Command, Operand, Program, Switch, Usage};
pub use reader::{Checks, Reader, Settings, Validate};
pub use secret::Secret;
pub use setting::Setting;
pub use size::ByteSize;
pub use store_address::{Cluster, StoreAddress};
pub use value::{Form, InvalidValue, Proposals, Value};

#[doc(hidden)]
pub use choice::unknown as unknown_choice;

/// Prefix of every environment variable that is read.
pub const ENVIRONMENT_PREFIX: &str = "FARCAST_";

/// The environment variable of the setting `key`: `rtmp_listen` → `FARCAST_RTMP_LISTEN`.
#[must_use]
pub fn variable_of(key: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", key.to_ascii_uppercase())
}

/// The flag of the setting `key`: `rtmp_listen` → `--rtmp-listen`.
#[must_use]
pub fn flag_of(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}
