//! Keys: ordered byte strings, and the tuple encoding that gives them their order.
//!
//! The encoding is that of FoundationDB's tuple layer, restricted to what is needed: bytes (0x01), text (0x02),
//! unsigned integers (0x14 to 0x1c), versionstamps (0x33). Tuples sort by their first item, then by their second, and
//! so on; no tuple's encoding is lost in another's: a tuple's extensions are exactly the keys that its bytes begin.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::stamp::{STAMP_BYTES, Versionstamp};

const BYTES: u8 = 0x01;
const TEXT: u8 = 0x02;
const ZERO: u8 = 0x14;
/// The largest integer's code: eight bytes follow.
const EIGHT_BYTES: u8 = ZERO + 8;
pub(super) const STAMP: u8 = 0x33;
/// A zero byte inside bytes or text is followed by this; the terminating one is not.
const ESCAPE: u8 = 0xff;

/// A key of the store. Its order is that of its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Key(Bytes);

impl Key {
    /// A key of these very bytes.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The next key in order: nothing sorts between the two.
    #[must_use]
    pub fn successor(&self) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + 1);
        bytes.extend_from_slice(&self.0);
        bytes.push(0);
        Self(bytes.into())
    }

    /// The first key in order that neither is below this one nor begins with it. A key of nothing but 0xff has none;
    /// its own successor is given then, since such keys are not for use (see [`super::limits`]).
    #[must_use]
    pub fn after_all_with_prefix(&self) -> Self {
        let mut bytes = self.0.to_vec();
        while let Some(last) = bytes.pop() {
            if last != u8::MAX {
                bytes.push(last + 1);
                return Self(bytes.into());
            }
        }
        self.successor()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.escape_ascii())
    }
}

/// Builds a key item by item.
///
/// ```
/// use farcast_store::Tuple;
///
/// let users = Tuple::new().text("user");
/// assert!(users.clone().uint(9).key() < users.uint(10).key());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tuple(Vec<u8>);

impl Tuple {
    /// An empty tuple.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        self.escaped(BYTES, bytes)
    }

    /// Adds text; it sorts by its UTF-8 bytes.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.escaped(TEXT, text.as_bytes())
    }

    /// Adds an integer; it sorts by its value.
    #[must_use]
    pub fn uint(mut self, value: u64) -> Self {
        let significant = 8 - value.leading_zeros() as usize / 8;
        self.0.push(ZERO + significant as u8);
        self.0.extend_from_slice(&value.to_be_bytes()[8 - significant..]);
        self
    }

    /// Adds a versionstamp; it sorts by its time.
    #[must_use]
    pub fn stamp(mut self, stamp: Versionstamp) -> Self {
        self.0.push(STAMP);
        self.0.extend_from_slice(&stamp.to_bytes());
        self
    }

    fn escaped(mut self, code: u8, bytes: &[u8]) -> Self {
        self.0.push(code);
        for &byte in bytes {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(ESCAPE);
            }
        }
        self.0.push(0);
        self
    }

    /// The key.
    #[must_use]
    pub fn key(self) -> Key {
        Key(self.0.into())
    }
}

