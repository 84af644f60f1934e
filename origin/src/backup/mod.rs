//! Backups: all that an origin needs to go on elsewhere, in one file.
//!
//! Place in the flow: `farcast-origin backup FILE` ([`command`]) asks the running origin over its control socket
//! ([`socket`]), since only one process can have the embedded store open; without a running origin, and with a cluster, it
//! reads the store itself. The admin page asks over HTTP ([`crate::admin`]). [`take`] writes a backup, [`archive`] is its form, [`restore`] makes a data folder (and fills a
//! cluster) of it.
//!
//! A backup has the entries of the store as they were at one instant, and of the data folder: the origin's identity (so that
//! edges still know it), the edges that have joined, the join token, the last positions of broadcasts, and the folder of
//! emoji. It has no media, no certificates and no settings file. Its owner can be the origin, so it is readable by its owner
//! only.

mod archive;
pub mod command;
mod restore;
mod schedule;
#[cfg(unix)]
mod socket;
mod take;
#[cfg(test)]
mod tests;

pub use schedule::{Metrics, Schedule, Scheduled};
#[cfg(unix)]
pub use socket::serve;
#[cfg(unix)]
pub(crate) use socket::{Request, ask};
pub use take::{Backups, Spooled, TakeError};

use crate::{emoji, state};
use farcast_link::{roster, sender};

/// Files of the data folder that a backup has.
const FILES: [&str; 4] = [sender::IDENTITY_FILE, roster::FILE, roster::JOIN_TOKEN_FILE, state::FILE_NAME];

/// Most bytes of one of them, or of a picture of the emoji folder.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// True if a backup may bring a file of this name, relative to the data folder: nothing else is written by restoring.
fn is_ours(name: &str) -> bool {
    FILES.contains(&name)
        || name.split_once('/').is_some_and(|(folder, file)| {
            folder == emoji::FOLDER
                && !file.is_empty()
                && !file.starts_with('.')
                && !file.contains(['/', '\\', '\0'])
        })
}
