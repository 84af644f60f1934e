//! A line of the access log: what is in it, and what is left out.
//!
//! Standards: the Combined Log Format of Apache, its escapes (`\xhh` for what is no printable ASCII, `\"`, `\\`); JSON
//! (RFC 8259). Times are UTC.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use farcast_feed::time::WallTime;
use http::header::{HeaderName, REFERER, USER_AGENT};
use http::{HeaderMap, Request, Uri, Version};
use jiff::Timestamp;
use serde::Serialize;

use super::{Format, LEFT};

/// Longest method, target, referrer and name of a program, in bytes; what is longer is cut.
const MAX_METHOD_BYTES: usize = 16;
const MAX_TARGET_BYTES: usize = 1024;
const MAX_REFERRER_BYTES: usize = 512;
const MAX_AGENT_BYTES: usize = 256;
/// Longest name of a parameter: a longer one may be something else.
const MAX_NAME_BYTES: usize = 32;
/// Parameters of a query whose values are no secrets, by their beginning: the directives of low-latency HLS.
const HARMLESS: &str = "_HLS_";
/// In place of what is left out.
const NOTHING: &str = "-";

/// A request that was answered, as far as the log has it.
#[derive(Debug)]
pub(super) struct Record {
    at: WallTime,
    sender: IpAddr,
    method: String,
    target: String,
    version: Version,
    referrer: Option<String>,
    agent: Option<String>,
    pub(super) status: u16,
    /// Of the body.
    pub(super) bytes: u64,
    /// From the request's head to the end of the response.
    pub(super) duration: Duration,
}

impl Record {
    pub(super) fn of<B>(request: &Request<B>, sender: IpAddr, at: WallTime) -> Self {
        let header = |name, most| text(request.headers(), &name).map(|text| cut(text, most).to_owned());
        let referrer = text(request.headers(), &REFERER).map(without_secrets);
        Self {
            at,
            sender,
            method: cut(request.method().as_str(), MAX_METHOD_BYTES).to_owned(),
            target: target(request.uri()),
            version: request.version(),
            referrer: referrer.map(|text| cut(text, MAX_REFERRER_BYTES).to_owned()),
            agent: header(USER_AGENT, MAX_AGENT_BYTES),
            status: LEFT,
            bytes: 0,
            duration: Duration::ZERO,
        }
    }

    /// Adds the line, with its end, to `lines`.
    pub(super) fn write(&self, format: Format, lines: &mut String) {
        match format {
            Format::Combined => self.write_combined(lines),
            Format::Json => self.write_json(lines),
        }
        lines.push('\n');
    }

    fn time(&self) -> Timestamp {
        i64::try_from(self.at.0).ok().and_then(|us| Timestamp::from_microsecond(us).ok()).unwrap_or_default()
    }

    fn protocol(&self) -> &'static str {
        match self.version {
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_11 => "HTTP/1.1",
            Version::HTTP_2 => "HTTP/2.0",
            _ => "HTTP",
        }
    }

    fn write_combined(&self, lines: &mut String) {
        let time = self.time().strftime("%d/%b/%Y:%H:%M:%S +0000");
        // Writing to a text does not fail.
        let _ = write!(lines, "{} - - [{time}] \"", self.sender);
        escape(&self.method, lines);
        lines.push(' ');
        escape(&self.target, lines);
        let _ = write!(lines, " {}\" {} {} \"", self.protocol(), self.status, self.bytes);
        escape(self.referrer.as_deref().unwrap_or(NOTHING), lines);
        lines.push_str("\" \"");
        escape(self.agent.as_deref().unwrap_or(NOTHING), lines);
        lines.push('"');
    }

    fn write_json(&self, lines: &mut String) {
        let line = Line {
            time: format!("{:.3}", self.time()),
            address: self.sender,
            method: &self.method,
            target: &self.target,
            protocol: self.protocol(),
            status: self.status,
            bytes: self.bytes,
            duration_ms: u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX),
            referrer: self.referrer.as_deref(),
            user_agent: self.agent.as_deref(),
        };
        // Texts and numbers can always be written.
        lines.push_str(&serde_json::to_string(&line).unwrap_or_default());
    }
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    address: IpAddr,
    method: &'a str,
    target: &'a str,
    protocol: &'static str,
    status: u16,
    bytes: u64,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
}

/// The beginning of a text, of so many bytes at most.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Path and query without values that may be secret: of access tokens, sessions, keys. A parameter that has no value may
/// be one itself.
fn target(uri: &Uri) -> String {
    let mut target = cut(uri.path(), MAX_TARGET_BYTES).to_owned();
    let mut before = '?';
    for parameter in uri.query().unwrap_or_default().split('&').filter(|text| !text.is_empty()) {
        if target.len() >= MAX_TARGET_BYTES {
            break;
        }
        target.push(before);
        before = '&';
        let named = parameter.split_once('=').filter(|(name, _)| is_name(name));
        match named {
            Some((name, value)) if name.starts_with(HARMLESS) => {
                let _ = write!(target, "{name}={value}");
            }
            Some((name, _)) => {
                let _ = write!(target, "{name}={NOTHING}");
            }
            None => target.push_str(NOTHING),
        }
    }
    target.truncate(target.floor_char_boundary(MAX_TARGET_BYTES));
    target
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    name.len() <= MAX_NAME_BYTES && name.bytes().all(is_plain)
}

