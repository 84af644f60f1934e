//! Leftovers around a stream key that people paste with it.
//!
//! Each function takes one thing away. None of them is applied to the key as it was given: their results are tried
//! after that ([`super::address`]), for a key may hold any of these characters itself.

use super::APPLICATION;

/// Characters that are never at an end of a key but stand there after copying: white space, quotes, brackets of
/// mails, invisible marks, and slashes.
fn is_around(c: char) -> bool {
    const MARKS: &str = "/\"'`<>“”„‘’‚«»‹›\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}";
    c.is_whitespace() || c.is_control() || MARKS.contains(c)
}

/// Without white space, quotes and slashes at its ends.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(is_around)
}

/// The path of an address such as `rtmp://host:1935/live/KEY`; `None` if it is none.
pub(super) fn path(text: &str) -> Option<&str> {
    // One of the slashes is lost where an encoder cut between them.
    let (scheme, rest) = text.split_once(":/")?;
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let ours = scheme.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("rtmp"));
    (ours && scheme.len() <= 6).then(|| rest.find('/').map_or("", |at| &rest[at..]))
}

/// The part below the application in a path that begins with it, as in `live/KEY`.
pub(super) fn below_application(text: &str) -> Option<&str> {
    let below = text.strip_prefix(APPLICATION)?;
    (below.is_empty() || below.starts_with(['/', '?', '#'])).then(|| below.trim_start_matches('/'))
}

/// Without the characters around it and without the server, where a whole address was given.
pub(super) fn tidy(text: &str) -> &str {
    let text = trimmed(text);
    match path(text).map(trimmed) {
        Some(path) => trimmed(below_application(path).unwrap_or(path)),
        None => text,
    }
}

/// Without query and fragment.
pub(super) fn without_query(text: &str) -> &str {
    text.split(['?', '#']).next().unwrap_or(text)
}

/// Without the last query, or the last parameter of the only one: for a key that has a `?` itself.
pub(super) fn without_last_query(text: &str) -> &str {
    let first = text.find('?');
    let last = text.rfind('?').filter(|at| Some(*at) != first);
    last.or_else(|| text.rfind('&')).map_or(text, |at| &text[..at])
}

/// Percent-encoding resolved (RFC 3986 §2.1). Escapes that are malformed, or do not make UTF-8, stay as they are.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // Escapes side by side may be one character together.
        let bytes: Vec<u8> = rest.as_bytes().chunks(3).map_while(escape).collect();
        // At least the sign itself is passed.
        let end = (bytes.len() * 3).max(1);
        match std::str::from_utf8(&bytes) {
            Ok(decoded) if !bytes.is_empty() => out.push_str(decoded),
            _ => out.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// The byte that `%2F` or `%2f` stands for.
fn escape(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low] = bytes else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Everything above, and the prefix that FFmpeg puts before names that end like a file's.
pub(super) fn clean(text: &str) -> String {
    let text = unescaped(without_query(tidy(text)));
    let text = tidy(&text);
    text.strip_prefix("mp4:").unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_resolved_and_what_is_none_stays() {
        for (text, read) in [
            ("a%2Fb", "a/b"),
            ("a%2fb%20c", "a/b c"),
            ("%C3%A4%c3%b6", "äö"),
            ("100%", "100%"),
            ("%2", "%2"),
            ("%zz%41", "%zzA"),
            ("%%41", "%A"),
            ("%252F", "%2F"),
            ("a%ffb%41", "a%ffbA"),
            ("%+1%-1", "%+1%-1"),
            ("ä%", "ä%"),
            ("%ä", "%ä"),
        ] {
            assert_eq!(unescaped(text), read, "{text}");
        }
    }

    #[test]
    fn a_server_is_taken_away_and_only_that() {
        for (text, read) in [
            ("rtmp://h/live/KEY", "KEY"),
            ("RTMPS://user@[::1]:443//live//KEY/", "KEY"),
            ("<rtmp://h/live/one/two>", "one/two"),
            ("rtmp://h/other/KEY", "other/KEY"),
            ("rtmp://h", ""),
            ("http://h/live/KEY", "http://h/live/KEY"),
            ("rtmp:/h/live/KEY", "KEY"),
            ("rtmp:KEY", "rtmp:KEY"),
            ("://x", "://x"),
            (" \u{feff}“KEY”\r\n", "KEY"),
        ] {
            assert_eq!(tidy(text), trimmed(read), "{text}");
        }
    }

    #[test]
    fn the_last_query_is_the_one_behind_a_key_that_has_one() {
        for (text, read) in [("a?b=c?x=1&y=2", "a?b=c"), ("a?b=c&x=1", "a?b=c"), ("a?b", "a?b"), ("a", "a")] {
            assert_eq!(without_last_query(text), read);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "[ -~äöü\\PC]{0,60}") {
            for made in [clean(&text), unescaped(&text)] {
                prop_assert!(made.len() <= text.len());
            }
            prop_assert!(without_last_query(tidy(&text)).len() <= text.len());
        }

        #[test]
        fn escapes_of_any_text_are_resolved(text in "\\PC{0,20}") {
            let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(unescaped(&escaped), text);
        }
    }
}
