//! Typed keys and versioned values.
//!
//! A record is a byte with its version, then JSON: fields with defaults may be added without a new version, and an
//! operator can read what is in the store.

use std::marker::PhantomData;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;
use super::key::Key;

/// A type that can be a value of the store.
pub trait Record: Serialize + DeserializeOwned {
    /// Version that is written.
    const VERSION: u8;

    /// A record of an older version, as JSON, in today's form.
    ///
    /// # Errors
    /// When there is no way; the text says why.
    fn upgrade(version: u8, _old: serde_json::Value) -> Result<Self, String> {
        Err(format!("version {version} is not known, {} is", Self::VERSION))
    }
}

/// A key whose value is a `T`.
#[derive(Debug)]
pub struct TypedKey<T> {
    key: Key,
    record: PhantomData<fn() -> T>,
}

impl<T> Clone for TypedKey<T> {
    fn clone(&self) -> Self {
        Self::new(self.key.clone())
    }
}

impl<T> TypedKey<T> {
    /// Types a key: its values are records of `T`.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self { key, record: PhantomData }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }
}

/// A record, and the bytes that it was: the precondition of a change that builds upon it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored<T> {
    /// The record.
    pub record: T,
    /// Its bytes in the store.
    pub bytes: Bytes,
}

/// A record as bytes.
///
/// # Errors
/// [`StoreError::Damaged`] when it has no form in JSON: a map without text for keys.
pub fn encode<T: Record>(record: &T) -> Result<Bytes, StoreError> {
    let mut bytes = vec![T::VERSION];
    serde_json::to_writer(&mut bytes, record).map_err(|error| StoreError::Damaged(error.to_string()))?;
    Ok(bytes.into())
}

/// A record of bytes.
///
/// # Errors
/// [`StoreError::Damaged`] with the fault, never with the value.
pub fn decode<T: Record>(bytes: &[u8]) -> Result<T, StoreError> {
    let (&version, json) =
        bytes.split_first().ok_or_else(|| StoreError::Damaged("a record is empty".to_owned()))?;
    let damaged = |error: serde_json::Error| {
        StoreError::Damaged(format!("{:?} at column {} of a record", error.classify(), error.column()))
    };
    if version == T::VERSION {
        return serde_json::from_slice(json).map_err(damaged);
    }
    T::upgrade(version, serde_json::from_slice(json).map_err(damaged)?).map_err(StoreError::Damaged)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(PartialEq, Debug, Serialize, Deserialize)]
    struct Title {
        text: String,
        #[serde(default)]
        lines: u32,
    }

    impl Record for Title {
        const VERSION: u8 = 2;

        fn upgrade(version: u8, old: serde_json::Value) -> Result<Self, String> {
            match (version, old) {
                (1, serde_json::Value::String(text)) => Ok(Self { text, lines: 1 }),
                _ => Err(format!("version {version}")),
            }
        }
    }

    #[test]
    fn golden_record() {
        let title = Title { text: "a".to_owned(), lines: 3 };
        let bytes = encode(&title).unwrap();
        assert_eq!(&bytes[..], b"\x02{\"text\":\"a\",\"lines\":3}");
        assert_eq!(decode::<Title>(&bytes), Ok(title));
    }

    #[test]
    fn older_forms_are_read_and_newer_ones_refused() {
        assert_eq!(decode::<Title>(b"\x02{\"text\":\"a\"}"), Ok(Title { text: "a".to_owned(), lines: 0 }));
        assert_eq!(decode::<Title>(b"\x01\"a\""), Ok(Title { text: "a".to_owned(), lines: 1 }));
        assert_eq!(decode::<Title>(b"\x03{}"), Err(StoreError::Damaged("version 3".to_owned())));
    }

    #[test]
    fn damage_is_told_without_the_value() {
        for bytes in [&b""[..], b"\x02", b"\x02{\"text\":", b"\x02{\"text\":7,\"secret\":1}", b"\x02\xff"] {
            let Err(StoreError::Damaged(text)) = decode::<Title>(bytes) else {
                panic!("{bytes:?} was taken")
            };
            assert!(!text.contains("secret"), "{text}");
        }
    }
}
