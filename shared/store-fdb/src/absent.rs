//! The engine's place in builds without it: [`Network::boot`] says so, and nothing else can be reached.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use farcast_store::{Answer, Batch, Committed, Engine, Key, Metrics, Page, Scan};

use crate::error::{BootError, OpenError};

/// FoundationDB's client. There is none in this build.
#[derive(Debug)]
pub enum Network {}

impl Network {
    /// Starts FoundationDB's client.
    ///
    /// # Errors
    /// Always [`BootError::NotBuilt`]: this build has no client.
    pub fn boot() -> Result<Arc<Self>, BootError> {
        Err(BootError::NotBuilt)
    }
}

/// The engine. There is none in this build.
#[derive(Debug)]
pub enum Foundation {}

impl Foundation {
    /// Opens a cluster's store.
    ///
    /// # Errors
    /// Never called: there is no [`Network`] in this build.
    pub fn open(network: &Arc<Network>, _cluster_file: &Path, _root: &[u8]) -> Result<Self, OpenError> {
        match **network {}
    }

    /// Counts the tries that the engine makes itself. There is none in this build.
    #[must_use]
    pub fn counting(self, _metrics: Metrics) -> Arc<Self> {
        match self {}
    }
}

impl Engine for Foundation {
    fn get(&self, _key: Key) -> Answer<'_, Option<Bytes>> {
        match *self {}
    }

    fn scan(&self, _scan: Scan) -> Answer<'_, Page> {
        match *self {}
    }

    fn commit(&self, _batch: Arc<Batch>) -> Answer<'_, Committed> {
        match *self {}
    }

    fn changed(&self, _key: Key, _seen: Option<Bytes>) -> Answer<'_, Option<Bytes>> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_the_engine_says_what_to_do() {
        let text = Network::boot().unwrap_err().to_string();
        assert!(text.contains("cargo feature `foundationdb`"), "{text}");
    }
}
