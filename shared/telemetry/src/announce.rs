//! Telling others which addresses were bound: with port 0 nobody knows them beforehand.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use super::file::{self, Access, WriteError};

/// The bound addresses by purpose, such as `rtmp` and `metrics`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Announcement(BTreeMap<&'static str, SocketAddr>);

impl Announcement {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an address.
    #[must_use]
    pub fn with(mut self, purpose: &'static str, address: SocketAddr) -> Self {
        self.0.insert(purpose, address);
        self
    }

    /// As a JSON object of texts.
    fn to_json(&self) -> String {
        let entries: Vec<String> =
            self.0.iter().map(|(purpose, address)| format!("  \"{purpose}\": \"{address}\"")).collect();
        format!("{{\n{}\n}}\n", entries.join(",\n"))
    }

    /// Writes the object to `path` at once: a reader that sees the file sees all of it. To be
    /// called when every listener is open.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        file::write(path, self.to_json().as_bytes(), Access::Public)
    }
}

/// For the log: purposes with their addresses in one line.
impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (purpose, address)) in self.0.iter().enumerate() {
            write!(f, "{}{purpose} {address}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_is_a_json_object_of_addresses() {
        let announcement = Announcement::new()
            .with("rtmp", "0.0.0.0:1935".parse().unwrap())
            .with("quic", "[::]:4433".parse().unwrap());
        assert_eq!(announcement.to_string(), "quic [::]:4433, rtmp 0.0.0.0:1935");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("announce.json");
        announcement.write(&path).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(read, serde_json::json!({"rtmp": "0.0.0.0:1935", "quic": "[::]:4433"}));
    }
}
