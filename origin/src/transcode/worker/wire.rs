//! The messages between the origin and its worker process: each behind its length, over the worker's standard input and
//! output.
//!
//! The worker reads the bytes of unauthenticated clients and may be under their control, so the origin believes none of
//! it: lengths are bounded before anything is allocated, and the reader of a message checks its numbers.

use std::io::{self, Read, Write};
use std::time::Duration;

use farcast_feed::name::VariantId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::media::MediaEvent;
use crate::transcode::metrics::Totals;

/// Longest message: a frame of RTMP has 16 MiB at most.
const MAX_MESSAGE_BYTES: usize = 32 << 20;
/// Longest line of the log, in bytes.
pub(super) const MAX_LINE_BYTES: usize = 2048;

/// The set-up of a worker: the first message to it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    /// The variants, as JSON: their form is the API's.
    pub(super) specs: String,
    /// Name of the encoder.
    pub(super) encoder: String,
    /// True if frames may be dropped.
    pub(super) is_live: bool,
    /// PART-TARGET, as in [`crate::transcode::LadderConfig::part_target`].
    pub(super) part_target: Option<Duration>,
    /// Memory that it may have, in bytes; none where it opens a device, whose driver maps as much as it likes.
    pub(super) memory_bytes: Option<u64>,
    /// True if messages for debugging are wanted.
    pub(super) debug: bool,
}

/// Messages to a worker.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) enum ToWorker {
    /// Its set-up.
    Setup(Setup),
    /// Bit rate of the source's video in bits per second, if it is known.
    SourceRate(Option<u64>),
    /// An event of the source, and whether it is for variants that pass its track through, too.
    Source(MediaEvent, bool),
}

/// Messages of a worker.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) enum FromWorker {
    /// An event of a variant.
    Made(VariantId, MediaEvent),
    /// Its counts so far.
    Counted(Totals),
    /// A line for the log.
    Logged(Level, String),
    /// The worker cannot go on, and neither could another.
    Failed(String),
}

/// The importance of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Level {
    /// Something is broken.
    Error,
    /// A warning: somebody should look.
    Warn,
    /// Good to know.
    Info,
    /// Debug: for people who search for a fault.
    Debug,
}

/// Writes a message.
///
/// # Errors
/// When the other side is gone.
pub(crate) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    bytes = postcard::to_extend(message, bytes).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len() - 4).map_err(io::Error::other)?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads a message; none at the end.
///
/// # Errors
/// When the other side is gone within a message, or sends an invalid one.
pub(crate) fn read<M: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<M>> {
    let mut length = [0; 4];
    let begun = loop {
        match from.read(&mut length[..1]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    if begun == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[1..])?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_MESSAGE_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long"));
    }
    // Grows as bytes arrive: a length alone costs nothing.
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    postcard::from_bytes(&bytes).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use farcast_feed::time::{MediaTime, WallTime};
    use proptest::prelude::*;

    use super::*;
    use crate::media::{Frame, Track, VideoCodec, VideoConfig};

    fn frame(data: Vec<u8>) -> MediaEvent {
        MediaEvent::Frame(Frame {
            track: Track::Video,
            dts: MediaTime(-5),
            pts: MediaTime(7),
            key: true,
            data: data.into(),
            arrived_at: WallTime(9),
            mark: None,
        })
    }

    #[test]
    fn messages_arrive_as_they_were_and_the_end_is_an_end() {
        let config = VideoConfig::plain(VideoCodec::Avc, Bytes::from_static(b"avcC"), (640, 360));
        let messages = [
            FromWorker::Made(VariantId(2), MediaEvent::Video(config.into())),
            FromWorker::Made(VariantId(2), frame(vec![1; 70_000])),
            FromWorker::Logged(Level::Warn, "a line".to_owned()),
            FromWorker::Counted(Totals::default()),
        ];
        let mut bytes = Vec::new();
        messages.iter().for_each(|message| write(&mut bytes, message).unwrap());
        let mut from = &bytes[..];
        for message in &messages {
            assert_eq!(read::<FromWorker>(&mut from).unwrap().as_ref(), Some(message));
        }
        assert_eq!(read::<FromWorker>(&mut from).unwrap(), None);
        assert!(read::<FromWorker>(&mut &bytes[..bytes.len() - 1]).is_ok());
    }

    #[test]
    fn a_message_that_is_cut_off_or_too_long_is_an_error() {
        let mut bytes = Vec::new();
        write(&mut bytes, &ToWorker::Source(frame(vec![3; 100]), true)).unwrap();
        for end in 1..bytes.len() {
            assert!(read::<ToWorker>(&mut &bytes[..end]).is_err(), "{end}");
        }
        let long = u32::try_from(MAX_MESSAGE_BYTES + 1).unwrap().to_le_bytes();
        assert!(read::<ToWorker>(&mut &long[..]).is_err());
    }

    proptest! {
        #[test]
        fn whatever_a_worker_says_is_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let framed = [&u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], &bytes].concat();
            let _ = read::<FromWorker>(&mut &framed[..]);
            let _ = read::<FromWorker>(&mut &bytes[..]);
        }
    }
}
