//! Logs: one line per event on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use farcast_config::{InvalidValue, Value};
use farcast_telemetry::recent::Recent;

/// The filter of logged events: a level, or directives such as `info,farcast_origin::ingest=debug`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter(String);

impl Filter {
    /// The directives as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Filter {
    const EXPECTS: &'static str =
        "a level (error, warn, info, debug, trace) or target=level, comma-separated";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        EnvFilter::try_new(text)
            .map_err(|_| InvalidValue::new(format!("{text:?} is not {}", Self::EXPECTS)))?;
        // A misspelt level alone is taken for a target name by the filter and would silence everything.
        const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
        let alone = text.split(',').map(str::trim).find(|d| {
            let bare = !d.contains(['=', ':', '[', '_']);
            bare && !LEVELS.iter().any(|level| d.eq_ignore_ascii_case(level))
        });
        match alone {
            Some(word) => Err(InvalidValue::new(format!("{word:?} is not {}", Self::EXPECTS))),
            None => Ok(Self(text.to_owned())),
        }
    }

    fn show(&self) -> Option<String> {
        Some(self.0.clone())
    }
}

farcast_config::choice! {
    /// The format of a log line.
    pub enum Format: "text or json" {
        /// For people.
        Text = "text",
        /// One JSON object a line, for machines.
        Json = "json",
    }
}

/// The reason why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The directives are not understood.
    #[error("the log filter is not understood")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// A log was set up before.
    #[error("a log is set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up the log of the whole process, once, for panics too; returns the buffer of its newest lines. Colours are used
/// only for text on a terminal, and not when `NO_COLOR` is set.
///
/// # Errors
/// When a log was set up before.
pub fn init(filter: &Filter, format: Format) -> Result<Recent, InitError> {
    let recent = Recent::default();
    let filter = EnvFilter::try_new(filter.as_str())?;
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter).with(recent.clone());
    match format {
        Format::Json => registry.with(layer.json().flatten_event(true).with_ansi(false)).try_init()?,
        Format::Text => {
            let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            registry.with(layer.with_ansi(std::io::stderr().is_terminal() && !no_color)).try_init()?;
        }
    }
    std::panic::set_hook(Box::new(panicked));
    Ok(recent)
}

/// Panics are in the log like everything else, with their place, whoever catches them; with `RUST_BACKTRACE` also with
/// the calls that led to them.
fn panicked(panic: &std::panic::PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let backtrace = std::backtrace::Backtrace::capture();
    let captured = backtrace.status() == std::backtrace::BacktraceStatus::Captured;
    tracing::error!(
        panic = panic.payload_as_str(),
        place = panic.location().map(ToString::to_string),
        thread = thread.name(),
        backtrace = captured.then(|| backtrace.to_string()),
        "a panic"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_level_or_directives_and_nothing_misspelt() {
        for good in ["info", "WARN", "info,farcast_origin::ingest=debug", "quinn=off,debug"] {
            assert_eq!(Filter::parse(good).unwrap().as_str(), good);
        }
        for bad in ["inof", "info,debgu", "a=b=c"] {
            assert!(Filter::parse(bad).is_err(), "{bad:?}");
        }
    }
}
