//! The Steering Manifest (RFC 8216bis §7): a JSON object that says which Pathways to prefer.
//!
//! [`Manifest::parse`] refuses what a player has to ignore as a whole; what it ignores in part is left out and kept as a
//! [`Fault`] for the checker. Unknown members are ignored, as players must.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::http::url::Url;

/// The version that this reads.
const VERSION: u64 = 1;
/// TTL where none is given.
const DEFAULT_TTL: Duration = Duration::from_secs(300);
/// Bounds of a TTL that is obeyed: neither a storm of requests nor a time that clocks cannot count.
const SHORTEST_TTL: Duration = Duration::from_millis(100);
const LONGEST_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

/// A manifest that players ignore as a whole.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    /// It is no JSON object.
    #[error("no JSON object: {0}")]
    Syntax(String),
    /// VERSION is absent, no number, or another than 1.
    #[error("VERSION is {0}, not {VERSION}")]
    Version(String),
    /// PATHWAY-PRIORITY is absent, empty, or no array.
    #[error("PATHWAY-PRIORITY is {0}")]
    Priority(String),
}

/// A member of a manifest that is faulty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Member {
    /// TTL.
    Ttl,
    /// RELOAD-URI.
    ReloadUri,
    /// PATHWAY-PRIORITY, which has an entry twice, or one that is no Pathway ID.
    Priority,
    /// PATHWAY-CLONES, or a clone without one of its members.
    Clones,
    /// HOST of a clone.
    Host,
    /// PARAMS of a clone.
    Params,
    /// PER-VARIANT-URIS or PER-RENDITION-URIS of a clone.
    Uris,
}

/// Something that players ignore.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where it is.
    pub member: Member,
    /// What it is.
    pub what: String,
}

/// URI-REPLACEMENT: how the addresses of a clone differ from those of its base.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Replacement {
    /// HOST: name or address, without port.
    pub host: Option<String>,
    /// PARAMS: query parameters, by name.
    pub params: BTreeMap<String, String>,
    /// PER-VARIANT-URIS: addresses by STABLE-VARIANT-ID.
    pub variant_uris: BTreeMap<String, Url>,
    /// PER-RENDITION-URIS: addresses by STABLE-RENDITION-ID.
    pub rendition_uris: BTreeMap<String, Url>,
}

/// An entry of PATHWAY-CLONES.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PathwayClone {
    /// BASE-ID.
    pub base_id: String,
    /// ID.
    pub id: String,
    /// URI-REPLACEMENT.
    pub replacement: Replacement,
}

/// A manifest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// TTL: how long to wait before the next request; 300 s where it is absent or faulty.
    pub ttl: Duration,
    /// RELOAD-URI as written.
    pub reload_uri: Option<String>,
    /// PATHWAY-PRIORITY, the best first; not empty.
    pub priority: Vec<String>,
    /// PATHWAY-CLONES that can be applied, in order.
    pub clones: Vec<PathwayClone>,
    /// What is left out.
    pub faults: Vec<Fault>,
}

/// True if `text` is a Pathway ID: one or more of `A-Z a-z 0-9 . - _`.
#[must_use]
pub fn is_pathway_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When a player has to ignore it as a whole.
    pub fn parse(text: &str) -> Result<Self, Unusable> {
        let value = serde_json::from_str(text).map_err(|error| Unusable::Syntax(error.to_string()))?;
        let Value::Object(object) = value else { return Err(Unusable::Syntax("another value".to_owned())) };
        match object.get("VERSION") {
            Some(version) if version.as_u64() == Some(VERSION) => {}
            version => return Err(Unusable::Version(written(version))),
        }
        let mut faults = Faults(Vec::new());
        let priority = priority(object.get("PATHWAY-PRIORITY"), &mut faults)?;
        let ttl = ttl(object.get("TTL"), &mut faults);
        let reload_uri = match object.get("RELOAD-URI") {
            None => None,
            Some(Value::String(uri)) if !uri.is_empty() => Some(uri.clone()),
            other => faults.add(Member::ReloadUri, format!("RELOAD-URI is {}", written(other))),
        };
        let clones = match object.get("PATHWAY-CLONES") {
            None => Vec::new(),
            Some(Value::Array(clones)) => clones.iter().filter_map(|c| clone(c, &mut faults)).collect(),
            other => faults.add(Member::Clones, format!("PATHWAY-CLONES is {}", written(other))),
        };
        Ok(Self { ttl, reload_uri, priority, clones, faults: faults.0 })
    }
}

struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault; what is left in place of the faulty member is nothing.
    fn add<T: Default>(&mut self, member: Member, what: String) -> T {
        self.0.push(Fault { member, what });
        T::default()
    }
}

/// A value for people, cut where it is long.
fn written(value: Option<&Value>) -> String {
    const LONGEST: usize = 80;
    let text = value.map_or_else(|| "absent".to_owned(), Value::to_string);
    text.chars().take(LONGEST).collect()
}

fn priority(value: Option<&Value>, faults: &mut Faults) -> Result<Vec<String>, Unusable> {
    let entries = match value {
        Some(Value::Array(entries)) if !entries.is_empty() => entries,
        other => return Err(Unusable::Priority(written(other))),
    };
    let mut priority: Vec<String> = Vec::new();
    for entry in entries {
        match entry.as_str() {
            Some(id) if priority.iter().any(|known| known == id) => {
                faults.add(Member::Priority, format!("PATHWAY-PRIORITY has {id} twice"))
            }
            Some(id) if is_pathway_id(id) => priority.push(id.to_owned()),
            _ => faults.add(Member::Priority, format!("{} is no Pathway ID", written(Some(entry)))),
        }
    }
    if priority.is_empty() { Err(Unusable::Priority(written(value))) } else { Ok(priority) }
}

fn ttl(value: Option<&Value>, faults: &mut Faults) -> Duration {
    match value.map(Value::as_f64) {
        None => DEFAULT_TTL,
        Some(Some(seconds)) if seconds > 0.0 => {
            let ttl = Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_TTL);
            ttl.clamp(SHORTEST_TTL, LONGEST_TTL)
        }
        Some(_) => {
            faults.add::<()>(Member::Ttl, format!("TTL is {}", written(value)));
            DEFAULT_TTL
        }
    }
}

/// A clone; `None` if it cannot be applied.
fn clone(value: &Value, faults: &mut Faults) -> Option<PathwayClone> {
    let id = |name: &str| value.get(name).and_then(Value::as_str).filter(|id| is_pathway_id(id));
    let parts = (id("BASE-ID"), id("ID"), value.get("URI-REPLACEMENT").and_then(Value::as_object));
    let (Some(base_id), Some(id), Some(object)) = parts else {
        let shown = written(Some(value));
        return faults.add(Member::Clones, format!("a clone needs BASE-ID, ID and URI-REPLACEMENT: {shown}"));
    };
    let before = faults.0.len();
    let replacement = Replacement {
        host: host(object.get("HOST"), id, faults),
        params: strings(object, "PARAMS", Member::Params, id, faults),
        variant_uris: uris(object, "PER-VARIANT-URIS", id, faults),
        rendition_uris: uris(object, "PER-RENDITION-URIS", id, faults),
    };
    // Half of a replacement would lead to a server that was not meant.
    (faults.0.len() == before).then(|| PathwayClone {
        base_id: base_id.to_owned(),
        id: id.to_owned(),
        replacement,
    })
}

fn host(value: Option<&Value>, id: &str, faults: &mut Faults) -> Option<String> {
    let host = value?;
    let any = Url { secure: false, host: "any".to_owned(), port: 80, path: "/".to_owned() };
    match host.as_str() {
        Some(text) if any.with_host(text).is_ok() => Some(text.to_owned()),
        _ => faults.add(Member::Host, format!("HOST of {id} is no host without port: {}", written(value))),
    }
}

/// An object of strings; empty where it is absent.
fn strings(
    object: &Map<String, Value>,
    name: &str,
    member: Member,
    id: &str,
    faults: &mut Faults,
) -> BTreeMap<String, String> {
    let entries = match object.get(name) {
        None => return BTreeMap::new(),
        Some(Value::Object(entries)) => entries,
        other => return faults.add(member, format!("{name} of {id} is {}", written(other))),
    };
    let mut kept = BTreeMap::new();
    for (key, value) in entries {
        match value.as_str() {
            Some(text) if !key.is_empty() => drop(kept.insert(key.clone(), text.to_owned())),
            _ => faults.add(member, format!("{name} of {id}: `{key}` is {}", written(Some(value)))),
        }
    }
    kept
}

