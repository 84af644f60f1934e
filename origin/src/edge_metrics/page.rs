//! The page: families of all edges, each once, with the samples of all. Sans-IO.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::line::{Kind, Line, OWN, Refused, Sample, escape, read};

/// Most samples of an edge: fifty times what it had (400, 2026-12-01).
const MAX_SAMPLES: usize = 20_000;

/// Most families of an edge.
const MAX_FAMILIES: usize = 2000;

/// Most bytes of samples on the page; what is beyond is refused.
const MAX_PAGE_BYTES: usize = 128 * 1024 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Page {
    families: BTreeMap<String, Family>,
    edges: Vec<Added>,
    bytes: usize,
}

/// A family of metrics.
#[derive(Debug)]
struct Family {
    kind: Kind,
    help: Option<String>,
    /// Samples, a line each.
    lines: String,
}

/// What became of an edge.
#[derive(Debug)]
struct Added {
    name: String,
    is_up: bool,
    refused: u32,
}

/// What an edge has said so far.
#[derive(Default)]
struct Text<'a> {
    helps: HashMap<&'a str, String>,
    kinds: HashMap<&'a str, Kind>,
    series: HashSet<String>,
}

impl Page {
    /// Adds what an edge said; nothing if it did not answer. Lines that are not what an edge writes are left out, and counted.
    pub(super) fn add(&mut self, edge: &str, text: Option<&str>) {
        let (mut so_far, mut refused) = (Text::default(), 0_u32);
        for line in text.unwrap_or_default().split('\n') {
            let taken = read(line).and_then(|line| self.take(edge, line, &mut so_far));
            refused = refused.saturating_add(taken.is_err().into());
        }
        self.edges.push(Added { name: edge.to_owned(), is_up: text.is_some(), refused });
    }

    fn take<'a>(&mut self, edge: &str, line: Line<'a>, so_far: &mut Text<'a>) -> Result<(), Refused> {
        match line {
            Line::Nothing => Ok(()),
            Line::Help { family, text } => {
                if so_far.helps.len() == MAX_FAMILIES || so_far.kinds.contains_key(family) {
                    return Err(Refused);
                }
                so_far.helps.entry(family).or_insert_with(|| text.into_owned());
                Ok(())
            }
            Line::Type { family, kind } => {
                if so_far.kinds.len() == MAX_FAMILIES || so_far.kinds.insert(family, kind).is_some() {
                    return Err(Refused);
                }
                self.declare(family, kind, so_far.helps.remove(family));
                Ok(())
            }
            Line::Sample(sample) => self.sample(edge, &sample, so_far),
        }
    }

    /// A family that edges do not agree on is of no kind: nobody's samples are lost by what another says.
    fn declare(&mut self, name: &str, kind: Kind, help: Option<String>) {
        match self.families.entry(name.to_owned()) {
            Entry::Vacant(place) => {
                place.insert(Family { kind, help, lines: String::new() });
            }
            Entry::Occupied(mut known) => {
                let family = known.get_mut();
                if family.kind != kind {
                    family.kind = Kind::Untyped;
                }
                family.help = family.help.take().or(help);
            }
        }
    }

    fn sample(&mut self, edge: &str, sample: &Sample<'_>, so_far: &mut Text<'_>) -> Result<(), Refused> {
        let name = family_of(sample, &so_far.kinds).ok_or(Refused)?;
        let family = self.families.get_mut(name).ok_or(Refused)?;
        if so_far.series.len() == MAX_SAMPLES
            || self.bytes >= MAX_PAGE_BYTES
            || !so_far.series.insert(sample.series())
        {
            return Err(Refused);
        }
        let before = family.lines.len();
        sample.write(edge, &mut family.lines);
        self.bytes += family.lines.len() - before;
        Ok(())
    }

    /// The page as text.
    pub(super) fn render(&self) -> String {
        let mut out = String::with_capacity(self.bytes + self.bytes / 8);
        let up = "Whether the edge gave its metrics to this page in time.";
        self.own("up", up, |edge| u32::from(edge.is_up), &mut out);
        let refused =
            "Lines of the edge's metrics that are left out, since they are not what an edge writes.";
        self.own("refused_lines", refused, |edge| edge.refused, &mut out);
        for (name, family) in self.families.iter().filter(|(_, family)| !family.lines.is_empty()) {
            head(name, family.help.as_deref(), family.kind, &mut out);
            out.push_str(&family.lines);
        }
        out
    }

    fn own(&self, name: &str, help: &str, value: impl Fn(&Added) -> u32, out: &mut String) {
        let name = format!("{OWN}{name}");
        head(&name, Some(help), Kind::Gauge, out);
        for edge in &self.edges {
            let value = value(edge).to_string();
            Sample { name: &name, labels: Vec::new(), value: &value }.write(&edge.name, out);
        }
    }
}

/// The family of a sample, among those that were declared before.
fn family_of<'a>(sample: &Sample<'_>, kinds: &HashMap<&'a str, Kind>) -> Option<&'a str> {
    ["", "_bucket", "_sum", "_count"].into_iter().find_map(|ending| {
        let (family, kind) = kinds.get_key_value(sample.name.strip_suffix(ending)?)?;
        sample.ending(family, *kind).map(|_| *family)
    })
}

fn head(name: &str, help: Option<&str>, kind: Kind, out: &mut String) {
    if let Some(help) = help {
        out.push_str("# HELP ");
        out.push_str(name);
        out.push(' ');
        escape(help, false, out);
        out.push('\n');
    }
    for text in ["# TYPE ", name, " ", kind.as_str(), "\n"] {
        out.push_str(text);
    }
}
