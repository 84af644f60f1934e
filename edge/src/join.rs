//! The command `join`: one pasted line makes this machine an edge.
//!
//! Place in the flow: [`crate::program`]. It writes the settings and the token, starts the installed service where systemd
//! runs, and then says what [`crate::doctor`] finds. What exists and says something else is left alone: a line that is pasted
//! twice does the same as once, and one that was meant for another machine does nothing.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use farcast_config::{Amended, Asked, Command, Operand, Program, Switch, Wanted, amend, value_in};
use farcast_doctor::Running;
use farcast_link::JoinToken;
use farcast_service::program::BAD_SETTINGS;
use farcast_telemetry::file::{self, Access};

use crate::doctor;
use crate::settings::Settings;

/// The flag that leaves the service alone.
const NO_START: &str = "--no-start";

/// The command, for the help.
pub(crate) const COMMAND: Command = Command {
    name: "join",
    operands: &[Operand { name: "TOKEN", is_path: false }],
    switches: &[
        Switch { flag: NO_START, about: "Do not enable and start the service." },
        Switch { flag: doctor::JSON, about: "Print the report as JSON, for tools." },
    ],
    about: "Make this machine an edge of the origin that printed TOKEN (farcast-origin join-command): write the token and the \
            settings that are given as flags, start the installed service, and check that all works. A file that says \
            something else is not changed. With --config FILE the settings go there and nothing is started.",
};

/// The data folder of the installed service.
const INSTALLED_DATA: &str = "/var/lib/farcast-edge";
/// The token's file, beside the settings.
const TOKEN_FILE: &str = "join-token";
/// The first line of a settings file that is made here.
const HEADING: &str =
    "# Settings of farcast-edge, made by `farcast-edge join`. All settings: farcast-edge --help\n";
/// Longest wait until an edge that was started takes viewers.
const START: Duration = Duration::from_secs(20);
/// Interval at which it is asked.
const POLL: Duration = Duration::from_millis(250);

/// Joins and prints what was done. Returns the exit status: 0, 1 when something does not work, 2 for wrong arguments.
pub(crate) fn run(program: &Program, asked: &Asked) -> u8 {
    let joined = joined(program, asked);
    match joined {
        Ok(arguments) => doctor::run(program, &arguments, asked.has(doctor::JSON)),
        Err(Failed::Arguments(why)) => {
            eprintln!("{} join: {why}", program.name);
            BAD_SETTINGS
        }
        Err(Failed::Other(error)) => {
            eprintln!("{} join: {error:#}", program.name);
            1
        }
    }
}

/// The reason why nothing was joined.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// The line is wrong.
    #[error("{0}")]
    Arguments(String),
    /// A file or the service.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// The files of an edge that joins.
struct Files {
    settings: PathBuf,
    token: PathBuf,
    /// True if they are those of the installed service.
    installed: bool,
}

/// Returns the arguments with which the edge is then looked at.
fn joined(program: &Program, asked: &Asked) -> Result<Vec<OsString>, Failed> {
    let text = asked.operands.first().map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    let token: JoinToken = text.parse().map_err(|error| Failed::Arguments(format!("{error}")))?;
    let mut wanted = Wanted::from_flags::<Settings>(asked.rest.iter().cloned())
        .map_err(|error| Failed::Arguments(error.to_string()))?;
    if wanted.get("join_token").is_some() {
        return Err(Failed::Arguments(
            "--join-token is the token of the line, which is given already".to_owned(),
        ));
    }
    let settings = wanted.config.clone().unwrap_or_else(|| program.settings_file.into());
    let before = read(&settings)?;
    let files = files(program, settings, before.as_deref(), &mut wanted);
    write_settings(&files, before.as_deref(), &wanted)?;
    write_token(&files.token, &token)?;
    let arguments = vec!["--config".into(), files.settings.clone().into()];
    if files.installed && !asked.has(NO_START) {
        start(program, &arguments)?;
    } else {
        say(&format!("start it with: {} --config {}", program.name, files.settings.display()));
    }
    Ok(arguments)
}

