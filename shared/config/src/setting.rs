//! One setting, as it is declared.

use super::{Form, Proposals, Value};

/// Description of one setting, from its declaration.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Key in the file; flag and variable follow from it.
    pub key: &'static str,
    /// Its documentation, line by line as written.
    pub doc: &'static [&'static str],
    /// Default as text; `None` when there is none.
    pub default: Option<&'static str>,
    /// The kind of value, for people: `an address and port such as 0.0.0.0:1935`.
    pub expects: &'static str,
    /// The value as the settings file writes it.
    pub form: Form,
    /// True if its value is never shown.
    pub secret: bool,
    /// The values that a shell proposes.
    pub proposals: Proposals,
    /// True if it is an array of tables, which only the file can hold.
    pub tables: Option<fn() -> Vec<Setting>>,
}

impl Setting {
    /// A setting with a value of type `T`.
    #[must_use]
    pub fn of<T: Value>(
        key: &'static str,
        doc: &'static [&'static str],
        default: Option<&'static str>,
    ) -> Self {
        Self {
            key,
            doc,
            default,
            expects: T::EXPECTS,
            form: T::FORM,
            secret: T::SECRET,
            proposals: T::PROPOSALS,
            tables: None,
        }
    }

    /// An array of tables, each with the settings that `declared` returns.
    #[must_use]
    pub fn tables_of(key: &'static str, doc: &'static [&'static str], declared: fn() -> Vec<Self>) -> Self {
        Self {
            key,
            doc,
            default: None,
            expects: "tables",
            form: Form::Text,
            secret: false,
            proposals: Proposals::None,
            tables: Some(declared),
        }
    }

    /// The documentation as one paragraph.
    #[must_use]
    pub fn paragraph(&self) -> String {
        let lines: Vec<&str> =
            self.doc.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
        lines.join(" ")
    }
}
