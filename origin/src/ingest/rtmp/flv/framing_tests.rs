//! Tests of what encoders in the field send instead of what FLV wants: the same picture must come of it.

use super::avc::tests::{CROPPED, RECORD};
use super::*;
use crate::media::VideoCodec;

/// Slices of a picture at its beginning: `first_mb_in_slice` 0, I; the same, P; and a later one, I.
const IDR: &[u8] = &[0x65, 0x88, 0x84, 0x21];
const PREDICTED: &[u8] = &[0x41, 0x9a, 0x24, 0x6c];
const LATER: &[u8] = &[0x65, 0x04, 0xe2, 0x21, 0x7f];
const DELIMITER: &[u8] = &[0x09, 0xf0];
const SEI: &[u8] = &[0x06, 0x05, 0x01, 0xaa, 0x80];

/// Sequence and picture parameter set of an `avcC` record.
fn sets(record: &'static [u8]) -> (&'static [u8], &'static [u8]) {
    let size = usize::from(u16::from_be_bytes([record[6], record[7]]));
    let (sps, rest) = record[8..].split_at(size);
    let size = usize::from(u16::from_be_bytes([rest[1], rest[2]]));
    (sps, &rest[3..3 + size])
}

fn lengths(units: &[&[u8]]) -> Vec<u8> {
    let length = |unit: &&[u8]| u32::try_from(unit.len()).unwrap().to_be_bytes();
    units.iter().flat_map(|unit| [&length(unit)[..], unit].concat()).collect()
}

fn codes(units: &[&[u8]]) -> Vec<u8> {
    units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
}

/// A broadcast tag by tag.
#[derive(Default)]
struct Stream {
    demuxer: Demuxer,
    out: VecDeque<MediaEvent>,
    errors: Vec<FlvError>,
}

impl Stream {
    fn header(mut self, record: &[u8]) -> Self {
        self.tag(0, [&[0x17, 0, 0, 0, 0], record].concat());
        self
    }

    fn frame(mut self, ms: u32, key: bool, data: &[u8]) -> Self {
        self.tag(ms, [&[if key { 0x17 } else { 0x27 }, 1, 0, 0, 0], data].concat());
        self
    }

    fn tag(&mut self, ms: u32, payload: Vec<u8>) {
        self.errors.extend(self.demuxer.video(ms, &payload.into(), WallTime(1), &mut self.out).err());
    }

    /// The output: each configuration's width, each frame as its time, true for a key frame, and its data.
    fn end(mut self) -> Vec<Out> {
        self.demuxer.finish(&mut self.out);
        assert_eq!(self.errors, []);
        let out = self.out.into_iter().map(|event| match event {
            MediaEvent::Video(config) => Out::Config(config.width),
            MediaEvent::Frame(frame) => Out::Frame(frame.dts.micros() / 1000, frame.key, frame.data.to_vec()),
            other => panic!("{other:?}"),
        });
        out.collect()
    }
}

#[derive(PartialEq, Eq, Debug)]
enum Out {
    Config(u32),
    Frame(i64, bool, Vec<u8>),
}

use Out::{Config, Frame as F};

fn plain() -> Vec<Out> {
    vec![Config(1280), F(0, true, lengths(&[IDR])), F(40, false, lengths(&[PREDICTED]))]
}

#[test]
fn start_codes_for_lengths_make_no_difference() {
    for (key, delta) in [
        (codes(&[IDR]), codes(&[PREDICTED])),
        ([&[0, 0, 1], IDR].concat(), [&[0, 0, 1], PREDICTED].concat()),
        (lengths(&[&codes(&[IDR])]), lengths(&[PREDICTED])),
        (codes(&[DELIMITER, IDR]), codes(&[DELIMITER, PREDICTED])),
    ] {
        let stream = Stream::default().header(RECORD).frame(0, true, &key).frame(40, false, &delta);
        assert_eq!(stream.end(), plain(), "{key:02x?}");
    }
}

