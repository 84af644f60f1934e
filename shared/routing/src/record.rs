//! What an edge announces of itself: the record that it keeps in the store as its lease, as JSON.
//!
//! Place in the flow: an edge writes its record every few seconds with a [`renewal`](EdgeRecord::renewal) that has grown;
//! every process that routes viewers reads all of them into a [`Directory`](crate::Directory).
//!
//! Invariants: a record comes from an edge that may be compromised, so each field is bounded and checked when it is read;
//! fields that a reader does not know are ignored, so that edges may be newer than their readers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use farcast_feed::name::StreamName;
use serde::{Deserialize, Serialize};

use crate::base_url::BaseUrl;
use crate::coordinates::Coordinates;
use crate::edge_id::EdgeId;

/// Largest record, in bytes of JSON.
pub const MAX_RECORD_BYTES: usize = 32 * 1024;

/// Longest display name, in characters.
pub const MAX_NAME_CHARS: usize = 80;

/// Longest version, in characters.
pub const MAX_VERSION_CHARS: usize = 64;

/// Longest region, in characters.
pub const MAX_REGION_CHARS: usize = 64;

/// Most public addresses of the web kind ([`EdgeRecord::urls`]).
pub const MAX_URLS: usize = 8;

/// Most IP addresses.
pub const MAX_ADDRESSES: usize = 16;

/// Most channels that an edge may carry.
pub const MAX_CHANNELS: usize = 256;

/// Longest description of a fault in JSON, in characters.
const MAX_FAULT_CHARS: usize = 160;

/// The record of one edge.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeRecord {
    /// Which edge.
    pub id: EdgeId,
    /// Its name for people, at most [`MAX_NAME_CHARS`] characters; the id is shown where it is empty.
    #[serde(default)]
    pub name: String,
    /// Version of its program, at most [`MAX_VERSION_CHARS`] characters.
    #[serde(default)]
    pub version: String,
    /// Where it stands, in the operator's words, at most [`MAX_REGION_CHARS`] characters.
    #[serde(default)]
    pub region: String,
    /// Where it stands on the globe, if that is known.
    #[serde(default)]
    pub coordinates: Option<Coordinates>,
    /// Where viewers reach it, the best first, at most [`MAX_URLS`]. An edge without one takes no viewers.
    #[serde(default)]
    pub urls: Vec<BaseUrl>,
    /// Its public addresses for DNS, at most [`MAX_ADDRESSES`].
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// What it can bear.
    #[serde(default)]
    pub capacity: Capacity,
    /// What it bears now.
    #[serde(default)]
    pub load: Load,
    /// Whether it takes viewers.
    pub state: Announced,
    /// The broadcasts that it has, at most [`MAX_CHANNELS`]. A channel that is absent is one that it lacks.
    #[serde(default)]
    pub channels: BTreeMap<StreamName, Carried>,
    /// A random number that this run of its program drew: another one means that it was started again.
    #[serde(default)]
    pub run: u64,
    /// Grows with each renewal of the lease. Only that it changes counts, so nobody's clock matters.
    pub renewal: u64,
}

/// What an edge can bear. Nothing where it is unknown; 0 takes no viewers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Connections of viewers.
    #[serde(default)]
    pub connections: Option<u64>,
    /// What it can send, in bits per second.
    #[serde(default)]
    pub egress_bps: Option<u64>,
}

/// What an edge bears now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// People who watch, on all channels.
    #[serde(default)]
    pub viewers: u64,
    /// Their connections.
    #[serde(default)]
    pub connections: u64,
    /// What it sends, in bits per second.
    #[serde(default)]
    pub egress_bps: u64,
}

/// What an edge says about itself. That it is lost, it cannot say: a reader finds out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Announced {
    /// It takes viewers.
    Ready,
    /// It goes on for those whom it has, and takes no more.
    Draining,
    /// Not ready yet. So is an edge whose state this version does not know.
    #[serde(other)]
    Joining,
}

