//! Reading the layers in order: what `main` calls.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::file::{Given, Group, Raw};
use super::problem::{did_you_mean, nearest};
use super::{
    ENVIRONMENT_PREFIX, Place, Problem, Problems, Program, Setting, Settings, Validate, variable_of,
};
use super::{Shell, Value, complete, file, flags, help, man, reader};

/// Largest configuration file that is read; a mistaken path to a recording must not fill memory.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The request of the command line.
#[derive(Debug)]
pub enum Outcome<S> {
    /// To run with these settings.
    Run(Loaded<S>),
    /// To print this text (help, version or the effective configuration) and stop with success.
    Print(String),
}

/// Settings in force.
#[derive(Clone, Debug)]
pub struct Loaded<S> {
    /// The settings.
    pub settings: S,
    /// The file in which to announce the bound addresses (`--announce`).
    pub announce: Option<PathBuf>,
    /// Oddities that are no reason not to start; for the log, once there is one.
    pub warnings: Vec<String>,
}

/// Reads the command line (without the program's name), the file that it names, and the environment.
///
/// Environment variables that are set but empty count as not set. Unknown `FARCAST_*` variables are
/// only warned about: one environment may serve several programs.
///
/// # Errors
/// All problems of all layers.
pub fn load<S: Settings + Validate>(
    program: &Program,
    args: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Outcome<S>, Problems> {
    let settings = S::declared();
    let mut flags = flags::parse(&settings, args);
    if flags.help {
        return Ok(Outcome::Print(help::text(program, &settings)));
    }
    if flags.version {
        return Ok(Outcome::Print(format!("{} {}\n", program.name, program.version)));
    }

    if flags.man {
        return Ok(Outcome::Print(man::page(program, &settings)));
    }
    if let Some(shell) = &flags.completions {
        let place = Place::Flag("--completions".to_owned());
        let shell = Shell::parse(shell)
            .map_err(|error| Problems(vec![Problem { place, what: error.to_string() }]))?;
        return Ok(Outcome::Print(complete::script(shell, program, &settings)));
    }

    let mut problems = std::mem::take(&mut flags.problems);
    let mut group = Group { place: Place::Default, values: BTreeMap::new() };
    if let Some(path) = &flags.config {
        match read_file(path) {
            Ok(text) => {
                let (read, wrong) = file::parse(path, &text);
                group = read;
                problems.extend(wrong);
            }
            Err(error) => {
                let what = format!("cannot read {path}: {error}");
                problems.push(Problem { place: Place::Flag("--config".to_owned()), what });
            }
        }
    }
    let mut warnings = Vec::new();
    let variables = variables(&settings, environment, &mut warnings, &mut problems);

    let reading = reader::read::<S>(vec![&group.values, &variables, &flags.values], None);
    problems.extend(reading.problems);
    let Some(settings) = reading.settings.filter(|_| problems.is_empty()) else {
        return Err(Problems(problems));
    };
    if flags.check_config {
        let warnings: String = warnings.iter().map(|warning| format!("# warning: {warning}\n")).collect();
        return Ok(Outcome::Print(warnings + &reading.effective.to_toml()));
    }
    Ok(Outcome::Run(Loaded { settings, announce: flags.announce.map(PathBuf::from), warnings }))
}

/// Reads a file of settings, unless it is too large to be one.
fn read_file(path: &str) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(text)
}

fn variables(
    settings: &[Setting],
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    warnings: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Given> {
    let known: Vec<(String, &str)> =
        settings.iter().filter(|s| s.tables.is_none()).map(|s| (variable_of(s.key), s.key)).collect();
    let mut values = BTreeMap::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(ENVIRONMENT_PREFIX)) else { continue };
        if value.is_empty() {
            continue;
        }
        let Some((_, key)) = known.iter().find(|(variable, _)| variable == name) else {
            let near = nearest(name, known.iter().map(|(variable, _)| variable.as_str())).map(str::to_owned);
            warnings.push(format!("{name}: is no setting of this program{}", did_you_mean(near)));
            continue;
        };
        let place = Place::Variable(name.to_owned());
        match value.into_string() {
            Ok(text) => {
                values.insert((*key).to_owned(), Given { place, raw: Raw::Words(text) });
            }
            Err(_) => problems.push(Problem { place, what: "is not valid UTF-8".to_owned() }),
        }
    }
    // The environment has no order of its own.
    warnings.sort();
    values
}

#[cfg(test)]
mod tests;
