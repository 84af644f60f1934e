//! How much an edge keeps, by the memory that it may have: what is not set follows the machine, or the limit of its container
//! or unit, so that an edge in a small one is not ended by the kernel.
//!
//! Of a limit three eighths are for media and a quarter for connections. The rest is for what does not depend on settings: the
//! program, the link's buffers, pictures, what the kernel holds for sockets, media that viewers still read though it has left
//! the cache; and `request_body_memory`.
//!
//! Place in the flow: `app` asks once, before it makes the parts.

use farcast_config::ByteSize;
use farcast_service::memory::{at_most_a_share, limit};

use crate::settings::{MIN_CACHE, Settings};

/// Memory for media where there is enough of it.
const CACHE: ByteSize = ByteSize::from_mebibytes(512);
/// Its share of a limit.
const CACHE_SHARE: (u64, u64) = (3, 8);

/// Connections of viewers where there is enough memory.
const CONNECTIONS: u32 = 20_000;
/// Their share of a limit.
const CONNECTIONS_SHARE: (u64, u64) = (1, 4);
/// Memory of a connection with what is on its way to it, in bytes.
const CONNECTION_BYTES: u64 = 20 << 10;

/// What an edge may keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Memory {
    /// Most media in the cache, in bytes.
    pub(crate) cache_bytes: u64,
    /// Most connections of viewers at once, at least 1.
    pub(crate) connections: u32,
}

impl Memory {
    /// By the settings, and by the limit that holds for this process; says in the log what that is.
    pub(crate) fn here(settings: &Settings) -> Self {
        let limit = limit();
        let Self { cache_bytes, connections } = Self::of(settings, limit);
        tracing::info!(limit_bytes = limit, cache_bytes, max_connections = connections, "memory");
        Self { cache_bytes, connections }
    }

    /// By the settings, and by `limit`, in bytes, where they leave it open.
    pub(crate) fn of(settings: &Settings, limit: Option<u64>) -> Self {
        let cache = || at_most_a_share(CACHE.bytes(), limit, CACHE_SHARE).max(MIN_CACHE.bytes());
        let connections = || {
            let bytes = u64::from(CONNECTIONS) * CONNECTION_BYTES;
            let number = at_most_a_share(bytes, limit, CONNECTIONS_SHARE) / CONNECTION_BYTES;
            u32::try_from(number).unwrap_or(CONNECTIONS).max(1)
        };
        Self {
            cache_bytes: settings.cache_size.map_or_else(cache, ByteSize::bytes),
            connections: settings.max_connections.unwrap_or_else(connections),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use farcast_config::{Outcome, Program, load};

    use super::*;

    fn memory(args: &[&str], limit: Option<u64>) -> (u64, u32) {
        let program =
            Program { name: "farcast-edge", version: "0", about: "", settings_file: "", commands: &[] };
        let args = args.iter().map(OsString::from);
        let Ok(Outcome::Run(loaded)) = load::<Settings>(&program, args, []) else { panic!("wrong settings") };
        let Memory { cache_bytes, connections } = Memory::of(&loaded.settings, limit);
        (cache_bytes >> 20, connections)
    }

    #[test]
    fn an_edge_with_plenty_of_memory_has_what_it_always_had() {
        assert_eq!(memory(&[], None), (512, 20_000));
        assert_eq!(memory(&[], Some(64 << 30)), (512, 20_000));
    }

    #[test]
    fn an_edge_in_512_mebibytes_leaves_more_than_a_third_to_all_else() {
        assert_eq!(memory(&[], Some(512 << 20)), (192, 6553));
        assert_eq!(memory(&[], Some(1 << 30)), (384, 13_107));
    }

    #[test]
    fn where_there_is_next_to_nothing_there_is_still_a_cache() {
        assert_eq!(memory(&[], Some(0)), (16, 1));
        assert_eq!(memory(&[], Some(32 << 20)), (16, 409));
    }

    #[test]
    fn what_is_set_holds_whatever_the_limit() {
        let set = ["--cache-size=1GiB", "--max-connections=50000"];
        assert_eq!(memory(&set, Some(512 << 20)), (1024, 50_000));
    }
}
