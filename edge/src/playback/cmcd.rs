//! The text of Common Media Client Data version 1 (CTA-5004 §2): a list of keys with or without a value, a dictionary of
//! Structured Fields (RFC 8941 §3.2) of which only integers, decimals, strings, tokens and booleans are used.
//!
//! Sans-IO, without an allocation: values are borrowed from the text.

/// Longest text in bytes, once it is decoded. Players write some 300.
pub(super) const MAX_BYTES: usize = 1024;

/// Most keys. The specification has 18.
const MAX_KEYS: usize = 64;

/// Longest string as it is written: that of a session or a content has 64 characters, an address more.
const MAX_STRING_BYTES: usize = 512;

/// Digits of an integer, and of a decimal before and behind its point (RFC 8941 §3.3.1, §3.3.2).
const INTEGER_DIGITS: usize = 15;
const WHOLE_DIGITS: usize = 12;
const FRACTION_DIGITS: usize = 3;

/// The value of a key.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Value<'t> {
    /// Also a key without a value: true.
    Boolean(bool),
    Integer(i64),
    /// With its escapes, without its quotes.
    Text(&'t [u8]),
    /// A decimal or a token, of which nothing that is used is one.
    Other,
}

/// A text that is none of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Malformed;

/// The parameter of a query, decoded (RFC 3986 §2.1).
pub(super) struct Decoded {
    bytes: [u8; MAX_BYTES],
    len: usize,
}

impl Decoded {
    /// None where it is too long, or has a per cent sign without two digits.
    pub(super) fn of(parameter: &str) -> Option<Self> {
        let mut decoded = Self { bytes: [0; MAX_BYTES], len: 0 };
        let mut rest = parameter.as_bytes();
        while let [byte, more @ ..] = rest {
            let (byte, behind) = match (byte, more) {
                (b'%', [high, low, behind @ ..]) => (digit(*high)? << 4 | digit(*low)?, behind),
                (b'%', _) => return None,
                _ => (*byte, more),
            };
            *decoded.bytes.get_mut(decoded.len)? = byte;
            decoded.len += 1;
            rest = behind;
        }
        Some(decoded)
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn digit(hexadecimal: u8) -> Option<u8> {
    char::from(hexadecimal).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// All keys with their values, in order; a malformed text ends with the error.
pub(super) fn keys(text: &[u8]) -> impl Iterator<Item = Result<(&[u8], Value<'_>), Malformed>> {
    let rest = trimmed(text);
    Keys { rest: Some(rest).filter(|rest| !rest.is_empty()), read: 0 }
}

struct Keys<'t> {
    rest: Option<&'t [u8]>,
    read: usize,
}

impl<'t> Iterator for Keys<'t> {
    type Item = Result<(&'t [u8], Value<'t>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.take()?;
        self.read += 1;
        if self.read > MAX_KEYS {
            return Some(Err(Malformed));
        }
        Some(member(text).map(|(key, value, rest)| {
            self.rest = rest;
            (key, value)
        }))
    }
}

type Member<'t> = (&'t [u8], Value<'t>, Option<&'t [u8]>);

/// The first key, its value, and the text after the comma if there is one.
fn member(text: &[u8]) -> Result<Member<'_>, Malformed> {
    let (key, rest) = split(text, |byte| {
        // Capital letters are no key's of RFC 8941, but of the specification's own examples of custom keys.
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'*')
    });
    if !key.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'*') {
        return Err(Malformed);
    }
    let (value, rest) = match rest {
        [b'=', rest @ ..] => value(rest)?,
        rest => (Value::Boolean(true), rest),
    };
    match trimmed_start(rest) {
        [] => Ok((key, value, None)),
        [b',', rest @ ..] => Ok((key, value, Some(trimmed_start(rest)))),
        _ => Err(Malformed),
    }
}

fn value(text: &[u8]) -> Result<(Value<'_>, &[u8]), Malformed> {
    match text {
        [b'"', rest @ ..] => string(rest),
        [b'?', b'0', rest @ ..] => Ok((Value::Boolean(false), rest)),
        [b'?', b'1', rest @ ..] => Ok((Value::Boolean(true), rest)),
        [b'-' | b'0'..=b'9', ..] => number(text),
        [first, ..] if first.is_ascii_alphabetic() || *first == b'*' => {
            let (_, rest) =
                split(text, |byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte));
            Ok((Value::Other, rest))
        }
        _ => Err(Malformed),
    }
}

