//! The address of the store.

use std::path::PathBuf;

use super::{InvalidValue, Value};
use farcast_store::{Key, Tuple};

/// The prefix of a cluster file's path.
const FOUNDATIONDB: &str = "foundationdb:";
/// The separator between that path and a name.
const NAME: &str = "?name=";
/// Longest name in bytes.
const MAX_NAME_BYTES: usize = 16;

/// The address of a program's store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreAddress {
    /// In a file of the origin.
    Embedded,
    /// At the origin, over the link.
    Origin,
    /// In a FoundationDB cluster.
    FoundationDb(Cluster),
}

/// A FoundationDB cluster, and which Farcast's store in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cluster {
    /// The cluster file.
    pub file: PathBuf,
    /// Distinguishes several Farcasts that share the cluster; empty for the only one.
    name: String,
}

impl Cluster {
    /// The prefix of all keys.
    #[must_use]
    pub fn root(&self) -> Key {
        let slash = if self.name.is_empty() { "" } else { "/" };
        // No root begins with another.
        Tuple::new().text(&format!("farcast{slash}{}", self.name)).key()
    }
}

impl StoreAddress {
    /// The cluster, if there is one.
    #[must_use]
    pub fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::FoundationDb(cluster) => Some(cluster),
            Self::Embedded | Self::Origin => None,
        }
    }
}

impl Value for StoreAddress {
    const EXPECTS: &'static str = "embedded (origin), origin (edges) or foundationdb:<cluster file>";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let wrong = || InvalidValue::new(format!("{text:?} is not {}", Self::EXPECTS));
        let cluster = match (text, text.strip_prefix(FOUNDATIONDB)) {
            ("embedded", _) => return Ok(Self::Embedded),
            ("origin", _) => return Ok(Self::Origin),
            (_, Some(cluster)) => cluster,
            _ => return Err(wrong()),
        };
        let (file, name) = match cluster.split_once(NAME) {
            Some((_, "")) => return Err(wrong()),
            Some(parts) => parts,
            None => (cluster, ""),
        };
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if file.is_empty() || name.len() > MAX_NAME_BYTES || !plain {
            return Err(wrong());
        }
        Ok(Self::FoundationDb(Cluster { file: file.into(), name: name.to_owned() }))
    }

    fn show(&self) -> Option<String> {
        Some(match self {
            Self::Embedded => "embedded".to_owned(),
            Self::Origin => "origin".to_owned(),
            Self::FoundationDb(Cluster { file, name }) if name.is_empty() => {
                format!("{FOUNDATIONDB}{}", file.display())
            }
            Self::FoundationDb(Cluster { file, name }) => {
                format!("{FOUNDATIONDB}{}{NAME}{name}", file.display())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_alike() {
        let cluster = "foundationdb:/etc/foundationdb/fdb.cluster";
        for good in ["embedded", "origin", cluster, &format!("{cluster}?name=second-1")] {
            assert_eq!(StoreAddress::parse(good).unwrap().show().as_deref(), Some(good));
        }
        for bad in [
            "",
            "redb",
            "foundationdb",
            "foundationdb:",
            "/a/b",
            "foundationdb:/a?name=",
            "foundationdb:/a?name=x/y",
        ] {
            assert!(StoreAddress::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn several_farcasts_share_a_cluster_without_meeting() {
        let root = |text: &str| StoreAddress::parse(text).unwrap().cluster().unwrap().root();
        assert_eq!(root("foundationdb:/a").as_bytes(), b"\x02farcast\x00");
        assert_eq!(root("foundationdb:/a?name=b").as_bytes(), b"\x02farcast/b\x00");
        assert!(root("foundationdb:/a?name=0123456789abcdef").as_bytes().len() <= 32);
    }
}
