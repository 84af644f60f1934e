//! The video track: from tags to configurations and access units.
//!
//! The stream itself decides, not the container: the codec's parameter sets in force make the configuration, whether a
//! sequence header brought them or a key frame; a key frame is one whose slices say so; a picture is complete when the next
//! begins. Parameter sets do not stay in samples, as `avc1` and `hvc1` require, but where they change between key frames:
//! then the decoder needs them there.

use std::sync::Arc;

use bytes::Bytes;
use farcast_feed::time::WallTime;

use super::access_unit::{AccessUnit, Joiner, Part, Place, Times};
use super::limits::Limits;
use super::nal::{Framer, Units, sample};
use super::picture::Picture;
use super::sets::{SetKind, Sets};
use super::unit::UnitKind;
use super::video_tag::{self, Body};
use super::{FlvError, av1, avc, bad_video, hevc};
use crate::media::{VideoCodec, VideoConfig};

/// The output of the track.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Output {
    Config(Arc<VideoConfig>),
    Frame { times: Times, key: bool, data: Bytes, arrived_at: WallTime },
}

/// A tag that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Content {
    Units(Units),
    Piece(av1::Piece),
}

/// State of the video track.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Codec of the stream, whatever its tags say.
    codec: Option<VideoCodec>,
    /// The sequence header as it was received, to recognise repetitions.
    received: Bytes,
    framer: Framer,
    joiner: Joiner<Content>,
    /// In force for the next picture that is complete.
    sets: Sets,
    /// The same, including the tags that are held.
    seen: Sets,
    av1: Option<av1::Header>,
    config: Option<Arc<VideoConfig>>,
    /// There have been key frames that are no random access points.
    open_gop: bool,
    /// The sets that `config` was made of.
    configured: Sets,
    limits: Limits,
    /// The reason why the stream's pictures are refused.
    refused: Option<FlvError>,
}

impl State {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The configuration that was given out last.
    pub(super) fn config(&self) -> Option<&Arc<VideoConfig>> {
        self.config.as_ref()
    }

    /// Reads a tag and appends the events that are known then.
    ///
    /// # Errors
    /// [`FlvError`]; pictures that were complete before the tag are appended all the same.
    pub(super) fn read(
        &mut self,
        timestamp_ms: u32,
        payload: &Bytes,
        arrived_at: WallTime,
        nominal_milli: Option<u32>,
        out: &mut Vec<Output>,
    ) -> Result<(), FlvError> {
        let Some(tag) = video_tag::read(payload)? else { return Ok(()) };
        match tag.body {
            Body::Header(record) => self.header(tag.codec, &record, nominal_milli, out),
            Body::Frame { composition_ms, flagged, data } => {
                let times = Times { timestamp_ms, composition_ms };
                let Some((place, content)) = self.content(tag.codec, &data, nominal_milli, out)? else {
                    return Ok(());
                };
                let joined = self.joiner.push(Part { times, flagged, arrived_at, place, content });
                for unit in joined.complete.into_iter().flatten() {
                    self.complete(&unit, nominal_milli, out)?;
                }
                if joined.late { Err(FlvError::LatePiece) } else { Ok(()) }
            }
        }
    }

