//! Initialisation sections: `ftyp` + `moov` (ISO/IEC 14496-12 §4.3, §8.2) without samples.

use bytes::Bytes;
use mp4_atom::{
    Atom, Audio, Av01, Av1c, Avc1, Avcc, BufMut, Codec, Colr, Dinf, Dref, DrefEntry, Encode, FixedPoint,
    FourCC, Ftyp, Hdlr, Hvc1, Hvcc, Mdhd, Mdia, Minf, Moov, Mp4a, Mvex, Mvhd, Pasp, Smhd, Stbl, Stco, Stsd,
    Stsz, StszSamples, Tkhd, Trak, Trex, Url, Visual, Vmhd, esds,
};

use super::{
    AUDIO_TRACK_ID, AudioTrack, Colour, Error, FLAGS_NON_SYNC, FLAGS_SYNC, VIDEO_TIMESCALE, VIDEO_TRACK_ID,
    VideoCodec, VideoTrack, pixel_shape,
};

/// ISO/IEC 14496-1 table 5: MPEG-4 audio.
const OBJECT_TYPE_MPEG4_AUDIO: u8 = 0x40;
/// ISO/IEC 14496-1 table 6: audio stream.
const STREAM_TYPE_AUDIO: u8 = 5;

/// The initialisation section of a presentation with these tracks. The same tracks give the same
/// bytes, so equal sections need not be announced twice.
///
/// # Errors
/// [`Error::NoTracks`] without tracks, or the fault in a track's record or numbers.
pub fn init_section(video: Option<&VideoTrack>, audio: Option<&AudioTrack>) -> Result<Bytes, Error> {
    let mut traks = Vec::new();
    let mut trex = Vec::new();
    if let Some(track) = video {
        traks.push(video_trak(track)?);
        trex.push(defaults(VIDEO_TRACK_ID, FLAGS_NON_SYNC));
    }
    if let Some(track) = audio {
        traks.push(audio_trak(track)?);
        trex.push(defaults(AUDIO_TRACK_ID, FLAGS_SYNC));
    }
    if traks.is_empty() {
        return Err(Error::NoTracks);
    }
    let brand = FourCC::new(b"iso6");
    let ftyp = Ftyp {
        major_brand: brand,
        minor_version: 0,
        compatible_brands: vec![brand, FourCC::new(b"iso5"), FourCC::new(b"mp41")],
    };
    let mvhd = Mvhd {
        timescale: VIDEO_TIMESCALE,
        rate: 1.into(),
        volume: 1.into(),
        next_track_id: AUDIO_TRACK_ID + 1,
        ..Mvhd::default()
    };
    let mvex = Mvex { mehd: None, trex };
    let mut bytes = Vec::new();
    ftyp.encode(&mut bytes).map_err(Error::Write)?;
    // `Moov` itself would write `mvex` ahead of the tracks; the customary order is tracks first.
    bytes
        .encode_atom(Moov::KIND, |buf| {
            mvhd.encode(buf)?;
            traks.iter().try_for_each(|trak| trak.encode(buf))?;
            mvex.encode(buf)
        })
        .map_err(Error::Write)?;
    Ok(bytes.into())
}

fn defaults(track_id: u32, flags: u32) -> Trex {
    Trex { track_id, default_sample_description_index: 1, default_sample_flags: flags, ..Trex::default() }
}

fn video_trak(track: &VideoTrack) -> Result<Trak, Error> {
    let (width, height) = track.check()?;
    let visual = Visual { data_reference_index: 1, width, height, ..Visual::default() };
    let (colr, pasp) = (colr(track.colour), pasp(track.sample_aspect));
    let codec = match track.codec {
        VideoCodec::Avc => {
            Codec::Avc1(Avc1 { visual, avcc: avcc(&track.record)?, colr, pasp, ..Avc1::default() })
        }
        VideoCodec::Hevc => {
            Codec::Hvc1(Hvc1 { visual, hvcc: hvcc(&track.record)?, colr, pasp, ..Hvc1::default() })
        }
        VideoCodec::Av1 => {
            Codec::Av01(Av01 { visual, av1c: av1c(&track.record)?, colr, pasp, ..Av01::default() })
        }
    };
    let (shown, _) = track.display_size();
    let shown =
        u16::try_from(shown).map_err(|_| Error::PictureSize { width: shown, height: track.height })?;
    let tkhd = Tkhd { width: shown.into(), height: height.into(), ..tkhd(VIDEO_TRACK_ID) };
    Ok(trak(tkhd, VIDEO_TIMESCALE, b"vide", codec))
}

