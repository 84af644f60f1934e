//! Marks in the bodies of messages: `fc-<run>-<seq>-<micros>`, which stay as they are through Markdown,
//! sanitising and JSON, so that a connection finds them without reading either.

use memchr::memchr;
use memchr::memmem::Finder;

/// A message of this run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Its number in the order of sending, from 0.
    pub seq: u32,
    /// Time of sending: microseconds since the run began.
    pub sent_us: u64,
}

/// Writes and finds the marks of one run.
#[derive(Clone, Debug)]
pub struct Marker {
    prefix: String,
    finder: Finder<'static>,
}

impl Marker {
    /// Of a run, whose number sets it apart from others at the same server.
    #[must_use]
    pub fn new(run: u32) -> Self {
        let prefix = format!("fc-{run:08x}-");
        let finder = Finder::new(&prefix).into_owned();
        Self { prefix, finder }
    }

    /// A mark as text.
    #[must_use]
    pub fn write(&self, mark: Mark) -> String {
        format!("{}{}-{}", self.prefix, mark.seq, mark.sent_us)
    }

    /// Shows each mark in a payload of JSON objects separated by newlines, one per object: JSON has no raw
    /// newline within a string.
    pub fn scan(&self, mut payload: &[u8], mut on: impl FnMut(Mark)) {
        while let Some(at) = self.finder.find(payload) {
            payload = &payload[at + self.prefix.len()..];
            if let Some(mark) = read(payload) {
                on(mark);
            }
            let Some(line) = memchr(b'\n', payload) else { return };
            payload = &payload[line + 1..];
        }
    }
}

fn read(text: &[u8]) -> Option<Mark> {
    let (seq, rest) = number(text)?;
    let (sent_us, _) = number(rest.strip_prefix(b"-")?)?;
    Some(Mark { seq: u32::try_from(seq).ok()?, sent_us })
}

fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    let add = |number: u64, digit: &u8| number.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    let number = digits.iter().try_fold(0, add)?;
    (!digits.is_empty()).then_some((number, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(marker: &Marker, payload: &str) -> Vec<Mark> {
        let mut marks = Vec::new();
        marker.scan(payload.as_bytes(), |mark| marks.push(mark));
        marks
    }

    proptest! {
        #[test]
        fn a_mark_is_found_within_anything(run: u32, seq: u32, sent_us: u64, before in "[^\n]*", after in "[^0-9].*") {
            let (marker, mark) = (Marker::new(run), Mark { seq, sent_us });
            prop_assume!(!before.contains("fc-"));
            prop_assert_eq!(found(&marker, &format!("{before}{}{after}", marker.write(mark))), [mark]);
        }

        #[test]
        fn no_text_panics(text in "(fc-00000007-|[0-9]{1,30}|-|\n|x){0,12}") {
            found(&Marker::new(7), &text);
        }
    }

    #[test]
    fn each_object_of_a_frame_has_one_and_other_runs_none() {
        let marker = Marker::new(7);
        let one = |seq| marker.write(Mark { seq, sent_us: 5 });
        let twice = format!("{{\"body\":\"{} {}\"}}", one(1), one(1));
        let other = Marker::new(8).write(Mark { seq: 9, sent_us: 5 });
        let frame = format!("{twice}\n{{\"type\":\"USER_JOINED\"}}\n{other}\n{}", one(2));
        assert_eq!(found(&marker, &frame).iter().map(|mark| mark.seq).collect::<Vec<_>>(), [1, 2]);
        for broken in ["fc-00000007-", "fc-00000007-1", "fc-00000007-1-", "fc-00000007-99999999999-1"] {
            assert!(found(&marker, broken).is_empty(), "{broken}");
        }
    }
}
