//! Tests of the tag reader.

use proptest::prelude::*;

use super::avc::tests::RECORD;
use super::*;

/// Reads a tag after which the source ends, so that nothing is held.
fn video(demuxer: &mut Demuxer, payload: &[u8]) -> Result<Vec<MediaEvent>, FlvError> {
    let mut out = VecDeque::new();
    demuxer.video(40, &Bytes::copy_from_slice(payload), WallTime(7), &mut out)?;
    let mut held = Vec::new();
    demuxer.video.finish(None, &mut held)?;
    out.extend(held.into_iter().map(video_event));
    Ok(out.into())
}

fn audio(demuxer: &mut Demuxer, payload: &[u8]) -> Result<Vec<MediaEvent>, FlvError> {
    let mut out = VecDeque::new();
    demuxer.audio(40, &Bytes::copy_from_slice(payload), WallTime(7), &mut out)?;
    Ok(out.into())
}

fn with_avc() -> Demuxer {
    let mut demuxer = Demuxer::default();
    let events = video(&mut demuxer, &[&[0x17, 0, 0, 0, 0], RECORD].concat()).unwrap();
    assert!(matches!(&events[..], [MediaEvent::Video(config)] if config.width == 1280));
    demuxer
}

#[test]
fn legacy_avc_gives_frames_with_composition_time() {
    let mut demuxer = with_avc();
    let events = video(&mut demuxer, &[0x27, 1, 0, 0, 80, 0, 0, 0, 2, 0x41, 9]).unwrap();
    let [MediaEvent::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((frame.dts, frame.pts), (MediaTime::from_millis(40), MediaTime::from_millis(120)));
    assert!(!frame.key && frame.arrived_at == WallTime(7) && frame.mark.is_none());
    let events = video(&mut demuxer, &[0x17, 1, 0xff, 0xff, 0xfe, 0, 0, 0, 2, 0x65, 9]).unwrap();
    let [MediaEvent::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(frame.pts, MediaTime::from_millis(38));
    assert!(frame.key);
}

#[test]
fn a_repeated_sequence_header_says_nothing_and_an_empty_one_neither() {
    let mut demuxer = with_avc();
    assert_eq!(video(&mut demuxer, &[&[0x17, 0, 0, 0, 0], RECORD].concat()).unwrap(), []);
    assert_eq!(video(&mut demuxer, &[0x17, 0, 0, 0, 0]).unwrap(), []);
}

#[test]
fn enhanced_avc_is_read_with_and_without_composition_time() {
    let mut demuxer = Demuxer::default();
    let header = [&[0x90][..], b"avc1", RECORD].concat();
    assert_eq!(video(&mut demuxer, &header).unwrap().len(), 1);
    for (tag, pts) in [(&[0x91][..], 41), (&[0x93], 40), (&[0x97, 0, 9, 0x01], 41)] {
        let time: &[u8] = if pts == 41 { &[0, 0, 1] } else { &[] };
        let events = video(&mut demuxer, &[tag, b"avc1", time, &[0, 0, 0, 1, 0x65]].concat()).unwrap();
        let [MediaEvent::Frame(frame)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(frame.pts, MediaTime::from_millis(pts));
    }
}

#[test]
fn what_is_not_taken_is_named() {
    let mut demuxer = Demuxer::default();
    for (payload, word) in
        [(&[0x24, 0][..], "VP6"), (b"\x91vp09\0", "VP9"), (&[0x96, 0], "multitrack"), (&[0x2f, 0], "unknown")]
    {
        let Err(FlvError::Unsupported(text)) = video(&mut demuxer, payload) else { panic!("{word}") };
        assert!(text.contains(word), "{text}");
    }
    for (payload, word) in [(&[0x2f, 0][..], "MP3"), (&[0xb2, 0], "Speex"), (b"\x91Opus\0", "Opus")] {
        let Err(FlvError::Unsupported(text)) = audio(&mut demuxer, payload) else { panic!("{word}") };
        assert!(text.contains(word) && text.contains("AAC"), "{text}");
    }
}

#[test]
fn all_three_dialects_of_hevc_are_read() {
    use crate::media::VideoCodec;
    let record = super::hevc::tests::RECORD;
    let unit = [0, 0, 0, 3, 0x26, 1, 9];
    let dialects: [(Vec<u8>, Vec<u8>); 3] = [
        ([&[0x90][..], b"hvc1", record].concat(), [&[0x91][..], b"hvc1", &[0, 0, 0], &unit].concat()),
        ([&[0x1c, 0, 0, 0, 0], record].concat(), [&[0x1c, 1, 0, 0, 0][..], &unit].concat()),
        ([&[0x17, 0, 0, 0, 0], record].concat(), [&[0x17, 1, 0, 0, 0][..], &unit].concat()),
    ];
    for (header, frame) in dialects {
        let mut demuxer = Demuxer::default();
        let events = video(&mut demuxer, &header).unwrap();
        assert!(matches!(&events[..], [MediaEvent::Video(config)] if config.codec == VideoCodec::Hevc));
        let events = video(&mut demuxer, &frame).unwrap();
        assert!(matches!(&events[..], [MediaEvent::Frame(frame)] if frame.key && frame.data[..] == unit));
    }
}

#[test]
fn an_av1_record_without_sequence_header_waits_for_the_key_frame() {
    let mut demuxer = Demuxer::default();
    assert_eq!(video(&mut demuxer, b"\x90av01\x81\x08\x0c\0").unwrap(), []);
    let delta = b"\xa1av01\x32\x01\x07";
    assert_eq!(video(&mut demuxer, delta), Err(FlvError::NoConfig { track: "video" }));
    let sequence = [0x0a, 0x0c, 0x02, 0, 0, 0x42, 0x95, 0x5d, 0xfe, 0x1b, 0x80, 0x5f, 0, 0x08];
    let key = [&b"\x91av01"[..], &[0x12, 0], &sequence, &[0x32, 1, 0x10]].concat();
    let events = video(&mut demuxer, &key).unwrap();
    let [MediaEvent::Video(config), MediaEvent::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((config.width, config.height), (1920, 1080));
    assert_eq!(frame.data[..2], [0x0a, 0x0c]);
    assert_eq!(video(&mut demuxer, delta).unwrap().len(), 1);
}

#[test]
fn frames_before_their_header_are_left_out() {
    let mut demuxer = Demuxer::default();
    assert_eq!(
        video(&mut demuxer, &[0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65]),
        Err(FlvError::NoConfig { track: "video" })
    );
    // Frames of sound wait to be told what they are, but not for ever.
    let results: Vec<_> = (0..200).map(|_| audio(&mut demuxer, &[0xaf, 1, 0xe1, 2])).collect();
    assert_eq!(results[0], Ok(Vec::new()));
    assert_eq!(results[199], Err(FlvError::NoConfig { track: "audio" }));
}

#[test]
fn aac_is_read_in_both_forms() {
    for (config, frame) in
        [(&[0xaf, 0, 0x11, 0x90][..], &[0xaf, 1, 0xde, 0xad][..]), (b"\x90mp4a\x11\x90", b"\x91mp4a\xde\xad")]
    {
        let mut demuxer = Demuxer::default();
        assert!(matches!(&audio(&mut demuxer, config).unwrap()[..], [MediaEvent::Audio(_)]));
        assert_eq!(audio(&mut demuxer, config).unwrap(), []);
        let events = audio(&mut demuxer, frame).unwrap();
        let [MediaEvent::Frame(frame)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(frame.data[..], [0xde, 0xad]);
        assert!(frame.key);
    }
}

proptest! {
    #[test]
    fn mutated_tags_never_panic(
        at in 0usize..64, byte: u8, cut in 0usize..64, extra in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut header = [&[0x17, 0, 0, 0, 0], RECORD].concat();
        header.extend(extra);
        let len = header.len();
        header[at % len] = byte;
        header.truncate(len.saturating_sub(cut / 2));
        let _ = video(&mut Demuxer::default(), &header);
        let mut frame = vec![0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0, 0, 0, 0, 1, 9];
        let len = frame.len();
        frame[at % len] = byte;
        let _ = video(&mut with_avc(), &frame);
    }

    #[test]
    fn random_records_of_every_codec_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), header in 0u8..8) {
        for code in [b"avc1", b"hvc1", b"av01"] {
            let mut demuxer = Demuxer::default();
            let _ = video(&mut demuxer, &[&[0x90 | header][..], code, &bytes].concat());
            let _ = video(&mut demuxer, &[&[0x91][..], code, &bytes].concat());
        }
        let record = [&[1; 22][..], &[1, 33, 0, 1, 0, 100], &bytes].concat();
        let _ = video(&mut Demuxer::default(), &[&[0x90][..], b"hvc1", &record].concat());
        let _ = audio(&mut Demuxer::default(), &[&[0xaf, 0][..], &bytes].concat());
    }
}
