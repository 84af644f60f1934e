//! Completions for shells, from the declarations.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ValueHint};

use super::{Command, Form, Program, Proposals, Setting, flag_of};

crate::choice! {
    /// A shell that can complete what is typed.
    pub enum Shell: "bash, zsh or fish" {
        /// GNU Bash with bash-completion.
        Bash = "bash",
        /// Zsh.
        Zsh = "zsh",
        /// fish.
        Fish = "fish",
    }
}

/// The script that a shell loads to complete the arguments of `program`.
pub(super) fn script(shell: Shell, program: &Program, settings: &[Setting]) -> String {
    let generator = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut out = Vec::new();
    clap_complete::generate(generator, &mut command_line(program, settings), program.name, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The command line as the generators understand it; nothing is parsed with it.
fn command_line(program: &Program, settings: &[Setting]) -> clap::Command {
    let mut line = with_settings(base(program.name, program.about), settings)
        .disable_help_subcommand(true)
        .arg(flag("man", "Print the manual page"))
        .arg(words(
            Arg::new("completions")
                .long("completions")
                .value_name("SHELL")
                .help("Print what a shell loads to complete"),
            &["bash", "zsh", "fish"],
        ))
        .arg(flag("version", "Print the version").short('V'));
    for command in program.commands {
        line = line.subcommand(subcommand(command, settings));
    }
    line
}

fn base(name: &'static str, about: &'static str) -> clap::Command {
    clap::Command::new(name).about(about).disable_help_flag(true).disable_version_flag(true)
}

fn subcommand(command: &Command, settings: &[Setting]) -> clap::Command {
    let mut line = base(command.name, first_sentence(command.about));
    for operand in command.operands {
        let hint = if operand.is_path { ValueHint::FilePath } else { ValueHint::Other };
        line = line.arg(Arg::new(operand.name).required(true).value_hint(hint));
    }
    for switch in command.switches {
        let name = switch.flag.trim_start_matches('-');
        line = line.arg(flag(name, switch.about));
    }
    with_settings(line, settings)
}

fn with_settings(line: clap::Command, settings: &[Setting]) -> clap::Command {
    let line = line
        .arg(path("config", "Read settings from this file"))
        .arg(flag("check-config", "Print the settings in force"))
        .arg(path("announce", "Write the bound addresses to this file"))
        .arg(flag("help", "Print the help").short('h'));
    let settings = settings.iter().filter(|setting| setting.tables.is_none());
    settings.fold(line, |line, setting| line.arg(of_setting(setting)))
}

fn path(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).value_hint(ValueHint::FilePath)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

fn of_setting(setting: &Setting) -> Arg {
    let flag = flag_of(setting.key);
    let long = flag.trim_start_matches('-').to_owned();
    let arg = Arg::new(setting.key).long(long).help(first_sentence(&setting.paragraph()).to_owned());
    if setting.form == Form::Boolean {
        return arg.action(ArgAction::SetTrue);
    }
    match setting.proposals {
        Proposals::None => arg.value_hint(ValueHint::Other),
        Proposals::Words(proposed) => words(arg, proposed),
        Proposals::Paths => arg.value_hint(ValueHint::AnyPath),
    }
}

fn words(arg: Arg, words: &'static [&'static str]) -> Arg {
    arg.value_parser(PossibleValuesParser::new(words))
}

/// The text up to its first full stop or colon, which is room enough beside a flag.
fn first_sentence(text: &str) -> &str {
    let end = [". ", ": ", "; "].iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Operand, Setting, Switch};

    fn script_for(shell: Shell) -> String {
        let program = Program {
            name: "farcast-sample",
            version: "1",
            about: "a sample",
            settings_file: "",
            commands: &[Command {
                name: "copy",
                operands: &[Operand { name: "FILE", is_path: true }],
                switches: &[Switch { flag: "--json", about: "As JSON" }],
                about: "Copy it. Slowly.",
            }],
        };
        let settings = [
            Setting::of::<std::path::PathBuf>("data_dir", &["Folder: of data."], None),
            Setting::of::<Option<Shell>>("shell_kind", &["It's one of [three]."], None),
        ];
        script(shell, &program, &settings)
    }

    #[test]
    fn each_shell_is_told_flags_commands_and_words() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script_for(shell);
            for expected in ["data-dir", "shell-kind", "copy", "json", "fish", "completions", "man"] {
                assert!(
                    script.contains(expected),
                    "{expected} is not in what {} loads:\n{script}",
                    shell.as_str()
                );
            }
        }
    }

    #[test]
    fn a_help_beside_a_flag_is_one_sentence() {
        assert_eq!(first_sentence("Folder: of data."), "Folder");
        assert_eq!(first_sentence("Such as 0.0.0.0:53. More."), "Such as 0.0.0.0:53");
        assert_eq!(first_sentence("All of it"), "All of it");
    }
}
