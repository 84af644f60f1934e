//! The source of a value, and the fault in it.

use std::fmt;

/// The place at which a value was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the declaration.
    Default,
    /// In a file, at a line (from 1).
    File {
        /// The file's path as given.
        path: String,
        /// Line, from 1.
        line: usize,
    },
    /// In this environment variable.
    Variable(String),
    /// In this flag.
    Flag(String),
    /// Nowhere: the key that is missing or concerned.
    Key(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Variable(name) | Self::Flag(name) | Self::Key(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The place.
    pub place: Place,
    /// The fault.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// All that is wrong with a configuration, never empty; displayed one problem a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let plural = if count == 1 { "problem" } else { "problems" };
        write!(f, "the configuration has {count} {plural}:")?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The known name that `given` most likely meant, if any is near: at most a third of its letters differ.
pub(super) fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (given.chars().count() / 3).max(1);
    known
        .map(|name| (strsim::damerau_levenshtein(given, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `; did you mean X?`, or nothing.
pub(super) fn did_you_mean(near: Option<String>) -> String {
    near.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near_or_none() {
        let known = ["rtmp_listen", "rtmps_listen", "http_listen", "log"];
        assert_eq!(nearest("rtmp_lsiten", known.into_iter()), Some("rtmp_listen"));
        assert_eq!(nearest("lgo", known.into_iter()), Some("log"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }
}
