//! The manual page, from the declarations: man(7), section 8.

use roff::{Inline, Roff, bold, italic, roman};

use super::{Command, Form, Program, Setting, flag_of, variable_of};

/// What every program's exit status says.
const STATUSES: [(&str, &str); 4] = [
    ("0", "It was asked to stop and stopped, or the command is done."),
    (
        "1",
        "It could not start, or the command is not done, or doctor has found a problem. Standard error says why.",
    ),
    ("2", "Its settings or arguments cannot be used."),
    ("70", "A part of it failed while it ran, or did not stop in time; the log names it."),
];

/// The page.
pub(super) fn page(program: &Program, settings: &[Setting]) -> String {
    let Program { name, version, about, commands, settings_file } = program;
    let mut page = Page(Roff::new());
    page.0
        .control("TH", [name.to_uppercase().as_str(), "8", "\"\"", &format!("{name} {version}"), "Farcast"]);
    page.section("NAME");
    page.text([roman(format!("{name} - {}", about.trim_end_matches('.')))]);
    page.section("SYNOPSIS");
    page.usage(name, &[], &[]);
    for command in *commands {
        page.0.control("br", []);
        page.usage(name, &[command.name], &words(command));
    }
    page.section("DESCRIPTION");
    page.text([roman(format!("{about} Without a command it runs until it is asked to stop (SIGTERM)."))]);
    page.0.control("PP", []);
    page.text([roman(
        "Every setting can be given in a file (TOML), in the environment and as a flag; a flag wins over the environment, \
         the environment over the file. Durations and sizes need units: 15s, 512MiB.",
    )]);
    if !commands.is_empty() {
        page.section("COMMANDS");
    }
    for command in *commands {
        let operands = command.operands.iter().flat_map(|operand| [roman(" "), italic(operand.name)]);
        page.entry([bold(command.name)].into_iter().chain(operands), command.about);
        for switch in command.switches {
            page.0.control("RS", []);
            page.entry([bold(switch.flag)], switch.about);
            page.0.control("RE", []);
        }
    }
    page.section("OPTIONS");
    for (flag, value, about) in [
        ("--config", "FILE", "Read settings from this file."),
        ("--check-config", "", "Print the settings in force and where each came from, then stop."),
        (
            "--announce",
            "FILE",
            "Write the bound addresses to this file, as JSON, once all listeners are open.",
        ),
        ("--man", "", "Print this page, then stop: farcast-program --man | man -l -"),
        ("--completions", "SHELL", "Print what bash, zsh or fish loads to complete arguments, then stop."),
        ("--help", "", "Print a short help, then stop."),
        ("--version", "", "Print the version, then stop."),
    ] {
        page.entry(flagged(flag, value), &about.replace("farcast-program", name));
    }
    page.section("SETTINGS");
    for setting in settings {
        page.setting(setting);
    }
    page.section("FILES");
    page.entry([italic(*settings_file)], "The settings of the installed service.");
    page.section("EXIT STATUS");
    for (status, meaning) in STATUSES {
        page.entry([bold(status)], meaning);
    }
    page.0.render()
}

fn words(command: &Command) -> Vec<&'static str> {
    command.operands.iter().map(|operand| operand.name).collect()
}

fn flagged(flag: &str, value: &str) -> Vec<Inline> {
    let mut parts = vec![bold(flag)];
    if !value.is_empty() {
        parts.extend([roman(" "), italic(value)]);
    }
    parts
}

struct Page(Roff);

impl Page {
    fn section(&mut self, name: &str) {
        self.0.control("SH", [name]);
    }

    fn text(&mut self, inlines: impl IntoIterator<Item = Inline>) {
        self.0.text(inlines.into_iter().collect::<Vec<_>>());
    }

    fn usage(&mut self, program: &str, command: &[&str], operands: &[&str]) {
        let mut line = vec![bold(program)];
        line.extend(command.iter().flat_map(|word| [roman(" "), bold(*word)]));
        line.extend(operands.iter().flat_map(|word| [roman(" "), italic(*word)]));
        line.extend([roman(" ["), bold("--config"), roman(" "), italic("FILE"), roman("]")]);
        line.extend([roman(" ["), bold("--SETTING"), roman(" "), italic("VALUE"), roman("]...")]);
        self.text(line);
    }

    fn entry(&mut self, term: impl IntoIterator<Item = Inline>, about: &str) {
        self.0.control("TP", []);
        self.text(term);
        self.text([roman(about)]);
    }

    fn setting(&mut self, setting: &Setting) {
        let key = setting.key;
        if let Some(rows) = setting.tables {
            self.entry(
                [bold(format!("[[{key}]]"))],
                &format!("{} Only the file can hold it.", setting.paragraph()),
            );
            self.0.control("RS", []);
            for row in rows() {
                self.entry([bold(row.key), roman(" = "), italic("VALUE")], &row.paragraph());
                self.facts(&row, None);
            }
            self.0.control("RE", []);
            return;
        }
        let value = if setting.form == Form::Boolean { "" } else { "VALUE" };
        self.entry(flagged(&flag_of(key), value), &setting.paragraph());
        self.facts(setting, Some(format!("In the file {key}, in the environment {}. ", variable_of(key))));
    }

    fn facts(&mut self, setting: &Setting, names: Option<String>) {
        let default = setting.default.filter(|text| !text.is_empty());
        let default = default.map(|text| format!(" Default: {text}")).unwrap_or_default();
        self.0.control("br", []);
        self.text([roman(format!("{}Value: {}.{default}", names.unwrap_or_default(), setting.expects))]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_everything_and_no_line_is_a_request_by_accident() {
        let settings = [
            Setting::of::<String>(
                "rtmp_listen",
                &[".Where it listens, it's \\fBnot\\fR bold."],
                Some("0.0.0.0:1"),
            ),
            Setting::of::<bool>("shout", &["'Tis loud."], Some("false")),
        ];
        let program = Program {
            name: "farcast-sample",
            version: "1.2.3",
            about: "Samples.",
            settings_file: "/etc/farcast/sample.toml",
            commands: &[],
        };
        let page = page(&program, &settings);
        for expected in
            ["FARCAST_RTMP_LISTEN", "\\-\\-shout", "/etc/farcast/sample.toml", "Default: 0.0.0.0:1", "fBnot"]
        {
            assert!(page.contains(expected), "{expected} is not in:\n{page}");
        }
        assert!(
            !page.contains("\n.Where") && !page.contains("\n'Tis") && !page.contains(" \\fBnot"),
            "{page}"
        );
    }
}
