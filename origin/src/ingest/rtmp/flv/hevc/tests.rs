//! Tests of H.265's headers.

use super::*;
use crate::media::{Chroma, Colour};

/// `hvcC` of x265, 1920×1080, which is 1088 coded lines less a conformance window.
pub(in super::super) const RECORD: &[u8] = &[
    0x01, 0x01, 0x60, 0x00, 0x00, 0x00, 0x90, 0x00, 0x00, 0x00, 0x00, 0x00, 0x78, 0xf0, 0x00, 0xfc, 0xfd,
    0xf8, 0xf8, 0x00, 0x00, 0x0f, 0x03, 0x20, 0x00, 0x01, 0x00, 0x18, 0x40, 0x01, 0x0c, 0x01, 0xff, 0xff,
    0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x78, 0x95, 0x94,
    0x09, 0x21, 0x00, 0x01, 0x00, 0x2a, 0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
    0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x78, 0xa0, 0x03, 0xc0, 0x80, 0x11, 0x07, 0xcb, 0x96, 0x56, 0x54,
    0xa4, 0xc2, 0xf0, 0x16, 0x80, 0x80, 0x00, 0x01, 0xf4, 0x80, 0x00, 0x3a, 0x98, 0x04, 0x22, 0x00, 0x01,
    0x00, 0x06, 0x44, 0x01, 0xc0, 0x73, 0xc1, 0x89,
];

fn config(record: &[u8]) -> Option<(Picture, Option<usize>)> {
    let (sets, lengths) = read_record(&Bytes::copy_from_slice(record)).ok()?;
    Some((picture(&sets, None)?, lengths))
}

#[test]
fn the_picture_is_read_from_the_record() {
    let (picture, lengths) = config(RECORD).unwrap();
    assert_eq!((picture.width, picture.height, lengths), (1920, 1080, Some(4)));
    assert_eq!((picture.chroma, picture.bit_depth, picture.interlaced), (Chroma::Yuv420, 8, false));
    assert_eq!((picture.colour, picture.sample_aspect), (Colour::UNSPECIFIED, (1, 1)));
}

#[test]
fn a_record_of_the_same_sets_is_the_encoders_own() {
    let (sets, _) = read_record(&Bytes::from_static(RECORD)).unwrap();
    let built = build_record(&sets, Some(0)).unwrap();
    // x265 leaves open whether the arrays are complete, and how segments lie.
    let normal = |record: &[u8]| {
        let mut record = record.to_vec();
        record[13..17].copy_from_slice(&[0xf0, 0, 0xfc, 0xfd]);
        for at in [23, 23 + 5 + 24, 23 + 5 + 24 + 5 + 42] {
            record[at] |= 0x80;
        }
        record
    };
    assert_eq!(normal(&built), normal(RECORD));
}

#[test]
fn every_truncation_is_an_error_or_lacks_sets_and_is_no_panic() {
    for end in 0..RECORD.len() {
        let read = read_record(&Bytes::from_static(&RECORD[..end]));
        assert!(read.is_err(), "{end}");
    }
}

#[test]
fn random_access_points_begin_pictures_that_can_be_decoded_alone() {
    let types = [(1u8, false), (16, true), (19, true), (20, true), (21, true)];
    for (nal_type, random_access) in types {
        let UnitKind::Slice(slice) = kind(&[nal_type << 1, 1, 0xaf, 0], &Sets::default()) else {
            panic!("{nal_type}")
        };
        assert_eq!((slice.random_access, slice.first), (random_access, true), "{nal_type}");
    }
    assert!(matches!(kind(&[32 << 1, 1, 0x0c], &Sets::default()), UnitKind::Set(SetKind::Video, 0)));
}