#[test]
fn a_tag_for_each_slice_is_one_picture() {
    let whole = vec![Config(1280), F(0, true, lengths(&[IDR, LATER])), F(40, false, lengths(&[PREDICTED]))];
    for (first, second) in [(lengths(&[IDR]), lengths(&[LATER])), (codes(&[IDR]), codes(&[LATER]))] {
        for ms in [0, 3] {
            let stream = Stream::default().header(RECORD).frame(0, true, &first).frame(ms, false, &second);
            assert_eq!(stream.frame(40, false, &lengths(&[PREDICTED])).end(), whole);
        }
    }
}

#[test]
fn parameter_sets_delimiters_and_sei_in_tags_of_their_own_are_joined_on() {
    let (sps, pps) = sets(RECORD);
    let stream = Stream::default()
        .frame(0, true, &lengths(&[DELIMITER]))
        .frame(0, true, &lengths(&[sps, pps]))
        .frame(0, false, &lengths(&[SEI]))
        .frame(0, true, &lengths(&[IDR]))
        .frame(40, false, &lengths(&[DELIMITER]))
        .frame(40, false, &lengths(&[PREDICTED]));
    let whole = vec![Config(1280), F(0, true, lengths(&[SEI, IDR])), F(40, false, lengths(&[PREDICTED]))];
    assert_eq!(stream.end(), whole);
}

#[test]
fn parameter_sets_in_the_stream_make_up_for_a_header_that_is_missing_or_empty_or_lies() {
    let (sps, pps) = sets(RECORD);
    let key = lengths(&[sps, pps, IDR]);
    let without_pps = &RECORD[..8 + sps.len()];
    let empty = [&RECORD[..5], &[0xe0, 0]].concat();
    for header in [&[][..], &empty, without_pps, &codes(&[sps, pps])] {
        let stream =
            Stream::default().header(header).frame(0, true, &key).frame(40, false, &lengths(&[PREDICTED]));
        assert_eq!(stream.end(), plain(), "{header:02x?}");
    }
    // 1920 pixels in the header, 1280 in the stream, and the header is repeated.
    let stream = Stream::default().header(CROPPED).frame(0, true, &key).header(CROPPED);
    let out = stream.frame(40, false, &lengths(&[PREDICTED])).frame(80, true, &key).end();
    let mut expected = plain();
    expected.insert(0, Config(1920));
    expected.push(F(80, true, lengths(&[IDR])));
    assert_eq!(out, expected);
}

#[test]
fn sets_that_change_in_a_key_frame_are_a_new_configuration_and_repeated_ones_are_none() {
    let ((sps, pps), (new_sps, new_pps)) = (sets(RECORD), sets(CROPPED));
    let stream = Stream::default()
        .header(RECORD)
        .frame(0, true, &lengths(&[sps, pps, IDR]))
        .frame(40, true, &lengths(&[new_sps, new_pps, IDR]))
        .frame(80, true, &lengths(&[new_sps, new_pps, IDR]))
        .frame(120, true, &lengths(&[IDR]));
    let key = || lengths(&[IDR]);
    let expected = vec![
        Config(1280),
        F(0, true, key()),
        Config(1920),
        F(40, true, key()),
        F(80, true, key()),
        F(120, true, key()),
    ];
    assert_eq!(stream.end(), expected);
}

#[test]
fn sets_that_change_between_key_frames_stay_where_the_decoder_needs_them() {
    let (sps, pps) = sets(RECORD);
    let changed = [pps, &[0x80]].concat();
    let stream = Stream::default()
        .header(RECORD)
        .frame(0, true, &lengths(&[IDR]))
        .frame(40, false, &lengths(&[sps, pps, PREDICTED]))
        .frame(80, false, &lengths(&[&changed, PREDICTED]))
        .frame(120, true, &lengths(&[IDR]));
    let expected = vec![
        Config(1280),
        F(0, true, lengths(&[IDR])),
        F(40, false, lengths(&[PREDICTED])),
        F(80, false, lengths(&[&changed, PREDICTED])),
        Config(1280),
        F(120, true, lengths(&[IDR])),
    ];
    assert_eq!(stream.end(), expected);
}

