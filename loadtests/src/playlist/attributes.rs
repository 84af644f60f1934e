//! Attribute lists (§4.2) and the values in them.

use std::time::Duration;

/// An attribute list: names with their raw values, in order.
pub(super) struct Attributes<'a>(Vec<(&'a str, Value<'a>)>);

#[derive(Clone, Copy)]
enum Value<'a> {
    Quoted(&'a str),
    Plain(&'a str),
}

impl<'a> Attributes<'a> {
    /// Splits `text`; a name twice, an empty value or a stray comma is an error.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let mut found: Vec<(&str, Value<'_>)> = Vec::new();
        let mut rest = text;
        loop {
            let (name, after) = rest.split_once('=').ok_or_else(|| format!("no `=` in `{rest}`"))?;
            let legal = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
            if name.is_empty() || !name.bytes().all(legal) {
                return Err(format!("`{name}` is no attribute name"));
            }
            if found.iter().any(|(other, _)| *other == name) {
                return Err(format!("{name} is given twice"));
            }
            let (value, tail) = if let Some(quoted) = after.strip_prefix('"') {
                let (value, tail) =
                    quoted.split_once('"').ok_or_else(|| format!("{name} has no closing quote"))?;
                (Value::Quoted(value), tail)
            } else {
                let end = after.find(',').unwrap_or(after.len());
                let (value, tail) = after.split_at(end);
                if value.is_empty() || value.contains(['"', ' ', '\t']) {
                    return Err(format!("{name} has the value `{value}`"));
                }
                (Value::Plain(value), tail)
            };
            found.push((name, value));
            match tail.strip_prefix(',') {
                Some(next) => rest = next,
                None if tail.is_empty() => return Ok(Self(found)),
                None => return Err(format!("`{tail}` follows {name}")),
            }
        }
    }

    fn get(&self, name: &str) -> Option<Value<'a>> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// A quoted string.
    pub(super) fn quoted(&self, name: &str) -> Result<Option<&'a str>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Quoted(value)) => Ok(Some(value)),
            Some(Value::Plain(_)) => Err(format!("{name} must be quoted")),
        }
    }

    /// An unquoted value.
    pub(super) fn plain(&self, name: &str) -> Result<Option<&'a str>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Plain(value)) => Ok(Some(value)),
            Some(Value::Quoted(_)) => Err(format!("{name} must not be quoted")),
        }
    }

    /// A quoted string that must be there and not be empty.
    pub(super) fn uri(&self) -> Result<String, String> {
        match self.quoted("URI")? {
            Some(uri) if !uri.is_empty() => Ok(uri.to_owned()),
            _ => Err("URI is missing".to_owned()),
        }
    }

    /// A decimal integer.
    pub(super) fn integer(&self, name: &str) -> Result<Option<u64>, String> {
        self.plain(name)?.map(|text| integer(text).ok_or_else(|| format!("{name} is `{text}`"))).transpose()
    }

    /// Seconds as a decimal floating-point number.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<Duration>, String> {
        self.plain(name)?.map(|text| seconds(text).ok_or_else(|| format!("{name} is `{text}`"))).transpose()
    }

    /// `YES`, or `NO` where the tag has it.
    pub(super) fn flag(&self, name: &str) -> Result<bool, String> {
        match self.plain(name)? {
            None | Some("NO") => Ok(false),
            Some("YES") => Ok(true),
            Some(other) => Err(format!("{name} is `{other}`")),
        }
    }
}

/// A decimal integer of digits only.
pub(super) fn integer(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Longest duration that is believed; sums of a playlist's durations then cannot overflow.
const LONGEST_S: u64 = 1_000_000;

/// Non-negative decimal seconds, to the nanosecond; further digits are dropped.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole = integer(whole).filter(|whole| *whole <= LONGEST_S)?;
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanos = nanos.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some(Duration::new(whole, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_within_quotes_separates_nothing() {
        let list = Attributes::parse("CODECS=\"avc1.64,mp4a.40.2\",BANDWIDTH=12").unwrap();
        assert_eq!(list.quoted("CODECS"), Ok(Some("avc1.64,mp4a.40.2")));
        assert_eq!(list.integer("BANDWIDTH"), Ok(Some(12)));
    }

    #[test]
    fn sloppy_lists_are_refused() {
        for bad in ["", "A", "A=", "A=1,", "A=1,A=2", "A=\"x", "A=\"x\"y", "a=1", "A=1, B=2", "A= 1"] {
            assert!(Attributes::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn seconds_are_exact() {
        assert_eq!(seconds("0.33333"), Some(Duration::from_nanos(333_330_000)));
        assert_eq!(seconds("4"), Some(Duration::from_secs(4)));
        for bad in ["", ".5", "1.", "-1", "1e3", "+1", "99999999"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
