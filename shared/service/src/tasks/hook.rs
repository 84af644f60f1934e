//! A hook for tests: makes a part of a program panic when it is asked to.
//!
//! Only with the cargo feature `panic-hook`, which the end-to-end tests' own build of the programs has, and never in a build
//! without debug assertions, which releases are: everywhere else these functions are empty. The part is named in a file,
//! whose path is in [`VARIABLE`]; a thread reads it, and the first point of that name that is passed panics, once.

/// The environment variable with the file's path.
pub const VARIABLE: &str = "FARCAST_PANIC_FILE";

#[cfg(not(all(feature = "panic-hook", debug_assertions)))]
mod inert {
    /// Nothing.
    #[inline]
    pub fn point(_part: &'static str) {}

    /// The task itself.
    #[inline]
    pub(crate) async fn until_asked(_part: &'static str, task: impl Future<Output = ()>) {
        task.await;
    }
}
#[cfg(not(all(feature = "panic-hook", debug_assertions)))]
pub use inert::point;
#[cfg(not(all(feature = "panic-hook", debug_assertions)))]
pub(super) use inert::until_asked;

#[cfg(all(feature = "panic-hook", debug_assertions))]
mod armed {
    use std::path::PathBuf;
    use std::sync::{Mutex, Once, PoisonError};
    use std::time::Duration;

    /// Interval at which the file is read, and tasks look.
    const LOOK_EVERY: Duration = Duration::from_millis(20);

    /// The part that is to panic next.
    static ASKED: Mutex<Option<String>> = Mutex::new(None);

    /// Panics if this part is asked to.
    ///
    /// # Panics
    /// Panicking is its purpose.
    #[expect(clippy::panic, reason = "that is what it is for")]
    pub fn point(part: &'static str) {
        if is_asked(part) {
            panic!("{part} was asked to panic");
        }
    }

    /// Runs a task until it ends, or panics in it when it is asked to.
    pub(crate) async fn until_asked(part: &'static str, task: impl Future<Output = ()>) {
        let asked = async {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                point(part);
            }
        };
        // Without a file nothing wakes the task but itself.
        if std::env::var_os(super::VARIABLE).is_none() {
            return task.await;
        }
        tokio::select! {
            () = task => {}
            () = asked => {}
        }
    }

    fn is_asked(part: &str) -> bool {
        static READER: Once = Once::new();
        READER.call_once(|| {
            if let Some(path) = std::env::var_os(super::VARIABLE) {
                std::thread::spawn(move || read(&PathBuf::from(path)));
            }
        });
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        asked.take_if(|asked| asked == part).is_some()
    }

    /// Takes the contents of the file, by removing it.
    fn read(path: &std::path::Path) {
        loop {
            if let Ok(text) = std::fs::read_to_string(path)
                && !text.is_empty()
                && std::fs::remove_file(path).is_ok()
            {
                *ASKED.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.trim().to_owned());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
#[cfg(all(feature = "panic-hook", debug_assertions))]
pub use armed::point;
#[cfg(all(feature = "panic-hook", debug_assertions))]
pub(super) use armed::until_asked;