/// The colour box (ISO/IEC 14496-12 §12.1.5); none if there is nothing to say.
fn colr(colour: Colour) -> Option<Colr> {
    (colour != Colour::UNSPECIFIED).then(|| Colr::Nclx {
        colour_primaries: colour.primaries.into(),
        transfer_characteristics: colour.transfer.into(),
        matrix_coefficients: colour.matrix.into(),
        full_range_flag: colour.full_range,
    })
}

/// The shape of a pixel (ISO/IEC 14496-12 §12.1.4); none if it is square.
fn pasp(sample_aspect: (u32, u32)) -> Option<Pasp> {
    let (h_spacing, v_spacing) = pixel_shape(sample_aspect);
    (h_spacing != v_spacing).then_some(Pasp { h_spacing, v_spacing })
}

fn audio_trak(track: &AudioTrack) -> Result<Trak, Error> {
    track.check()?;
    let audio = Audio {
        data_reference_index: 1,
        channel_count: track.channels,
        sample_size: 16,
        // 16.16 fixed point cannot say 96 kHz; 0 sends the reader to the AudioSpecificConfig.
        sample_rate: FixedPoint::new(u16::try_from(track.sample_rate_hz).unwrap_or(0), 0),
    };
    let dec_config = esds::DecoderConfig {
        object_type_indication: OBJECT_TYPE_MPEG4_AUDIO,
        stream_type: STREAM_TYPE_AUDIO,
        dec_specific: Some(esds::DecoderSpecific {
            raw: track.record.to_vec(),
            ..esds::DecoderSpecific::default()
        }),
        ..esds::DecoderConfig::default()
    };
    let es_desc = esds::EsDescriptor { dec_config, ..esds::EsDescriptor::default() };
    let codec = Codec::Mp4a(Mp4a { audio, esds: mp4_atom::Esds { es_desc }, btrt: None, taic: None });
    let tkhd = Tkhd { volume: 1.into(), alternate_group: 1, ..tkhd(AUDIO_TRACK_ID) };
    Ok(trak(tkhd, track.sample_rate_hz, b"soun", codec))
}

fn tkhd(track_id: u32) -> Tkhd {
    Tkhd { track_id, enabled: true, in_movie: true, ..Tkhd::default() }
}

fn trak(tkhd: Tkhd, timescale: u32, handler: &[u8; 4], codec: Codec) -> Trak {
    let video = handler == b"vide";
    let stbl = Stbl {
        stsd: Stsd { codecs: vec![codec] },
        stsz: Stsz { samples: StszSamples::Identical { count: 0, size: 0 } },
        stco: Some(Stco::default()),
        ..Stbl::default()
    };
    let minf = Minf {
        vmhd: video.then(Vmhd::default),
        smhd: (!video).then(Smhd::default),
        dinf: Dinf { dref: Dref { entries: vec![DrefEntry::Url(Url::default())] } },
        stbl,
        ..Minf::default()
    };
    let name = if video { "video" } else { "audio" };
    let mdia = Mdia {
        mdhd: Mdhd { timescale, language: "und".to_owned(), ..Mdhd::default() },
        hdlr: Hdlr { handler: FourCC::new(handler), name: name.to_owned() },
        minf,
    };
    Trak { tkhd, mdia, ..Trak::default() }
}

/// Parses an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1).
pub(super) fn avcc(record: &[u8]) -> Result<Avcc, Error> {
    let kind = "avcC";
    let mut avcc = Avcc::decode_body(&mut &*record).map_err(|source| Error::Record { kind, source })?;
    if avcc.sequence_parameter_sets.is_empty() || avcc.picture_parameter_sets.is_empty() {
        return Err(Error::NoParameterSets { kind });
    }
    avcc.length_size = 4;
    Ok(avcc)
}

