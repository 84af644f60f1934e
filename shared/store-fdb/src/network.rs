//! FoundationDB's client: a thread of `libfdb_c` that does all of the talking. It can be started once in a process, and must
//! be stopped before the process ends.
//!
//! The only place of this crate with unsafe code.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use foundationdb::FdbError;
use foundationdb::api::{FdbApiBuilder, NetworkAutoStop};

use crate::error::BootError;
use crate::failure;

/// True once the client was started, or a start was tried: the client takes no second attempt.
static BOOTED: AtomicBool = AtomicBool::new(false);

/// The thread, while it runs.
static RUNNING: Mutex<Option<NetworkAutoStop>> = Mutex::new(None);

/// FoundationDB's client while it runs. Dropping it stops the client and joins its thread, so it goes last: a
/// [`Foundation`](crate::Foundation) holds it too, and whoever booted it keeps his own until everything else is dropped.
/// A process that ends earlier, by `exit` or with a guard that leaked, is ended by an exit handler, without the client being
/// stopped.
#[derive(Debug)]
pub struct Network(());

impl Network {
    /// Starts the client: once per process. Blocks until its thread runs; does not connect yet.
    ///
    /// # Errors
    /// [`BootError::Again`] at every further call, whatever became of the first; [`BootError::Client`] when `libfdb_c` is
    /// too old or refuses a variable `FDB_NETWORK_OPTION_…`.
    ///
    /// # Panics
    /// When the system gives no thread.
    pub fn boot() -> Result<Arc<Self>, BootError> {
        if BOOTED.swap(true, Ordering::SeqCst) {
            return Err(BootError::Again);
        }
        stop_at_exit()?;
        let client = FdbApiBuilder::default().build().map_err(refused)?;
        let running = boot(client).map_err(refused)?;
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(Arc::new(Self(())))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        stop();
    }
}

fn refused(error: FdbError) -> BootError {
    BootError::Client { code: error.code(), reason: failure::reason(error.code()) }
}

/// Stops the client, if it runs, and joins its thread.
fn stop() {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(running);
}

/// Ends the process with its status at once if the client still runs. It cannot be stopped any more: the thread that ends the
/// process has destroyed its thread-local objects, and `exit` what the client made since it was started, last made first;
/// stopping it uses both. What was written to C's streams is written out first, as `exit` would do.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the process is ended through the C library")]
extern "C" fn end_with_client(status: libc::c_int, _argument: *mut libc::c_void) {
    if RUNNING.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
        // SAFETY: both may be called from an exit handler; the second does not return.
        unsafe {
            libc::fflush(std::ptr::null_mut());
            libc::_exit(status);
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "an exit handler is registered through the C library")]
fn stop_at_exit() -> Result<(), BootError> {
    unsafe extern "C" {
        fn on_exit(
            handler: extern "C" fn(libc::c_int, *mut libc::c_void),
            argument: *mut libc::c_void,
        ) -> libc::c_int;
    }
    // SAFETY: as declared in glibc's stdlib.h. The handler does not unwind (`extern "C"` aborts instead), touches statics
    // without destructors only, and leaves its argument alone.
    let refused = unsafe { on_exit(end_with_client, std::ptr::null_mut()) };
    if refused == 0 { Ok(()) } else { Err(BootError::ExitHandler) }
}

/// Stops the client at exit, as well as possible where exit handlers are not told the status.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
#[expect(unsafe_code, reason = "an exit handler is registered through the C library")]
fn stop_at_exit() -> Result<(), BootError> {
    extern "C" fn stop_before_exit() {
        stop();
    }
    // SAFETY: `atexit` asks for a function that can be called once, when the process ends, from any thread, and that does
    // not unwind: `extern "C"` aborts instead. It touches statics without destructors only.
    let refused = unsafe { libc::atexit(stop_before_exit) };
    if refused == 0 { Ok(()) } else { Err(BootError::ExitHandler) }
}

#[expect(unsafe_code, reason = "the client's thread must be stopped before the process ends")]
fn boot(client: foundationdb::api::NetworkBuilder) -> Result<NetworkAutoStop, FdbError> {
    // SAFETY: `boot` asks that what it returns is dropped before the process ends, unless it is aborted. It goes to
    // `RUNNING` at once, and out of there when the `Network` is dropped; else the registered handler ends the process.
    unsafe { client.boot() }
}
