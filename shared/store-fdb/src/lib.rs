//! The FoundationDB engine of the store: origins and edges reach one cluster directly.
//!
//! Place in the flow: `app` boots the [`Network`] once, opens a [`Foundation`] and gives it to
//! [`Store::new`](farcast_store::Store::new). The engine needs the cargo feature `foundationdb`, because it links
//! `libfdb_c`; without the feature [`Network::boot`] says so, and everything else can be called but never is, so programs
//! need no conditional compilation.
//!
//! # Layout
//! All keys begin with a root, by default [`ROOT`], followed by a small integer of the tuple layer:
//!
//! | key | value |
//! |---|---|
//! | root ‖ 1 ‖ key | an entry: the very key and value of the store |
//! | root ‖ 2 ‖ batch id (16 bytes) | that the batch was applied, and when: the ten bytes of its versionstamp |
//! | root ‖ 3 ‖ versionstamp (as an item of the tuple layer) | the id of the batch that was applied then |
//!
//! The third kind is there to forget the second: in the order of the cluster's versions, of which it makes a million each
//! second, so that nobody's clock matters. Entries whose keys are tuples are tuples with the root as well, so that
//! FoundationDB's own tools can read them.
//!
//! # A commit
//! One transaction reads the batch's id, and answers as before if it is known; reads what the preconditions are about;
//! then writes the changes, the id and its place in the order. All of its reads are part of FoundationDB's detection of
//! conflicts, so of two tries of one batch one at most is applied, and preconditions hold at the instant of the commit.
//! A try whose result the cluster does not tell is tried again: the id tells. Its own writes are invisible to it
//! (`READ_YOUR_WRITES_DISABLE`), because it reads first, and because FoundationDB's client then sends the changes in
//! their order; otherwise it would sort them, and take an append whose place is not known yet for one that a range's
//! clearing covers.
//!
//! # Limits
//! FoundationDB allows a key 10,000 bytes, the root included, and a transaction 10,000,000 (see [`MAX_ROOT_BYTES`]);
//! [`farcast_store::limits`] leaves room for both.
//!
//! Standards: FoundationDB 7.3, API version 730: "C API", "Developer Guide", "Data Modeling", "Known Limitations".

#[cfg(not(feature = "foundationdb"))]
mod absent;
#[cfg(any(test, feature = "foundationdb"))]
mod cluster_file;
#[cfg(all(test, feature = "foundationdb"))]
mod cluster_tests;
#[cfg(feature = "foundationdb")]
mod commit;
#[cfg(feature = "foundationdb")]
mod engine;
mod error;
// Code that needs no client is compiled, and tested, without one as well.
#[cfg(any(test, feature = "foundationdb"))]
mod failure;
#[cfg(feature = "foundationdb")]
mod forget;
#[cfg(feature = "foundationdb")]
mod foundation;
#[cfg(any(test, feature = "foundationdb"))]
mod layout;
#[cfg(feature = "foundationdb")]
mod network;
#[cfg(feature = "foundationdb")]
mod read;
#[cfg(any(test, feature = "foundationdb"))]
mod size;
#[cfg(feature = "foundationdb")]
mod snapshot;

#[cfg(not(feature = "foundationdb"))]
pub use absent::{Foundation, Network};
pub use error::{BootError, MAX_ROOT_BYTES, OpenError, ROOT};
#[cfg(feature = "foundationdb")]
pub use foundation::Foundation;
#[cfg(feature = "foundationdb")]
pub use network::Network;
