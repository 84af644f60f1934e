//! Percent-encoding.

/// Text of a path or a query (RFC 3986 §2.1): `%3D` is `=`. Malformed escapes stay as they are; bytes that are not
/// UTF-8 then become U+FFFD.
#[must_use]
pub fn percent_decoded(text: &str) -> String {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, more @ ..] = rest {
        let hex = more.first_chunk::<2>().filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = hex.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match decoded {
            Some(byte) => {
                out.push(byte);
                rest = &more[2..];
            }
            None => {
                out.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::percent_decoded;

    #[test]
    fn what_is_encoded_is_decoded_and_all_else_stays() {
        for (text, decoded) in [
            ("a%20b%3d%3D", "a b=="),
            ("%e2%82%ac", "\u{20ac}"),
            ("%", "%"),
            ("%2", "%2"),
            ("%zz%+1", "%zz%+1"),
            ("%25%32%30", "%20"),
            ("%ff", "\u{fffd}"),
            ("\u{20ac}%", "\u{20ac}%"),
        ] {
            assert_eq!(percent_decoded(text), decoded, "{text}");
        }
    }
}
