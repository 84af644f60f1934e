use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{ByteSize, Checks, Secret};

crate::choice! {
    /// How loud.
    enum Volume: "quiet or loud" {
        /// Hardly.
        Quiet = "quiet",
        /// Very.
        Loud = "loud",
    }
}

crate::settings! {
    /// Settings for these tests.
    struct Sample {
        /// Where it listens.
        rtmp_listen: SocketAddr = "0.0.0.0:1935",
        /// Also here.
        http_listen: Option<SocketAddr>,
        /// How long it waits,
        /// at most.
        grace: Duration = "15s",
        /// How much it keeps.
        cache_size: ByteSize = "512MiB",
        /// What nobody may see.
        stream_key: Option<Secret>,
        /// Whether to shout.
        shout: bool = "false",
        /// How many.
        count: u16 = "3",
        /// How loud.
        volume: Volume = "quiet",
        ;
        /// Qualities.
        variants: Vec<Row>,
    }
}

crate::settings! {
    /// A row.
    struct Row {
        /// Its name.
        name: String,
        /// Its bit rate.
        video_bitrate: u32 = "1200",
    }
}

impl Validate for Sample {
    fn validate(&self, checks: &mut Checks<'_>) {
        if self.http_listen == Some(self.rtmp_listen) {
            checks.problem("http_listen", "is the same as rtmp_listen");
        }
    }
}

impl Validate for Row {
    fn validate(&self, checks: &mut Checks<'_>) {
        if self.video_bitrate > 50_000 {
            checks.problem("video_bitrate", "is more than 50000 kbps");
        }
    }
}

const PROGRAM: Program = Program {
    name: "farcast-sample",
    version: "1.2.3",
    about: "a sample",
    settings_file: "/nowhere/sample.toml",
    commands: &[],
};

fn with(file: Option<&str>, env: &[(&str, &str)], args: &[&str]) -> Result<Outcome<Sample>, Problems> {
    let folder = tempfile::tempdir().unwrap();
    let mut all: Vec<OsString> = args.iter().map(OsString::from).collect();
    if let Some(text) = file {
        let path = folder.path().join("sample.toml");
        std::fs::write(&path, text).unwrap();
        all.push("--config".into());
        all.push(path.into());
    }
    let env = env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    load::<Sample>(&PROGRAM, all, env)
}

fn run(file: Option<&str>, env: &[(&str, &str)], args: &[&str]) -> Loaded<Sample> {
    match with(file, env, args).unwrap() {
        Outcome::Run(loaded) => loaded,
        Outcome::Print(text) => panic!("printed {text}"),
    }
}

fn print(file: Option<&str>, env: &[(&str, &str)], args: &[&str]) -> String {
    match with(file, env, args).unwrap() {
        Outcome::Print(text) => text,
        Outcome::Run(loaded) => panic!("would run {loaded:?}"),
    }
}

fn problems(file: Option<&str>, env: &[(&str, &str)], args: &[&str]) -> String {
    with(file, env, args).unwrap_err().to_string()
}

#[test]
fn without_anything_the_defaults_are_in_force() {
    let Loaded { settings, announce, warnings } = run(None, &[], &[]);
    assert_eq!(settings.rtmp_listen, "0.0.0.0:1935".parse().unwrap());
    assert_eq!(settings.http_listen, None);
    assert_eq!(settings.grace, Duration::from_secs(15));
    assert_eq!(settings.cache_size, ByteSize::from_mebibytes(512));
    assert_eq!((settings.shout, settings.count, settings.volume), (false, 3, Volume::Quiet));
    assert_eq!((announce, warnings), (None, vec![]));
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let file = "count = 4\ngrace = '1s'\nshout = true";
    let env = [("FARCAST_COUNT", "5"), ("FARCAST_VOLUME", "loud"), ("PATH", "/bin")];
    let Loaded { settings, announce, .. } = run(Some(file), &env, &["--count", "6", "--announce=a.json"]);
    assert_eq!((settings.count, settings.volume, settings.shout), (6, Volume::Loud, true));
    assert_eq!(settings.grace, Duration::from_secs(1));
    assert_eq!(announce, Some("a.json".into()));
    assert_eq!(run(Some(file), &env, &[]).settings.count, 5);
    assert_eq!(run(Some(file), &[], &[]).settings.count, 4);
}

#[test]
fn a_switch_needs_no_value_and_takes_one_after_an_equals_sign() {
    assert!(run(None, &[], &["--shout"]).settings.shout);
    assert!(!run(Some("shout = true"), &[], &["--shout=false"]).settings.shout);
}

