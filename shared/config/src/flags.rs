//! The flag layer: `--name value`, `--name=value`, `--switch`.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::file::{Given, Raw};
use super::problem::{did_you_mean, nearest};
use super::{Form, Place, Problem, Setting, flag_of};

/// The parsed command line.
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub(super) values: BTreeMap<String, Given>,
    pub(super) config: Option<String>,
    pub(super) announce: Option<String>,
    pub(super) check_config: bool,
    pub(super) help: bool,
    pub(super) version: bool,
    pub(super) man: bool,
    pub(super) completions: Option<String>,
    pub(super) problems: Vec<Problem>,
}

/// Flags of every program that take a value.
const VALUED: [&str; 3] = ["--config", "--announce", "--completions"];
/// Flags of every program that take none.
const SWITCHES: [&str; 4] = ["--check-config", "--help", "--man", "--version"];

/// Reads the command line without the program's name.
pub(super) fn parse(settings: &[Setting], args: impl IntoIterator<Item = OsString>) -> Flags {
    let mut flags = Flags::default();
    let mut args = args.into_iter().peekable();
    while let Some(arg) = args.next() {
        let Ok(arg) = arg.into_string() else {
            flags.problem("command line".to_owned(), "an argument is not valid UTF-8".to_owned());
            continue;
        };
        let (name, inline) = match arg.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (arg, None),
        };
        match name.as_str() {
            "--check-config" => flags.check_config = true,
            "--help" | "-h" => flags.help = true,
            "--version" | "-V" => flags.version = true,
            "--man" => flags.man = true,
            _ => {
                let setting = settings.iter().find(|s| s.tables.is_none() && flag_of(s.key) == name);
                if setting.is_none() && !VALUED.contains(&name.as_str()) {
                    flags.unknown(settings, &name);
                    // Its value, if it has one, is not reported as a second mistake.
                    args.next_if(|next| !looks_like_flag(next));
                    continue;
                }
                let switch = setting.is_some_and(|s| s.form == Form::Boolean);
                let value = match inline {
                    Some(value) => Some(value),
                    None if switch => Some("true".to_owned()),
                    None => args.next_if(|next| !looks_like_flag(next)).and_then(|v| v.into_string().ok()),
                };
                match value {
                    Some(value) => flags.set(&name, setting, value),
                    None => flags.problem(name, "needs a value".to_owned()),
                }
            }
        }
    }
    flags
}

impl Flags {
    fn set(&mut self, name: &str, setting: Option<&Setting>, value: String) {
        let twice = match (setting, name) {
            (Some(setting), _) => {
                let given = Given { place: Place::Flag(name.to_owned()), raw: Raw::Words(value) };
                self.values.insert(setting.key.to_owned(), given).is_some()
            }
            (None, "--config") => self.config.replace(value).is_some(),
            (None, "--completions") => self.completions.replace(value).is_some(),
            (None, _) => self.announce.replace(value).is_some(),
        };
        if twice {
            self.problem(name.to_owned(), "is given twice".to_owned());
        }
    }

    fn unknown(&mut self, settings: &[Setting], name: &str) {
        if !name.starts_with('-') {
            self.problem("command line".to_owned(), format!("{name:?} is not a flag; see --help"));
            return;
        }
        let mut known: Vec<String> =
            settings.iter().filter(|s| s.tables.is_none()).map(|s| flag_of(s.key)).collect();
        known.extend(VALUED.iter().chain(&SWITCHES).map(|s| (*s).to_owned()));
        let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        self.problem(name.to_owned(), format!("is no flag{}", did_you_mean(near)));
    }

    fn problem(&mut self, place: String, what: String) {
        self.problems.push(Problem { place: Place::Flag(place), what });
    }
}

fn looks_like_flag(arg: &OsString) -> bool {
    arg.as_encoded_bytes().starts_with(b"--")
}
