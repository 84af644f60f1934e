//! The program whose configuration is read: its name, for help, and its commands.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

/// The program that is configured, for help and version.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Name of the executable.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its purpose, in a sentence without a full stop.
    pub about: &'static str,
    /// The settings file of an installed service, such as `/etc/farcast/edge.toml`.
    pub settings_file: &'static str,
    /// Its other commands.
    pub commands: &'static [Command],
}

/// Something that a program does when the command line begins with its name.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name: the first argument.
    pub name: &'static str,
    /// The arguments that must follow the name, in this order.
    pub operands: &'static [Operand],
    /// The flags that only this command has.
    pub switches: &'static [Switch],
    /// Its effect, in sentences.
    pub about: &'static str,
}

/// An argument that a command needs.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    /// Its name, as in a usage line: `FILE`.
    pub name: &'static str,
    /// True if it is a path, which shells complete.
    pub is_path: bool,
}

/// A flag of one command, without a value.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// The flag: `--json`.
    pub flag: &'static str,
    /// Its effect, in a sentence.
    pub about: &'static str,
}

/// A command that the command line asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The command.
    pub command: &'static Command,
    /// Its operands, as many as it needs.
    pub operands: Vec<OsString>,
    /// Those of its switches that are given.
    pub switches: Vec<&'static str>,
    /// The other arguments: flags of settings.
    pub rest: Vec<OsString>,
}

/// A command without one of its operands; displayed as the usage.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("usage: {0}")]
pub struct Usage(pub String);

impl Command {
    /// The usage line of the command of `program`.
    #[must_use]
    pub fn usage(&self, program: &str) -> String {
        let mut line = format!("{program} {}", self.name);
        for operand in self.operands {
            let _ = write!(line, " {}", operand.name);
        }
        for switch in self.switches {
            let _ = write!(line, " [{}]", switch.flag);
        }
        line + " [--SETTING VALUE]..."
    }
}

impl Program {
    /// The command that the arguments behind the program's name ask for; none if they ask to run it. `--help` in place of
    /// an operand asks for the program's help.
    ///
    /// # Errors
    /// [`Usage`] of a command that lacks an operand.
    pub fn asked(&self, arguments: &[OsString]) -> Result<Option<Asked>, Usage> {
        let Some((first, rest)) = arguments.split_first() else { return Ok(None) };
        let Some(command) = self.commands.iter().find(|command| first == command.name) else {
            return Ok(None);
        };
        if rest.iter().any(|argument| argument == "--help" || argument == "-h") {
            return Ok(None);
        }
        let needed = command.operands.len();
        let is_flag = |argument: &OsString| argument != "-" && argument.as_encoded_bytes().starts_with(b"-");
        if rest.len() < needed || rest.iter().take(needed).any(is_flag) {
            return Err(Usage(command.usage(self.name)));
        }
        let (operands, rest) = rest.split_at(needed);
        let given = |argument: &OsString| command.switches.iter().find(|switch| argument == switch.flag);
        Ok(Some(Asked {
            command,
            operands: operands.to_vec(),
            switches: rest.iter().filter_map(given).map(|switch| switch.flag).collect(),
            rest: rest.iter().filter(|argument| given(argument).is_none()).cloned().collect(),
        }))
    }
}

impl Asked {
    /// True if this switch of the command is given.
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        self.switches.contains(&flag)
    }

    /// Takes the settings file of the installed service, if there is one and no other is named.
    #[must_use]
    pub fn with_installed_settings(mut self, program: &Program) -> Self {
        let names_one = |argument: &OsString| {
            let bytes = argument.as_encoded_bytes();
            bytes == b"--config" || bytes.starts_with(b"--config=")
        };
        if !self.rest.iter().any(names_one) && Path::new(program.settings_file).exists() {
            self.rest.extend(["--config".into(), program.settings_file.into()]);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: Program = Program {
        name: "farcast-sample",
        version: "1.2.3",
        about: "a sample",
        settings_file: "/nowhere/sample.toml",
        commands: &[Command {
            name: "copy",
            operands: &[Operand { name: "FROM", is_path: true }, Operand { name: "TO", is_path: true }],
            switches: &[Switch { flag: "--json", about: "As JSON." }],
            about: "Copy it.",
        }],
    };

    fn asked(arguments: &[&str]) -> Result<Option<Asked>, Usage> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        PROGRAM.asked(&arguments)
    }

    #[test]
    fn operands_switches_and_flags_are_told_apart() {
        let asked = asked(&["copy", "a", "b", "--grace", "1s", "--json"]).unwrap().unwrap();
        assert_eq!(asked.operands, ["a", "b"]);
        assert_eq!(asked.rest, ["--grace", "1s"]);
        assert!(asked.has("--json") && !asked.has("--xml"));
        assert_eq!(asked.with_installed_settings(&PROGRAM).rest, ["--grace", "1s"], "there is no such file");
    }

    #[test]
    fn standard_input_and_output_are_operands() {
        let asked = asked(&["copy", "-", "-"]).unwrap().unwrap();
        assert_eq!(asked.operands, ["-", "-"]);
    }

    #[test]
    fn a_command_that_lacks_an_operand_says_how_it_is_used() {
        let usage = "usage: farcast-sample copy FROM TO [--json] [--SETTING VALUE]...";
        for arguments in
            [&["copy"][..], &["copy", "a"], &["copy", "a", "--json"], &["copy", "--json", "a", "b"]]
        {
            assert_eq!(asked(arguments).unwrap_err().to_string(), usage, "{arguments:?}");
        }
    }

    #[test]
    fn everything_else_runs_the_program_or_asks_for_its_help() {
        for arguments in [&[][..], &["--json"], &["paste", "a"], &["copy", "--help"]] {
            assert!(asked(arguments).unwrap().is_none(), "{arguments:?}");
        }
    }
}
