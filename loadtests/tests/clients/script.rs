//! A client's script, as its file has it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// A client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// Which, for people.
    pub(crate) client: String,
    /// What else is known of it.
    #[serde(default)]
    #[expect(dead_code, reason = "for people")]
    pub(crate) about: String,
    /// What it does, in its order.
    #[serde(rename = "step")]
    pub(crate) steps: Vec<Step>,
    /// Name of the file.
    #[serde(skip)]
    pub(crate) file: String,
}

/// Something that it does. Exactly one of `ask`, `open`, `say`, `hear`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    /// Why, for people.
    pub(crate) what: String,
    /// A request: method and path.
    pub(crate) ask: Option<String>,
    /// Its headers.
    pub(crate) headers: BTreeMap<String, String>,
    /// Whether it has the admin's login.
    pub(crate) admin: bool,
    /// Its body: JSON as it is sent, or any text.
    pub(crate) body: String,
    /// The statuses of which the reply has one; 200 if none is named.
    pub(crate) status: Vec<u16>,
    /// How the reply's Content-Type begins.
    pub(crate) content_type: Option<String>,
    /// Texts that stand in the body.
    pub(crate) contains: Vec<String>,
    /// The path of a socket that it opens.
    pub(crate) open: Option<String>,
    /// What it says to that socket.
    pub(crate) say: Option<String>,
    /// The type of an event that it waits for there.
    pub(crate) hear: Option<String>,
    /// What it reads of the reply or the event, by place: a kind (see `shape`).
    pub(crate) reads: BTreeMap<String, String>,
    /// What it finds there, by place.
    pub(crate) is: BTreeMap<String, toml::Value>,
    /// What it keeps for later steps: name and place.
    pub(crate) keep: BTreeMap<String, String>,
    /// Why this does not hold yet: it is reported and fails nothing.
    pub(crate) pending: Option<String>,
}

impl Step {
    /// What it is, for the report.
    pub(crate) fn title(&self) -> String {
        let action = self.ask.clone().or_else(|| self.open.clone());
        let action = action.or_else(|| self.hear.as_ref().map(|event| format!("hears {event}")));
        let action = action.or_else(|| self.say.as_ref().map(|line| format!("says {line}")));
        let action = action.unwrap_or_default();
        if self.what.is_empty() { action } else { format!("{} ({action})", self.what) }
    }
}

impl Script {
    /// All scripts, by the names of their files.
    pub(crate) fn all() -> anyhow::Result<Vec<Self>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().map(|path| Self::read(path).with_context(|| path.display().to_string())).collect()
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let mut script = Self::parse(&std::fs::read_to_string(path)?)?;
        script.file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(script)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let script: Self = toml::from_str(text)?;
        for step in &script.steps {
            let actions = [&step.ask, &step.open, &step.say, &step.hear];
            let count = actions.iter().filter(|action| action.is_some()).count();
            anyhow::ensure!(count == 1, "a step has one of ask, open, say, hear: {}", step.title());
        }
        Ok(script)
    }
}

#[test]
fn a_step_does_one_thing_and_its_fields_are_known() {
    let head = "client = \"x\"\n[[step]]\n";
    assert!(Script::parse(&format!("{head}ask = \"GET /\"")).is_ok());
    for wrong in
        ["what = \"x\"", "ask = \"GET /\"\nopen = \"/ws\"", "ask = \"GET /\"\nread = { a = \"text\" }"]
    {
        assert!(Script::parse(&format!("{head}{wrong}")).is_err(), "{wrong}");
    }
}
