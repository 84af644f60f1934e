//! A line of Prometheus' text format (0.0.4), read as strictly as it can be written: what is not plainly of it is refused.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Longest line in bytes.
const MAX_LINE_BYTES: usize = 4096;

/// Longest name of a metric or a label in bytes.
const MAX_NAME_BYTES: usize = 128;

/// Longest number in bytes.
const MAX_VALUE_BYTES: usize = 32;

/// Most labels of a sample; the page adds one.
const MAX_LABELS: usize = 16;

/// How the names of the page's own families begin.
pub(super) const OWN: &str = "farcast_edge_metrics_";

/// The label that the page adds: no edge may say it.
pub(super) const EDGE: &str = "edge";

/// The kind of a family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    /// Of edges that do not agree.
    Untyped,
}

impl Kind {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "summary" => Self::Summary,
            "untyped" => Self::Untyped,
            _ => return None,
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Untyped => "untyped",
        }
    }

    /// What the names of its samples have behind the family's.
    pub(super) fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Histogram => &["_bucket", "_sum", "_count"],
            Self::Summary => &["", "_sum", "_count"],
            Self::Counter | Self::Gauge | Self::Untyped => &[""],
        }
    }

    /// The label whose values are numbers, of samples with this ending.
    fn number(self, ending: &str) -> Option<&'static str> {
        match (self, ending) {
            (Self::Histogram, "_bucket") => Some("le"),
            (Self::Summary, "") => Some("quantile"),
            _ => None,
        }
    }
}

/// A line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Line<'a> {
    /// Nothing, or a remark.
    Nothing,
    /// `# HELP`: what a family is.
    Help { family: &'a str, text: Cow<'a, str> },
    /// `# TYPE`.
    Type { family: &'a str, kind: Kind },
    /// A sample.
    Sample(Sample<'a>),
}

type Labels<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// A sample.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    /// Names and values, as they were before they were escaped.
    pub(super) labels: Labels<'a>,
    /// A number, as it was written.
    pub(super) value: &'a str,
}

/// A line that is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Refused;

/// Reads a line, without its end.
pub(super) fn read(line: &str) -> Result<Line<'_>, Refused> {
    if line.len() > MAX_LINE_BYTES || line.chars().any(char::is_control) {
        return Err(Refused);
    }
    let Some(remark) = line.strip_prefix('#') else {
        return if line.is_empty() {
            Ok(Line::Nothing)
        } else {
            sample(line).map(Line::Sample).ok_or(Refused)
        };
    };
    let said = |what: &str| remark.strip_prefix(what).and_then(|rest| rest.split_once(' '));
    if let Some((family, text)) = said(" HELP ") {
        let text = unescaped(text, false).filter(|_| is_family(family)).ok_or(Refused)?;
        return Ok(Line::Help { family, text });
    }
    if let Some((family, word)) = said(" TYPE ") {
        let kind = Kind::of(word).filter(|_| is_family(family)).ok_or(Refused)?;
        return Ok(Line::Type { family, kind });
    }
    Ok(Line::Nothing)
}

fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().next().is_some_and(letter)
        && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

/// True of families that an edge may have. The page's own are not among them, nor is one that could be taken for a part of a
/// histogram.
fn is_family(name: &str) -> bool {
    let ours = name.starts_with("farcast_") || name.starts_with("process_");
    let parts = ["_bucket", "_sum", "_count"];
    is_name(name) && ours && !name.starts_with(OWN) && !parts.iter().any(|ending| name.ends_with(ending))
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.strip_prefix(' ')?;
    (is_name(name) && is_number(value)).then_some(Sample { name, labels, value })
}

/// True of what Prometheus reads as a number as well. Timestamps are refused: edges write none.
fn is_number(text: &str) -> bool {
    text.len() <= MAX_VALUE_BYTES && text.parse::<f64>().is_ok()
}

/// Labels up to the closing brace, and what is behind it.
fn labels(mut rest: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Labels::new();
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (name, behind) = rest.split_once("=\"")?;
        let is_allowed = is_name(name) && name != EDGE && !name.starts_with("__");
        if !is_allowed || labels.len() == MAX_LABELS || labels.iter().any(|(other, _)| *other == name) {
            return None;
        }
        let end = closing_quote(behind)?;
        labels.push((name, unescaped(&behind[..end], true)?));
        rest = &behind[end + 1..];
        rest = match rest.strip_prefix(',') {
            Some(more) => more,
            None if rest.starts_with('}') => rest,
            None => return None,
        };
    }
}

/// Where the first quote is that no backslash escapes.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// A text without its escapes; none if it has others than the format knows.
fn unescaped(text: &str, quoted: bool) -> Option<Cow<'_, str>> {
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next()? {
                '\\' => '\\',
                'n' => '\n',
                '"' if quoted => '"',
                _ => return None,
            },
            other => other,
        });
    }
    Some(Cow::Owned(plain))
}

/// Writes a text with its escapes.
pub(super) fn escape(text: &str, quoted: bool, out: &mut String) {
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quoted => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

impl Sample<'_> {
    /// The ending of its name, if it is a sample of this family.
    pub(super) fn ending(&self, family: &str, kind: Kind) -> Option<&'static str> {
        let ending = self.name.strip_prefix(family)?;
        let ending = kind.endings().iter().copied().find(|known| *known == ending)?;
        let Some(number) = kind.number(ending) else { return Some(ending) };
        let value = self.labels.iter().find(|(name, _)| *name == number).map(|(_, value)| value)?;
        is_number(value).then_some(ending)
    }

    /// Its name and its labels in their order: two samples that are one series have the same.
    pub(super) fn series(&self) -> String {
        let mut labels: Vec<_> = self.labels.iter().collect();
        labels.sort_unstable();
        let mut series = self.name.to_owned();
        for (name, value) in labels {
            let _ = write!(series, "\0{name}\0{value}");
        }
        series
    }

    /// Writes it as a line, with the label of its edge.
    pub(super) fn write(&self, edge: &str, out: &mut String) {
        out.push_str(self.name);
        let labels =
            std::iter::once((EDGE, edge)).chain(self.labels.iter().map(|(name, value)| (*name, &**value)));
        for (index, (name, value)) in labels.enumerate() {
            out.push(if index == 0 { '{' } else { ',' });
            out.push_str(name);
            out.push_str("=\"");
            escape(value, true, out);
            out.push('"');
        }
        out.push_str("} ");
        out.push_str(self.value);
        out.push('\n');
    }
}