fn number(text: &[u8]) -> Result<(Value<'_>, &[u8]), Malformed> {
    let (is_negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (digits, rest) = split(rest, |byte| byte.is_ascii_digit());
    if digits.is_empty() || digits.len() > INTEGER_DIGITS {
        return Err(Malformed);
    }
    if let [b'.', rest @ ..] = rest {
        let (fraction, rest) = split(rest, |byte| byte.is_ascii_digit());
        let fits = digits.len() <= WHOLE_DIGITS && (1..=FRACTION_DIGITS).contains(&fraction.len());
        return if fits { Ok((Value::Other, rest)) } else { Err(Malformed) };
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Ok((Value::Integer(if is_negative { -value } else { value }), rest))
}

/// Behind the opening quote.
fn string(text: &[u8]) -> Result<(Value<'_>, &[u8]), Malformed> {
    let mut at = 0;
    loop {
        at += match text.get(at..).ok_or(Malformed)? {
            [b'"', rest @ ..] if at <= MAX_STRING_BYTES => return Ok((Value::Text(&text[..at]), rest)),
            [b'\\', b'"' | b'\\', ..] => 2,
            [b' '..=b'!' | b'#'..=b'[' | b']'..=b'~', ..] => 1,
            _ => return Err(Malformed),
        };
    }
}

fn split(text: &[u8], is_of_it: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !is_of_it(*byte)).unwrap_or(text.len());
    text.split_at(end)
}

fn trimmed_start(text: &[u8]) -> &[u8] {
    split(text, |byte| matches!(byte, b' ' | b'\t')).1
}

fn trimmed(text: &[u8]) -> &[u8] {
    let text = trimmed_start(text);
    let end = text.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Result<Vec<(&str, Value<'_>)>, Malformed> {
        keys(text.as_bytes())
            .map(|key| key.map(|(key, value)| (std::str::from_utf8(key).unwrap(), value)))
            .collect()
    }

    #[test]
    fn examples_of_players_are_read() {
        assert_eq!(
            all("bl=21300,br=3200,bs,com.example-myKey=\"a \\\"b\\\", c\",mtp=25400,ot=av,pr=1.08,su=?0"),
            Ok(vec![
                ("bl", Value::Integer(21300)),
                ("br", Value::Integer(3200)),
                ("bs", Value::Boolean(true)),
                ("com.example-myKey", Value::Text(b"a \\\"b\\\", c")),
                ("mtp", Value::Integer(25400)),
                ("ot", Value::Other),
                ("pr", Value::Other),
                ("su", Value::Boolean(false)),
            ])
        );
        assert_eq!(all("  a=1 ,\tb=-2  "), Ok(vec![("a", Value::Integer(1)), ("b", Value::Integer(-2))]));
        assert_eq!(all(" "), Ok(vec![]));
    }

    #[test]
    fn what_is_no_dictionary_is_malformed() {
        for wrong in [
            ",",
            "a,",
            "a,,b",
            "=1",
            "a=",
            "a=\"",
            "a=\"b",
            "a=\"\\x\"",
            "a=\"\u{e4}\"",
            "a=1;q=2",
            "a=(1 2)",
            "a=1.",
            "a=1.2345",
            "a=1234567890123456",
            "a=1234567890123.5",
            "a=-",
            "a=?2",
            "a=:YQ==:",
            "1a=2",
            "a b",
            "a =1",
            "{\"a\":1}",
            "a=@1",
            "\u{0}",
        ] {
            assert_eq!(all(wrong), Err(Malformed), "{wrong:?}");
        }
        assert!(all("a,".repeat(MAX_KEYS).trim_end_matches(',')).is_ok());
        assert_eq!(all(&format!("{}a", "a,".repeat(MAX_KEYS))), Err(Malformed));
        let long = |bytes| format!("a=\"{}\"", "x".repeat(bytes));
        assert!(all(&long(MAX_STRING_BYTES)).is_ok());
        assert_eq!(all(&long(MAX_STRING_BYTES + 1)), Err(Malformed));
    }

    #[test]
    fn a_parameter_is_decoded_within_bounds() {
        let decoded = |text: &str| Decoded::of(text).map(|decoded| decoded.text().to_vec());
        assert_eq!(decoded("bl%3D1%2cbs").unwrap(), b"bl=1,bs");
        assert_eq!(decoded("bl=1,bs").unwrap(), b"bl=1,bs");
        assert_eq!(decoded("%41".repeat(MAX_BYTES).as_str()).unwrap().len(), MAX_BYTES);
        for wrong in ["%", "%4", "%zz", "%+1", &"a".repeat(MAX_BYTES + 1)] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_reach_a_panic(bytes: Vec<u8>, text in "[a-z=,\"\\\\?0-9. -]{0,60}") {
            for text in [bytes.as_slice(), text.as_bytes()] {
                prop_assert!(keys(text).count() <= MAX_KEYS + 1);
            }
            let _ = Decoded::of(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn integers_come_back(values in proptest::collection::vec(-999_999_999_999_999_i64..=999_999_999_999_999, 1..8)) {
            let text: Vec<_> = values.iter().map(|value| format!("k={value}")).collect();
            let text = text.join(",");
            let read: Vec<_> = keys(text.as_bytes()).map(|key| key.unwrap().1).collect();
            prop_assert_eq!(read, values.into_iter().map(Value::Integer).collect::<Vec<_>>());
        }
    }
}
