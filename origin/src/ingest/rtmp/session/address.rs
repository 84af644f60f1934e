//! The place of the key in an RTMP address.
//!
//! `rtmp://host/live` is the server and the rest of the path is the key, which may contain `/`. Encoders
//! cut the path into application and stream name in different places, and people put the key into the server
//! field, so the two are joined again before the key is taken.
//!
//! People also paste queries, white space, quotes, escapes and whole addresses ([`super::paste`]). A key may hold any
//! of these characters, so an address means several keys: the joined text as it is, then the rest after things are
//! taken away. The gate decides whether one of them is right.

use std::fmt;

use super::{APPLICATION, paste};
use crate::ingest::key::StreamKey;

/// Longest application path and `tcUrl` that are kept.
const MAX_SERVER_BYTES: usize = 2048;

/// Longest stream name that is looked at: a whole address with a long query.
const MAX_NAME_BYTES: usize = 4096;

/// The server part of `connect`. The key may be in it: never printed.
#[derive(Default)]
pub(super) struct Server {
    /// The part of `app` below the application.
    in_application: String,
    /// The same in `tcUrl`, the server as it was given; some encoders send no more than `live` as `app`.
    in_url: String,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server(…)")
    }
}

impl Server {
    /// From `app` and `tcUrl` of `connect`; `None` if the application is not ours.
    pub(super) fn read(application: &str, url: &str) -> Option<Self> {
        if application.len() > MAX_SERVER_BYTES {
            return None;
        }
        let in_url =
            Some(url).filter(|url| url.len() <= MAX_SERVER_BYTES).and_then(paste::path).and_then(below);
        let in_application = match below(application) {
            Some(below) => below,
            None if paste::trimmed(application).is_empty() => in_url.clone()?,
            None => return None,
        };
        Some(Self { in_application, in_url: in_url.unwrap_or_default() })
    }

    /// The key in an address of this server; `None` if there is none.
    pub(super) fn key(&self, name: &str) -> Option<StreamKey> {
        if name.len() > MAX_NAME_BYTES {
            return None;
        }
        let path = self.path(name);
        let exact = join(path, name);
        if paste::tidy(&exact).is_empty() {
            return None;
        }
        let clean = self.clean(name);
        // A query of the server itself, which stands before the key.
        let behind = exact.strip_prefix(['?', '#']).and_then(|query| query.split_once('/'));
        let joined = paste::clean(behind.map_or(&*exact, |(_, behind)| behind));
        let tidy = paste::tidy(&exact);
        let from_url = join(&paste::clean(&self.in_url), &paste::clean(name));
        StreamKey::any_of([
            exact.clone(),
            inner(&clean).to_owned(),
            // A query that has slashes, cut by the encoder.
            inner(&joined).to_owned(),
            // For keys that have `?`, `#` or `%` themselves.
            tidy.to_owned(),
            paste::without_last_query(tidy).to_owned(),
            paste::without_query(tidy).to_owned(),
            // For keys that begin with `live/` themselves.
            clean,
            // The client cuts `app` off after its first word.
            from_url,
        ])
    }

    /// True if `name` is `published`, as an encoder may write it when it stops.
    pub(super) fn is_same(&self, name: &str, published: &str) -> bool {
        name == published
            || name.len() <= MAX_NAME_BYTES && inner(&self.clean(name)) == inner(&self.clean(published))
    }

    /// The server's part of the key: from `tcUrl` only where nothing else says one.
    fn path(&self, name: &str) -> &str {
        let nothing = paste::trimmed(name).is_empty() && paste::clean(&self.in_application).is_empty();
        if nothing && !self.in_url.is_empty() { &self.in_url } else { &self.in_application }
    }

    /// Both parts with all taken away that is not of a usual key.
    fn clean(&self, name: &str) -> String {
        let (path, name) = (paste::clean(self.path(name)), paste::clean(name));
        // The key in both fields.
        if path == name { name } else { join(&path, &name) }
    }
}

/// The part of a path below the application; `None` if it is another application's.
fn below(path: &str) -> Option<String> {
    let server = |path: &str| {
        let path = paste::path(path).unwrap_or(path).trim_matches('/');
        let below = paste::below_application(path)?;
        // A query of the server itself has no key, unless the key was cut behind it.
        let bare = below.starts_with(['?', '#']) && !below.contains('/');
        let is_query = path.get(APPLICATION.len()..).is_some_and(|rest| rest.starts_with(['?', '#']));
        Some(if bare && is_query { String::new() } else { below.to_owned() })
    };
    server(path)
        .or_else(|| server(paste::trimmed(path)))
        .or_else(|| server(paste::trimmed(&paste::unescaped(path))))
}

fn join(path: &str, name: &str) -> String {
    match (path, name) {
        ("", name) => name.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) => format!("{path}/{name}"),
    }
}

/// Without an application that was given twice: the server ends in it, and the pasted key begins with it.
fn inner(key: &str) -> &str {
    match key.strip_prefix(APPLICATION).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) => paste::trimmed(rest),
        None => key,
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
