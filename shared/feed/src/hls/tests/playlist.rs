//! A small parser of media playlists that knows nothing of the renderer. It panics on what it does
//! not expect: an unknown tag, a tag out of place, a missing attribute.

use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Playlist {
    pub(super) version: u64,
    /// True if all segments are declared independent (EXT-X-INDEPENDENT-SEGMENTS).
    pub(super) independent: bool,
    /// TARGETDURATION, SERVER-CONTROL and PART-INF, which never change.
    pub(super) fixed: Vec<String>,
    pub(super) target: f64,
    pub(super) part_target: f64,
    pub(super) hold_back: f64,
    pub(super) skip_until: f64,
    pub(super) media_sequence: u64,
    pub(super) discontinuity_sequence: u64,
    pub(super) skipped: Option<usize>,
    pub(super) segments: Vec<Segment>,
    pub(super) hint: Option<String>,
    pub(super) map_hint: Option<String>,
    pub(super) reports: Vec<(String, u64, Option<u64>)>,
    pub(super) ended: bool,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Segment {
    pub(super) msn: u64,
    pub(super) discontinuity: bool,
    /// In force, whether written before this segment or earlier.
    pub(super) map: Option<String>,
    pub(super) date: String,
    pub(super) parts: Vec<Part>,
    pub(super) gap: bool,
    /// EXTINF; none for a segment that is open.
    pub(super) duration: Option<f64>,
    pub(super) uri: Option<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Part {
    pub(super) uri: String,
    pub(super) duration: f64,
    pub(super) gap: bool,
}

impl Segment {
    pub(super) fn length(&self) -> f64 {
        self.duration.unwrap_or_else(|| self.parts.iter().map(|part| part.duration).sum())
    }
}

fn attributes(list: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').expect("name=value");
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("closing quote"),
            None => value.split_at(value.find(',').unwrap_or(value.len())),
        };
        assert!(found.insert(name.to_owned(), value.to_owned()).is_none(), "{name} twice");
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    found
}

pub(super) fn parse(text: &str) -> Playlist {
    let mut out = Playlist::default();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("#EXTM3U"));
    let (mut segment, mut begun, mut tail) = (Segment::default(), false, false);
    let mut map = None;
    let num = |text: &str| text.parse::<f64>().expect("a number");
    for line in lines {
        let Some(tag) = line.strip_prefix('#') else {
            assert!(segment.duration.is_some(), "EXTINF before {line}");
            segment.uri = Some(line.to_owned());
            begun = false;
            push(&mut out, &mut segment, &map);
            continue;
        };
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        let header = !begun && out.segments.is_empty();
        match name {
            "EXT-X-VERSION" => out.version = value.parse().unwrap(),
            "EXT-X-INDEPENDENT-SEGMENTS" => {
                assert!(header && !out.independent);
                out.independent = true;
            }
            "EXT-X-TARGETDURATION" => {
                out.target = num(value);
                out.fixed.push(line.to_owned());
            }
            "EXT-X-SERVER-CONTROL" => {
                let attrs = attributes(value);
                assert_eq!(attrs["CAN-BLOCK-RELOAD"], "YES");
                out.hold_back = num(&attrs["PART-HOLD-BACK"]);
                out.skip_until = num(&attrs["CAN-SKIP-UNTIL"]);
                out.fixed.push(line.to_owned());
            }
            "EXT-X-PART-INF" => {
                out.part_target = num(&attributes(value)["PART-TARGET"]);
                out.fixed.push(line.to_owned());
            }
            "EXT-X-MEDIA-SEQUENCE" => {
                assert!(header);
                out.media_sequence = value.parse().unwrap();
            }
            "EXT-X-DISCONTINUITY-SEQUENCE" => {
                assert!(header);
                out.discontinuity_sequence = value.parse().unwrap();
            }
            "EXT-X-SKIP" => {
                assert!(header);
                out.skipped = Some(attributes(value)["SKIPPED-SEGMENTS"].parse().unwrap());
            }
            "EXT-X-DISCONTINUITY" | "EXT-X-MAP" | "EXT-X-PROGRAM-DATE-TIME" => {
                assert!(segment.parts.is_empty() && !tail, "{line} after a part or the tail");
                begun = true;
                match name {
                    "EXT-X-DISCONTINUITY" => segment.discontinuity = true,
                    "EXT-X-MAP" => map = Some(attributes(value)["URI"].clone()),
                    _ => segment.date = value.to_owned(),
                }
            }
            "EXT-X-PART" => {
                assert!(segment.duration.is_none() && !tail, "parts come before EXTINF");
                let attrs = attributes(value);
                let gap = attrs.get("GAP").is_some_and(|gap| gap == "YES");
                let part = Part { uri: attrs["URI"].clone(), duration: num(&attrs["DURATION"]), gap };
                segment.parts.push(part);
                begun = true;
            }
            "EXT-X-GAP" => segment.gap = true,
            "EXTINF" => segment.duration = Some(num(value.strip_suffix(',').expect("a comma"))),
            "EXT-X-PRELOAD-HINT" => {
                tail = true;
                let attrs = attributes(value);
                let slot = if attrs["TYPE"] == "PART" { &mut out.hint } else { &mut out.map_hint };
                assert!(slot.replace(attrs["URI"].clone()).is_none(), "two hints of a kind");
            }
            "EXT-X-RENDITION-REPORT" => {
                tail = true;
                let attrs = attributes(value);
                let part = attrs.get("LAST-PART").map(|part| part.parse().unwrap());
                out.reports.push((attrs["URI"].clone(), attrs["LAST-MSN"].parse().unwrap(), part));
            }
            "EXT-X-ENDLIST" => {
                tail = true;
                out.ended = true;
            }
            _ => panic!("unexpected {line}"),
        }
    }
    if begun {
        push(&mut out, &mut segment, &map);
    }
    out
}

fn push(out: &mut Playlist, segment: &mut Segment, map: &Option<String>) {
    let at = out.segments.len() + out.skipped.unwrap_or(0);
    segment.msn = out.media_sequence + u64::try_from(at).unwrap();
    segment.map.clone_from(map);
    out.segments.push(std::mem::take(segment));
}
