//! A logo as a data URI (RFC 2397), which is how Owncast's admin page sends it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// Largest logo in bytes.
pub(crate) const MAX_LOGO_BYTES: usize = 1024 * 1024;

/// Media types that are taken, with the ending of their files and how their content begins. SVG begins as it likes.
const TYPES: [(&str, &str, &[u8]); 4] = [
    ("image/png", "png", b"\x89PNG\r\n\x1a\n"),
    ("image/gif", "gif", b"GIF8"),
    ("image/jpeg", "jpeg", b"\xff\xd8\xff"),
    ("image/svg+xml", "svg", b""),
];

/// Owncast's words.
const WRONG_TYPE: &str = "Missing or invalid contentType in base64 image.";

/// A picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Picture {
    pub(crate) file: String,
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Bytes,
}

/// The media type, in lower case, and the content of a data URI.
///
/// # Errors
/// The fault, in one line.
pub(super) fn data_uri(uri: &str) -> Result<(String, Vec<u8>), String> {
    let (head, data) = uri.split_once(',').ok_or("Error splitting base64 image data.")?;
    let kind = head.strip_prefix("data:").and_then(|head| head.strip_suffix(";base64")).ok_or(WRONG_TYPE)?;
    let kind = kind.split(';').next().unwrap_or_default().to_ascii_lowercase();
    let bytes = STANDARD.decode(data.trim()).map_err(|_| "the image is not base64")?;
    Ok((kind, bytes))
}

/// The picture in a data URI.
///
/// # Errors
/// The fault, in one line.
pub(super) fn parse(uri: &str) -> Result<Picture, String> {
    let (kind, bytes) = data_uri(uri)?;
    let found = TYPES.iter().find(|(content_type, ..)| *content_type == kind);
    let &(content_type, ending, begins) = found.ok_or(WRONG_TYPE)?;
    if bytes.len() > MAX_LOGO_BYTES {
        return Err(format!("the image has more than {MAX_LOGO_BYTES} bytes"));
    }
    if bytes.is_empty() || !bytes.starts_with(begins) {
        return Err(format!("the image is no {content_type}"));
    }
    Ok(Picture { file: format!("logo.{ending}"), content_type, bytes: bytes.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_uri_is_taken_apart() {
        let picture = parse("data:image/gif;base64,R0lGODlhAQABAAAAACw=").unwrap();
        assert_eq!((picture.file.as_str(), picture.content_type), ("logo.gif", "image/gif"));
        assert!(picture.bytes.starts_with(b"GIF89a"));
        for (bad, why) in [
            ("/img/mylogo.png", "splitting"),
            ("data:text/html;base64,PGI+", "contentType"),
            ("data:;base64,PGI+", "contentType"),
            ("data:image/png,abc", "contentType"),
            ("data:image/png;base64,@@", "not base64"),
            ("data:image/png;base64,R0lGODlhAQABAAAAACw=", "no image/png"),
            ("data:image/svg+xml;base64,", "no image/svg+xml"),
        ] {
            assert!(parse(bad).unwrap_err().contains(why), "{bad}");
        }
    }
}
