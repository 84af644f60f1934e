//! Handing a running program's listening sockets to its successor, so that no connection is refused while one version takes
//! the place of another.
//!
//! Place in the flow: the service layer. A program asks [`Given`] for the sockets that it was started with before it opens any
//! itself; [`Heir`] starts the same program again with the sockets of this one; [`Predecessor`] is the other end, in the
//! program that was started so.
//!
//! Sockets travel as those of systemd's socket activation do (sd_listen_fds(3)): from descriptor 3 on, their number in
//! `LISTEN_FDS`, their names in `LISTEN_FDNAMES`, each the key of the setting that names its address, such as `http_listen`. A
//! predecessor's have `own.` before it and hold only where the settings still name their address. The socket `predecessor` is
//! a pair of datagrams by which both agree on the moment:
//!
//! 1. The successor takes no connection before its turn. It says [`Word::Ready`] when it could serve, once a second.
//! 2. The predecessor answers [`Word::Go`] once, and stops accepting. Before that it can end the successor without harm.
//! 3. A successor whose predecessor is gone takes its turn.
//!
//! Between two versions of the program only this is agreed on, so neither message may change but by fields that have a
//! default.

mod given;
mod heir;
mod predecessor;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::given::{Given, GivenError, Heritage};
pub use self::heir::{Heir, HeirError, Launch};
pub use self::predecessor::Predecessor;

/// Longest message, in bytes.
const MAX_WORD_BYTES: usize = 4096;

/// What both say to each other.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// Of the successor: it could serve now.
    Ready {},
    /// Of the predecessor: serve. `carried` is the program's own.
    Go {
        #[serde(default)]
        carried: serde_json::Value,
    },
}

impl Word {
    fn bytes(&self) -> Vec<u8> {
        // Values that came from JSON or from a struct of numbers always become JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
