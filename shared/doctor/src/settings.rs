//! The settings: whether they can be used, and where they come from.

use std::ffi::OsString;

use farcast_config::{Loaded, Outcome, Program, Settings, Validate};

use crate::Finding;

/// The check's name.
const CHECK: &str = "settings";

/// What reading the settings came to.
#[derive(Debug)]
pub enum Read<S> {
    /// They can be used; with oddities, which are warned of.
    Settings(Box<S>, Vec<Finding>),
    /// They cannot.
    Wrong(Vec<Finding>),
    /// The command line asks to print this text instead, such as the help.
    Print(String),
}

/// Reads the settings from `arguments`, those behind the command's name, and the environment.
#[must_use]
pub fn settings<S: Settings + Validate>(program: &Program, arguments: &[OsString]) -> Read<S> {
    match farcast_config::load::<S>(program, arguments.to_vec(), std::env::vars_os()) {
        Ok(Outcome::Print(text)) => Read::Print(text),
        Ok(Outcome::Run(Loaded { settings, warnings, .. })) => {
            let mut findings = vec![Finding::ok(CHECK, format!("they can be used; {}", source(arguments)))];
            let advice = "correct the name, or remove it from the environment";
            findings.extend(warnings.into_iter().map(|warning| Finding::warning(CHECK, warning, advice)));
            Read::Settings(Box::new(settings), findings)
        }
        Err(problems) => {
            let advice = format!("correct it; {} --help has all settings", program.name);
            let found =
                |problem: farcast_config::Problem| Finding::problem(CHECK, problem.to_string(), &advice);
            Read::Wrong(problems.0.into_iter().map(found).collect())
        }
    }
}

fn source(arguments: &[OsString]) -> String {
    let mut pairs = arguments.windows(2).filter(|pair| pair.first().is_some_and(|flag| flag == "--config"));
    let separate = pairs.next().and_then(|pair| pair.get(1)).map(|file| file.to_string_lossy().into_owned());
    let mut texts = arguments.iter().map(|argument| argument.to_string_lossy());
    match separate.or_else(|| texts.find_map(|text| text.strip_prefix("--config=").map(str::to_owned))) {
        Some(file) => format!("the file is {file}"),
        None => "there is no settings file (--config), so these are the defaults".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use farcast_config::Checks;

    use super::*;
    use crate::Verdict;

    farcast_config::settings! {
        /// Settings for these tests.
        struct Sample {
            /// How many.
            count: u16 = "3",
        }
    }

    impl Validate for Sample {
        fn validate(&self, _: &mut Checks<'_>) {}
    }

    const PROGRAM: Program =
        Program { name: "farcast-sample", version: "1", about: "a sample", settings_file: "", commands: &[] };

    fn read(arguments: &[&str]) -> Read<Sample> {
        settings(&PROGRAM, &arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn each_mistake_is_a_problem_of_its_own() {
        let Read::Wrong(findings) = read(&["--count", "x", "--cuont=1"]) else { panic!("they are wrong") };
        assert_eq!(findings.iter().map(|finding| finding.verdict).collect::<Vec<_>>(), [Verdict::Problem; 2]);
        assert!(findings[0].text.contains("--cuont: is no flag; did you mean --count?"), "{findings:?}");
        let Read::Settings(_, findings) = read(&["--count", "4"]) else { panic!("they are good") };
        assert_eq!(findings[0].verdict, Verdict::Ok);
        assert!(matches!(read(&["--help"]), Read::Print(_)));
    }
}
