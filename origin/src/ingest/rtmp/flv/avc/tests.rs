//! Tests of H.264's headers.

use super::*;
use crate::media::{Chroma, Colour};

/// `avcC` of x264, 1280×720 at 30 frames per second, high profile.
pub(in super::super) const RECORD: &[u8] = &[
    0x01, 0x64, 0x00, 0x1f, 0xff, 0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05,
    0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x19, 0x60,
    0x01, 0x00, 0x06, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0,
];

/// `avcC` of x264, 1920×1080 at 30000/1001 frames per second: 1088 coded lines less cropping.
pub(in super::super) const CROPPED: &[u8] = &[
    0x01, 0x64, 0x00, 0x28, 0xff, 0xe1, 0x00, 0x19, 0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02,
    0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x0f, 0xa4, 0x00, 0x03, 0xa9, 0x80, 0x3c, 0x60, 0xc6, 0x58, 0x01,
    0x00, 0x04, 0x68, 0xef, 0x8f, 0xcb, 0xfd, 0xf8, 0xf8, 0x00,
];

fn config(record: &[u8]) -> Option<(Picture, Option<usize>)> {
    let (sets, lengths) = read_record(&Bytes::copy_from_slice(record)).ok()?;
    Some((picture(&sets, None)?, lengths))
}

#[test]
fn the_picture_is_read_from_the_record() {
    let (picture, lengths) = config(RECORD).unwrap();
    assert_eq!((picture.width, picture.height, picture.frame_rate_milli), (1280, 720, Some(30_000)));
    assert_eq!((picture.chroma, picture.bit_depth, picture.interlaced), (Chroma::Yuv420, 8, false));
    assert_eq!((picture.colour, picture.sample_aspect), (Colour::UNSPECIFIED, (1, 1)));
    assert_eq!(lengths, Some(4));
}

#[test]
fn cropping_and_odd_frame_rates_are_read() {
    let (picture, _) = config(CROPPED).unwrap();
    assert_eq!((picture.width, picture.height, picture.frame_rate_milli), (1920, 1080, Some(29_970)));
}

#[test]
fn a_record_of_the_same_sets_is_the_encoders_own() {
    for (record, high) in [(RECORD, &[0xfd, 0xf8, 0xf8, 0][..]), (CROPPED, &[])] {
        let (sets, _) = read_record(&Bytes::from_static(record)).unwrap();
        // x264's first record leaves out what high profiles end with.
        assert_eq!(build_record(&sets, Some(0)).unwrap(), [record, high].concat());
    }
}

#[test]
fn a_record_in_start_codes_is_read_as_well() {
    let (sets, _) = read_record(&Bytes::from_static(RECORD)).unwrap();
    let mut codes = Vec::new();
    for kind in [SetKind::Sequence, SetKind::Picture] {
        codes.extend([0, 0, 0, 1]);
        codes.extend(sets.get(kind, 0).unwrap());
    }
    assert_eq!(read_record(&codes.into()), Ok((sets, None)));
}

#[test]
fn a_record_without_sets_is_one_of_which_more_is_to_come() {
    let (sets, lengths) = read_record(&Bytes::from_static(&[1, 0x42, 0xc0, 0x1e, 0xff, 0xe0, 0])).unwrap();
    assert!(sets.is_empty() && lengths == Some(4));
    assert_eq!(build_record(&sets, None), None);
}

#[test]
fn every_truncation_is_an_error_or_lacks_sets_and_is_no_panic() {
    for end in 0..RECORD.len() {
        let built =
            read_record(&Bytes::from_static(&RECORD[..end])).map(|(sets, _)| build_record(&sets, None));
        assert!(matches!(built, Err(_) | Ok(None)), "{end}: {built:?}");
    }
}

#[test]
fn slices_say_whether_they_begin_a_picture() {
    // first_mb_in_slice 0, slice_type 7 (I); then 22, 5 (P).
    let first = kind(&[0x65, 0b1000_1000, 0x80], &Sets::default());
    assert!(matches!(first, UnitKind::Slice(slice) if slice.first && slice.intra && slice.random_access));
    let next = kind(&[0x41, 0b0000_1011, 0b1001_1010, 0x80], &Sets::default());
    assert!(matches!(next, UnitKind::Slice(slice) if !slice.first && !slice.intra), "{next:?}");
}
