//! The sites that may show each page in a frame.

/// The kind of page, as far as frames matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Made for frames, and nothing can be done there in a viewer's name.
    ForFrames,
    /// The admin page: framing it would allow clickjacking of its owner.
    Admin,
    /// Any other.
    Other,
}

impl Place {
    /// Of a file by its name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "embed/video.html" | "embed/chat/readonly.html" => Self::ForFrames,
            super::ADMIN => Self::Admin,
            _ => Self::Other,
        }
    }

    /// The sites that may show it in a frame. Where the operator set nothing, all may show a page that is made for
    /// frames.
    #[must_use]
    pub fn frame_ancestors(self, configured: &str) -> &str {
        match self {
            Self::ForFrames if configured == "'self'" => "*",
            Self::Admin => "'none'",
            Self::ForFrames | Self::Other => configured,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_for_frames_are_for_everybodys_frames_and_only_where_nothing_else_was_set() {
        let of = |name, configured| Place::of(name).frame_ancestors(configured);
        assert_eq!(of("embed/video.html", "'self'"), "*");
        assert_eq!(of("embed/chat/readonly.html", "'self'"), "*");
        assert_eq!(of("embed/chat/readwrite.html", "'self'"), "'self'");
        assert_eq!(of("index.html", "'self'"), "'self'");
        assert_eq!(of("admin/index.html", "https://a.example"), "'none'");
        assert_eq!(of("embed/video.html", "https://a.example"), "https://a.example");
    }
}
