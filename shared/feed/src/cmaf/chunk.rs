//! Chunks: one `moof` and one `mdat` (ISO/IEC 14496-12 §8.8, ISO/IEC 23000-19 §7.3.2).
//!
//! No `styp` and no `prft`: both are optional, a player reads neither, and a part should be no
//! larger than it must.

use bytes::Bytes;
use mp4_atom::{Encode, Mfhd, Moof, Tfdt, Tfhd, Traf, Trun, TrunEntry};

use super::{Error, FLAGS_NON_SYNC, FLAGS_SYNC};
use crate::feed::MAX_PART_BYTES;

/// Most media bytes in a chunk: with its boxes it must fit the protocol's largest part. A second at
/// 240 Mbit/s fits.
pub const MAX_CHUNK_BYTES: usize = MAX_PART_BYTES - MAX_BOX_BYTES;

/// Room for a chunk's boxes, at 16 bytes a sample.
const MAX_BOX_BYTES: usize = 1024 * 1024;

/// Bytes of an `mdat` header.
const MDAT_HEADER_BYTES: usize = 8;

/// A sample of a [`Run`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// Duration in ticks of its track.
    pub duration: u32,
    /// Presentation less decode time, in ticks of its track; may be negative.
    pub composition_offset: i32,
    /// True if decoding can start here.
    pub sync: bool,
    /// Its bytes.
    pub data: Bytes,
}

/// Successive samples of one track.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Track.
    pub track_id: u32,
    /// Decode time of the first sample in ticks of the track.
    pub base_decode_time: u64,
    /// The samples, in decode order, without holes between them.
    pub samples: &'a [Sample],
}

