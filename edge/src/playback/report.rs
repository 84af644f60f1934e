//! The known keys of a report: those of CTA-5004 about playback, and those of Farcast's own player.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use farcast_audience::playback::Errors;

pub(super) use super::cmcd::Malformed;
use super::cmcd::{Value, keys};

/// Begins the keys that Farcast's player adds, since the specification has none for them: a name in reverse DNS that nobody
/// else can have, and a hyphen (CTA-5004 §2, "custom keys").
const OWN: &[u8] = b"internal.farcast-";

/// Longest id of a session, in characters (CTA-5004, `sid`).
const MAX_SESSION_BYTES: usize = 64;

/// Largest values: beyond them a player is wrong, and counts as one that says the largest.
const MAX_MS: u64 = 600_000;
const MAX_KBPS: u64 = 10_000_000;
const MAX_TIMES: u64 = 100;

/// A player's report. Most reports have few of these keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Report {
    /// A hash of the id of the session (`sid`).
    pub(super) session: Option<u64>,
    /// Media that is buffered ahead (`bl`).
    pub(super) buffer: Option<Duration>,
    /// Bit rate of the media being played (`br`).
    pub(super) bit_rate_bps: Option<u64>,
    /// Measured throughput (`mtp`).
    pub(super) throughput_bps: Option<u64>,
    /// Playback stalled since the last report (`bs`).
    starved: bool,
    /// Number of stalls since the last report.
    stalls: Option<u64>,
    /// Length of the stalls.
    pub(super) stalled: Duration,
    /// Time from the opening of the player to the first picture, reported once.
    pub(super) start: Option<Duration>,
    /// Age of the picture when it is seen.
    pub(super) latency: Option<Duration>,
    /// Errors since the last report.
    pub(super) errors: Errors,
}

impl Report {
    /// Adds what a text says; of a key that comes twice the last one counts. Unknown keys are skipped.
    pub(super) fn read(&mut self, text: &[u8], hasher: &RandomState) -> Result<(), Malformed> {
        for key in keys(text) {
            let (key, value) = key?;
            match key {
                b"sid" => self.session = Some(hasher.hash_one(session(value)?)),
                b"bl" => self.buffer = Some(milliseconds(value)?),
                b"br" => self.bit_rate_bps = Some(bits_per_second(value)?),
                b"mtp" => self.throughput_bps = Some(bits_per_second(value)?),
                b"bs" => self.starved = boolean(value)?,
                _ => {
                    if let Some(own) = key.strip_prefix(OWN) {
                        self.own(own, value)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn own(&mut self, key: &[u8], value: Value<'_>) -> Result<(), Malformed> {
        match key {
            b"start" => self.start = Some(milliseconds(value)?),
            b"latency" => self.latency = Some(milliseconds(value)?),
            b"stalls" => self.stalls = Some(at_most(value, MAX_TIMES)?),
            b"stalled" => self.stalled = milliseconds(value)?,
            b"errors-network" => self.errors.network = at_most(value, MAX_TIMES)?,
            b"errors-media" => self.errors.media = at_most(value, MAX_TIMES)?,
            b"errors-codec" => self.errors.codec = at_most(value, MAX_TIMES)?,
            b"errors-unsupported" => self.errors.unsupported = at_most(value, MAX_TIMES)?,
            _ => {}
        }
        Ok(())
    }

    /// Number of stalls; a player that only says that it stalled has one.
    pub(super) fn stalls(&self) -> u64 {
        self.stalls.unwrap_or(u64::from(self.starved))
    }
}

/// A value that is not negative, limited to what is possible.
fn at_most(value: Value<'_>, most: u64) -> Result<u64, Malformed> {
    let Value::Integer(value) = value else { return Err(Malformed) };
    u64::try_from(value).map(|value| value.min(most)).map_err(|_| Malformed)
}

fn milliseconds(value: Value<'_>) -> Result<Duration, Malformed> {
    at_most(value, MAX_MS).map(Duration::from_millis)
}

/// Written in kilobits.
fn bits_per_second(value: Value<'_>) -> Result<u64, Malformed> {
    at_most(value, MAX_KBPS).map(|kbps| kbps * 1000)
}

fn boolean(value: Value<'_>) -> Result<bool, Malformed> {
    if let Value::Boolean(value) = value { Ok(value) } else { Err(Malformed) }
}

fn session(value: Value<'_>) -> Result<&[u8], Malformed> {
    match value {
        Value::Text(text) if text.len() <= MAX_SESSION_BYTES => Ok(text),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Report, Malformed> {
        let mut report = Report::default();
        report.read(text.as_bytes(), &RandomState::new())?;
        Ok(report)
    }

    #[test]
    fn what_any_player_tells_is_read() {
        let report =
            read("bl=2300,br=3200,bs,d=500,mtp=25400,nor=\"x.m4s\",ot=v,sf=h,sid=\"a\",st=l,tb=6000")
                .unwrap();
        assert_eq!(report.buffer, Some(Duration::from_millis(2300)));
        assert_eq!((report.bit_rate_bps, report.throughput_bps), (Some(3_200_000), Some(25_400_000)));
        assert_eq!((report.stalls(), report.session.is_some(), report.start), (1, true, None));
        assert_eq!(read("").unwrap(), Report::default());
    }

    #[test]
    fn what_the_own_player_tells_is_read() {
        let report = read(
            "bs,internal.farcast-errors-codec=1,internal.farcast-errors-network=2,internal.farcast-latency=2400,\
             internal.farcast-stalled=1500,internal.farcast-stalls=2,internal.farcast-start=812,internal.farcast-new=\"x\"",
        )
        .unwrap();
        assert_eq!(report.errors, Errors { network: 2, codec: 1, ..Errors::default() });
        assert_eq!((report.stalls(), report.stalled), (2, Duration::from_millis(1500)));
        assert_eq!(report.start, Some(Duration::from_millis(812)));
        assert_eq!(report.latency, Some(Duration::from_millis(2400)));
    }

    #[test]
    fn known_keys_of_another_kind_are_malformed_and_large_ones_are_held() {
        for wrong in [
            "bl",
            "bl=-1",
            "bl=\"1\"",
            "br=1.5",
            "bs=1",
            "mtp=x",
            "sid=1",
            "internal.farcast-start=?1",
            &format!("sid=\"{}\"", "x".repeat(65)),
        ] {
            assert_eq!(read(wrong), Err(Malformed), "{wrong}");
        }
        let held = read("bl=999999999999,br=999999999999,internal.farcast-stalls=999999").unwrap();
        assert_eq!(held.buffer, Some(Duration::from_millis(MAX_MS)));
        assert_eq!((held.bit_rate_bps, held.stalls()), (Some(MAX_KBPS * 1000), MAX_TIMES));
    }
}
