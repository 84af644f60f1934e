//! Durations: a number and a unit, as `15s`, `500ms`, `1h 30m`.

use std::time::Duration;

use super::{InvalidValue, Value};

impl Value for Duration {
    const EXPECTS: &'static str = "a duration with a unit, such as 15s or 500ms";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        // humantime accepts a bare 0; a reader of "0" must still guess its unit.
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidValue::new(format!("{text:?} needs a unit, such as {text}s or {text}ms")));
        }
        humantime::parse_duration(text)
            .map_err(|_| InvalidValue::new(format!("{text:?} is not {}", Self::EXPECTS)))
    }

    fn show(&self) -> Option<String> {
        if self.is_zero() {
            return Some("0s".to_owned());
        }
        Some(humantime::format_duration(*self).to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_needs_a_unit() {
        assert_eq!(Duration::parse("15s"), Ok(Duration::from_secs(15)));
        assert_eq!(Duration::parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(Duration::parse("1h 30m"), Ok(Duration::from_secs(5400)));
        let error = Duration::parse("15").unwrap_err();
        assert!(error.0.contains("15s"), "{error}");
        for bad in ["", "0", "s", "15 parsecs", "-1s", "99999999999999999999s"] {
            assert!(Duration::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(ms in 0_u64..10_000_000_000) {
            let duration = Duration::from_millis(ms);
            let shown = duration.show().unwrap();
            prop_assert_eq!(Duration::parse(&shown), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = Duration::parse(&text);
        }
    }
}
