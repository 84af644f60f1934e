//! Errors of libav.

use std::ffi::{CStr, CString};

use ffmpeg_next::ffi;

/// A failed libav operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// libav could not allocate.
    #[error("libav is out of memory")]
    OutOfMemory,
    /// This build of libav has no such component.
    #[error("libav was built without {0}")]
    Missing(String),
    /// A value does not fit into what libav accepts.
    #[error("invalid {0}")]
    Invalid(&'static str),
    /// A call failed.
    #[error("{operation}: {reason} ({code})")]
    Failed {
        /// The operation that was tried.
        operation: &'static str,
        /// libav's text for `code`.
        reason: String,
        /// libav's code, negative.
        code: i32,
    },
}

/// `Ok(value)` for a non-negative return value of libav.
pub(crate) fn check(operation: &'static str, code: i32) -> Result<i32, Error> {
    if code >= 0 {
        return Ok(code);
    }
    if code == ffi::AVERROR(libc::ENOMEM) {
        return Err(Error::OutOfMemory);
    }
    let mut text = [0 as libc::c_char; 128];
    // SAFETY: the buffer is valid for its length, and av_strerror always terminates what it writes.
    let reason = unsafe {
        ffi::av_strerror(code, text.as_mut_ptr(), text.len());
        CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned()
    };
    Err(Error::Failed { operation, reason, code })
}

/// True if a send/receive call only says that the other side must go on first, or that all is drained.
pub(crate) fn is_pause(code: i32) -> bool {
    code == ffi::AVERROR(libc::EAGAIN) || code == ffi::AVERROR_EOF
}

/// A C string of `text`.
pub(crate) fn c_string(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::Invalid("text with a NUL byte"))
}
