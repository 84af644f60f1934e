//! The file layer: TOML text to raw values, each with its line.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Place, Problem};

/// A value before its type is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    /// From a flag or a variable: the type decides how to read it.
    Words(String),
    /// A TOML string.
    Text(String),
    /// A TOML integer, in decimal.
    Number(String),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array of tables.
    Tables(Vec<Group>),
    /// Anything else, by the name of its kind.
    Other(&'static str),
}

/// A value and where it was given.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Given {
    pub(super) place: Place,
    pub(super) raw: Raw,
}

/// A table: keys and their values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) place: Place,
    pub(super) values: BTreeMap<String, Given>,
}

/// Reads TOML; all syntax errors are reported and what could be read is kept.
pub(super) fn parse(path: &str, text: &str) -> (Group, Vec<Problem>) {
    let lines = Lines { path, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    let problems = errors
        .iter()
        .map(|error| Problem {
            place: lines.place(&error.span().unwrap_or(0..0)),
            what: error.message().trim().to_owned(),
        })
        .collect();
    (lines.group(0..0, table.get_ref()), problems)
}

struct Lines<'a> {
    path: &'a str,
    text: &'a str,
}

impl Lines<'_> {
    fn place(&self, span: &Range<usize>) -> Place {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        Place::File { path: self.path.to_owned(), line }
    }

    fn group(&self, span: Range<usize>, table: &DeTable<'_>) -> Group {
        let values = table
            .iter()
            .map(|(key, value)| {
                let given = Given { place: self.place(&key.span()), raw: self.raw(value.get_ref()) };
                (key.get_ref().to_string(), given)
            })
            .collect();
        Group { place: self.place(&span), values }
    }

    fn raw(&self, value: &DeValue<'_>) -> Raw {
        match value {
            DeValue::String(text) => Raw::Text(text.to_string()),
            DeValue::Boolean(on) => Raw::Boolean(*on),
            DeValue::Integer(number) => {
                let digits = number.as_str().replace('_', "");
                match i64::from_str_radix(&digits, number.radix()) {
                    Ok(number) => Raw::Number(number.to_string()),
                    Err(_) => Raw::Number(digits),
                }
            }
            DeValue::Float(number) => Raw::Number(number.as_str().replace('_', "")),
            DeValue::Array(array) if array.iter().all(|item| item.get_ref().is_table()) => {
                Raw::Tables(array.iter().filter_map(|item| self.row(item)).collect())
            }
            other => Raw::Other(other.type_str()),
        }
    }

    fn row(&self, item: &Spanned<DeValue<'_>>) -> Option<Group> {
        item.get_ref().as_table().map(|table| self.group(item.span(), table))
    }
}
