//! The audio track: from tags to configurations and access units.
//!
//! An AudioSpecificConfig describes the frames. Where none comes, ADTS headers in the frames do; where there are none
//! either, rate and channels are derived from the metadata, the distance of the frames and the first element in them. Frames
//! wait for that, half a second of them, so that none is lost.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use farcast_feed::time::WallTime;

use super::audio_tag::{self, Tag};
use super::bits::Bits;
use super::{FlvError, aac, adts, bad_audio};
use crate::ingest::metadata::StreamMetadata;
use crate::media::AudioConfig;

/// Frames whose distance tells the rate: half a second.
const GUESS_FRAMES: usize = 24;
/// Most frames that wait for the configuration: about two seconds. Later ones are lost.
const MAX_WAITING: usize = 96;
/// Samples of a frame.
const FRAME_SAMPLES: f64 = 1024.0;

/// The output of the track.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Output {
    Config(Arc<AudioConfig>),
    Frame { timestamp_ms: u32, data: Bytes, arrived_at: WallTime },
}

/// The source of the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    Record,
    Adts(adts::Header),
    Guess,
}

/// A frame that waits for the configuration.
#[derive(Debug)]
struct Waiting {
    timestamp_ms: u32,
    data: Bytes,
    arrived_at: WallTime,
}

/// State of the audio track.
#[derive(Debug, Default)]
pub(super) struct State {
    config: Option<(Arc<AudioConfig>, Source)>,
    waiting: VecDeque<Waiting>,
}

impl State {
    /// Reads a tag and appends the events that are known then.
    ///
    /// # Errors
    /// [`FlvError`]; nothing is appended then.
    pub(super) fn read(
        &mut self,
        timestamp_ms: u32,
        payload: &Bytes,
        arrived_at: WallTime,
        metadata: &StreamMetadata,
        out: &mut Vec<Output>,
    ) -> Result<(), FlvError> {
        match audio_tag::read(payload)? {
            None => Ok(()),
            // Some send an ADTS header in place of the record.
            Some(Tag::Config(record)) => match adts::Header::read(&record) {
                Some(header) => self.adts(&header, out),
                None => self.record(record, out),
            },
            Some(Tag::Frame(data)) => match adts::frames(&data) {
                Some(frames) => self.unwrap(timestamp_ms, &data, frames, arrived_at, out),
                None => self.frame(Waiting { timestamp_ms, data, arrived_at }, metadata, out),
            },
        }
    }

    fn record(&mut self, record: Bytes, out: &mut Vec<Output>) -> Result<(), FlvError> {
        if self.config.as_ref().is_some_and(|(config, _)| config.record == record) {
            return Ok(());
        }
        let config = aac::config(record)?;
        // A configuration that was found out is not interrupted by a record that says the same in another form.
        let says_nothing_new = |(found, source): &(Arc<AudioConfig>, Source)| {
            *source != Source::Record
                && AudioConfig { record: found.record.clone(), ..config.clone() } == **found
        };
        if !self.config.as_ref().is_some_and(says_nothing_new) {
            self.configure(config, Source::Record, out);
        }
        Ok(())
    }

    fn adts(&mut self, header: &adts::Header, out: &mut Vec<Output>) -> Result<(), FlvError> {
        match &self.config {
            // The record says more: band replication, above all.
            Some((_, Source::Record)) => return Ok(()),
            Some((_, Source::Adts(known))) if known.agrees(header) => return Ok(()),
            _ => {}
        }
        let record = aac::record(header.object_type, header.rate_hz, header.rate_hz, header.channel_config);
        let record = record.ok_or(bad_audio("ADTS header without a standard channel configuration"))?;
        let config = aac::config(record)?;
        self.configure(config, Source::Adts(*header), out);
        Ok(())
    }

    fn unwrap(
        &mut self,
        timestamp_ms: u32,
        data: &Bytes,
        frames: Vec<(adts::Header, std::ops::Range<usize>)>,
        arrived_at: WallTime,
        out: &mut Vec<Output>,
    ) -> Result<(), FlvError> {
        for (index, (header, range)) in (0u32..).zip(frames) {
            self.adts(&header, out)?;
            let offset_ms = index * 1024 * 1000 / header.rate_hz.max(1);
            let timestamp_ms = timestamp_ms.wrapping_add(offset_ms);
            out.push(Output::Frame { timestamp_ms, data: data.slice(range), arrived_at });
        }
        Ok(())
    }