fn files(program: &Program, settings: PathBuf, before: Option<&str>, wanted: &mut Wanted) -> Files {
    let installed = settings == Path::new(program.settings_file);
    let beside = |name: &str| settings.parent().unwrap_or(Path::new("")).join(name).display().to_string();
    let there = |key: &str| before.and_then(|text| value_in(text, key));
    // Where the token is decides the file, unless the line does.
    wanted.or("join_token_file", there("join_token_file").unwrap_or_else(|| beside(TOKEN_FILE)));
    if there("data_dir").is_none() {
        let data_dir = if installed { INSTALLED_DATA.to_owned() } else { beside("data") };
        wanted.or("data_dir", data_dir);
    }
    let token = PathBuf::from(wanted.get("join_token_file").unwrap_or(TOKEN_FILE));
    Files { settings, token, installed }
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

fn write_settings(files: &Files, before: Option<&str>, wanted: &Wanted) -> anyhow::Result<()> {
    let path = &files.settings;
    let shown = path.display();
    let amended = amend::<Settings>(path, before, wanted).with_context(|| {
        format!("nothing was changed, since {shown} and the line do not agree; edit the file, or leave the flag out")
    })?;
    let Amended::Text(text) = amended else {
        say(&format!("{shown} says all of it already"));
        return Ok(());
    };
    let text = if before.is_some() { text } else { format!("{HEADING}{text}") };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let permissions = fs::metadata(path).ok().map(|metadata| metadata.permissions());
    file::write(path, text.as_bytes(), Access::Public).with_context(|| denied(path))?;
    if let Some(permissions) = permissions {
        fs::set_permissions(path, permissions).with_context(|| format!("the mode of {shown}"))?;
    }
    say(&format!("{shown} is written"));
    Ok(())
}

/// A token of the same origin is replaced by the new one; the token of another is not.
fn write_token(path: &Path, token: &JoinToken) -> anyhow::Result<()> {
    let shown = path.display();
    if let Some(there) = read(path)?.filter(|text| !text.trim().is_empty()) {
        let there: JoinToken = match there.parse() {
            Ok(there) => there,
            Err(error) => {
                bail!("{shown} exists and is no join token ({error}): remove it, and run this again")
            }
        };
        ensure!(
            there.fingerprint == token.fingerprint,
            "{shown} has the token of another origin ({}): to move this edge to {}, stop it, remove that file and \
             edge-identity.json in its data folder, and run this again",
            doctor::origin_of(&there),
            doctor::origin_of(token)
        );
        if there == *token {
            say(&format!("{shown} has this token already"));
            return Ok(());
        }
    }
    file::write_private(path, format!("{token}\n").as_bytes()).with_context(|| denied(path))?;
    say(&format!("{shown} is written, for its owner only"));
    Ok(())
}

fn denied(path: &Path) -> String {
    format!("{} cannot be written (the installed service's files need root: sudo)", path.display())
}

/// Enables and starts the installed service, and waits until it takes viewers. Where systemd does not run it says so.
fn start(program: &Program, arguments: &[OsString]) -> anyhow::Result<()> {
    let unit = program.name;
    if !Path::new("/run/systemd/system").exists() {
        say(&format!("systemd does not run here; elsewhere: systemctl enable --now {unit}"));
        return Ok(());
    }
    systemctl(&["enable", unit])?;
    // One that runs takes what has changed.
    systemctl(&["restart", unit])?;
    say(&format!("{unit} is enabled and started"));
    let farcast_doctor::Read::Settings(settings, _) =
        farcast_doctor::settings::<Settings>(program, arguments)
    else {
        return Ok(());
    };
    let ends = Instant::now() + START;
    while Instant::now() < ends {
        if Running::find(unit, settings.metrics_listen).is_some_and(|running| running.ready.0) {
            break;
        }
        thread::sleep(POLL);
    }
    Ok(())
}

fn systemctl(arguments: &[&str]) -> anyhow::Result<()> {
    let line = format!("systemctl {}", arguments.join(" "));
    let status = Process::new("systemctl").args(arguments).status().with_context(|| line.clone())?;
    ensure!(status.success(), "`{line}` failed ({status}): run it yourself and see what it says");
    Ok(())
}

/// To standard error: standard output is the report's.
fn say(text: &str) {
    let _ = io::Write::write_all(&mut io::stderr(), format!("{text}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const PROGRAM: Program = Program {
        name: "farcast-edge",
        version: "0",
        about: "",
        settings_file: "/nonexistent/edge.toml",
        commands: &[COMMAND],
    };

    fn token(fingerprint: u8, secret: u8) -> JoinToken {
        let addresses = vec!["127.0.0.1:9".to_owned()];
        JoinToken { addresses, fingerprint: [fingerprint; 32], secret: [secret; 32] }
    }

    fn join(folder: &Path, token: &JoinToken, flags: &[&str]) -> Result<Vec<OsString>, Failed> {
        let file = folder.join("etc/edge.toml");
        let mut line: Vec<OsString> = vec!["join".into(), token.to_string().into()];
        line.extend(["--config".into(), file.into()]);
        line.extend(flags.iter().map(OsString::from));
        joined(&PROGRAM, &PROGRAM.asked(&line).unwrap().unwrap())
    }

    #[test]
    fn the_line_makes_settings_and_a_private_token_and_does_so_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (one, flags) = (token(1, 1), ["--http-listen", "127.0.0.1:0", "--forward-admin"]);
        for _ in 0..2 {
            join(folder.path(), &one, &flags).unwrap();
            let text = fs::read_to_string(folder.path().join("etc/edge.toml")).unwrap();
            assert_eq!(value_in(&text, "http_listen").as_deref(), Some("127.0.0.1:0"));
            assert_eq!(value_in(&text, "forward_admin").as_deref(), Some("true"));
            let file = folder.path().join("etc/join-token");
            assert_eq!(value_in(&text, "join_token_file").map(PathBuf::from), Some(file.clone()));
            assert_eq!(value_in(&text, "data_dir").map(PathBuf::from), Some(folder.path().join("etc/data")));
            assert_eq!(fs::read_to_string(&file).unwrap(), format!("{one}\n"));
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(text.lines().count(), 5, "{text}");
        }
    }

    #[test]
    fn settings_that_differ_are_named_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("etc")).unwrap();
        let file = folder.path().join("etc/edge.toml");
        fs::write(&file, "http_listen = '0.0.0.0:80'\n").unwrap();
        let error = join(folder.path(), &token(1, 1), &["--http-listen=0.0.0.0:81"]).unwrap_err();
        let Failed::Other(error) = error else { panic!("{error}") };
        let text = format!("{error:#}");
        assert!(
            text.contains("edge.toml:1: http_listen is \"0.0.0.0:80\" there, and \"0.0.0.0:81\""),
            "{text}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), "http_listen = '0.0.0.0:80'\n");
        assert!(!folder.path().join("etc/join-token").exists());
    }

    #[test]
    fn a_new_token_of_the_same_origin_takes_the_place_of_the_old_one_and_no_other_does() {
        let folder = tempfile::tempdir().unwrap();
        join(folder.path(), &token(1, 1), &[]).unwrap();
        join(folder.path(), &token(1, 2), &[]).unwrap();
        let file = folder.path().join("etc/join-token");
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}\n", token(1, 2)));
        let error = join(folder.path(), &token(3, 3), &[]).unwrap_err().to_string();
        assert!(error.contains("the token of another origin"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}\n", token(1, 2)));
    }

    #[test]
    fn a_line_that_is_garbled_or_has_wrong_flags_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = join(folder.path(), &token(1, 1), &["--http-lsiten", "x"]).unwrap_err();
        assert!(matches!(&wrong, Failed::Arguments(why) if why.contains("--http-listen")), "{wrong}");
        let line: Vec<OsString> = vec!["join".into(), "farcast1.AAA".into()];
        let asked = PROGRAM.asked(&line).unwrap().unwrap();
        assert!(matches!(joined(&PROGRAM, &asked), Err(Failed::Arguments(_))));
        assert!(!folder.path().join("etc").exists());
    }
}