fn uris(object: &Map<String, Value>, name: &str, id: &str, faults: &mut Faults) -> BTreeMap<String, Url> {
    let mut kept = BTreeMap::new();
    for (key, text) in strings(object, name, Member::Uris, id, faults) {
        match text.parse() {
            Ok(url) => drop(kept.insert(key, url)),
            Err(_) => faults.add(Member::Uris, format!("{name} of {id}: `{key}` is no address: {text}")),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"VERSION":1,"TTL":30,"RELOAD-URI":"/s?x=1","PATHWAY-PRIORITY":["b","a"],"LATER":{},
        "PATHWAY-CLONES":[{"BASE-ID":"a","ID":"b","URI-REPLACEMENT":{"HOST":"b.example","PARAMS":{"t":"1"},
        "PER-VARIANT-URIS":{"v":"https://v.example/x"},"PER-RENDITION-URIS":{}}}]}"#;

    #[test]
    fn a_manifest_is_read() {
        let manifest = Manifest::parse(WHOLE).unwrap();
        let replacement = Replacement {
            host: Some("b.example".to_owned()),
            params: BTreeMap::from([("t".to_owned(), "1".to_owned())]),
            variant_uris: BTreeMap::from([("v".to_owned(), "https://v.example/x".parse().unwrap())]),
            rendition_uris: BTreeMap::new(),
        };
        let clone = PathwayClone { base_id: "a".to_owned(), id: "b".to_owned(), replacement };
        assert_eq!(manifest.ttl, Duration::from_secs(30));
        assert_eq!(manifest.reload_uri.as_deref(), Some("/s?x=1"));
        assert_eq!(manifest.priority, ["b", "a"]);
        assert_eq!((manifest.clones, manifest.faults), (vec![clone], vec![]));
    }

    #[test]
    fn what_may_be_absent_has_its_default() {
        let manifest = Manifest::parse(r#"{"VERSION":1,"PATHWAY-PRIORITY":["."]}"#).unwrap();
        assert_eq!((manifest.ttl, manifest.reload_uri, manifest.clones.len()), (DEFAULT_TTL, None, 0));
        let short = Manifest::parse(r#"{"VERSION":1,"TTL":1e-9,"PATHWAY-PRIORITY":["."]}"#).unwrap();
        assert_eq!((short.ttl, short.faults), (SHORTEST_TTL, vec![]));
        let long = Manifest::parse(r#"{"VERSION":1,"TTL":1e300,"PATHWAY-PRIORITY":["."]}"#).unwrap();
        assert_eq!(long.ttl, LONGEST_TTL);
    }

    #[test]
    fn players_ignore_a_manifest_without_version_or_priority() {
        for bad in ["", "[]", "{", r#"{"PATHWAY-PRIORITY":["a"]}"#, r#"{"VERSION":1}"#] {
            assert!(Manifest::parse(bad).is_err(), "{bad}");
        }
        for version in ["2", "0", "\"1\"", "1.5", "null"] {
            let bad = WHOLE.replace("\"VERSION\":1", &format!("\"VERSION\":{version}"));
            assert!(matches!(Manifest::parse(&bad), Err(Unusable::Version(_))), "{version}");
        }
        for priority in ["[]", "\"a\"", "[1]", "{}"] {
            let bad = WHOLE.replace(r#"["b","a"]"#, priority);
            assert!(matches!(Manifest::parse(&bad), Err(Unusable::Priority(_))), "{priority}");
        }
    }

    #[test]
    fn a_faulty_clone_is_left_out_as_a_whole() {
        for (from, to, member) in [
            (r#""HOST":"b.example""#, r#""HOST":"""#, Member::Host),
            (r#""HOST":"b.example""#, r#""HOST":"b.example:8443""#, Member::Host),
            (r#""HOST":"b.example""#, r#""HOST":"https://b.example""#, Member::Host),
            (r#""HOST":"b.example""#, r#""HOST":7"#, Member::Host),
            (r#"{"t":"1"}"#, r#"{"t":1}"#, Member::Params),
            (r#"{"t":"1"}"#, r#"{"":"1"}"#, Member::Params),
            (r#"{"t":"1"}"#, r#""t=1""#, Member::Params),
            ("https://v.example/x", "/x", Member::Uris),
            (r#""PER-RENDITION-URIS":{}"#, r#""PER-RENDITION-URIS":[]"#, Member::Uris),
            (r#""BASE-ID":"a","#, "", Member::Clones),
            (r#""ID":"b","#, r#""ID":"b c","#, Member::Clones),
            (r#""URI-REPLACEMENT":"#, r#""REPLACEMENT":"#, Member::Clones),
        ] {
            let text = WHOLE.replace(from, to);
            assert_ne!(text, WHOLE, "{from}");
            let manifest = Manifest::parse(&text).unwrap();
            assert_eq!(manifest.clones, [], "{to}");
            assert_eq!(manifest.faults.iter().map(|f| f.member).collect::<Vec<_>>(), [member], "{to}");
        }
    }
}