    fn frame(
        &mut self,
        frame: Waiting,
        metadata: &StreamMetadata,
        out: &mut Vec<Output>,
    ) -> Result<(), FlvError> {
        if self.config.is_some() {
            let Waiting { timestamp_ms, data, arrived_at } = frame;
            out.push(Output::Frame { timestamp_ms, data, arrived_at });
            return Ok(());
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
            self.waiting.push_back(frame);
            return Err(FlvError::NoConfig { track: "audio" });
        }
        self.waiting.push_back(frame);
        if self.waiting.len() >= GUESS_FRAMES
            && let Some(config) = self.guess(metadata)
        {
            self.configure(config, Source::Guess, out);
        }
        Ok(())
    }

    fn guess(&self, metadata: &StreamMetadata) -> Option<AudioConfig> {
        let (first, last) = (self.waiting.front()?, self.waiting.back()?);
        let span_ms = last.timestamp_ms.wrapping_sub(first.timestamp_ms);
        let count = f64::from(u32::try_from(self.waiting.len() - 1).ok()?);
        let measured = aac::nearest_rate(count * FRAME_SAMPLES * 1000.0 / f64::from(span_ms));
        let stated = metadata.audio_sample_rate_hz.and_then(|hz| aac::nearest_rate(f64::from(hz)));
        let (core_hz, output_hz) = match (measured, stated) {
            // Half as many frames as the rate asks for: the other half of the band is replicated.
            (Some(core), Some(output)) if core * 2 == output => (core, output),
            // Encoders stamp frames by their clock, and FLV's metadata is often a default.
            (Some(hz), _) | (None, Some(hz)) => (hz, hz),
            (None, None) => return None,
        };
        let first = self.waiting.iter().find_map(|frame| first_element(&frame.data));
        let stated = metadata.audio_channels.filter(|channels| (1..=6).contains(channels));
        let channels = match (first, stated) {
            (_, Some(channels @ 3..)) => channels,
            (Some(Element::Single), _) => 1,
            (Some(Element::Pair), _) => 2,
            (None, channels) => channels?,
        };
        const LOW_COMPLEXITY: u8 = 2;
        aac::config(aac::record(LOW_COMPLEXITY, core_hz, output_hz, channels)?).ok()
    }