/// Parses an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1).
pub(super) fn hvcc(record: &[u8]) -> Result<Hvcc, Error> {
    let kind = "hvcC";
    let mut hvcc = Hvcc::decode_body(&mut &*record).map_err(|source| Error::Record { kind, source })?;
    if hvcc.arrays.iter().all(|array| array.nalus.is_empty()) {
        return Err(Error::NoParameterSets { kind });
    }
    hvcc.configuration_version = 1;
    hvcc.length_size_minus_one = 3;
    // `hvc1` promises that all parameter sets are here and none in the samples.
    for array in &mut hvcc.arrays {
        array.completeness = true;
    }
    Ok(hvcc)
}

/// Parses an AV1CodecConfigurationRecord (AV1 ISO-BMFF binding §2.3).
pub(super) fn av1c(record: &[u8]) -> Result<Av1c, Error> {
    Av1c::decode_body(&mut &*record).map_err(|source| Error::Record { kind: "av1C", source })
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Any, Decode};
    use proptest::prelude::*;

    use super::*;
    use crate::cmaf::{Colour, MAX_RECORD_BYTES, codecs};

    /// The record of a 320×180 Constrained Baseline stream by x264.
    const AVCC: &[u8] = &[
        0x01, 0x42, 0xC0, 0x0D, 0xFF, 0xE1, 0x00, 0x19, 0x67, 0x42, 0xC0, 0x0D, 0xD9, 0x01, 0x41, 0x9F, 0x9F,
        0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xC0, 0xF1, 0x42, 0xA4, 0x80, 0x01,
        0x00, 0x05, 0x68, 0xCB, 0x83, 0xCB, 0x20,
    ];

    fn video() -> VideoTrack {
        VideoTrack {
            codec: VideoCodec::Avc,
            record: Bytes::from_static(AVCC),
            width: 320,
            height: 180,
            sample_aspect: (1, 1),
            colour: Colour::UNSPECIFIED,
        }
    }

    fn audio() -> AudioTrack {
        AudioTrack { record: Bytes::from_static(&[0x11, 0x90]), sample_rate_hz: 48_000, channels: 2 }
    }

    fn boxes(mut bytes: &[u8]) -> Vec<Any> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            all.push(Any::decode(&mut bytes).unwrap());
        }
        all
    }

    #[test]
    fn a_muxed_section_describes_both_tracks() {
        let bytes = init_section(Some(&video()), Some(&audio())).unwrap();
        let [Any::Ftyp(_), Any::Moov(moov)] = &boxes(&bytes)[..] else { panic!("unexpected boxes") };
        let ids: Vec<_> = moov.trak.iter().map(|t| (t.tkhd.track_id, t.mdia.mdhd.timescale)).collect();
        assert_eq!(ids, [(1, 90_000), (2, 48_000)]);
        let Codec::Avc1(entry) = &moov.trak[0].mdia.minf.stbl.stsd.codecs[0] else { panic!("no avc1") };
        assert_eq!((entry.visual.width, entry.visual.height, entry.avcc.length_size), (320, 180, 4));
        let Codec::Mp4a(entry) = &moov.trak[1].mdia.minf.stbl.stsd.codecs[0] else { panic!("no mp4a") };
        assert_eq!(entry.esds.es_desc.dec_config.dec_specific.as_ref().unwrap().raw, [0x11, 0x90]);
        let trex = &moov.mvex.as_ref().unwrap().trex;
        assert_eq!(trex.iter().map(|t| t.track_id).collect::<Vec<_>>(), [1, 2]);
    }

    /// ffprobe reads the golden file as h264, 320×180, 1/90000, and aac,
    /// 48000 Hz, stereo, 1/48000.
    #[test]
    fn a_section_has_the_golden_bytes() {
        let golden = include_bytes!("golden/init.mp4");
        assert_eq!(init_section(Some(&video()), Some(&audio())).unwrap(), &golden[..]);
    }

    /// ffprobe reads the golden file as 320×180 with pixels of 4:3, shown as 64:27, and as bt2020, smpte2084,
    /// bt2020nc, tv.
    #[test]
    fn a_section_of_a_wide_pq_picture_has_the_golden_bytes() {
        let colour = Colour { primaries: 9, transfer: 16, matrix: 9, full_range: false };
        let track = VideoTrack { sample_aspect: (4, 3), colour, ..video() };
        let golden = include_bytes!("golden/init-pq-wide.mp4");
        assert_eq!(init_section(Some(&track), None).unwrap(), &golden[..]);
    }

    #[test]
    fn every_sample_entry_says_colour_and_shape_and_none_says_nothing() {
        let bt709 = Colour { primaries: 1, transfer: 1, matrix: 1, full_range: true };
        for (sample_aspect, colour) in
            [((1, 1), Colour::UNSPECIFIED), ((64, 45), bt709), ((2, 2), bt709), ((0, 3), Colour::UNSPECIFIED)]
        {
            let wide = sample_aspect == (64, 45);
            let track = VideoTrack { sample_aspect, colour, ..video() };
            let bytes = init_section(Some(&track), None).unwrap();
            let [Any::Ftyp(_), Any::Moov(moov)] = &boxes(&bytes)[..] else { panic!("unexpected boxes") };
            let Codec::Avc1(entry) = &moov.trak[0].mdia.minf.stbl.stsd.codecs[0] else { panic!("no avc1") };
            let shape = entry.pasp.as_ref().map(|pasp| (pasp.h_spacing, pasp.v_spacing));
            assert_eq!(shape, wide.then_some((64, 45)));
            let said = matches!(
                entry.colr,
                Some(Colr::Nclx {
                    colour_primaries: 1,
                    transfer_characteristics: 1,
                    matrix_coefficients: 1,
                    full_range_flag: true
                })
            );
            assert_eq!(said, colour == bt709);
            assert_eq!(entry.colr.is_none(), colour == Colour::UNSPECIFIED);
            let shown: u16 = moov.trak[0].tkhd.width.integer();
            assert_eq!(shown, if wide { 455 } else { 320 });
        }
    }

    #[test]
    fn each_track_alone_makes_a_section() {
        assert!(init_section(Some(&video()), None).is_ok());
        assert!(init_section(None, Some(&audio())).is_ok());
        assert!(matches!(init_section(None, None), Err(Error::NoTracks)));
    }

    #[test]
    fn numbers_that_a_sample_entry_cannot_say_are_refused() {
        let flat = VideoTrack { height: 0, ..video() };
        assert!(matches!(init_section(Some(&flat), None), Err(Error::PictureSize { .. })));
        let wide = VideoTrack { width: 65_536, ..video() };
        assert!(matches!(init_section(Some(&wide), None), Err(Error::PictureSize { .. })));
        let mute = AudioTrack { channels: 0, ..audio() };
        assert!(matches!(init_section(None, Some(&mute)), Err(Error::AudioFormat { .. })));
        let shown = VideoTrack { width: 60_000, sample_aspect: (2, 1), ..video() };
        assert!(matches!(init_section(Some(&shown), None), Err(Error::PictureSize { width: 120_000, .. })));
        let long = VideoTrack { record: vec![1; MAX_RECORD_BYTES + 1].into(), ..video() };
        assert!(matches!(init_section(Some(&long), None), Err(Error::RecordTooLong { .. })));
        let empty = VideoTrack { record: Bytes::from_static(&[1, 66, 0, 30, 255, 0xE0, 0]), ..video() };
        assert!(matches!(init_section(Some(&empty), None), Err(Error::NoParameterSets { .. })));
    }

    proptest! {
        #[test]
        fn a_hostile_record_is_refused_or_written_but_never_panics(
            record in proptest::collection::vec(any::<u8>(), 0..200),
            version in prop_oneof![Just(1u8), Just(0x81), any::<u8>()],
            codec in prop_oneof![Just(VideoCodec::Avc), Just(VideoCodec::Hevc), Just(VideoCodec::Av1)],
        ) {
            let mut bytes = vec![version];
            bytes.extend(&record);
            let track = VideoTrack { codec, record: bytes.into(), width: 16, height: 16, ..video() };
            let audio = AudioTrack { record: record.into(), sample_rate_hz: 44_100, channels: 1 };
            let _ = codecs(Some(&track), Some(&audio));
            if let Ok(section) = init_section(Some(&track), Some(&audio)) {
                prop_assert!(matches!(boxes(&section)[..], [Any::Ftyp(_), Any::Moov(_)]));
            }
        }

        #[test]
        fn a_damaged_record_never_panics(at in 0..AVCC.len(), value: u8, cut in 0..AVCC.len()) {
            let mut record = AVCC.to_vec();
            record[at] = value;
            record.truncate(AVCC.len() - cut);
            let track = VideoTrack { record: record.into(), ..video() };
            let _ = init_section(Some(&track), None);
        }
    }
}