/// A key that is not the tuple which was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a key is not what was expected: {0}")]
pub struct InvalidTuple(&'static str);

/// Takes a key apart, item by item.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a>(&'a [u8]);

impl<'a> Items<'a> {
    /// The items of a key behind a prefix of whole items.
    ///
    /// # Errors
    /// When the key does not begin with the prefix.
    pub fn behind(prefix: &Key, key: &'a Key) -> Result<Self, InvalidTuple> {
        let rest = key.as_bytes().strip_prefix(prefix.as_bytes());
        rest.map(Self).ok_or(InvalidTuple("it has another prefix"))
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// When the next item is none.
    pub fn bytes(&mut self) -> Result<Vec<u8>, InvalidTuple> {
        self.escaped(BYTES)
    }

    /// Takes text.
    ///
    /// # Errors
    /// When the next item is none, or is not UTF-8.
    pub fn text(&mut self) -> Result<String, InvalidTuple> {
        String::from_utf8(self.escaped(TEXT)?).map_err(|_| InvalidTuple("text is not UTF-8"))
    }

    /// Takes an integer.
    ///
    /// # Errors
    /// When the next item is none, or is not in its shortest form.
    pub fn uint(&mut self) -> Result<u64, InvalidTuple> {
        let wrong = InvalidTuple("an integer was expected");
        let (&code, rest) = self.0.split_first().ok_or(wrong)?;
        if !(ZERO..=EIGHT_BYTES).contains(&code) {
            return Err(wrong);
        }
        let len = usize::from(code - ZERO);
        let (digits, rest) = rest.split_at_checked(len).ok_or(wrong)?;
        if digits.first() == Some(&0) {
            return Err(wrong);
        }
        self.0 = rest;
        Ok(digits.iter().fold(0, |value, &digit| value << 8 | u64::from(digit)))
    }

    /// Takes a versionstamp.
    ///
    /// # Errors
    /// When the next item is none.
    pub fn stamp(&mut self) -> Result<Versionstamp, InvalidTuple> {
        let wrong = InvalidTuple("a versionstamp was expected");
        let rest = self.0.strip_prefix(&[STAMP]).ok_or(wrong)?;
        let (stamp, rest) = rest.split_first_chunk::<STAMP_BYTES>().ok_or(wrong)?;
        self.0 = rest;
        Ok(Versionstamp::from_bytes(*stamp))
    }

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    /// When something is.
    pub fn end(self) -> Result<(), InvalidTuple> {
        if self.0.is_empty() { Ok(()) } else { Err(InvalidTuple("it has more items")) }
    }

    fn escaped(&mut self, code: u8) -> Result<Vec<u8>, InvalidTuple> {
        let wrong = InvalidTuple("bytes or text was expected");
        let mut rest = self.0.strip_prefix(&[code]).ok_or(wrong)?;
        let mut out = Vec::new();
        loop {
            match rest {
                [0, ESCAPE, more @ ..] => {
                    out.push(0);
                    rest = more;
                }
                [0, more @ ..] => {
                    self.0 = more;
                    return Ok(out);
                }
                [byte, more @ ..] => {
                    out.push(*byte);
                    rest = more;
                }
                [] => return Err(wrong),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
    enum Item {
        Bytes(Vec<u8>),
        Text(String),
        Uint(u64),
        Stamp([u8; STAMP_BYTES]),
    }

    fn item() -> impl Strategy<Value = Item> {
        prop_oneof![
            prop::collection::vec(prop_oneof![Just(0), Just(1), Just(255), any::<u8>()], 0..6)
                .prop_map(Item::Bytes),
            "[\\x00-\\x02a-c\\u{7f}-\\u{100}]{0,5}".prop_map(Item::Text),
            prop_oneof![0..300_u64, any::<u64>()].prop_map(Item::Uint),
            any::<[u8; STAMP_BYTES]>().prop_map(Item::Stamp),
        ]
    }

    fn encode(items: &[Item]) -> Key {
        let add = |tuple: Tuple, item: &Item| match item {
            Item::Bytes(bytes) => tuple.bytes(bytes),
            Item::Text(text) => tuple.text(text),
            Item::Uint(value) => tuple.uint(*value),
            Item::Stamp(stamp) => tuple.stamp(Versionstamp::from_bytes(*stamp)),
        };
        items.iter().fold(Tuple::new(), add).key()
    }

    proptest! {
        #[test]
        fn keys_sort_as_their_items(
            a in prop::collection::vec(item(), 0..4),
            b in prop::collection::vec(item(), 0..4),
        ) {
            prop_assert_eq!(encode(&a).cmp(&encode(&b)), a.cmp(&b));
        }

        #[test]
        fn what_was_put_in_comes_out(items in prop::collection::vec(item(), 0..5)) {
            let (key, empty) = (encode(&items), Key::default());
            let mut rest = Items::behind(&empty, &key).unwrap();
            for item in items {
                let got = match item {
                    Item::Bytes(_) => Item::Bytes(rest.bytes().unwrap()),
                    Item::Text(_) => Item::Text(rest.text().unwrap()),
                    Item::Uint(_) => Item::Uint(rest.uint().unwrap()),
                    Item::Stamp(_) => Item::Stamp(rest.stamp().unwrap().to_bytes()),
                };
                prop_assert_eq!(got, item);
            }
            prop_assert!(rest.end().is_ok());
        }

        #[test]
        fn no_bytes_reach_a_panic(bytes: Vec<u8>) {
            let (key, empty) = (Key::from_bytes(bytes), Key::default());
            let rest = Items::behind(&empty, &key).unwrap();
            for take in [
                |mut i: Items<'_>| i.bytes().is_ok(),
                |mut i: Items<'_>| i.text().is_ok(),
                |mut i: Items<'_>| i.uint().is_ok(),
                |mut i: Items<'_>| i.stamp().is_ok(),
            ] {
                take(rest);
            }
        }

        #[test]
        fn a_prefix_ends_where_its_extensions_end(bytes in prop::collection::vec(any::<u8>(), 1..4), more: Vec<u8>) {
            prop_assume!(bytes[0] != 255);
            let prefix = Key::from_bytes(bytes.clone());
            let extended = Key::from_bytes([bytes, more].concat());
            prop_assert!(extended < prefix.after_all_with_prefix());
        }
    }

    /// As FoundationDB's tuple layer specifies them.
    #[test]
    fn golden_encodings() {
        let cases: [(Tuple, &[u8]); 7] = [
            (Tuple::new().bytes(b"foo\x00bar"), b"\x01foo\x00\xffbar\x00"),
            (Tuple::new().text("F\u{d4}O\u{0}bar"), b"\x02F\xc3\x94O\x00\xffbar\x00"),
            (Tuple::new().uint(0), b"\x14"),
            (Tuple::new().uint(255), b"\x15\xff"),
            (Tuple::new().uint(5_551_212), b"\x17\x54\xb4\x6c"),
            (Tuple::new().uint(u64::MAX), b"\x1c\xff\xff\xff\xff\xff\xff\xff\xff"),
            (
                Tuple::new().text("a").stamp(Versionstamp::from_bytes(*b"0123456789ab")),
                b"\x02a\x00\x330123456789ab",
            ),
        ];
        for (tuple, bytes) in cases {
            assert_eq!(tuple.key().as_bytes(), bytes);
        }
    }
}
