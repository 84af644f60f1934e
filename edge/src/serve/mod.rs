//! Serving viewers over HTTP.
