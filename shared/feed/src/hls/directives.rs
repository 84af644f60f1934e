//! Delivery directives: the `_HLS_` parameters of a playlist request (RFC 8216bis §6.2.5), also in queries that a client
//! glued together ([`crate::query`]).

use crate::name::Msn;
use crate::query::{Place, parameters};

/// Longest query string that is looked at, in bytes: room for a player's tokens, no more.
const MAX_QUERY_BYTES: usize = 4096;

/// The directives of a media playlist request. Parameters that are not directives are ignored.
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
    /// The same directive twice, with two values.
    #[error("{0} is given twice, with two values")]
    Repeated(&'static str),
    /// A query longer than any player sends.
    #[error("the query is too long")]
    TooLong,
}

impl Directives {
    /// Reads the directives of a query string (without its `?`). Ordinary parameters are checked by the standard. A
    /// parameter behind a stray separator counts where it is valid and no ordinary one has the directive; otherwise it
    /// is ignored.
    ///
    /// # Errors
    /// See [`InvalidDirectives`]; all of them mean 400.
    pub fn parse(query: &str) -> Result<Self, InvalidDirectives> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(InvalidDirectives::TooLong);
        }
        let (mut directives, mut stray) = (Self::default(), Self::default());
        for (place, name, value) in parameters(query) {
            match place {
                Place::Proper => directives.read(name, value)?,
                Place::Stray => {
                    let before = stray;
                    stray.read(name, value).unwrap_or_else(|_| stray = before);
                }
            }
        }
        directives.msn = directives.msn.or(stray.msn);
        // A part belongs to its segment, wherever that stands.
        directives.part = directives.part.or(stray.part.filter(|_| directives.msn.is_some()));
        directives.skip |= stray.skip;
        if directives.part.is_some() && directives.msn.is_none() {
            return Err(InvalidDirectives::PartWithoutMsn);
        }
        Ok(directives)
    }

    fn read(&mut self, name: &str, value: &str) -> Result<(), InvalidDirectives> {
        match name {
            "_HLS_msn" => once("_HLS_msn", &mut self.msn, Msn(number("_HLS_msn", value)?)),
            "_HLS_part" => once("_HLS_part", &mut self.part, number("_HLS_part", value)?),
            "_HLS_skip" => {
                self.skip = matches!(value, "YES" | "v2");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// True if the request is a blocking reload, which has cache lifetimes of its own.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.msn.is_some()
    }
}

fn once<T: PartialEq>(name: &'static str, slot: &mut Option<T>, value: T) -> Result<(), InvalidDirectives> {
    match slot {
        Some(said) if *said != value => Err(InvalidDirectives::Repeated(name)),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
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
        assert_eq!(Directives::parse("_HLS_msn=1&_HLS_msn=2"), Err(InvalidDirectives::Repeated("_HLS_msn")));
        let parts = Directives::parse("_HLS_msn=1&_HLS_part=1&_HLS_part=2");
        assert_eq!(parts, Err(InvalidDirectives::Repeated("_HLS_part")));
        // An invalid value is not cut until it is valid.
        for bad in ["7a", "7,8", "?7", ";7", "%3F7", "7%20", "7.5?cachebust=1", "-1?cachebust=1", "?"] {
            let query = format!("_HLS_msn={bad}");
            assert_eq!(Directives::parse(&query), Err(InvalidDirectives::NotANumber("_HLS_msn")), "{query}");
        }
        assert_eq!(Directives::parse("_HLS_part=7?cachebust=1"), Err(InvalidDirectives::PartWithoutMsn));
        assert_eq!(Directives::parse(&"a".repeat(5000)), Err(InvalidDirectives::TooLong));
    }

    #[test]
    fn queries_that_were_glued_together_are_read() {
        let want = Directives { msn: Some(Msn(7)), part: Some(2), skip: false };
        for query in [
            "_HLS_msn=7&_HLS_part=2?cachebust=1",
            "_HLS_msn=7&_HLS_part=2?cachebust=1?cachebust=2",
            "_HLS_msn=7?cachebust=1&_HLS_part=2",
            "_HLS_msn=7&_HLS_part=2??cachebust=1",
            "_HLS_msn=7&_HLS_part=2?",
            "_HLS_msn=7&_HLS_part=2%3Fcachebust%3D1",
            "_HLS_msn=7&_HLS_part=2%3fcachebust=1",
            "_HLS_msn=7&_HLS_part=2;cachebust=1",
            "_HLS_msn=7;_HLS_part=2",
            "_HLS_msn=7&amp;_HLS_part=2",
            "_HLS_msn=7&amp;amp;_HLS_part=2&amp;",
            "_HLS_msn=7%26_HLS_part=2",
            "?_HLS_msn=7&_HLS_part=2",
            "cachebust=1?_HLS_msn=7&_HLS_part=2",
            "token=ab?_HLS_part=2?_HLS_msn=7",
            "_HLS_msn=7&_HLS_part=2&_HLS_msn=7&_HLS_part=02",
        ] {
            assert_eq!(Directives::parse(query), Ok(want), "{query}");
        }
        assert_eq!(Directives::parse("_HLS_skip=YES?cachebust=1").map(|d| d.skip), Ok(true));
    }

    #[test]
    fn what_others_put_into_their_parameters_is_no_fault_of_the_request() {
        let none = Ok(Directives::default());
        for query in [
            "from=https://a.example/stream.m3u8?_HLS_msn=abc",
            "from=https://a.example/stream.m3u8?_HLS_part=3",
            "from=https%3A%2F%2Fa.example%2F%3F_HLS_msn%3D9",
            "x=?_HLS_msn=",
            "_HLS_other=1&_hls_msn=x&_HLS_msnx=y",
        ] {
            assert_eq!(Directives::parse(query), none, "{query}");
        }
        let proper = Directives::parse("from=a?_HLS_msn=9;_HLS_part=1&_HLS_msn=7&_HLS_part=2");
        assert_eq!(proper, Ok(Directives { msn: Some(Msn(7)), part: Some(2), skip: false }));
    }

    proptest! {
        #[test]
        fn what_is_appended_to_a_query_changes_nothing(
            msn in any::<u64>(), part in any::<u32>(), skip in any::<bool>(), at in 0_usize..4,
            stray in "(\\?|\\?\\?|;|%3F|%3f|&|&amp;|%26)", name in "[a-z]{1,12}", value in "[0-9a-zA-Z=.%-]{0,20}",
        ) {
            let mut given = vec![format!("_HLS_msn={msn}"), format!("_HLS_part={part}")];
            given.extend(skip.then(|| "_HLS_skip=YES".to_owned()));
            let at = at % given.len();
            given[at] = format!("{}{stray}{name}={value}", given[at]);
            let read = Directives::parse(&given.join("&"));
            prop_assert_eq!(read, Ok(Directives { msn: Some(Msn(msn)), part: Some(part), skip }));
        }

        #[test]
        fn a_number_that_is_wrong_stays_wrong_whatever_is_appended(
            bad in "[0-9]{0,3}[a-zA-Z.,+-][0-9]{0,3}", stray in "(\\?|;|%3F|&|&amp;)", value in "[0-9]{0,9}",
        ) {
            let read = Directives::parse(&format!("_HLS_msn={bad}{stray}cachebust={value}"));
            prop_assert_eq!(read, Err(InvalidDirectives::NotANumber("_HLS_msn")));
        }

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
