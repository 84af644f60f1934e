//! Number of connections that this process can have.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit of open files to what the process may have; returns it.
#[must_use]
pub fn raise_file_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit = raised,
            Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
        }
    }
    limit.current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// Most connections of the chat: seven tenths of all, as in Owncast, so that viewers have some.
#[must_use]
pub fn most_connections(all: usize) -> usize {
    all / 10 * 7 + all % 10 * 7 / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owncasts_numbers() {
        assert_eq!([1024, 65535, 10].map(most_connections), [716, 45874, 7]);
    }
}
