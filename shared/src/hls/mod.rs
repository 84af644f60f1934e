//! The HLS model: window of a variant, playlists rendered from it, request directives.
