//! Whether a reply has what a client reads.
//!
//! A place is names with dots between: `user.id`, `socialHandles[].url` for each of a list, `[0].body` for one of them, `` for
//! the whole. A kind is one of [`KINDS`], or several with `|` between; `absent` allows that there is nothing.

use serde_json::Value;

/// What can stand at a place.
const KINDS: [&str; 9] = ["text", "number", "integer", "bool", "list", "object", "null", "time", "absent"];

/// A step of a place.
#[derive(Debug, PartialEq)]
enum Hop<'p> {
    Field(&'p str),
    Item(usize),
    Each,
}

fn hops(place: &str) -> Result<Vec<Hop<'_>>, String> {
    let mut hops = Vec::new();
    for name in place.split('.').filter(|name| !name.is_empty()) {
        let (field, indices) = name.split_once('[').map_or((name, ""), |(field, rest)| (field, rest));
        if !field.is_empty() {
            hops.push(Hop::Field(field));
        }
        for index in indices.split('[').filter(|index| !index.is_empty()) {
            let index = index.strip_suffix(']').ok_or_else(|| format!("{place} is no place"))?;
            hops.push(match index {
                "" => Hop::Each,
                number => Hop::Item(number.parse().map_err(|_| format!("{place} is no place"))?),
            });
        }
    }
    Ok(hops)
}

/// All that stands at a place; `None` where nothing does.
fn at<'v>(value: &'v Value, hops: &[Hop<'_>]) -> Vec<Option<&'v Value>> {
    let Some((hop, rest)) = hops.split_first() else { return vec![Some(value)] };
    let one = |found: Option<&'v Value>| found.map_or_else(|| vec![None], |value| at(value, rest));
    match hop {
        Hop::Field(name) => one(value.get(name)),
        Hop::Item(index) => one(value.get(index)),
        Hop::Each => match value.as_array() {
            Some(items) => items.iter().flat_map(|item| at(item, rest)).collect(),
            None => vec![None],
        },
    }
}

/// The first thing at a place.
pub(crate) fn first<'v>(value: &'v Value, place: &str) -> Result<&'v Value, String> {
    let found = at(value, &hops(place)?).into_iter().next().flatten();
    found.ok_or_else(|| format!("there is no {place}"))
}

fn is_kind(value: Option<&Value>, kind: &str) -> bool {
    let Some(value) = value else { return kind == "absent" };
    match kind {
        "text" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "bool" => value.is_boolean(),
        "list" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        "time" => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        _ => false,
    }
}

/// Checks that what stands at a place is of a kind.
pub(crate) fn check(value: &Value, place: &str, kinds: &str) -> Result<(), String> {
    let kinds: Vec<&str> = kinds.split('|').collect();
    if let Some(unknown) = kinds.iter().find(|kind| !KINDS.contains(kind)) {
        return Err(format!("{unknown} is no kind"));
    }
    for found in at(value, &hops(place)?) {
        if !kinds.iter().any(|kind| is_kind(found, kind)) {
            let found = found.map_or_else(|| "nothing".to_owned(), Value::to_string);
            return Err(format!("{place} is {found:.200}, not {}", kinds.join(" or ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fact_that_is_not_so_is_told() {
        let reply =
            json!({ "a": { "b": [{ "c": 1 }, { "c": "x" }] }, "t": "2026-03-14T18:02:11Z", "n": null });
        for (place, kinds) in [
            ("", "object"),
            ("a.b", "list"),
            ("a.b[0].c", "number"),
            ("a.b[].c", "number|text"),
            ("t", "time"),
            ("n", "null|time"),
            ("x.y", "absent"),
        ] {
            assert_eq!(check(&reply, place, kinds), Ok(()), "{place}");
        }
        for (place, kinds) in [
            ("", "list"),
            ("a.b[].c", "number"),
            ("a.b[2].c", "number"),
            ("a.b[].d", "text"),
            ("a[].c", "text"),
            ("n", "text"),
            ("x", "text|null"),
            ("t", "txt"),
            ("a.b[x]", "text"),
        ] {
            assert!(check(&reply, place, kinds).is_err(), "{place} {kinds}");
        }
        assert_eq!(first(&reply, "a.b[1].c"), Ok(&json!("x")));
        assert!(first(&reply, "a.x").is_err());
        // A list without items has none that is wrong.
        assert_eq!(check(&json!([]), "[].a", "text"), Ok(()));
        assert_eq!(check(&json!([[1]]), "[0][0]", "number"), Ok(()));
    }
}
