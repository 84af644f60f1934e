//! Errors before a store is open, and the prefix of its keys: the same in builds with and without the engine.

use std::io;
use std::path::PathBuf;

/// The prefix of all of Farcast's keys, unless the caller gives another: a tuple of the text `farcast`.
pub const ROOT: &[u8] = b"\x02farcast\x00";

/// Longest root in bytes. Each item of a batch carries it up to four times, and FoundationDB counts that.
pub const MAX_ROOT_BYTES: usize = 32;

/// The reason why FoundationDB's client does not run.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The engine was left out of this build.
    #[error("this program was built without FoundationDB: build it with the cargo feature `foundationdb`")]
    NotBuilt,
    /// The client was booted before in this process; it cannot be started twice, not even after it was stopped.
    #[error("FoundationDB's client was started before in this process")]
    Again,
    /// The client refused.
    #[error("FoundationDB's client does not start: {reason} (FoundationDB error {code})")]
    Client {
        /// FoundationDB's error code.
        code: i32,
        /// Its meaning.
        reason: &'static str,
    },
    /// The system cannot note what is to be done when the process ends.
    #[error("the system takes no exit handler")]
    ExitHandler,
}

/// The reason why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The cluster file cannot be read.
    #[error("cannot read the cluster file {}", path.display())]
    ClusterFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The cluster file has no connection string.
    #[error(
        "the cluster file {} is no cluster file: {what}. It has one line like description:id@10.0.0.1:4500,10.0.0.2:4500, and is \
         copied from a server of the cluster (FoundationDB error 2104)",
        path.display()
    )]
    ConnectionString {
        /// The file.
        path: PathBuf,
        /// The fault.
        what: String,
    },
    /// FoundationDB's client takes paths in UTF-8 only, and none with a zero byte.
    #[error("the cluster file's path {} is not UTF-8", path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// The root is empty, too long, or begins like keys of FoundationDB's own.
    #[error("a root of {len} bytes is not 1 to {MAX_ROOT_BYTES} bytes that begin below 0xfe")]
    Root {
        /// Bytes of the root.
        len: usize,
    },
    /// The client refused.
    #[error("FoundationDB's client refuses the database: {reason} (FoundationDB error {code})")]
    Client {
        /// FoundationDB's error code.
        code: i32,
        /// Its meaning.
        reason: &'static str,
    },
}
