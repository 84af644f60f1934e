//! Reading typed values out of the layers, gathering problems and provenance.

use std::collections::BTreeMap;

use super::effective::{Effective, Entry};
use super::file::{Given, Group, Raw};
use super::problem::{did_you_mean, nearest};
use super::{Form, Place, Problem, Setting, Value, flag_of, variable_of};

/// A struct whose fields are settings; made by [`settings!`](crate::settings).
pub trait Settings: Sized {
    /// All settings, in declared order.
    fn declared() -> Vec<Setting>;

    /// Reads every field; `None` when at least one has a problem (the reader holds them).
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

/// Rules that a single value's type cannot express; asked once every value could be read.
pub trait Validate {
    /// Adds a problem for each rule that is broken.
    fn validate(&self, checks: &mut Checks<'_>);
}

/// Reads the fields of one [`Settings`] struct.
pub struct Reader<'a> {
    settings: Vec<Setting>,
    /// Lowest layer first.
    layers: Vec<&'a BTreeMap<String, Given>>,
    /// The place of the struct itself, when it is a row of a table array; its keys are then in the file only.
    row: Option<Place>,
    problems: Vec<Problem>,
    places: BTreeMap<&'static str, Place>,
    effective: Effective,
}

/// The result of reading: the struct (`None` when it has a problem), its problems, the settings in force.
pub(super) struct Reading<S> {
    pub(super) settings: Option<S>,
    pub(super) problems: Vec<Problem>,
    pub(super) effective: Effective,
}

/// Reads and validates a whole struct from its layers, lowest first.
pub(super) fn read<S: Settings + Validate>(
    layers: Vec<&BTreeMap<String, Given>>,
    row: Option<Place>,
) -> Reading<S> {
    let mut reader = Reader {
        settings: S::declared(),
        layers,
        row,
        problems: Vec::new(),
        places: BTreeMap::new(),
        effective: Effective::default(),
    };
    reader.refuse_unknown();
    let settings = S::read(&mut reader);
    if let Some(settings) = &settings {
        let mut checks = Checks { places: &reader.places, row: reader.row.as_ref(), problems: Vec::new() };
        settings.validate(&mut checks);
        let problems = checks.problems;
        reader.problems.extend(problems);
    }
    Reading { settings, problems: reader.problems, effective: reader.effective }
}

impl Reader<'_> {
    /// The value of `key`: the highest layer's, or the default.
    pub fn value<T: Value>(&mut self, key: &'static str) -> Option<T> {
        let mut chosen = None;
        let mut failed = false;
        for layer in &self.layers {
            let Some(given) = layer.get(key) else { continue };
            match typed::<T>(&given.raw) {
                Ok(value) => chosen = Some((value, given.place.clone())),
                Err(what) => {
                    failed = true;
                    let what = match given.place {
                        Place::File { .. } => format!("{key}: {what}"),
                        _ => what,
                    };
                    self.problems.push(Problem { place: given.place.clone(), what });
                }
            }
        }
        if failed {
            return None;
        }
        let (value, place) = match chosen {
            Some((value, place)) => (value, place),
            None => (self.fallback::<T>(key)?, Place::Default),
        };
        self.places.insert(key, place.clone());
        self.effective.values.push(Entry { key, form: T::FORM, text: value.show(), place });
        Some(value)
    }

    /// The rows of the table array `key`, each validated.
    pub fn tables<T: Settings + Validate>(&mut self, key: &'static str) -> Option<Vec<T>> {
        let mut rows = Vec::new();
        let mut failed = false;
        for layer in self.layers.clone() {
            let Some(given) = layer.get(key) else { continue };
            self.places.insert(key, given.place.clone());
            let Raw::Tables(groups) = &given.raw else {
                let what = format!("{key} is written as tables: [[{key}]]");
                self.problems.push(Problem { place: given.place.clone(), what });
                failed = true;
                continue;
            };
            for Group { place, values } in groups {
                let reading = read::<T>(vec![values], Some(place.clone()));
                failed |= reading.settings.is_none();
                self.problems.extend(reading.problems);
                self.effective.tables.push((key, place.clone(), reading.effective.values));
                rows.extend(reading.settings);
            }
        }
        (!failed).then_some(rows)
    }

    fn fallback<T: Value>(&mut self, key: &'static str) -> Option<T> {
        let default = self.settings.iter().find(|s| s.key == key).and_then(|s| s.default);
        match default {
            Some(text) => match T::parse(text) {
                Ok(value) => Some(value),
                Err(error) => {
                    let what = format!("the default of {key} is wrong: {error}");
                    self.problems.push(Problem { place: Place::Default, what });
                    None
                }
            },
            None => {
                let absent = T::absent();
                if absent.is_none() {
                    let problem = self.missing(key, T::EXPECTS);
                    self.problems.push(problem);
                }
                absent
            }
        }
    }

    fn missing(&self, key: &str, expects: &str) -> Problem {
        match &self.row {
            Some(place) => Problem { place: place.clone(), what: format!("{key} is missing: {expects}") },
            None => Problem {
                place: Place::Key(key.to_owned()),
                what: format!("must be given ({expects}): {} or {}", flag_of(key), variable_of(key)),
            },
        }
    }

    fn refuse_unknown(&mut self) {
        let known: Vec<&'static str> = self.settings.iter().map(|s| s.key).collect();
        for layer in &self.layers {
            for (key, given) in *layer {
                if known.contains(&key.as_str()) {
                    continue;
                }
                let near = nearest(key, known.iter().copied()).map(str::to_owned);
                let what = format!("{key} is no setting{}", did_you_mean(near));
                self.problems.push(Problem { place: given.place.clone(), what });
            }
        }
    }
}

/// The typed value, or the fault in it.
fn typed<T: Value>(raw: &Raw) -> Result<T, String> {
    let text = match (T::FORM, raw) {
        (_, Raw::Words(text)) | (Form::Text, Raw::Text(text)) | (Form::Number, Raw::Number(text)) => {
            text.clone()
        }
        (Form::Boolean, Raw::Boolean(on)) => on.to_string(),
        // A bare number where a unit is needed: the type's own words say it best.
        (Form::Text, Raw::Number(text)) if !T::SECRET => {
            return Err(match T::parse(text) {
                Err(error) => error.0,
                Ok(_) => format!("expected {}", T::FORM.words()),
            });
        }
        (form, Raw::Other(kind)) => return Err(format!("expected {}, found {kind}", form.words())),
        (form, _) => return Err(format!("expected {}", form.words())),
    };
    T::parse(&text).map_err(|error| error.0)
}

/// Takes the problems that [`Validate`] finds; each is placed where the setting was given.
pub struct Checks<'a> {
    places: &'a BTreeMap<&'static str, Place>,
    row: Option<&'a Place>,
    problems: Vec<Problem>,
}

impl Checks<'_> {
    /// Adds a problem with the setting `key`.
    pub fn problem(&mut self, key: &str, what: impl Into<String>) {
        let what = what.into();
        let given = self.places.get(key).filter(|place| **place != Place::Default).or(self.row);
        let problem = match given {
            Some(place @ Place::File { .. }) => {
                Problem { place: place.clone(), what: format!("{key}: {what}") }
            }
            Some(place) => Problem { place: place.clone(), what },
            None => Problem { place: Place::Key(key.to_owned()), what },
        };
        self.problems.push(problem);
    }
}
