//! Request headers that choose a representation: Accept-Encoding, Range, If-None-Match, If-Range
//! (RFC 9110 §12.5.3, §14.2, §13.1).

use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, HeaderMap, IF_NONE_MATCH, IF_RANGE, RANGE};

/// Most headers of a name that are read, and most bytes of each. Others are ignored, as the standard allows: no client
/// sends such.
const MAX_HEADERS: usize = 8;
const MAX_HEADER_BYTES: usize = 1024;

/// The representation that a request chooses, in little room: hundreds of requests of a connection may wait, and all of a
/// head may be 16 KiB.
#[derive(Debug, Default)]
pub struct Choice {
    /// True if gzip is accepted, and at least as welcome as no encoding.
    pub gzip: bool,
    /// True if brotli is accepted, and at least as welcome as gzip and no encoding. The client has to name it: one that
    /// accepts anything may know only older encodings.
    pub brotli: bool,
    /// Its Range, If-Range and If-None-Match, where there are any.
    conditions: Option<Box<HeaderMap>>,
}

impl Choice {
    /// Of a request with these headers.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let Welcome { brotli, gzip, identity, any } = Welcome::of(headers);
        let (brotli, gzip) = (brotli.unwrap_or(0.0), gzip.or(any).unwrap_or(0.0));
        let identity = identity.unwrap_or(0.0);
        let mut conditions: Option<Box<HeaderMap>> = None;
        for name in [RANGE, IF_RANGE, IF_NONE_MATCH] {
            for value in headers.get_all(&name).iter().take(MAX_HEADERS) {
                // Copied, since a value may be a part of all that was received with it.
                if value.len() <= MAX_HEADER_BYTES
                    && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
                {
                    conditions.get_or_insert_default().append(&name, value);
                }
            }
        }
        Self {
            gzip: gzip > 0.0 && gzip >= identity,
            brotli: brotli > 0.0 && brotli >= gzip && brotli >= identity,
            conditions,
        }
    }

    /// True if the client has the version that `etag` names.
    #[must_use]
    pub fn has_already(&self, etag: &str) -> bool {
        self.conditions.as_ref().is_some_and(|headers| has_already(headers, etag))
    }

    /// The one range that was asked for, of an object of `len` bytes.
    #[must_use]
    pub fn wanted(&self, etag: &str, len: u64) -> Wanted {
        self.conditions.as_ref().map_or(Wanted::All, |headers| wanted(headers, etag, len))
    }
}

/// The bytes of an object that are to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// All: nothing was asked for, or nothing that we grant (RFC 9110 lets a server ignore Range).
    All,
    /// From the first to the last, both included.
    Bytes {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Bytes beyond the end: 416.
    Unsatisfiable,
}

/// The weights that Accept-Encoding gives to encodings.
#[derive(Default)]
struct Welcome {
    brotli: Option<f32>,
    gzip: Option<f32>,
    identity: Option<f32>,
    any: Option<f32>,
}

impl Welcome {
    fn of(headers: &HeaderMap) -> Self {
        let mut welcome = Self::default();
        let values = headers.get_all(ACCEPT_ENCODING).iter().take(MAX_HEADERS);
        let values =
            values.filter(|value| value.len() <= MAX_HEADER_BYTES).filter_map(|value| value.to_str().ok());
        for coding in values.flat_map(|value| value.split(',')) {
            let mut pieces = coding.split(';').map(str::trim);
            let name = pieces.next().unwrap_or_default();
            let weight = pieces
                .find_map(|piece| piece.strip_prefix("q=").or_else(|| piece.strip_prefix("Q=")))
                .map_or(1.0, |q| q.trim().parse::<f32>().unwrap_or(0.0));
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if is("br") {
                welcome.brotli = Some(weight);
            } else if is("gzip") || is("x-gzip") {
                welcome.gzip = Some(weight);
            } else if is("identity") {
                welcome.identity = Some(weight);
            } else if is("*") {
                welcome.any = Some(weight);
            }
        }
        welcome
    }
}

