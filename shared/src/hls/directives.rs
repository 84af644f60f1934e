//! Delivery directives: the `_HLS_` parameters of a playlist request (RFC 8216bis §6.2.5).

use crate::name::Msn;

/// Longest query string that is looked at, in bytes: room for a player's tokens, no more.
const MAX_QUERY_BYTES: usize = 4096;

/// What a media playlist request asks for. Parameters that are not directives are ignored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Directives {
    /// `_HLS_msn`: hold the answer until this segment is in the playlist.
    pub msn: Option<Msn>,
    /// `_HLS_part`: until this part of it is. Never without `msn`.
    pub part: Option<u32>,
    /// `_HLS_skip=YES` or `v2`: a delta update will do. `v2` is answered like `YES`, because no
    /// playlist of ours has an EXT-X-DATERANGE and CAN-SKIP-DATERANGES is not advertised.
    pub skip: bool,
}

/// Directives that a server must refuse with 400 (RFC 8216bis §6.2.5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidDirectives {
    /// `_HLS_part` without `_HLS_msn`.
    #[error("_HLS_part needs _HLS_msn")]
    PartWithoutMsn,
    /// A value that is no decimal integer, or too big for one.
    #[error("{0} is not a decimal integer in range")]
    NotANumber(&'static str),
    /// The same directive twice.
    #[error("{0} is given twice")]
    Repeated(&'static str),
    /// A query longer than any player sends.
    #[error("the query is too long")]
    TooLong,
}

impl Directives {
    /// Reads the directives of a query string (without its `?`).
    ///
    /// # Errors
    /// See [`InvalidDirectives`]; all of them mean 400.
    pub fn parse(query: &str) -> Result<Self, InvalidDirectives> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(InvalidDirectives::TooLong);
        }
        let mut directives = Self::default();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "_HLS_msn" => once("_HLS_msn", &mut directives.msn, Msn(number("_HLS_msn", value)?))?,
                "_HLS_part" => once("_HLS_part", &mut directives.part, number("_HLS_part", value)?)?,
                "_HLS_skip" => directives.skip = matches!(value, "YES" | "v2"),
                _ => {}
            }
        }
        if directives.part.is_some() && directives.msn.is_none() {
            return Err(InvalidDirectives::PartWithoutMsn);
        }
        Ok(directives)
    }

    /// Whether the request is a blocking reload, which has cache lifetimes of its own.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.msn.is_some()
    }
}

fn once<T>(name: &'static str, slot: &mut Option<T>, value: T) -> Result<(), InvalidDirectives> {
    if slot.replace(value).is_some() { Err(InvalidDirectives::Repeated(name)) } else { Ok(()) }
}

fn number<T: std::str::FromStr>(name: &'static str, value: &str) -> Result<T, InvalidDirectives> {
    let decimal = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    if !decimal {
        return Err(InvalidDirectives::NotANumber(name));
    }
    value.parse().map_err(|_| InvalidDirectives::NotANumber(name))
}

/// Entry for the fuzzer: any bytes as a query string.
pub fn fuzz_query(bytes: &[u8]) {
    if let Ok(query) = std::str::from_utf8(bytes)
        && let Ok(directives) = Directives::parse(query)
    {
        assert!(directives.part.is_none() || directives.msn.is_some(), "a part has its segment");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn directives_are_read_in_any_order_among_other_parameters() {
        let want = Directives { msn: Some(Msn(7)), part: Some(2), skip: true };
        for query in [
            "_HLS_msn=7&_HLS_part=2&_HLS_skip=YES",
            "_HLS_skip=v2&_HLS_part=2&_HLS_msn=7",
            "token=a%20b&_HLS_msn=7&_HLS_x=9&_HLS_part=2&_HLS_skip=YES&&",
        ] {
            assert_eq!(Directives::parse(query), Ok(want), "{query}");
        }
        assert_eq!(Directives::parse(""), Ok(Directives::default()));
        assert_eq!(Directives::parse("_HLS_skip=no").map(|d| d.skip), Ok(false));
    }

    #[test]
    fn what_the_standard_calls_bad_is_refused() {
        assert_eq!(Directives::parse("_HLS_part=0"), Err(InvalidDirectives::PartWithoutMsn));
        for bad in ["", "-1", "+1", "1.0", "0x1", " 1", "18446744073709551616"] {
            let query = format!("_HLS_msn={bad}");
            assert_eq!(Directives::parse(&query), Err(InvalidDirectives::NotANumber("_HLS_msn")), "{query}");
        }
        let overflow = Directives::parse("_HLS_msn=1&_HLS_part=4294967296");
        assert_eq!(overflow, Err(InvalidDirectives::NotANumber("_HLS_part")));
        assert_eq!(Directives::parse("_HLS_msn=1&_HLS_msn=1"), Err(InvalidDirectives::Repeated("_HLS_msn")));
        assert_eq!(Directives::parse(&"a".repeat(5000)), Err(InvalidDirectives::TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            fuzz_query(&bytes);
        }

        #[test]
        fn near_misses_are_survived(query in "(_HLS_(msn|part|skip|x)=[0-9a-zA-Z+-]{0,21}&?){0,6}") {
            fuzz_query(query.as_bytes());
        }
    }
}
