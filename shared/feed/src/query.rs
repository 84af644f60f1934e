//! Parameters of a query string, also of one that a client glued together.
//!
//! Players of Owncast append `?cachebust=…` to an address that has a query already, others write `&amp;` or `;` for `&`, or
//! encode separators. So a separator that does not belong ends a value as `&` does, and the text after it is read too, but
//! trusted less ([`Place::Stray`]): it may be a piece of a parameter, which is an address with a query of its own. RFC 3986
//! §3.4 allows `?` in a query and names no separators.

/// The kind of separator before a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The parameter begins the query, or follows a `&`.
    Proper,
    /// The parameter follows a text that separates by mistake.
    Stray,
}

/// Texts that separate by mistake. None of them occurs in the values that are read here: numbers, words and tokens.
const STRAY: [&str; 8] = ["?", ";", "%3F", "%3f", "%3B", "%3b", "%26", "#"];

/// The form of `&` in an address that was escaped for HTML and never unescaped.
const ESCAPED_AMPERSAND: &str = "amp;";

/// All parameters of a query (without its `?`): place, name, value. A name alone has an empty value.
pub fn parameters(query: &str) -> impl Iterator<Item = (Place, &str, &str)> {
    query.split('&').flat_map(|piece| {
        let piece = piece.trim_start_matches('?').trim_start_matches(ESCAPED_AMPERSAND);
        Pieces { rest: Some(piece), place: Place::Proper }
    })
}

/// The text between two `&`, cut at mistaken separators.
struct Pieces<'q> {
    rest: Option<&'q str>,
    place: Place,
}

impl<'q> Iterator for Pieces<'q> {
    type Item = (Place, &'q str, &'q str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let (piece, behind) = cut(rest);
        self.rest = behind;
        let place = std::mem::replace(&mut self.place, Place::Stray);
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        Some((place, name, value))
    }
}

/// The text before the first separator of [`STRAY`], and the text after it.
fn cut(text: &str) -> (&str, Option<&str>) {
    let first = text.char_indices().find_map(|(at, _)| {
        let here = &text[at..];
        STRAY.iter().find_map(|stray| here.strip_prefix(stray)).map(|behind| (&text[..at], behind))
    });
    first.map_or((text, None), |(before, behind)| (before, Some(behind)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Place::{Proper, Stray};
    use super::*;

    fn read(query: &str) -> Vec<(Place, &str, &str)> {
        parameters(query).filter(|(_, name, _)| !name.is_empty()).collect()
    }

    #[test]
    fn a_query_as_it_should_be_is_read_as_it_is() {
        assert_eq!(
            read("a=1&b=x%20y&c&d="),
            [(Proper, "a", "1"), (Proper, "b", "x%20y"), (Proper, "c", ""), (Proper, "d", ""),]
        );
        assert_eq!(read("token=ab==&&"), [(Proper, "token", "ab==")]);
        assert!(read("").is_empty());
    }

    #[test]
    fn a_value_ends_at_what_separates_by_mistake() {
        for stray in STRAY {
            let query = format!("a=7{stray}cachebust=1&b=2");
            assert_eq!(
                read(&query),
                [(Proper, "a", "7"), (Stray, "cachebust", "1"), (Proper, "b", "2")],
                "{query}"
            );
        }
        assert_eq!(read("a=7??x=1"), [(Proper, "a", "7"), (Stray, "x", "1")]);
        assert_eq!(read("??a=7&amp;b=2"), [(Proper, "a", "7"), (Proper, "b", "2")]);
    }

    proptest! {
        #[test]
        fn parameters_without_separators_come_back(
            given in proptest::collection::vec(("[a-zA-Z_]{1,8}", "[a-zA-Z0-9_=%+.-]{0,8}"), 0..6)
        ) {
            prop_assume!(given.iter().all(|(_, value)| !STRAY.iter().any(|stray| value.contains(stray))));
            let query: Vec<_> = given.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let query = query.join("&");
            let all: Vec<_> = read(&query).into_iter().map(|(_, n, v)| (n.to_owned(), v.to_owned())).collect();
            prop_assert_eq!(all, given);
        }

        #[test]
        fn any_text_is_survived(query in "\\PC{0,100}") {
            let _ = parameters(&query).count();
        }
    }
}
