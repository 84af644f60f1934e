//! What a player tells when it asks for a steering manifest (RFC 8216bis §7.3): `_HLS_pathway` and `_HLS_throughput`.
//!
//! What cannot be read is ignored: a player that is answered with an error goes on without steering. The specification
//! writes the pathway in quotation marks, hls.js 1.7 without; hls.js also sends numbers over 2³¹ as negative ones.

use farcast_feed::query::{Place, parameters};

use super::pathway::PathwayId;
use crate::edge_id::EdgeId;

/// Greatest throughput that is believed, in bits per second.
pub const MAX_THROUGHPUT_BPS: u64 = 1_000_000_000_000;

/// Quotation marks, as they are and encoded (RFC 3986 §2.1).
const QUOTES: [&str; 2] = ["\"", "%22"];

/// What a player told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// The edge whose pathway it uses.
    pub current: Option<EdgeId>,
    /// The throughput that it has seen there, in bits per second, from 1 to [`MAX_THROUGHPUT_BPS`].
    pub throughput_bps: Option<u64>,
}

impl Asked {
    /// Of a query, without its `?`. Of several parameters of a name the first counts, as everywhere.
    #[must_use]
    pub fn of(query: &str) -> Self {
        let value = |wanted: &str| {
            let all = parameters(query).filter(|(place, ..)| *place == Place::Proper);
            let mut named = all.filter(|(_, name, _)| *name == wanted);
            named.next().map(|(_, _, value)| value)
        };
        Self {
            current: value("_HLS_pathway").and_then(|value| PathwayId::edge_of(unquoted(value)).ok()),
            throughput_bps: value("_HLS_throughput").and_then(throughput),
        }
    }
}

fn unquoted(value: &str) -> &str {
    let inner = |quote: &&str| value.strip_prefix(*quote)?.strip_suffix(*quote);
    QUOTES.iter().find_map(inner).unwrap_or(value)
}

fn throughput(value: &str) -> Option<u64> {
    // A number with a sign, which the standard library reads, is none here.
    let is_decimal = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let bps: u64 = if is_decimal { value.parse().ok()? } else { return None };
    (1..=MAX_THROUGHPUT_BPS).contains(&bps).then_some(bps)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(query: &str) -> (Option<String>, Option<u64>) {
        let asked = Asked::of(query);
        (asked.current.map(String::from), asked.throughput_bps)
    }

    #[test]
    fn a_pathway_is_read_with_and_without_quotation_marks() {
        let both = (Some("fra".to_owned()), Some(5_140_000));
        assert_eq!(read("_HLS_pathway=%22e-fra%22&_HLS_throughput=5140000"), both);
        assert_eq!(read("base=x&_HLS_pathway=\"e-fra\"&_HLS_throughput=5140000"), both);
        assert_eq!(read("_HLS_throughput=5140000&_HLS_pathway=e-fra&_HLS_pathway=e-ams"), both);
    }

    #[test]
    fn what_cannot_be_read_is_ignored() {
        for query in [
            "",
            "_HLS_pathway&_HLS_throughput",
            "_HLS_pathway=.&_HLS_throughput=0",
            "_HLS_pathway=%22e-fra&_HLS_throughput=-5",
            "_HLS_pathway=e-a%20b&_HLS_throughput=+5",
            "_HLS_pathway=e-_ff&_HLS_throughput=1000000000001",
            "_HLS_pathway=e-&_HLS_throughput=99999999999999999999999",
            "_HLS_Pathway=e-fra&_hls_throughput=5",
        ] {
            assert_eq!(read(query), (None, None), "{query}");
        }
        assert_eq!(read(&format!("_HLS_pathway=e-{}", "x".repeat(100_000))), (None, None));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(query in "(_HLS_pathway=|_HLS_throughput=|&|%22|e-|\\PC){0,30}") {
            let asked = Asked::of(&query);
            prop_assert!(asked.throughput_bps.is_none_or(|bps| bps <= MAX_THROUGHPUT_BPS));
        }
    }
}
