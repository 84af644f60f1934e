//! FLV files (Adobe FLV 10.1, annex E), read for publishing: what an RTMP client sends as audio,
//! video and data messages.

use bytes::Bytes;

const HEADER_BYTES: usize = 9;
const TAG_HEADER_BYTES: usize = 11;

/// A tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag {
    /// The kind of its contents.
    pub kind: TagKind,
    /// Decode time in milliseconds.
    pub time_ms: u32,
    /// Its body, as RTMP carries it.
    pub body: Bytes,
}

impl Tag {
    /// True if it configures a decoder (AVC, enhanced video or AAC sequence header) and so is needed again
    /// when the file is played again.
    #[must_use]
    pub fn is_sequence_header(&self) -> bool {
        match (self.kind, self.body.first(), self.body.get(1)) {
            (TagKind::Video, Some(first), _) if first & 0x80 != 0 => first & 0x0f == 0,
            (TagKind::Video, Some(first), Some(0)) => first & 0x0f == 7,
            (TagKind::Audio, Some(first), Some(0)) => first >> 4 == 10,
            _ => false,
        }
    }
}

/// The contents of a tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TagKind {
    /// Audio.
    Audio,
    /// Video.
    Video,
    /// AMF0 data, such as `onMetaData`.
    Script,
}

/// A file that is no FLV file, or is damaged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FlvError {
    /// The file does not begin as FLV does.
    #[error("no FLV file")]
    NoFlv,
    /// A tag of an unknown kind.
    #[error("tag of kind {kind} at byte {offset}")]
    UnknownTag {
        /// The place.
        offset: usize,
        /// The type of the tag.
        kind: u8,
    },
}

/// Reads a whole file; a last tag that is cut off is left out, as of a recording that was killed.
///
/// # Errors
/// When it is no FLV file or is damaged.
pub fn read(file: &Bytes) -> Result<Vec<Tag>, FlvError> {
    if file.len() < HEADER_BYTES || !file.starts_with(b"FLV") {
        return Err(FlvError::NoFlv);
    }
    let header = u32::from_be_bytes([file[5], file[6], file[7], file[8]]);
    // After the header comes the size of the tag before the first: four bytes.
    let mut offset = usize::try_from(header).unwrap_or(usize::MAX).saturating_add(4);
    let mut tags = Vec::new();
    while let Some(head) = file.get(offset..offset.saturating_add(TAG_HEADER_BYTES)) {
        let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
        let start = offset + TAG_HEADER_BYTES;
        if file.len() < start + length {
            break;
        }
        let kind = match head[0] & 0x1f {
            8 => TagKind::Audio,
            9 => TagKind::Video,
            18 => TagKind::Script,
            kind => return Err(FlvError::UnknownTag { offset, kind }),
        };
        let time_ms = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        tags.push(Tag { kind, time_ms, body: file.slice(start..start + length) });
        offset = start + length + 4;
    }
    Ok(tags)
}

#[cfg(test)]
pub(crate) mod sample {
    //! FLV files for tests.

    /// A file of these tags: kind byte, time, body.
    pub(crate) fn file(tags: &[(u8, u32, &[u8])]) -> Vec<u8> {
        let mut file = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00".to_vec();
        for (kind, time, body) in tags {
            let [high, a, b, c] = time.to_be_bytes();
            let length = u32::try_from(body.len()).unwrap().to_be_bytes();
            file.extend([*kind, length[1], length[2], length[3], a, b, c, high, 0, 0, 0]);
            file.extend_from_slice(body);
            file.extend((u32::try_from(body.len()).unwrap() + 11).to_be_bytes());
        }
        file
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_come_out_with_their_times() {
        let file = sample::file(&[(18, 0, b"meta"), (9, 0x0102_0304, &[0x17, 0, 1]), (8, 5, &[0xaf, 1])]);
        let tags = read(&file.into()).unwrap();
        assert_eq!(
            tags.iter().map(|t| t.kind).collect::<Vec<_>>(),
            [TagKind::Script, TagKind::Video, TagKind::Audio]
        );
        assert_eq!(tags[1].time_ms, 0x0102_0304);
        assert!(tags[1].is_sequence_header() && !tags[2].is_sequence_header());
    }

    #[test]
    fn a_cut_file_gives_its_whole_tags() {
        let mut file = sample::file(&[(8, 0, b"one"), (8, 5, b"two")]);
        file.truncate(file.len() - 5);
        assert_eq!(read(&file.into()).unwrap().len(), 1);
    }

    #[test]
    fn other_files_are_refused() {
        assert_eq!(read(&Bytes::from_static(b"RIFF....AVI ")), Err(FlvError::NoFlv));
        assert!(matches!(
            read(&sample::file(&[(7, 0, b"x")]).into()),
            Err(FlvError::UnknownTag { kind: 7, .. })
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut file = b"FLV\x01\x05".to_vec();
            file.extend(tail);
            let _ = read(&file.into());
        }
    }
}
