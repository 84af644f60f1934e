//! The settings in force after all layers, and the source of each value.

use std::fmt::Write;

use super::{Form, Place};

/// A value in force.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: &'static str,
    pub(super) form: Form,
    pub(super) text: Option<String>,
    pub(super) place: Place,
}

/// All values in force, in declared order.
#[derive(Clone, Debug, Default)]
pub(super) struct Effective {
    pub(super) values: Vec<Entry>,
    pub(super) tables: Vec<(&'static str, Place, Vec<Entry>)>,
}

/// Column at which the provenance begins, when the value is not longer.
const COMMENT_COLUMN: usize = 44;

impl Effective {
    /// As TOML that can be read back (secrets apart), each value with its place as a comment.
    pub(super) fn to_toml(&self) -> String {
        let mut out = String::new();
        lines(&mut out, &self.values);
        for (key, place, values) in &self.tables {
            let _ = write!(out, "\n{:COMMENT_COLUMN$} # {place}\n", format!("[[{key}]]"));
            lines(&mut out, values);
        }
        out
    }
}

fn lines(out: &mut String, values: &[Entry]) {
    for Entry { key, form, text, place } in values {
        match text {
            None => {
                let _ = writeln!(out, "# {key} is not set");
            }
            Some(text) => {
                let value = match form {
                    Form::Text => toml::Value::String(text.clone()).to_string(),
                    Form::Number | Form::Boolean => text.clone(),
                };
                let _ = writeln!(out, "{:COMMENT_COLUMN$} # {place}", format!("{key} = {value}"));
            }
        }
    }
}
