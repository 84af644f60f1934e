//! Playing a script against an edge.

use std::collections::BTreeMap;
use std::time::Duration;

use farcast_loadtests::harness::chatter::Chatter;
use farcast_loadtests::harness::edge::{Edge, login};
use farcast_loadtests::harness::stage::KEY;
use http::Method;
use serde_json::Value;

use super::report::Report;
use super::script::{Script, Step};
use super::shape;

/// The chat takes a line per two thirds of a second from a connection.
const LINE_PAUSE: Duration = Duration::from_millis(700);
/// Most of a reply that is shown.
const SHOWN_BYTES: usize = 300;

/// A script that is being played.
pub(crate) struct Play<'a> {
    edge: Edge,
    script: &'a Script,
    report: &'a mut Report,
    kept: BTreeMap<String, String>,
    socket: Option<Chatter>,
    spoke: Option<tokio::time::Instant>,
}

impl<'a> Play<'a> {
    pub(crate) fn new(edge: Edge, script: &'a Script, report: &'a mut Report) -> Self {
        let kept = [("key", KEY.to_owned()), ("host", edge.http.to_string())];
        let kept = kept.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { edge, script, report, kept, socket: None, spoke: None }
    }

    pub(crate) async fn run(mut self) {
        self.report.client(&self.script.client);
        for step in &self.script.steps {
            let found = self.step(step).await;
            self.report.step(step.title(), step.pending.clone(), found);
        }
    }

    /// A text in which `{name}` is what was kept under that name.
    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.kept {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    fn filled(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.fill(&text).into(),
            Value::Array(items) => items.into_iter().map(|item| self.filled(item)).collect(),
            other => other,
        }
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        if let Some(request) = &step.ask {
            self.ask(step, request).await
        } else if let Some(path) = &step.open {
            self.socket =
                Some(Chatter::open(self.edge, &self.fill(path)).await.map_err(|error| error.to_string())?);
            self.spoke = None;
            Ok(())
        } else if let Some(line) = &step.say {
            if let Some(spoke) = self.spoke {
                tokio::time::sleep_until(spoke + LINE_PAUSE).await;
            }
            let line = serde_json::from_str(&self.fill(line)).map_err(|error| error.to_string())?;
            self.socket.as_mut().ok_or("no socket is open")?.send(&line).await;
            self.spoke = Some(tokio::time::Instant::now());
            Ok(())
        } else {
            let event = step.hear.as_deref().unwrap_or_default();
            let socket = self.socket.as_mut().ok_or("no socket is open")?;
            let heard = socket.until(event, |value| value["type"] == event).await;
            let heard = heard.map_err(|error| format!("{error:#}"))?;
            // The edge counts from when it took the line, which was before this.
            self.spoke = self.spoke.map(|_| tokio::time::Instant::now());
            self.read(step, &heard)
        }
    }

    async fn ask(&mut self, step: &Step, request: &str) -> Result<(), String> {
        let (method, path) = request.split_once(' ').ok_or("a method and a path")?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
        let mut headers: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in &step.headers {
            // A script has a few; they live as long as the test.
            headers.push((String::leak(name.clone()), self.fill(value)));
        }
        if step.admin {
            headers.push(login(KEY));
        }
        let is_head = method == Method::HEAD;
        let answer = self.edge.ask(method, &self.fill(path), &headers, self.fill(&step.body)).await;
        let answer = answer.map_err(|error| format!("{error:#}"))?;
        let body = String::from_utf8_lossy(answer.body()).into_owned();
        let shown: String = body.chars().take(SHOWN_BYTES).collect();
        let status = answer.status().as_u16();
        let is_fine = if step.status.is_empty() { status == 200 } else { step.status.contains(&status) };
        if !is_fine {
            return Err(format!("status {status}: {shown}"));
        }
        if let Some(wanted) = &step.content_type {
            let given = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
            let given = given.unwrap_or_default();
            if !given.starts_with(wanted.as_str()) {
                return Err(format!("its type is {given:?}, not {wanted}"));
            }
        }
        if is_head && !body.is_empty() {
            return Err("a HEAD has no body".to_owned());
        }
        if let Some(missing) = step.contains.iter().find(|text| !body.contains(&self.fill(text))) {
            return Err(format!("{missing:?} does not stand in {shown}"));
        }
        if step.reads.is_empty() && step.is.is_empty() && step.keep.is_empty() {
            return Ok(());
        }
        let reply: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {shown}"))?;
        self.read(step, &reply)
    }

    /// Checks what is read, and keeps what is kept.
    fn read(&mut self, step: &Step, reply: &Value) -> Result<(), String> {
        for (name, place) in &step.keep {
            let value = shape::first(reply, place)?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.kept.insert(name.clone(), text);
        }
        for (place, kinds) in &step.reads {
            shape::check(reply, place, kinds)?;
        }
        for (place, wanted) in &step.is {
            let wanted = self.filled(serde_json::to_value(wanted).map_err(|error| error.to_string())?);
            let found = shape::first(reply, place)?;
            if *found != wanted {
                return Err(format!("{place} is {found:.200}, not {wanted}"));
            }
        }
        Ok(())
    }
}
