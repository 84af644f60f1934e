//! Adding settings to a settings file that may exist, without changing what it says.
//!
//! For commands that set a program up. A setting that the file has with the same value stays as it is; one that it lacks is
//! added at its end; one that it has with another value is a [`Difference`], and then nothing is added.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::file::{self, Raw};
use super::flags::{self, Flags};
use super::{Form, Place, Problems, Setting, Settings, Validate, reader};

/// The line above what is added.
const HEADING: &str = "# Added when the program was set up.";

/// The settings that a command line gives, to be put into a file.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The file that `--config` names.
    pub config: Option<PathBuf>,
    values: BTreeMap<String, String>,
}

/// A settings file with what was wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Amended {
    /// It says all of it already.
    Unchanged,
    /// Its new text.
    Text(String),
}

/// A setting that the file has with another value than the wanted one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The place in the file.
    pub place: Place,
    /// The setting's key.
    pub key: String,
    /// The value in the file, as text; a secret is not shown.
    pub there: String,
    /// The wanted value.
    pub wanted: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, key, there, wanted } = self;
        write!(f, "{place}: {key} is {there:?} there, and {wanted:?} is asked for")
    }
}

/// The reason why settings were not added.
#[derive(Debug, thiserror::Error)]
pub enum NotAmended {
    /// The file says something else; one line each.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Differs(Vec<Difference>),
    /// The file with the wanted settings would not be accepted.
    #[error(transparent)]
    Problems(#[from] Problems),
}

impl Wanted {
    /// The settings among the arguments, which must all be flags.
    ///
    /// # Errors
    /// Arguments that are no flags of `S`, or lack a value.
    pub fn from_flags<S: Settings>(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Problems> {
        let Flags { values, config, problems, .. } = flags::parse(&S::declared(), arguments);
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let words = |raw| match raw {
            Raw::Words(text) => Some(text),
            _ => None,
        };
        let values = values.into_iter().filter_map(|(key, given)| Some((key, words(given.raw)?))).collect();
        Ok(Self { config: config.map(PathBuf::from), values })
    }

    /// The value of a setting, as text.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Wants this value of `key` where no flag gives another.
    pub fn or(&mut self, key: &str, value: impl Into<String>) {
        self.values.entry(key.to_owned()).or_insert_with(|| value.into());
    }
}

/// The value of one setting in the text of a file, as text; none where it is not there.
#[must_use]
pub fn value_in(text: &str, key: &str) -> Option<String> {
    let (group, _) = file::parse("", text);
    group.values.get(key).and_then(|given| shown(&given.raw))
}

/// The text of the file at `path` with the wanted settings; `text` is what it has now, none where it does not exist.
///
/// # Errors
/// [`NotAmended`].
pub fn amend<S: Settings + Validate>(
    path: &Path,
    text: Option<&str>,
    wanted: &Wanted,
) -> Result<Amended, NotAmended> {
    let name = path.display().to_string();
    let declared = S::declared();
    let (group, problems) = file::parse(&name, text.unwrap_or_default());
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let (mut differences, mut lines) = (Vec::new(), String::new());
    for setting in &declared {
        let Some(wish) = wanted.values.get(setting.key) else { continue };
        match group.values.get(setting.key) {
            None => lines += &line(setting, wish),
            Some(given) if shown(&given.raw).as_deref() == Some(wish) => {}
            Some(given) => differences.push(Difference {
                place: given.place.clone(),
                key: setting.key.to_owned(),
                there: secret_or(setting, shown(&given.raw).unwrap_or_else(|| "something else".to_owned())),
                wanted: secret_or(setting, wish.clone()),
            }),
        }
    }
    if !differences.is_empty() {
        return Err(NotAmended::Differs(differences));
    }
    let new = match text {
        None => lines.clone(),
        Some(text) if lines.is_empty() => text.to_owned(),
        Some(text) => format!("{}\n\n{HEADING}\n{lines}", text.trim_end()),
    };
    check::<S>(&name, &new)?;
    Ok(if text.is_some_and(|text| text == new) { Amended::Unchanged } else { Amended::Text(new) })
}

fn check<S: Settings + Validate>(name: &str, text: &str) -> Result<(), Problems> {
    let (group, mut problems) = file::parse(name, text);
    problems.extend(reader::read::<S>(vec![&group.values], None).problems);
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

fn line(setting: &Setting, value: &str) -> String {
    let value = match setting.form {
        Form::Text => toml::Value::String(value.to_owned()).to_string(),
        Form::Number | Form::Boolean => value.to_owned(),
    };
    format!("{} = {value}\n", setting.key)
}

fn shown(raw: &Raw) -> Option<String> {
    match raw {
        Raw::Words(text) | Raw::Text(text) | Raw::Number(text) => Some(text.clone()),
        Raw::Boolean(on) => Some(on.to_string()),
        Raw::Tables(_) | Raw::Other(_) => None,
    }
}

fn secret_or(setting: &Setting, text: String) -> String {
    if setting.secret { "(secret)".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checks, Secret};

    crate::settings! {
        /// Settings for these tests.
        struct Sample {
            /// How many.
            count: u16 = "3",
            /// Whether to shout.
            shout: bool = "false",
            /// Who.
            name: Option<String>,
            /// What nobody may see.
            key: Option<Secret>,
        }
    }

    impl Validate for Sample {
        fn validate(&self, checks: &mut Checks<'_>) {
            if self.count == 0 {
                checks.problem("count", "is 0");
            }
        }
    }

    fn amended(text: Option<&str>, flags: &[&str]) -> Result<Amended, NotAmended> {
        let wanted = Wanted::from_flags::<Sample>(flags.iter().map(OsString::from))?;
        amend::<Sample>(Path::new("sample.toml"), text, &wanted)
    }

    #[test]
    fn a_file_that_is_not_there_gets_what_is_wanted() {
        let made = amended(None, &["--count", "4", "--shout", "--name=a \"b\""]).unwrap();
        assert_eq!(made, Amended::Text("count = 4\nshout = true\nname = 'a \"b\"'\n".to_owned()));
    }

    #[test]
    fn what_is_there_stays_and_what_is_missing_is_added() {
        let there = "# mine\ncount = 4\n";
        assert_eq!(amended(Some(there), &["--count", "4"]).unwrap(), Amended::Unchanged);
        let Amended::Text(text) = amended(Some(there), &["--name", "x", "--count=4"]).unwrap() else {
            panic!("nothing was added")
        };
        assert_eq!(text, format!("# mine\ncount = 4\n\n{HEADING}\nname = \"x\"\n"));
        assert_eq!(value_in(&text, "name").as_deref(), Some("x"));
        assert_eq!(value_in(&text, "shout"), None);
    }

    #[test]
    fn another_value_is_a_difference_with_its_place_and_without_secrets() {
        let error = amended(
            Some("\ncount = 4\nkey = 'hunter1'\n"),
            &["--count", "5", "--key", "hunter2", "--name", "x"],
        );
        let text = error.unwrap_err().to_string();
        assert!(text.contains("sample.toml:2: count is \"4\" there, and \"5\" is asked for"), "{text}");
        assert!(text.contains("sample.toml:3: key is") && !text.contains("hunter"), "{text}");
    }

    #[test]
    fn what_would_not_be_accepted_is_not_written() {
        for (there, flags) in
            [("", &["--count", "0"][..]), ("coutn = 1\n", &["--count", "1"]), ("count = \n", &[])]
        {
            assert!(matches!(amended(Some(there), flags), Err(NotAmended::Problems(_))), "{there} {flags:?}");
        }
        assert!(Wanted::from_flags::<Sample>(["--conut".into(), "1".into()]).is_err());
    }
}
