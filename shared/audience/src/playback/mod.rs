//! Reports of playback, as an edge sends them to its origin: counts and distributions, nothing about any single viewer.
//!
//! Place in the flow: an edge sums up what players reported lately ([`Summary`], as JSON, in answer to
//! `farcast_link::Ask::Playback`); the origin adds up what all edges say and shows it to the owner.
//!
//! Invariants: a summary is valid once it is read, whoever wrote it (an edge may be hostile): all counts and the length
//! of each distribution are bounded, so that sums over all edges cannot overflow.

mod spread;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use spread::Spread;

/// The period of a summary.
pub const WINDOW: Duration = Duration::from_secs(600);

/// Most viewers that an edge tells apart at once; of more it follows the first ones.
pub const MAX_VIEWERS: u32 = 8192;

/// Largest count of a summary: beyond what an edge takes in within [`WINDOW`], 240,000 reports of 600,000 ms each.
pub const MAX_COUNT: u64 = 1 << 40;

/// Errors of players, by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// Playlists or media did not come.
    pub network: u64,
    /// Media could not be appended or decoded.
    pub media: u64,
    /// The browser lacks a decoder for the broadcast.
    pub codec: u64,
    /// The browser plays no live streams at all.
    pub unsupported: u64,
}

impl Errors {
    fn all(self) -> [u64; 4] {
        let Self { network, media, codec, unsupported } = self;
        [network, media, codec, unsupported]
    }

    /// Adds others.
    pub fn add(&mut self, other: Self) {
        self.network += other.network;
        self.media += other.media;
        self.codec += other.codec;
        self.unsupported += other.unsupported;
    }
}

/// The reports of an edge's players within [`WINDOW`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Summary {
    /// Viewers who reported and are told apart, [`MAX_VIEWERS`] at most.
    pub viewers: u32,
    /// Number of them whose playback stalled at least once.
    pub stalled_viewers: u32,
    /// Number of stalls.
    pub stalls: u64,
    /// Total length of the stalls, in milliseconds.
    pub stalled_ms: u64,
    /// Times from the opening of the player to the first picture.
    pub starts: Spread,
    /// Ages of pictures when they were seen.
    pub latencies: Spread,
    /// Errors by kind.
    pub errors: Errors,
}

/// A summary as it was written, which may be anything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    viewers: u32,
    stalled_viewers: u32,
    stalls: u64,
    stalled_ms: u64,
    starts: Spread,
    latencies: Spread,
    errors: Errors,
}

/// No honest edge says this.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a summary of playback is out of bounds: {0}")]
pub struct Unlawful(&'static str);

impl TryFrom<Written> for Summary {
    type Error = Unlawful;

    fn try_from(written: Written) -> Result<Self, Unlawful> {
        let Written { viewers, stalled_viewers, stalls, stalled_ms, starts, latencies, errors } = written;
        if viewers > MAX_VIEWERS || stalled_viewers > viewers {
            return Err(Unlawful("viewers"));
        }
        if [stalls, stalled_ms].into_iter().chain(errors.all()).any(|count| count > MAX_COUNT) {
            return Err(Unlawful("counts"));
        }
        Ok(Self { viewers, stalled_viewers, stalls, stalled_ms, starts, latencies, errors })
    }
}

impl Summary {
    /// Adds what another edge says. Sums of 65,536 edges and fewer cannot overflow.
    pub fn add(&mut self, other: &Self) {
        self.viewers = self.viewers.saturating_add(other.viewers);
        self.stalled_viewers = self.stalled_viewers.saturating_add(other.stalled_viewers);
        self.stalls = self.stalls.saturating_add(other.stalls);
        self.stalled_ms = self.stalled_ms.saturating_add(other.stalled_ms);
        self.starts.add(&other.starts);
        self.latencies.add(&other.latencies);
        self.errors.add(other.errors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        let mut summary = Summary {
            viewers: 7,
            stalled_viewers: 2,
            stalls: 3,
            stalled_ms: 4500,
            errors: Errors { network: 1, codec: 2, ..Errors::default() },
            ..Summary::default()
        };
        summary.starts.count(Duration::from_millis(800));
        summary.latencies.count(Duration::from_millis(2300));
        summary
    }

    fn read(json: &serde_json::Value) -> Result<Summary, serde_json::Error> {
        serde_json::from_str(&json.to_string())
    }

    #[test]
    fn what_an_edge_says_is_read_and_added_up() {
        let said = serde_json::to_value(summary()).unwrap();
        let mut total = read(&said).unwrap();
        assert_eq!(total, summary());
        total.add(&summary());
        assert_eq!((total.viewers, total.stalls, total.errors.codec), (14, 6, 4));
        assert_eq!(total.starts.total(), 2);
    }

    #[test]
    fn what_no_honest_edge_says_is_not_read() {
        let honest = serde_json::to_value(summary()).unwrap();
        let long = vec![0; 200];
        for (field, wrong) in [
            ("viewers", serde_json::json!(MAX_VIEWERS + 1)),
            ("viewers", serde_json::json!(-1)),
            ("stalled_viewers", serde_json::json!(8)),
            ("stalls", serde_json::json!(MAX_COUNT + 1)),
            ("stalled_ms", serde_json::json!(u64::MAX)),
            ("stalled_ms", serde_json::json!(1.5)),
            ("starts", serde_json::json!([1])),
            ("latencies", serde_json::json!(long)),
            (
                "errors",
                serde_json::json!({ "network": MAX_COUNT + 1, "media": 0, "codec": 0, "unsupported": 0 }),
            ),
            ("errors", serde_json::json!({ "network": 0 })),
            ("more", serde_json::json!(0)),
        ] {
            let mut said = honest.clone();
            said[field] = wrong;
            assert!(read(&said).is_err(), "{field}: {said}");
        }
    }
}