/// True if the client has the version that `etag` names.
fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(|tag| {
        // Weak comparison (RFC 9110 §8.8.3.2).
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}

/// The one range that was asked for, of an object of `len` bytes.
fn wanted(headers: &HeaderMap, etag: &str, len: u64) -> Wanted {
    if headers.get(IF_RANGE).is_some_and(|value| value.as_bytes() != etag.as_bytes()) {
        return Wanted::All;
    }
    let range = headers.get(RANGE).and_then(|value| value.to_str().ok());
    range.and_then(|range| parse_range(range, len)).unwrap_or(Wanted::All)
}

/// `None` unless it is exactly one range.
fn parse_range(range: &str, len: u64) -> Option<Wanted> {
    let (unit, set) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    if first.is_empty() {
        let suffix = number(last)?.min(len);
        let satisfiable = suffix > 0;
        return Some(if satisfiable {
            Wanted::Bytes { first: len - suffix, last: len - 1 }
        } else {
            Wanted::Unsatisfiable
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(if first < len { Wanted::Bytes { first, last: last.min(len - 1) } } else { Wanted::Unsatisfiable })
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accept(value: &'static str) -> bool {
        Choice::of(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))])).gzip
    }

    #[test]
    fn gzip_is_sent_to_those_who_want_it() {
        for yes in ["gzip", "deflate, gzip;q=0.5", "*", "br;q=1.0, GZIP", "identity;q=0.5, gzip;q=0.8"] {
            assert!(accept(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "*;q=0", "gzip;q=0, *", "gzip;q=0.2, identity;q=0.9", "gzip;q=x"] {
            assert!(!accept(no), "{no}");
        }
        assert!(!Choice::of(&HeaderMap::new()).gzip);
    }

    #[test]
    fn brotli_is_sent_to_those_who_name_it_and_like_nothing_better() {
        let accept = |value| {
            Choice::of(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))])).brotli
        };
        for yes in ["br", "gzip, deflate, br, zstd", "BR;q=0.5", "gzip;q=0.5, br;q=0.5"] {
            assert!(accept(yes), "{yes}");
        }
        for no in ["", "gzip", "*", "br;q=0", "br;q=0.5, gzip", "br;q=0.5, identity", "br;q=0.5, *"] {
            assert!(!accept(no), "{no}");
        }
    }

    #[test]
    fn a_tag_that_the_client_has_is_found_in_its_list() {
        let has = |value| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))]);
            Choice::of(&headers).has_already("\"a\"")
        };
        assert!(has("\"a\"") && has("\"b\", W/\"a\"") && has("*"));
        assert!(!has("\"b\"") && !has("a"));
    }

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let cases = [
            ("bytes=0-3", Some(Wanted::Bytes { first: 0, last: 3 })),
            ("bytes=4-", Some(Wanted::Bytes { first: 4, last: 9 })),
            ("bytes=4-9007199254740991", Some(Wanted::Bytes { first: 4, last: 9 })),
            ("bytes=-3", Some(Wanted::Bytes { first: 7, last: 9 })),
            ("bytes=-30", Some(Wanted::Bytes { first: 0, last: 9 })),
            ("bytes=-0", Some(Wanted::Unsatisfiable)),
            ("bytes=10-", Some(Wanted::Unsatisfiable)),
            ("bytes=0-1,3-4", None),
            ("bytes=3-2", None),
            ("lines=0-1", None),
            ("bytes=", None),
            ("bytes=a-b", None),
        ];
        for (range, want) in cases {
            assert_eq!(parse_range(range, 10), want, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_ignored() {
        let mut headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-1"))]);
        assert_eq!(Choice::of(&headers).wanted("\"a\"", 9), Wanted::Bytes { first: 0, last: 1 });
        headers.insert(IF_RANGE, HeaderValue::from_static("\"b\""));
        assert_eq!(Choice::of(&headers).wanted("\"a\"", 9), Wanted::All);
    }

    proptest! {
        #[test]
        fn any_range_lies_within(range in "(bytes=)?[0-9]{0,21}-?[0-9]{0,21}", len in 0_u64..100) {
            if let Some(Wanted::Bytes { first, last }) = parse_range(&range, len) {
                prop_assert!(first <= last && last < len);
            }
        }
    }
}
