//! Bodies as text, whatever their content coding.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// Largest playlist that is unpacked, in bytes: two hours of level 0 are some hundred kilobytes.
const LARGEST_BYTES: u64 = 4 * 1024 * 1024;

/// Unpacks a body.
///
/// # Errors
/// When it is no gzip, larger than a playlist can be, or no UTF-8.
pub fn text(body: &[u8], gzip: bool) -> std::io::Result<String> {
    if !gzip {
        return String::from_utf8(body.to_vec()).map_err(std::io::Error::other);
    }
    let mut text = String::new();
    let read = MultiGzDecoder::new(body).take(LARGEST_BYTES).read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) == LARGEST_BYTES {
        return Err(std::io::Error::other("larger than a playlist can be"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn a_packed_body_is_unpacked_within_a_bound() {
        assert_eq!(text(&packed(b"#EXTM3U"), true).unwrap(), "#EXTM3U");
        assert_eq!(text(b"#EXTM3U", false).unwrap(), "#EXTM3U");
        assert!(text(b"#EXTM3U", true).is_err());
        assert!(text(&packed(&vec![b'a'; 5 << 20]), true).is_err());
    }
}