#[test]
fn a_frame_that_is_predicted_from_others_is_no_key_frame_whatever_its_tag_says() {
    let recovery: &[u8] = &[6, 6, 1, 0xc4, 0x80];
    let intra: &[u8] = &[0x41, 0x88, 0x84, 0x21];
    let stream = Stream::default()
        .header(RECORD)
        .frame(0, false, &lengths(&[IDR]))
        .frame(40, true, &lengths(&[PREDICTED]))
        .frame(80, true, &lengths(&[recovery, PREDICTED]))
        .frame(120, true, &lengths(&[intra]))
        .frame(160, false, &lengths(&[intra]));
    let out = stream.end();
    let keys: Vec<_> =
        out.iter().filter_map(|out| if let F(_, key, _) = out { Some(*key) } else { None }).collect();
    assert_eq!(keys, [true, false, true, true, false]);
    // From the first key frame that is no IDR picture on the track is one at which not everybody can begin.
    let configs: Vec<_> =
        out.iter().enumerate().filter(|(_, out)| matches!(out, Config(_))).map(|(at, _)| at).collect();
    assert_eq!(configs, [0, 3]);
}

#[test]
fn lengths_of_another_size_than_the_header_says_are_taken() {
    let two = |unit: &[u8]| [&u16::try_from(unit.len()).unwrap().to_be_bytes()[..], unit].concat();
    let stream = Stream::default().header(RECORD).frame(0, true, &two(IDR)).frame(40, false, &two(PREDICTED));
    assert_eq!(stream.end(), plain());
}

#[test]
fn frames_of_which_nothing_is_known_are_an_error_each() {
    let mut stream =
        Stream::default().frame(0, true, &lengths(&[IDR])).frame(40, false, &lengths(&[PREDICTED]));
    stream = stream.frame(80, false, &lengths(&[PREDICTED]));
    assert_eq!(stream.errors, [FlvError::NoConfig { track: "video" }, FlvError::NoConfig { track: "video" }]);
    assert!(stream.out.is_empty());
}

/// Units of an `hvcC` record.
fn hevc_sets() -> Vec<&'static [u8]> {
    let mut rest = &super::hevc::tests::RECORD[23..];
    let mut units = Vec::new();
    while let [_, 0, 1, high, low, after @ ..] = rest {
        let (unit, after) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        units.push(unit);
        rest = after;
    }
    units
}

#[test]
fn hevc_needs_no_header_and_no_lengths_either_under_each_of_its_names() {
    let slice: &[u8] = &[0x26, 0x01, 0xaf, 0x09];
    let all = [&hevc_sets()[..], &[slice]].concat();
    for data in [codes(&all), lengths(&all)] {
        for head in
            [&[0x17, 1, 0, 0, 0][..], &[0x1c, 1, 0, 0, 0], &[&[0x91][..], b"hvc1", &[0, 0, 0]].concat()]
        {
            let mut stream = Stream::default();
            stream.tag(0, [head, &data].concat());
            stream.demuxer.finish(&mut stream.out);
            assert_eq!(stream.errors, []);
            assert_eq!(stream.demuxer.video_config().unwrap().codec, VideoCodec::Hevc);
            let [MediaEvent::Video(config), MediaEvent::Frame(frame)] = stream.out.make_contiguous() else {
                panic!()
            };
            assert_eq!((config.width, config.height, frame.key), (1920, 1080, true));
            assert_eq!(frame.data[..], lengths(&[slice]));
        }
    }
}

#[test]
fn av1_needs_no_header_and_its_sequence_header_may_change() {
    let sequence = [0x0a, 0x0c, 0x02, 0, 0, 0x42, 0x95, 0x5d, 0xfe, 0x1b, 0x80, 0x5f, 0, 0x08];
    // Its width less one pixel.
    let mut smaller = sequence;
    smaller[7] = 0x5d;
    smaller[8] = 0xfa;
    let key = [0x32, 2, 0x10, 7];
    let mut stream = Stream::default();
    for (ms, header) in [(0, &sequence[..]), (40, &sequence), (80, &smaller), (120, &[])] {
        stream.tag(ms, [&b"\x91av01"[..], &[0x12, 0], header, &key].concat());
    }
    stream.demuxer.finish(&mut stream.out);
    assert_eq!(stream.errors, []);
    let configs: Vec<_> = stream.out.iter().filter(|event| matches!(event, MediaEvent::Video(_))).collect();
    assert_eq!((configs.len(), stream.out.len()), (2, 6));
}