/// Writes a chunk: one `traf` with one `trun` per run that has samples, media in the order of the runs.
///
/// # Errors
/// [`Error::EmptyChunk`] without samples, [`Error::ChunkTooLarge`] above [`MAX_CHUNK_BYTES`].
pub fn chunk(sequence_number: u32, runs: &[Run<'_>]) -> Result<Bytes, Error> {
    let media: usize = runs.iter().flat_map(|run| run.samples).map(|sample| sample.data.len()).sum();
    if runs.iter().all(|run| run.samples.is_empty()) {
        return Err(Error::EmptyChunk);
    }
    if media > MAX_CHUNK_BYTES {
        return Err(Error::ChunkTooLarge { bytes: media });
    }
    let mut moof = Moof {
        mfhd: Mfhd { sequence_number },
        traf: runs.iter().filter(|run| !run.samples.is_empty()).map(traf).collect(),
    };
    // Data offsets count from the start of `moof`, whose length does not depend on their values.
    let mut bytes = Vec::new();
    moof.encode(&mut bytes).map_err(Error::Write)?;
    let mut offset = bytes.len() + MDAT_HEADER_BYTES;
    for (traf, run) in moof.traf.iter_mut().zip(runs.iter().filter(|run| !run.samples.is_empty())) {
        for trun in &mut traf.trun {
            trun.data_offset =
                Some(i32::try_from(offset).map_err(|_| Error::ChunkTooLarge { bytes: media })?);
        }
        offset += run.samples.iter().map(|sample| sample.data.len()).sum::<usize>();
    }
    bytes.clear();
    bytes.reserve_exact(offset);
    moof.encode(&mut bytes).map_err(Error::Write)?;
    let mdat = u32::try_from(media + MDAT_HEADER_BYTES).map_err(|_| Error::ChunkTooLarge { bytes: media })?;
    bytes.extend_from_slice(&mdat.to_be_bytes());
    bytes.extend_from_slice(b"mdat");
    for sample in runs.iter().flat_map(|run| run.samples) {
        bytes.extend_from_slice(&sample.data);
    }
    Ok(bytes.into())
}

fn traf(run: &Run<'_>) -> Traf {
    let flags = |sync: bool| if sync { FLAGS_SYNC } else { FLAGS_NON_SYNC };
    let first = run.samples.first();
    // Values that all samples share are written once. Audio shares everything but the size.
    let duration = shared(run.samples, first.map(|s| s.duration), |s| s.duration);
    let all_flags = shared(run.samples, first.map(|s| flags(s.sync)), |s| flags(s.sync));
    let reordered = run.samples.iter().any(|s| s.composition_offset != 0);
    let entries: Vec<_> = run
        .samples
        .iter()
        .map(|s| TrunEntry {
            duration: duration.is_none().then_some(s.duration),
            size: Some(u32::try_from(s.data.len()).unwrap_or(u32::MAX)),
            flags: all_flags.is_none().then(|| flags(s.sync)),
            cts: reordered.then_some(i64::from(s.composition_offset)),
        })
        .collect();
    Traf {
        tfhd: Tfhd {
            track_id: run.track_id,
            default_base_is_moof: true,
            default_sample_duration: duration,
            default_sample_flags: all_flags,
            ..Tfhd::default()
        },
        tfdt: Some(Tfdt { base_media_decode_time: run.base_decode_time }),
        trun: vec![Trun { data_offset: Some(0), samples: entries.into() }],
        ..Traf::default()
    }
}

/// The value of `of` if it is `candidate` for every sample.
fn shared(samples: &[Sample], candidate: Option<u32>, of: impl Fn(&Sample) -> u32) -> Option<u32> {
    candidate.filter(|value| samples.iter().all(|sample| of(sample) == *value))
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Any, Decode};
    use proptest::prelude::*;

    use super::*;

    fn sample(duration: u32, composition_offset: i32, sync: bool, data: &'static [u8]) -> Sample {
        Sample { duration, composition_offset, sync, data: Bytes::from_static(data) }
    }

    #[test]
    fn a_part_has_these_bytes() {
        let video = [sample(3000, 3000, true, b"key"), sample(3000, -1500, false, b"b")];
        let audio = [sample(1024, 0, true, b"au")];
        let runs = [
            Run { track_id: 1, base_decode_time: 90_000, samples: &video },
            Run { track_id: 2, base_decode_time: 48_000, samples: &audio },
        ];
        let expected: Vec<u8> = [
            &[0, 0, 0, 192][..],
            b"moof",
            &[0, 0, 0, 16],
            b"mfhd",
            &[0, 0, 0, 0, 0, 0, 0, 7],
            // Video: shared duration; size, flags and signed offset per sample.
            &[0, 0, 0, 92],
            b"traf",
            &[0, 0, 0, 20],
            b"tfhd",
            &[0, 2, 0, 8, 0, 0, 0, 1, 0, 0, 0x0B, 0xB8],
            &[0, 0, 0, 20],
            b"tfdt",
            &[1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x5F, 0x90],
            &[0, 0, 0, 44],
            b"trun",
            &[1, 0, 0x0E, 1, 0, 0, 0, 2, 0, 0, 0, 200],
            &[0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0x0B, 0xB8],
            &[0, 0, 0, 1, 1, 1, 0, 0, 0xFF, 0xFF, 0xFA, 0x24],
            // Audio: shared duration and flags; size per sample.
            &[0, 0, 0, 76],
            b"traf",
            &[0, 0, 0, 24],
            b"tfhd",
            &[0, 2, 0, 0x28, 0, 0, 0, 2, 0, 0, 4, 0, 2, 0, 0, 0],
            &[0, 0, 0, 20],
            b"tfdt",
            &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xBB, 0x80],
            &[0, 0, 0, 24],
            b"trun",
            &[1, 0, 2, 1, 0, 0, 0, 1, 0, 0, 0, 204, 0, 0, 0, 2],
            &[0, 0, 0, 14],
            b"mdat",
            b"keybau",
        ]
        .concat();
        assert_eq!(chunk(7, &runs).unwrap(), expected);
    }

    #[test]
    fn nothing_is_no_chunk() {
        assert!(matches!(chunk(1, &[]), Err(Error::EmptyChunk)));
        let run = Run { track_id: 1, base_decode_time: 0, samples: &[] };
        assert!(matches!(chunk(1, &[run]), Err(Error::EmptyChunk)));
    }

    fn any_samples() -> impl Strategy<Value = Vec<Sample>> {
        let one = (0u32..9000, any::<i32>(), any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40));
        proptest::collection::vec(
            one.prop_map(|(duration, composition_offset, sync, data)| Sample {
                duration,
                composition_offset,
                sync,
                data: data.into(),
            }),
            0..12,
        )
    }

    proptest! {
        /// Another reader, mp4-atom's, finds each sample where and as it was given.
        #[test]
        fn samples_survive_a_chunk(video in any_samples(), audio in any_samples(), base: u64) {
            prop_assume!(!video.is_empty() || !audio.is_empty());
            let runs = [
                Run { track_id: 1, base_decode_time: base, samples: &video },
                Run { track_id: 2, base_decode_time: base / 2, samples: &audio },
            ];
            let bytes = chunk(1, &runs).unwrap();
            let mut rest = &bytes[..];
            let Any::Moof(moof) = Any::decode(&mut rest).unwrap() else { panic!("no moof") };
            let mut given = runs.iter().filter(|run| !run.samples.is_empty());
            for traf in &moof.traf {
                let run = given.next().unwrap();
                prop_assert_eq!(traf.tfhd.track_id, run.track_id);
                prop_assert_eq!(traf.tfdt.as_ref().unwrap().base_media_decode_time, run.base_decode_time);
                let trun = &traf.trun[0];
                let mut at = usize::try_from(trun.data_offset.unwrap()).unwrap();
                prop_assert_eq!(trun.samples.len(), run.samples.len());
                for (entry, sample) in trun.samples.iter().zip(run.samples) {
                    let end = at + usize::try_from(entry.size.unwrap()).unwrap();
                    prop_assert_eq!(&bytes[at..end], &sample.data[..]);
                    at = end;
                    prop_assert_eq!(entry.cts.unwrap_or(0), i64::from(sample.composition_offset));
                    let duration = entry.duration.or(traf.tfhd.default_sample_duration).unwrap();
                    prop_assert_eq!(duration, sample.duration);
                    let flags = entry.flags.or(traf.tfhd.default_sample_flags).unwrap();
                    prop_assert_eq!(flags == FLAGS_SYNC, sample.sync);
                }
            }
            prop_assert!(given.next().is_none());
        }
    }
}