/// The address of a page without query and fragment; nothing of one with a user and a password in it.
fn without_secrets(referrer: &str) -> &str {
    let page = referrer.split(['?', '#']).next().unwrap_or_default();
    if page.contains('@') { NOTHING } else { page }
}

/// Adds a text so that it can neither end its quotes nor its line.
fn escape(text: &str, lines: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => lines.extend(['\\', char::from(byte)]),
            b' '..=b'~' => lines.push(char::from(byte)),
            _ => {
                let _ = write!(lines, "\\x{byte:02x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-30T22:05:09.25Z.
    const AT: WallTime = WallTime(1_796_076_309_250_000);

    fn record(uri: &str, headers: &[(&str, &[u8])]) -> Record {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut record = Record::of(&request.body(()).unwrap(), "2001:db8::7".parse().unwrap(), AT);
        (record.status, record.bytes, record.duration) = (200, 1234, Duration::from_micros(56_789));
        record
    }

    fn written(record: &Record, format: Format) -> String {
        let mut line = String::new();
        record.write(format, &mut line);
        line
    }

    fn target_of(uri: &str) -> String {
        record(uri, &[]).target
    }

    #[test]
    fn a_line_in_the_combined_format_has_what_it_has_everywhere() {
        let headers: [(&str, &[u8]); 2] =
            [("referer", b"https://example.org/watch"), ("user-agent", b"Mozilla/5.0 (X11)")];
        assert_eq!(
            written(&record("/hls/0/stream.m3u8?_HLS_msn=7&_HLS_part=2", &headers), Format::Combined),
            "2001:db8::7 - - [30/Nov/2026:22:05:09 +0000] \"GET /hls/0/stream.m3u8?_HLS_msn=7&_HLS_part=2 HTTP/1.1\" 200 \
             1234 \"https://example.org/watch\" \"Mozilla/5.0 (X11)\"\n"
        );
        assert!(
            written(&record("/", &[]), Format::Combined)
                .ends_with("\"GET / HTTP/1.1\" 200 1234 \"-\" \"-\"\n")
        );
    }

    #[test]
    fn a_line_in_json_is_an_object() {
        let line =
            written(&record("/ws?accessToken=abc", &[("user-agent", "a \"b\" é".as_bytes())]), Format::Json);
        assert_eq!(
            line,
            "{\"time\":\"2026-11-30T22:05:09.250Z\",\"address\":\"2001:db8::7\",\"method\":\"GET\",\
             \"target\":\"/ws?accessToken=-\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes\":1234,\
             \"duration_ms\":56,\"user_agent\":\"a \\\"b\\\" é\"}\n"
        );
    }

    #[test]
    fn values_of_queries_are_left_out_but_those_of_the_playlist() {
        for (uri, wanted) in [
            ("/ws?accessToken=secret", "/ws?accessToken=-"),
            ("/a?_HLS_msn=1&token=secret&_HLS_skip=YES", "/a?_HLS_msn=1&token=-&_HLS_skip=YES"),
            ("/a?secret", "/a?-"),
            ("/a?se%63ret=1&&x=", "/a?-&x=-"),
            ("/a?a=b=secret", "/a?a=-"),
            ("/a?name_that_is_so_long_that_it_may_be_a_secret=1", "/a?-"),
            ("http://user:secret@host/a", "/a"),
            ("/a?", "/a"),
        ] {
            assert_eq!(target_of(uri), wanted, "{uri}");
        }
    }

    #[test]
    fn headers_with_secrets_are_in_no_line() {
        let headers: [(&str, &[u8]); 4] = [
            ("authorization", b"Basic c2VjcmV0"),
            ("cookie", b"login=c2VjcmV0"),
            ("referer", b"https://example.org/watch?token=c2VjcmV0#c2VjcmV0"),
            ("x-forwarded-user", b"c2VjcmV0"),
        ];
        let with_user: [(&str, &[u8]); 1] = [("referer", b"https://user:c2VjcmV0@example.org/")];
        for record in [record("/?key=c2VjcmV0", &headers), record("/", &with_user)] {
            for format in [Format::Combined, Format::Json] {
                let line = written(&record, format);
                assert!(!line.contains("c2VjcmV0"), "{line}");
            }
        }
    }

    #[test]
    fn nobody_can_end_a_text_or_a_line() {
        let headers: [(&str, &[u8]); 2] = [("user-agent", b"a\" 200 \\"), ("referer", "é\t".as_bytes())];
        let line = written(&record("/", &headers), Format::Combined);
        assert!(line.ends_with("\"\\xc3\\xa9\\x09\" \"a\\\" 200 \\\\\"\n"), "{line}");
        assert_eq!(line.matches('\n').count(), 1);
    }

    #[test]
    fn texts_are_bounded() {
        let long = "a".repeat(4000);
        let path = format!("/{long}");
        let query = format!("/?_HLS_x={long}");
        let many = format!("/?{}", "é=1&".replace('é', "x").repeat(1000));
        for uri in [path, query, many] {
            assert!(target_of(&uri).len() <= MAX_TARGET_BYTES, "{uri}");
        }
        let wide = "é".repeat(2000);
        let headers: [(&str, &[u8]); 2] = [("user-agent", wide.as_bytes()), ("referer", wide.as_bytes())];
        let line = written(&record("/", &headers), Format::Json);
        assert!(line.len() < 2048, "{}", line.len());
    }
}
