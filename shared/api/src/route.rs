//! Routes: a table of paths, each with its method and what answers.

/// The methods of a path. OPTIONS is answered for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// GET, and HEAD as GET without the body.
    Get,
    /// POST.
    Post,
    /// POST, and GET where clients of Owncast, whose server looks at no method there, act by it.
    Act,
}

impl Method {
    /// Its `Allow` header.
    #[must_use]
    pub const fn allow(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD, OPTIONS",
            Self::Post => "POST, OPTIONS",
            Self::Act => "GET, POST, OPTIONS",
        }
    }

    /// True if a request has this method.
    #[must_use]
    pub fn fits(self, method: &http::Method) -> bool {
        match self {
            Self::Get => method == http::Method::GET || method == http::Method::HEAD,
            Self::Post => method == http::Method::POST,
            // HEAD is not GET here: it must change nothing.
            Self::Act => method == http::Method::POST || method == http::Method::GET,
        }
    }
}

/// Paths, exact or with one last segment that is free (written `{…}`), each with a method and what answers, `E`.
#[derive(Clone, Copy, Debug)]
pub struct Table<E: 'static>(pub &'static [(Method, &'static str, E)]);

/// The result of looking a path up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match<'p, E> {
    /// The method that it knows.
    pub method: Method,
    /// The endpoint that answers.
    pub endpoint: E,
    /// The text in place of the free segment; never empty and without a slash.
    pub rest: &'p str,
}

impl<E: Copy> Table<E> {
    /// The endpoint of a path, if there is one.
    #[must_use]
    pub fn find<'p>(&self, path: &'p str) -> Option<Match<'p, E>> {
        self.0.iter().find_map(|&(method, pattern, endpoint)| {
            let rest = match pattern.split_once('{') {
                None => (pattern == path).then_some("")?,
                Some((prefix, _)) => {
                    path.strip_prefix(prefix).filter(|rest| !rest.is_empty() && !rest.contains('/'))?
                }
            };
            Some(Match { method, endpoint, rest })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table<u8> = Table(&[
        (Method::Get, "/api/status", 1),
        (Method::Post, "/api/admin/x", 2),
        (Method::Get, "/img/{file}", 3),
    ]);

    #[test]
    fn paths_are_matched_whole() {
        let found = |path| TABLE.find(path).map(|found| (found.endpoint, found.rest));
        assert_eq!(found("/api/status"), Some((1, "")));
        assert_eq!(found("/img/a.png"), Some((3, "a.png")));
        for none in ["/api/status/", "/api", "/img/", "/img/a/b", "/img", "/API/status"] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