#[test]
fn a_stream_may_go_on_in_another_codec() {
    let slice: &[u8] = &[0x26, 0x01, 0xaf, 0x09];
    let mut stream = Stream::default().header(RECORD).frame(0, true, &lengths(&[IDR]));
    let hevc = lengths(&[&hevc_sets()[..], &[slice]].concat());
    stream.tag(40, [&[0x1c, 1, 0, 0, 0][..], &hevc].concat());
    stream.tag(80, [&[0x17, 1, 0, 0, 0][..], &lengths(&[PREDICTED])].concat());
    stream.demuxer.finish(&mut stream.out);
    let codecs: Vec<_> = stream
        .out
        .iter()
        .filter_map(|event| if let MediaEvent::Video(config) = event { Some(config.codec) } else { None })
        .collect();
    assert_eq!(codecs, [VideoCodec::Avc, VideoCodec::Hevc]);
}

/// A broadcast to a server that takes pictures of 1280×720 and none of 1920×1080.
fn limited() -> Stream {
    Stream { demuxer: Demuxer::new(Limits { max_pixels: 1_000_000 }), ..Stream::default() }
}

#[test]
fn a_picture_that_is_too_large_is_refused_aloud_wherever_its_size_is_said() {
    let (small_sps, small_pps) = sets(RECORD);
    let (large_sps, large_pps) = sets(CROPPED);
    for (name, stream) in [
        ("header", limited().header(CROPPED).frame(0, true, &lengths(&[IDR]))),
        ("key frame", limited().frame(0, true, &lengths(&[large_sps, large_pps, IDR]))),
        ("start codes", limited().frame(0, true, &codes(&[large_sps, large_pps, IDR]))),
        (
            "a later key frame",
            limited().header(RECORD).frame(0, true, &lengths(&[IDR])).frame(
                40,
                true,
                &lengths(&[large_sps, large_pps, IDR]),
            ),
        ),
        (
            "between key frames",
            limited().header(RECORD).frame(0, true, &lengths(&[IDR])).frame(
                40,
                false,
                &lengths(&[large_sps, large_pps, PREDICTED]),
            ),
        ),
    ] {
        let mut stream = stream.frame(80, false, &lengths(&[PREDICTED]));
        stream.demuxer.finish(&mut stream.out);
        assert!(
            matches!(&stream.errors[..], [.., FlvError::Unsupported(text)] if text.contains("1920x1088")),
            "{name}: {:?}",
            stream.errors
        );
        let large = |event: &MediaEvent| match event {
            MediaEvent::Video(config) => config.width > 1280,
            MediaEvent::Frame(frame) => frame.data.windows(large_sps.len()).any(|bytes| bytes == large_sps),
            _ => false,
        };
        assert!(!stream.out.iter().any(large), "{name}");
        assert!(
            stream.out.iter().all(|event| !matches!(event, MediaEvent::Frame(f) if f.dts.micros() > 0)),
            "{name}"
        );
    }
    let mut back = limited().header(CROPPED).frame(0, true, &lengths(&[IDR])).frame(
        40,
        true,
        &lengths(&[small_sps, small_pps, IDR]),
    );
    back.demuxer.finish(&mut back.out);
    let small = |event: &MediaEvent| matches!(event, MediaEvent::Video(config) if config.width == 1280);
    assert!(back.out.iter().any(small), "a picture that is small enough is taken again");
}

#[test]
fn a_parameter_set_that_cannot_be_read_here_is_read_by_no_decoder() {
    let broken: &[u8] = &[0x67, 0x64, 0x00, 0x1f, 0xff];
    for (key, delta) in [(true, false), (false, true)] {
        let with = |here: bool, slice: &'static [u8]| {
            if here { lengths(&[broken, slice]) } else { lengths(&[slice]) }
        };
        let stream = Stream::default().header(RECORD).frame(0, true, &with(key, IDR));
        assert_eq!(stream.frame(40, false, &with(delta, PREDICTED)).end(), plain());
    }
}