    /// The source has ended, or goes on with something else: appends everything held.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn finish(
        &mut self,
        nominal_milli: Option<u32>,
        out: &mut Vec<Output>,
    ) -> Result<(), FlvError> {
        match self.joiner.finish() {
            Some(unit) => self.complete(&unit, nominal_milli, out),
            None => Ok(()),
        }
    }

    fn header(
        &mut self,
        stated: VideoCodec,
        record: &Bytes,
        nominal_milli: Option<u32>,
        out: &mut Vec<Output>,
    ) -> Result<(), FlvError> {
        if self.codec.is_some() && self.received == *record {
            return Ok(());
        }
        let nothing = || (Sets::default(), None);
        let (codec, (sets, length_size), av1) = match stated {
            VideoCodec::Avc => match (avc::read_record(record), hevc::read_record(record)) {
                (Ok((sets, _)), Ok(as_hevc)) if sets.is_empty() && !as_hevc.0.is_empty() => {
                    (VideoCodec::Hevc, as_hevc, None)
                }
                (Err(_), Ok(as_hevc)) => (VideoCodec::Hevc, as_hevc, None),
                (read, _) => (VideoCodec::Avc, read.map_err(bad_video)?, None),
            },
            VideoCodec::Hevc => (VideoCodec::Hevc, hevc::read_record(record).map_err(bad_video)?, None),
            VideoCodec::Av1 => (VideoCodec::Av1, nothing(), av1::read_record(record).map_err(bad_video)?),
        };
        // A picture that is held is of the old configuration.
        let held = self.finish(nominal_milli, out);
        self.become_codec(codec);
        self.received = record.clone();
        self.framer.state_length_size(length_size.unwrap_or(4));
        if !sets.is_empty() {
            (self.sets, self.seen) = (sets.clone(), sets);
        }
        self.av1 = av1.or(self.av1.take());
        self.configure(None, nominal_milli, out);
        held.and(self.refused.clone().map_or(Ok(()), Err))
    }

    fn become_codec(&mut self, codec: VideoCodec) {
        if self.codec != Some(codec) {
            (self.sets, self.seen, self.av1) = Default::default();
            (self.codec, self.framer, self.config) = (Some(codec), Framer::default(), None);
            (self.open_gop, self.refused) = (false, None);
            self.received = Bytes::new();
        }
    }

    /// Reads the data of a frame's tag; `None` if nothing of it is needed.
    fn content(
        &mut self,
        stated: VideoCodec,
        data: &Bytes,
        nominal_milli: Option<u32>,
        out: &mut Vec<Output>,
    ) -> Result<Option<(Place, Content)>, FlvError> {
        if stated == VideoCodec::Av1 {
            let piece = av1::piece(data, self.av1.as_ref()).map_err(bad_video)?;
            self.meet(VideoCodec::Av1, piece.header.is_some(), nominal_milli, out)?;
            let place = if piece.has_frame {
                let continues = piece.key.is_none() && !piece.delimited;
                Place::Picture { continues, begins: piece.delimited, field: None }
            } else {
                Place::Before
            };
            return Ok(Some((place, Content::Piece(piece))));
        }
        let units = self.framer.split(data).map_err(bad_video)?;
        // Under H.264's id 7 old builds of OBS send H.265.
        let disguised = stated == VideoCodec::Avc
            && (self.codec == Some(VideoCodec::Hevc) || hevc::is_disguised(units.iter()));
        let codec = if disguised { VideoCodec::Hevc } else { stated };
        let brings_sets = units
            .iter()
            .any(|unit| matches!(kind(codec, unit, &Sets::default()), UnitKind::Set(SetKind::Sequence, _)));
        self.meet(codec, brings_sets, nominal_milli, out)?;
        let mut place = None;
        for unit in units.iter() {
            match kind(codec, unit, &self.seen) {
                UnitKind::Set(set, id) => {
                    self.seen.put(set, id, unit);
                    place = place.or(Some(Place::Before));
                }
                UnitKind::Slice(slice) if !matches!(place, Some(Place::Picture { .. })) => {
                    let begins = slice.first && slice.field.is_none();
                    place = Some(Place::Picture { continues: !slice.first, begins, field: slice.field });
                }
                UnitKind::Before | UnitKind::Recovery => place = place.or(Some(Place::Before)),
                _ => {}
            }
        }
        Ok(place.map(|place| (place, Content::Units(units))))
    }

    /// Makes sure that a frame is of the stream's codec, or that the stream changes to another by itself.
    fn meet(
        &mut self,
        codec: VideoCodec,
        brings_sets: bool,
        nominal_milli: Option<u32>,
        out: &mut Vec<Output>,
    ) -> Result<(), FlvError> {
        match self.codec {
            Some(current) if current == codec => Ok(()),
            Some(_) if !brings_sets => Err(FlvError::NoConfig { track: "video" }),
            _ => {
                let held = self.finish(nominal_milli, out);
                self.become_codec(codec);
                held
            }
        }
    }

    /// A picture is complete.
    fn complete(
        &mut self,
        unit: &AccessUnit<Content>,
        nominal_milli: Option<u32>,
        out: &mut Vec<Output>,
    ) -> Result<(), FlvError> {
        let (key, data) = match self.codec {
            Some(VideoCodec::Av1) => self.complete_av1(unit, nominal_milli, out),
            codec => self.complete_units(codec.unwrap_or(VideoCodec::Avc), unit, nominal_milli, out),
        };
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        if self.config.is_none() {
            return Err(FlvError::NoConfig { track: "video" });
        }
        out.push(Output::Frame { times: unit.times, key, data, arrived_at: unit.arrived_at });
        Ok(())
    }

    fn complete_units(
        &mut self,
        codec: VideoCodec,
        unit: &AccessUnit<Content>,
        nominal_milli: Option<u32>,
        out: &mut Vec<Output>,
    ) -> (bool, Bytes) {
        let parts = || {
            unit.contents.iter().filter_map(|content| match content {
                Content::Units(units) => Some(units),
                Content::Piece(_) => None,
            })
        };
        let units = || parts().flat_map(Units::iter);
        let (mut random_access, mut intra, mut recovery, mut picture_set) = (false, true, false, None);
        let mut changed = false;
        for unit in units() {
            match kind(codec, unit, &self.sets) {
                UnitKind::Set(set, id) => {
                    if set == SetKind::Sequence {
                        self.check(sequence_picture(codec, unit));
                    }
                    changed |= !self.configured.holds(set, id, unit);
                    self.sets.put(set, id, unit);
                }
                UnitKind::Slice(slice) => {
                    random_access |= slice.random_access;
                    intra &= slice.intra;
                    picture_set = picture_set.or(slice.picture_set);
                }
                UnitKind::Recovery => recovery = true,
                _ => {}
            }
        }
        // The flag of the tag alone is not believed: a frame that is predicted from others is no key frame. A picture
        // of intra slices, and one from which decoding recovers, are as good as IDR pictures where nothing better comes.
        let key = random_access || (unit.flagged && (intra || recovery));
        if key {
            self.open_gop |= !random_access;
            self.configure(picture_set, nominal_milli, out);
            changed = false;
        }
        let keep = |unit: &&[u8]| match kind(codec, unit, &self.sets) {
            UnitKind::Set(..) => changed,
            UnitKind::Padding | UnitKind::Unreadable => false,
            _ => true,
        };
        let data = match &unit.contents[..] {
            [Content::Units(whole)]
                if whole.intact && whole.iter().all(|unit| keeps_in_place(&keep, codec, unit)) =>
            {
                whole.data.clone()
            }
            _ => sample(units().filter(keep)),
        };
        (key, data)
    }

    fn complete_av1(
        &mut self,
        unit: &AccessUnit<Content>,
        nominal_milli: Option<u32>,
        out: &mut Vec<Output>,
    ) -> (bool, Bytes) {
        let pieces = || {
            unit.contents.iter().filter_map(|content| match content {
                Content::Piece(piece) => Some(piece),
                Content::Units(_) => None,
            })
        };
        let key = pieces().find_map(|piece| piece.key).unwrap_or(unit.flagged);
        let begins = key || self.config.is_none();
        // A decoder takes a header from any temporal unit.
        for header in pieces().filter_map(|piece| piece.header.as_ref()) {
            self.check(Some(header.picture()));
        }
        if let Some(header) = pieces().find_map(|piece| piece.header.as_ref()).filter(|_| begins) {
            self.av1 = Some(header.clone());
        }
        if begins {
            self.configure(None, nominal_milli, out);
        }
        let data = match &unit.contents[..] {
            [Content::Piece(piece)] => piece.data.clone(),
            _ => pieces().flat_map(|piece| piece.data.iter().copied()).collect(),
        };
        (key, data)
    }

    /// Gives out the configuration that pictures with `picture_set` need, if all of it is there and it is a new one.
    fn configure(&mut self, picture_set: Option<u8>, nominal_milli: Option<u32>, out: &mut Vec<Output>) {
        let Some((codec, picture, record)) = self.description(picture_set) else { return };
        self.refused = self.limits.check(&picture).err();
        if self.refused.is_some() {
            return;
        }
        let mut config = picture.config(codec, record, nominal_milli);
        config.open_gop = self.open_gop;
        if let Some(current) = &self.config {
            // A rate that only the metadata says is no reason to interrupt a broadcast.
            let nominal = std::mem::replace(&mut config.frame_rate_milli, current.frame_rate_milli);
            if config == **current {
                self.configured = self.sets.clone();
                return;
            }
            config.frame_rate_milli = nominal;
        }
        let config = Arc::new(config);
        self.configured = self.sets.clone();
        self.config = Some(Arc::clone(&config));
        out.push(Output::Config(config));
    }

    /// Pictures that a decoder must not get are not passed on, until a configuration comes that may be.
    fn check(&mut self, picture: Option<Picture>) {
        self.refused = self.refused.take().or_else(|| self.limits.check(&picture?).err());
    }

    fn description(&self, picture_set: Option<u8>) -> Option<(VideoCodec, Picture, Bytes)> {
        let codec = self.codec?;
        let (picture, record) = match codec {
            VideoCodec::Avc => {
                (avc::picture(&self.sets, picture_set)?, avc::build_record(&self.sets, picture_set)?)
            }
            VideoCodec::Hevc => {
                (hevc::picture(&self.sets, picture_set)?, hevc::build_record(&self.sets, picture_set)?)
            }
            VideoCodec::Av1 => {
                let header = self.av1.as_ref()?;
                (header.picture(), header.build_record())
            }
        };
        Some((codec, picture, record))
    }
}

/// The picture of a sequence parameter set, a whole NAL unit.
fn sequence_picture(codec: VideoCodec, unit: &[u8]) -> Option<Picture> {
    match codec {
        VideoCodec::Hevc => hevc::sequence_picture(unit),
        VideoCodec::Avc | VideoCodec::Av1 => avc::sequence_picture(unit),
    }
}

fn kind(codec: VideoCodec, unit: &[u8], sets: &Sets) -> UnitKind {
    match codec {
        VideoCodec::Hevc => hevc::kind(unit, sets),
        VideoCodec::Avc | VideoCodec::Av1 => avc::kind(unit, sets),
    }
}

/// True if a unit may stay where nothing else asks for a copy: delimiters and filler do no harm.
fn keeps_in_place(keep: &impl Fn(&&[u8]) -> bool, codec: VideoCodec, unit: &[u8]) -> bool {
    keep(&unit) || kind(codec, unit, &Sets::default()) == UnitKind::Padding
}
