//! The trait of a setting's type, and the plain types that have it.

use std::net::SocketAddr;
use std::path::PathBuf;

/// The form of a value in the settings file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// As a quoted text.
    Text,
    /// As a number, whole or not.
    Number,
    /// As `true` or `false`.
    Boolean,
}

impl Form {
    /// The form's description in error messages.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::Number => "a number without quotes",
            Self::Boolean => "true or false without quotes",
        }
    }
}

/// The values that a shell can propose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proposals {
    /// None: any text.
    None,
    /// These words.
    Words(&'static [&'static str]),
    /// Paths of files and folders.
    Paths,
}

/// A text that is no value of a type; the fault is the end of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub String);

impl InvalidValue {
    /// From the fault.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// A type that a setting can have.
pub trait Value: Sized {
    /// The kind of value, for people, such as `a duration with a unit, such as 15s`.
    const EXPECTS: &'static str;
    /// The value as the settings file writes it.
    const FORM: Form = Form::Text;
    /// True if a value is never shown.
    const SECRET: bool = false;
    /// The values that a shell proposes.
    const PROPOSALS: Proposals = Proposals::None;

    /// Parses the text of a flag, a variable, a default or a value of the file.
    ///
    /// # Errors
    /// The fault in the text; it never repeats a secret.
    fn parse(text: &str) -> Result<Self, InvalidValue>;

    /// The value as text that [`Value::parse`] reads; `None` when there is nothing to show.
    fn show(&self) -> Option<String>;

    /// The value when it is given nowhere and has no default; `None` when it must be given.
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: Value> Value for Option<T> {
    const EXPECTS: &'static str = T::EXPECTS;
    const FORM: Form = T::FORM;
    const SECRET: bool = T::SECRET;
    const PROPOSALS: Proposals = T::PROPOSALS;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        T::parse(text).map(Some)
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl Value for String {
    const EXPECTS: &'static str = "a text";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        Ok(text.to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl Value for PathBuf {
    const EXPECTS: &'static str = "a path";
    const PROPOSALS: Proposals = Proposals::Paths;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.is_empty() {
            return Err(InvalidValue::new("a path is not empty"));
        }
        Ok(Self::from(text))
    }

    fn show(&self) -> Option<String> {
        Some(self.display().to_string())
    }
}

impl Value for SocketAddr {
    const EXPECTS: &'static str = "an address and port, such as 127.0.0.1:8000 or [::]:8000";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        text.parse().map_err(|_| InvalidValue::new(format!("{text:?} is not {}", Self::EXPECTS)))
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for bool {
    const EXPECTS: &'static str = "true or false";
    const FORM: Form = Form::Boolean;
    const PROPOSALS: Proposals = Proposals::Words(&["true", "false"]);

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        text.parse().map_err(|_| InvalidValue::new(format!("{text:?} is not {}", Self::EXPECTS)))
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

macro_rules! number {
    ($($type:ty),*) => { $(
        impl Value for $type {
            const EXPECTS: &'static str = "a whole number";
            const FORM: Form = Form::Number;

            fn parse(text: &str) -> Result<Self, InvalidValue> {
                text.parse().map_err(|_| {
                    InvalidValue::new(format!("{text:?} is not a whole number from 0 to {}", <$type>::MAX))
                })
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )* };
}
number!(u8, u16, u32);
