//! Settings of traces: where they are sent, and of which parts.

use farcast_config::{Form, InvalidValue, Value};
use http::Uri;

/// Where a collector takes traces, as OpenTelemetry's exporters are told it: without `/v1/traces`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    given: String,
    traces: Uri,
}

impl Endpoint {
    /// The address for traces.
    #[must_use]
    pub fn traces(&self) -> &Uri {
        &self.traces
    }
}

impl Value for Endpoint {
    const EXPECTS: &'static str = "the address of an OTLP collector, such as http://127.0.0.1:4318";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let invalid = || InvalidValue::new(format!("{text:?} is not {}", Self::EXPECTS));
        // A login would be shown with the settings.
        let is_plain = !text.contains(['?', '#', '@']);
        let traces: Uri =
            format!("{}/v1/traces", text.trim_end_matches('/')).parse().map_err(|_| invalid())?;
        let has_scheme = matches!(traces.scheme_str(), Some("http" | "https"));
        let has_host = traces.host().is_some_and(|host| !host.is_empty());
        if !(is_plain && has_scheme && has_host) {
            return Err(invalid());
        }
        Ok(Self { given: text.to_owned(), traces })
    }

    fn show(&self) -> Option<String> {
        Some(self.given.clone())
    }
}

/// A share of all parts, 0 to 1.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Share(f64);

impl Share {
    /// The share as a number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Value for Share {
    const EXPECTS: &'static str = "a share from 0 to 1, such as 0.01";
    const FORM: Form = Form::Number;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let share = text.parse().ok().filter(|share: &f64| (0.0..=1.0).contains(share));
        share.map(Self).ok_or_else(|| InvalidValue::new(format!("{text:?} is not {}", Self::EXPECTS)))
    }

    fn show(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_without_the_path_of_traces() {
        for (given, traces) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://otlp.example.org/", "https://otlp.example.org/v1/traces"),
            ("http://[::1]:4318/base", "http://[::1]:4318/base/v1/traces"),
        ] {
            let endpoint = Endpoint::parse(given).unwrap();
            assert_eq!(endpoint.traces().to_string(), traces);
            assert_eq!(endpoint.show().as_deref(), Some(given));
        }
        for wrong in
            ["", "127.0.0.1:4318", "grpc://a:4317", "http://", "http://u:p@a", "http://a?x=1", "http://a b"]
        {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_is_between_none_and_all() {
        for (given, share) in [("0", 0.0), ("0.01", 0.01), ("1", 1.0)] {
            assert!((Share::parse(given).unwrap().get() - share).abs() < f64::EPSILON, "{given}");
        }
        for wrong in ["", "-0.1", "1.1", "NaN", "inf", "1%"] {
            assert!(Share::parse(wrong).is_err(), "{wrong}");
        }
    }
}
