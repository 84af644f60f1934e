//! The errors by which a ladder ends before its broadcast does.

use farcast_feed::name::VariantId;

/// A failure that a ladder cannot heal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LadderError {
    /// The source's codec or configuration cannot be decoded here.
    #[error("the source's video cannot be decoded: {0}")]
    DecoderRefused(farcast_av::Error),
    /// The source could not be decoded for too long.
    #[error("the source's video is damaged: {packets} packets in a row could not be decoded")]
    SourceDamaged {
        /// Their number in a row.
        packets: u32,
    },
    /// Even libx264 does not work for a variant.
    #[error("variant {variant} cannot be encoded: {reason}")]
    EncoderFailed {
        /// The variant.
        variant: VariantId,
        /// libav's last error.
        reason: farcast_av::Error,
    },
    /// The operating system gave no thread.
    #[error("a transcoding thread could not be started: {0}")]
    NoThread(String),
    /// A thread panicked: a bug.
    #[error("a transcoding thread panicked")]
    Panicked,
    /// A decoding thread takes no input: a codec or a driver hangs.
    #[error("a decoder hangs")]
    Stuck,
    /// The worker process gave the reason why it cannot go on.
    #[error("{0}")]
    Told(String),
    /// The worker process ended again and again, and there is no variant without it.
    #[error("the transcoding process ended {0} times in a row")]
    WorkerFails(u32),
    /// The deadline passed before all was drained; the rest was given up.
    #[error("transcoding did not finish in time")]
    Unfinished,
}
