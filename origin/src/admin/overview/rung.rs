//! The state of a variant while it is encoded. Sans-IO.

use serde::Serialize;

use crate::transcode::RungCounts;

/// Frames that wait for an encoder from which on it is behind: half of what may wait (`transcode::feed`).
const BEHIND_FRAMES: u64 = 6;

/// The state of a variant's encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum RungState {
    /// Passed through without encoding.
    Passthrough,
    /// There was nothing to encode yet.
    Waiting,
    Running,
    /// Its encoder is slower than the source.
    Behind,
    /// No encoder although there are pictures.
    Failed,
}

/// A variant, as it is shown.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rung {
    pub(super) state: RungState,
    pub(super) encoder: Option<&'static str>,
    /// Pictures that were encoded in a second since the look before; none at the first look.
    pub(super) frame_rate: Option<f64>,
    pub(super) waiting_frames: u64,
}

/// All that was counted of a ladder at a moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub(super) decoded: u64,
    /// Frames that encoders were too slow for.
    pub(super) late: u64,
    pub(super) rungs: Vec<RungCounts>,
}

/// Says how each variant fares. `transcodes` says of each whether its video is made anew; `before` is what had been counted
/// `elapsed_s` seconds ago, of the same broadcast.
pub(super) fn judge(transcodes: &[bool], now: &Counts, before: Option<(&Counts, f64)>) -> Vec<Rung> {
    let has_pictures = before.is_some_and(|(before, _)| now.decoded > before.decoded);
    let loses = before.is_some_and(|(before, _)| now.late > before.late);
    let judged = transcodes.iter().zip(&now.rungs).enumerate().map(|(place, (transcodes, counts))| {
        let earlier = before.and_then(|(before, elapsed_s)| Some((before.rungs.get(place)?, elapsed_s)));
        let frame_rate = earlier.filter(|(_, elapsed_s)| *elapsed_s > 0.0).map(|(earlier, elapsed_s)| {
            let more = u32::try_from(counts.encoded.saturating_sub(earlier.encoded)).unwrap_or(u32::MAX);
            (f64::from(more) / elapsed_s * 10.0).round() / 10.0
        });
        let had_encoder = earlier.is_some_and(|(earlier, _)| earlier.encoder.is_some());
        let state = match counts.encoder {
            None if !transcodes => RungState::Passthrough,
            None if had_encoder || has_pictures => RungState::Failed,
            None => RungState::Waiting,
            Some(_) if counts.waiting >= BEHIND_FRAMES || loses && counts.waiting > 0 => RungState::Behind,
            Some(_) => RungState::Running,
        };
        Rung { state, encoder: counts.encoder, frame_rate, waiting_frames: counts.waiting }
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(decoded: u64, late: u64, rungs: &[(Option<&'static str>, u64, u64)]) -> Counts {
        let rungs = rungs.iter().map(|&(encoder, waiting, encoded)| RungCounts { encoder, waiting, encoded });
        Counts { decoded, late, rungs: rungs.collect() }
    }

    fn states(transcodes: &[bool], now: &Counts, before: Option<&Counts>) -> Vec<RungState> {
        let judged = judge(transcodes, now, before.map(|before| (before, 2.0)));
        judged.into_iter().map(|rung| rung.state).collect()
    }

    #[test]
    fn a_variant_runs_is_behind_or_has_failed() {
        use RungState::{Behind, Failed, Passthrough, Running, Waiting};
        let x264 = Some("libx264");
        let begun = counts(0, 0, &[(None, 0, 0), (None, 0, 0)]);
        assert_eq!(states(&[false, true], &begun, None), [Passthrough, Waiting]);
        let runs = counts(60, 0, &[(None, 0, 0), (x264, 1, 60)]);
        assert_eq!(states(&[false, true], &runs, Some(&begun)), [Passthrough, Running]);
        let late = counts(120, 0, &[(None, 0, 0), (x264, 6, 110)]);
        assert_eq!(states(&[false, true], &late, Some(&runs)), [Passthrough, Behind]);
        let loses = counts(120, 9, &[(None, 0, 0), (x264, 1, 110)]);
        assert_eq!(states(&[false, true], &loses, Some(&runs)), [Passthrough, Behind]);
        let gone = counts(120, 0, &[(None, 0, 0), (None, 0, 60)]);
        assert_eq!(states(&[false, true], &gone, Some(&runs)), [Passthrough, Failed]);
        let never = counts(60, 0, &[(None, 0, 0), (None, 0, 0)]);
        assert_eq!(states(&[false, true], &never, Some(&begun)), [Passthrough, Failed]);
        // What viewers cannot play is encoded though it was to be passed through.
        let encoded = counts(60, 0, &[(x264, 0, 60)]);
        assert_eq!(states(&[false], &encoded, None), [Running]);
    }

    #[test]
    fn the_rate_is_what_was_encoded_since_and_counters_that_begin_anew_give_none() {
        let (one, two) = (counts(0, 0, &[(None, 0, 100)]), counts(0, 0, &[(None, 0, 159)]));
        let rate = |now, before| judge(&[true], now, before)[0].frame_rate;
        assert_eq!(rate(&two, Some((&one, 2.0))), Some(29.5));
        assert_eq!(rate(&one, Some((&two, 2.0))), Some(0.0));
        assert_eq!(rate(&one, None), None);
        assert_eq!(rate(&two, Some((&one, 0.0))), None);
    }
}
