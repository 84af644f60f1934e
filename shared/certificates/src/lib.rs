//! The certificates of listeners for viewers, encoders and admins: read from files, or one for the origin and all edges, which
//! the origin obtains by ACME (RFC 8555).
//!
//! Place in the flow: a listener's TLS asks [`Current`] for the certificate at each handshake, so another one takes its place
//! without any connection being dropped. [`Files`] keeps it as files have it. The origin's ACME client announces in the store
//! what certificate there is and what the authority's challenges are to be answered ([`Announced`]); every edge follows that,
//! so any of them answers for all. The certificate itself travels over the link, since it comes with its private key.
//!
//! Invariants: a handshake reads memory only; a certificate that cannot be used never takes the place of one that can; a
//! private key is in no log, no `Debug` and, where it is stored, only sealed or in a file of its owner alone.

mod announced;
mod current;
mod domains;
mod files;
mod metrics;
mod pair;

pub use announced::{
    Announced, Answer, CHALLENGES, Challenge, Following, MAX_CHALLENGES, announced_key, follow,
};
pub use current::{ALPN_ACME, Current};
pub use domains::{Domain, Domains, InvalidDomain, MAX_DOMAINS};
pub use files::Files;
pub use metrics::Metrics;
pub use pair::{Checked, Fingerprint, Pair, PairError};
