//! The live window: objects in a cache, playlists rendered once, waiters.