/// A broadcast that an edge has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Carried {
    /// How far its newest part is behind the origin's, in milliseconds.
    pub lag_ms: u32,
    /// People who watch it there.
    #[serde(default)]
    pub viewers: u64,
}

/// Why a record is refused. No text of the record is in it, but for a short description of a fault in JSON.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidRecord {
    /// It has more than [`MAX_RECORD_BYTES`].
    #[error("an edge's record has {bytes} bytes, more than {MAX_RECORD_BYTES}")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// It is no JSON, a field is missing, or a value cannot be one.
    #[error("an edge's record is damaged: {0}")]
    Json(String),
    /// A text is too long, or has characters that do not show.
    #[error("{field} of an edge's record is longer than {most} characters, or has such as do not show")]
    Text {
        /// Which field.
        field: &'static str,
        /// Most characters.
        most: usize,
    },
    /// There are too many of something.
    #[error("an edge's record has {found} {field}, more than {most}")]
    TooMany {
        /// Which field.
        field: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// An address at which no single machine is: unspecified, multicast or broadcast.
    #[error("an edge's record has an address at which no machine is: {0}")]
    Address(IpAddr),
}

impl EdgeRecord {
    /// Reads a record and checks it. Takes any bytes.
    ///
    /// # Errors
    /// [`InvalidRecord`].
    pub fn parse(json: &[u8]) -> Result<Self, InvalidRecord> {
        if json.len() > MAX_RECORD_BYTES {
            return Err(InvalidRecord::TooLarge { bytes: json.len() });
        }
        let record: Self = serde_json::from_slice(json).map_err(|error| damaged(&error))?;
        record.validate()?;
        Ok(record)
    }

    /// As JSON, for the store.
    ///
    /// # Errors
    /// [`InvalidRecord`]: what a reader would refuse is not written.
    pub fn to_json(&self) -> Result<Vec<u8>, InvalidRecord> {
        self.validate()?;
        let json = serde_json::to_vec(self).map_err(|error| damaged(&error))?;
        if json.len() > MAX_RECORD_BYTES {
            return Err(InvalidRecord::TooLarge { bytes: json.len() });
        }
        Ok(json)
    }

    /// Checks what the types of the fields do not.
    ///
    /// # Errors
    /// [`InvalidRecord`], the first that there is.
    pub fn validate(&self) -> Result<(), InvalidRecord> {
        text("name", &self.name, MAX_NAME_CHARS)?;
        text("version", &self.version, MAX_VERSION_CHARS)?;
        text("region", &self.region, MAX_REGION_CHARS)?;
        count("urls", self.urls.len(), MAX_URLS)?;
        count("addresses", self.addresses.len(), MAX_ADDRESSES)?;
        count("channels", self.channels.len(), MAX_CHANNELS)?;
        match self.addresses.iter().find(|address| !is_of_a_machine(**address)) {
            Some(address) => Err(InvalidRecord::Address(*address)),
            None => Ok(()),
        }
    }

    /// The name for people.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        if self.name.is_empty() { self.id.as_str() } else { &self.name }
    }
}

fn damaged(error: &serde_json::Error) -> InvalidRecord {
    InvalidRecord::Json(error.to_string().chars().take(MAX_FAULT_CHARS).collect())
}

fn text(field: &'static str, text: &str, most: usize) -> Result<(), InvalidRecord> {
    // A text of few bytes has few characters: nobody counts those of a long one.
    let fits = text.len() <= 4 * most && text.chars().count() <= most;
    if fits && !text.chars().any(does_not_show) { Ok(()) } else { Err(InvalidRecord::Text { field, most }) }
}

/// Control characters, and those that turn or hide text in a list (Unicode TR 9 and TR 36).
fn does_not_show(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn count(field: &'static str, found: usize, most: usize) -> Result<(), InvalidRecord> {
    if found <= most { Ok(()) } else { Err(InvalidRecord::TooMany { field, found, most }) }
}

fn is_of_a_machine(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
