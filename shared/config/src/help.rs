//! The help text, from the declarations.

use std::fmt::Write;

use super::{Form, Program, Setting, flag_of, variable_of};

/// Width of a line of help.
const WIDTH: usize = 96;
/// Indentation of a setting's documentation.
const INDENT: &str = "        ";

/// The text of `--help`.
pub(super) fn text(program: &Program, settings: &[Setting]) -> String {
    let mut out = String::new();
    let Program { name, version, about, commands, .. } = program;
    let _ = write!(
        out,
        "{name} {version}: {about}\n\n\
         Usage: {name} [--config FILE] [--SETTING VALUE]...\n\n\
         Every setting can be given in the file (TOML, key as shown), in the environment and as a flag;\n\
         a flag wins over the environment, the environment over the file.\n\n\
         \x20 --config FILE\n{INDENT}Read settings from this file.\n\
         \x20 --check-config\n{INDENT}Print the settings in force and where each came from, then stop.\n\
         \x20 --announce FILE\n{INDENT}Write the bound addresses to this file, as JSON, once all listeners are open.\n\
         \x20 --man\n{INDENT}Print the manual page, then stop.\n\
         \x20 --completions SHELL\n{INDENT}Print what bash, zsh or fish loads to complete arguments, then stop.\n\
         \x20 --help, --version\n\n",
    );
    if !commands.is_empty() {
        out.push_str("Commands, in place of running:\n");
        for command in *commands {
            let _ = writeln!(out, "  {}", command.usage(name));
            paragraph(&mut out, command.about);
            for switch in command.switches {
                paragraph(&mut out, &format!("{}: {}", switch.flag, switch.about));
            }
        }
        out.push('\n');
    }
    out.push_str("Settings:\n");
    for setting in settings {
        entry(&mut out, setting, "");
    }
    out
}

fn entry(out: &mut String, setting: &Setting, prefix: &str) {
    let mut facts = Vec::new();
    let key = setting.key;
    if let Some(rows) = setting.tables {
        let _ = writeln!(out, "  [[{key}]]   (file only)");
        paragraph(out, &setting.paragraph());
        for row in rows() {
            entry(out, &row, "  ");
        }
        return;
    }
    let value = if setting.form == Form::Boolean { "" } else { " VALUE" };
    if prefix.is_empty() {
        let _ = writeln!(out, "  {}{value}", flag_of(key));
        facts.push(format!("{key}, {}", variable_of(key)));
    } else {
        let _ = writeln!(out, "    {key} =");
    }
    facts.push(setting.expects.to_owned());
    if let Some(default) = setting.default.filter(|text| !text.is_empty()) {
        facts.push(format!("default {default}"));
    }
    paragraph(out, &setting.paragraph());
    paragraph(out, &format!("[{}]", facts.join("; ")));
}

fn paragraph(out: &mut String, text: &str) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && INDENT.len() + line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{INDENT}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        let _ = writeln!(out, "{INDENT}{line}");
    }
}