    fn configure(&mut self, config: AudioConfig, source: Source, out: &mut Vec<Output>) {
        let config = Arc::new(config);
        self.config = Some((Arc::clone(&config), source));
        out.push(Output::Config(config));
        for Waiting { timestamp_ms, data, arrived_at } in self.waiting.drain(..) {
            out.push(Output::Frame { timestamp_ms, data, arrived_at });
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Element {
    Single,
    Pair,
}

/// The first element of a raw frame that has sound (`raw_data_block()`, ISO/IEC 14496-3 §4.4.2.1).
fn first_element(frame: &[u8]) -> Option<Element> {
    let mut bits = Bits::new(frame);
    // Fill and data elements may come first; encoders put one or two there.
    for _ in 0..4 {
        match bits.take(3)? {
            0 => return Some(Element::Single),
            1 => return Some(Element::Pair),
            4 => {
                bits.skip(4)?;
                let aligned = bits.bit()?;
                let mut count = bits.take(8)?;
                if count == 255 {
                    count += bits.take(8)?;
                }
                if aligned {
                    bits.skip(bits.left() % 8)?;
                }
                bits.skip(count as usize * 8)?;
            }
            6 => {
                let mut count = bits.take(4)?;
                if count == 15 {
                    count += bits.take(8)?.checked_sub(1)?;
                }
                bits.skip(count as usize * 8)?;
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(rate: Option<u32>, channels: Option<u8>) -> StreamMetadata {
        StreamMetadata { audio_sample_rate_hz: rate, audio_channels: channels, ..StreamMetadata::default() }
    }

    /// Formats and frames that come of raw frames, `every` milliseconds apart, which begin with `first`.
    fn raw(every: f64, first: u8, metadata: &StreamMetadata) -> (Option<(u32, u16, u32)>, usize, usize) {
        let (mut state, mut out, mut lost) = (State::default(), Vec::new(), 0);
        for n in 0..200 {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
            let time = (f64::from(n) * every) as u32;
            let tag = Bytes::copy_from_slice(&[0xaf, 1, first, 0x10, 4]);
            lost += usize::from(state.read(time, &tag, WallTime(1), metadata, &mut out).is_err());
        }
        let config = out.iter().find_map(|output| match output {
            Output::Config(config) => Some((config.sample_rate_hz, config.channels, config.frame_samples)),
            Output::Frame { .. } => None,
        });
        let frames = out.iter().filter(|output| matches!(output, Output::Frame { .. })).count();
        (config, frames, lost)
    }

    /// First bytes of a frame with a channel pair, and with a single channel.
    const PAIR: u8 = 0x21;
    const SINGLE: u8 = 0x01;

    #[test]
    fn without_a_header_the_format_is_found_out_and_no_frame_is_lost() {
        let none = metadata(None, None);
        assert_eq!(raw(1024.0 / 48.0, PAIR, &none), (Some((48_000, 2, 1024)), 200, 0));
        assert_eq!(raw(1024.0 / 44.1, SINGLE, &none), (Some((44_100, 1, 1024)), 200, 0));
        assert_eq!(raw(1024.0 / 48.0, PAIR, &metadata(Some(44_100), Some(2))).0, Some((48_000, 2, 1024)));
        assert_eq!(raw(1024.0 / 24.0, PAIR, &metadata(Some(48_000), Some(2))).0, Some((48_000, 2, 2048)));
        assert_eq!(raw(1024.0 / 48.0, SINGLE, &metadata(None, Some(6))).0, Some((48_000, 6, 1024)));
        // Stamps that tell nothing: the metadata is believed.
        assert_eq!(raw(19.0, PAIR, &metadata(Some(32_000), None)).0, Some((32_000, 2, 1024)));
        let (config, frames, lost) = raw(19.0, PAIR, &none);
        assert_eq!((config, frames), (None, 0));
        assert!(lost > 50, "what cannot be found out is said: {lost}");
    }

    #[test]
    fn frames_wait_for_a_header_that_comes_late() {
        let (mut state, mut out) = (State::default(), Vec::new());
        let none = metadata(None, None);
        for n in 0..10 {
            state
                .read(n * 21, &Bytes::from_static(&[0xaf, 1, PAIR, 1]), WallTime(1), &none, &mut out)
                .unwrap();
        }
        assert_eq!(out, []);
        state.read(210, &Bytes::from_static(&[0xaf, 0, 0x12, 0x10]), WallTime(1), &none, &mut out).unwrap();
        assert!(matches!(&out[0], Output::Config(config) if config.sample_rate_hz == 44_100));
        assert_eq!(out.len(), 11);
    }

    #[test]
    fn a_header_that_says_the_same_as_what_was_found_out_interrupts_nothing() {
        let (mut state, mut out) = (State::default(), Vec::new());
        let none = metadata(None, None);
        let frame = [&[0xaf, 1][..], &adts::tests::wrapped(3, 2, &[PAIR, 1], false)].concat();
        state.read(0, &frame.into(), WallTime(1), &none, &mut out).unwrap();
        assert_eq!(out.len(), 2);
        for (record, news) in
            [(&[0xaf, 0, 0x11, 0x90, 0x56, 0xe5, 0][..], false), (&[0xaf, 0, 0x12, 0x10], true)]
        {
            out.clear();
            state.read(0, &Bytes::copy_from_slice(record), WallTime(1), &none, &mut out).unwrap();
            assert_eq!(!out.is_empty(), news, "{record:?}");
        }
    }

    #[test]
    fn adts_is_taken_off_with_and_without_a_header_and_in_its_place() {
        let none = metadata(None, None);
        let adts =
            [adts::tests::wrapped(4, 1, &[SINGLE, 5], true), adts::tests::wrapped(4, 1, &[SINGLE, 6], true)];
        for header in [&[][..], &[0xaf, 0, 0x12, 0x08], &[&[0xaf, 0][..], &adts[0]].concat()] {
            let (mut state, mut out) = (State::default(), Vec::new());
            state.read(0, &Bytes::copy_from_slice(header), WallTime(1), &none, &mut out).unwrap();
            let tag = [&[0xaf, 1][..], &adts.concat()].concat();
            state.read(100, &tag.into(), WallTime(1), &none, &mut out).unwrap();
            let [Output::Config(config), Output::Frame { data, .. }, Output::Frame { timestamp_ms, .. }] =
                &out[..]
            else {
                panic!("{out:?}")
            };
            assert_eq!((config.sample_rate_hz, config.channels), (44_100, 1));
            assert_eq!((&data[..], *timestamp_ms), (&[SINGLE, 5][..], 123));
        }
    }

    #[test]
    fn fill_and_data_elements_are_stepped_over() {
        // fill_element of one byte, then a pair: 110 0001 xxxxxxxx 001…
        assert_eq!(first_element(&[0b1100_0010, 0b0000_0000, 0b0100_0000]), Some(Element::Pair));
        assert_eq!(first_element(&[0xff]), None);
        assert_eq!(first_element(&[]), None);
    }
}