#[test]
fn all_problems_are_reported_together_each_with_its_place() {
    let file = "rtmp_lsiten = '0.0.0.0:1'\ngrace = 15\ncount = 'four'\n\n[[variants]]\nname = 'a'\n\
                vidoe_bitrate = 1\n[[variants]]\nvideo_bitrate = 90000\n";
    let env = [("FARCAST_CACHE_SIZE", "512"), ("FARCAST_VOLUME", "lout")];
    let text = problems(Some(file), &env, &["--http-lsiten", "x", "--shout=maybe", "--rtmp-listen"]);
    for expected in [
        "sample.toml:1: rtmp_lsiten is no setting; did you mean rtmp_listen?",
        "sample.toml:2: grace: \"15\" needs a unit, such as 15s or 15ms",
        "sample.toml:3: count: expected a number without quotes",
        "sample.toml:7: vidoe_bitrate is no setting; did you mean video_bitrate?",
        "sample.toml:8: name is missing: a text",
        "FARCAST_CACHE_SIZE: \"512\" needs a unit, such as 512MiB",
        "FARCAST_VOLUME: \"lout\" is not quiet or loud; did you mean \"loud\"?",
        "--http-lsiten: is no flag; did you mean --http-listen?",
        "--shout: \"maybe\" is not true or false",
        "--rtmp-listen: needs a value",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
    assert_eq!(text.lines().count(), 11, "{text}");
}

#[test]
fn a_broken_rule_is_placed_where_the_value_was_given() {
    let text = problems(None, &[("FARCAST_HTTP_LISTEN", "0.0.0.0:1935")], &[]);
    assert!(text.contains("FARCAST_HTTP_LISTEN: is the same as rtmp_listen"), "{text}");
    let text = problems(Some("[[variants]]\nname='a'\nvideo_bitrate = 90_000"), &[], &[]);
    assert!(text.contains("sample.toml:3: video_bitrate: is more than 50000 kbps"), "{text}");
}

#[test]
fn every_syntax_error_of_the_file_has_its_line() {
    let text = problems(Some("count = \nshout = true\ngrace = = 3\n"), &[], &[]);
    assert!(text.contains("sample.toml:1: ") && text.contains("sample.toml:3: "), "{text}");
}

#[test]
fn a_missing_file_is_a_problem_of_the_flag() {
    let text = problems(None, &[], &["--config", "/nowhere/at.all"]);
    assert!(text.contains("--config: cannot read /nowhere/at.all: "), "{text}");
}

#[test]
fn a_flag_given_twice_is_a_problem() {
    let text = problems(None, &[], &["--count", "1", "--count", "2"]);
    assert!(text.contains("--count: is given twice"), "{text}");
}

#[test]
fn an_unknown_variable_is_only_warned_about_and_an_empty_one_is_not_set() {
    let env = [("FARCAST_COUNTT", "1"), ("FARCAST_JOIN_TOKEN", "x"), ("FARCAST_GRACE", "")];
    let Loaded { settings, warnings, .. } = run(None, &env, &[]);
    assert_eq!(settings.grace, Duration::from_secs(15));
    assert_eq!(
        warnings,
        [
            "FARCAST_COUNTT: is no setting of this program; did you mean FARCAST_COUNT?",
            "FARCAST_JOIN_TOKEN: is no setting of this program",
        ]
    );
}

#[test]
fn the_effective_configuration_names_places_hides_secrets_and_is_read_back() {
    let file = "count = 4\n[[variants]]\nname = \"a \\\"b\\\"\"";
    let shown = print(
        Some(file),
        &[("FARCAST_STREAM_KEY", "hunter2"), ("FARCAST_X", "y")],
        &["--check-config", "--grace", "2s"],
    );
    assert!(!shown.contains("hunter2"), "{shown}");
    for expected in
        ["# --grace", "sample.toml:1", "# FARCAST_STREAM_KEY", "# default", "# http_listen is not set"]
    {
        assert!(shown.contains(expected), "{expected:?} is not in:\n{shown}");
    }
    let again = run(Some(&shown), &[], &[]).settings;
    assert_eq!((again.count, again.grace), (4, Duration::from_secs(2)));
    assert_eq!(again.variants, [Row { name: "a \"b\"".to_owned(), video_bitrate: 1200 }]);
}

#[test]
fn no_problem_repeats_a_secret() {
    let text = problems(Some("stream_key = 123456"), &[("FARCAST_STREAM_KEY", "  ")], &[]);
    assert!(!text.contains("123456"), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn help_shows_every_name_of_every_setting() {
    let text = print(None, &[], &["--nonsense", "--help"]);
    for expected in ["--rtmp-listen VALUE", "FARCAST_GRACE", "default 15s", "waits, at most.", "[[variants]]"]
    {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 104), "{text}");
    assert_eq!(print(None, &[], &["--version"]), "farcast-sample 1.2.3\n");
}

proptest! {
    #[test]
    fn no_file_panics(text in "[a-z\\[\\]=\"' 0-9\\n_.{},-]{0,80}") {
        let _ = with(Some(&text), &[], &[]);
    }

    #[test]
    fn no_command_line_panics(args in proptest::collection::vec("(--)?[a-z=-]{0,12}", 0..5)) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let _ = with(None, &[], &args);
    }
}
