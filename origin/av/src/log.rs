//! libav's log, routed to `tracing`.
//!
//! libav calls "error" what a broken packet or an absent device causes; for the origin both heal, so
//! its errors are warnings here, at most [`BURST`] per [`WINDOW`], and everything else is for debugging.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Time for which a count of messages lasts.
const WINDOW: Duration = Duration::from_secs(10);
/// Warnings per window; a corrupt broadcast makes hundreds of messages a second.
const BURST: u64 = 10;

/// Number of living [`QuietGuard`]s.
static QUIET: AtomicUsize = AtomicUsize::new(0);
/// Number of the window (upper 32 bits) and messages in it (lower 32 bits).
static SPENT: AtomicU64 = AtomicU64::new(0);
static START: OnceLock<Instant> = OnceLock::new();

/// While it lives, libav's messages are for debugging only: probing for absent hardware is noisy.
pub struct QuietGuard(());

/// Makes libav's messages debug messages until the guard is dropped.
#[must_use]
pub fn quiet() -> QuietGuard {
    QUIET.fetch_add(1, Ordering::Relaxed);
    QuietGuard(())
}

impl Drop for QuietGuard {
    fn drop(&mut self) {
        QUIET.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sends libav's log to `tracing` from now on. Idempotent.
pub fn route_log_to_tracing() {
    START.get_or_init(Instant::now);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the callback is thread-safe, lives for ever and has the signature that libav declares.
    unsafe {
        ffmpeg_next::ffi::av_log_set_callback(Some(callback::on_message));
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: sets an atomic of libav. `va_list` differs per architecture, so elsewhere only fatal
    // messages remain, on stderr.
    unsafe {
        ffmpeg_next::ffi::av_log_set_level(ffmpeg_next::ffi::AV_LOG_FATAL);
    }
}

#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "there is no callback there"))]
fn emit(error: bool, message: &str) {
    if !error || QUIET.load(Ordering::Relaxed) > 0 {
        tracing::debug!(target: "farcast_av", message, "libav");
        return;
    }
    let elapsed = START.get().map(Instant::elapsed).unwrap_or_default();
    if let Some(suppressed) = admit(&SPENT, elapsed) {
        tracing::warn!(target: "farcast_av", message, suppressed, "libav");
    }
}

/// Some if a message may pass at `elapsed`: the number of those suppressed in the window before.
fn admit(spent: &AtomicU64, elapsed: Duration) -> Option<u64> {
    let window = (elapsed.as_secs() / WINDOW.as_secs()) << 32;
    let mut before = 0;
    let update = |value: u64| {
        before = value;
        let same = value & !0xffff_ffff == window;
        Some(if same { value.saturating_add(1).min(window | 0xffff_ffff) } else { window | 1 })
    };
    let _ = spent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    let count = before & 0xffff_ffff;
    if before & !0xffff_ffff == window {
        (count < BURST).then_some(0)
    } else {
        Some(count.saturating_sub(BURST))
    }
}

#[cfg(target_arch = "x86_64")]
mod callback {
    use std::ffi::CStr;

    use ffmpeg_next::ffi;

    /// Longest message that is kept, in bytes.
    const LINE_BYTES: usize = 512;

    pub(super) unsafe extern "C" fn on_message(
        source: *mut libc::c_void,
        level: libc::c_int,
        format: *const libc::c_char,
        arguments: *mut ffi::__va_list_tag,
    ) {
        let error = level <= ffi::AV_LOG_ERROR;
        if level > ffi::AV_LOG_WARNING
            || !(error || tracing::enabled!(target: "farcast_av", tracing::Level::DEBUG))
        {
            return;
        }
        let mut line = [0 as libc::c_char; LINE_BYTES];
        let mut prefix: libc::c_int = 1;
        // SAFETY: the first four arguments are passed on as libav gave them; the buffer is valid for
        // its length, and what is written is terminated.
        let text = unsafe {
            ffi::av_log_format_line2(
                source,
                level,
                format,
                arguments,
                line.as_mut_ptr(),
                LINE_BYTES as libc::c_int,
                &mut prefix,
            );
            CStr::from_ptr(line.as_ptr()).to_string_lossy()
        };
        super::emit(error, text.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_next_window_says_how_many_were_suppressed() {
        let spent = AtomicU64::new(0);
        let passed = (0..25).filter(|_| admit(&spent, Duration::from_secs(1)).is_some()).count();
        assert_eq!(passed as u64, BURST);
        assert_eq!(admit(&spent, WINDOW), Some(15));
    }
}
