//! Colours and sizes of the page that owners set, by the names of Owncast's CSS variables.
//!
//! Pages write them into style sheets as `--name: value;`, some between `<style>` and `</style>`. So a value is only what a
//! colour or a size is made of: no character that ends a declaration, a rule or an element, none that begins a comment or a
//! string, and no function that loads something or leaves its parenthesis open.

use std::collections::BTreeMap;

/// Owncast's page has about sixty.
const MAX_VARIABLES: usize = 100;
const MAX_NAME_CHARS: usize = 64;
const MAX_VALUE_CHARS: usize = 128;

/// Functions of colours and lengths (CSS Color 5, CSS Values 4), and `var`, by which one variable names another.
const FUNCTIONS: [&str; 18] = [
    "rgb",
    "rgba",
    "hsl",
    "hsla",
    "hwb",
    "lab",
    "lch",
    "oklab",
    "oklch",
    "color",
    "color-mix",
    "light-dark",
    "var",
    "calc",
    "min",
    "max",
    "clamp",
    "",
];

/// The variables that are set; those without a value are not.
///
/// # Errors
/// Which one cannot be, in a line.
pub(super) fn checked(given: BTreeMap<String, Option<String>>) -> Result<BTreeMap<String, String>, String> {
    if given.len() > MAX_VARIABLES {
        return Err(format!("these are more than {MAX_VARIABLES} variables"));
    }
    let mut kept = BTreeMap::new();
    for (name, value) in given {
        if !is_name(&name) {
            return Err(format!(
                "a variable's name is a letter and up to {} more letters, digits, - and _",
                MAX_NAME_CHARS - 1
            ));
        }
        let value = value.unwrap_or_default();
        check_value(&value).map_err(|what| format!("{name}: {what}"))?;
        let value = value.trim_matches(' ');
        if !value.is_empty() {
            kept.insert(name, value.to_owned());
        }
    }
    Ok(kept)
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn check_value(value: &str) -> Result<(), String> {
    if value.chars().count() > MAX_VALUE_CHARS {
        return Err(format!("a value has at most {MAX_VALUE_CHARS} characters"));
    }
    let part = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b' ' | b'#' | b'%' | b'.' | b',' | b'(' | b')' | b'+' | b'-' | b'/' | b'_')
    };
    if !value.bytes().all(part) {
        return Err(
            "a value is a colour or a size: letters, digits, spaces and # % . , ( ) + - / _".to_owned()
        );
    }
    let mut open = 0_usize;
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'(' => {
                let before = &value[..at];
                let starts = before.rfind([' ', ',', '(']).map_or(0, |space| space + 1);
                let function = before[starts..].to_ascii_lowercase();
                if !FUNCTIONS.contains(&function.as_str()) {
                    return Err("a value has only functions of colours and sizes, and var()".to_owned());
                }
                open += 1;
            }
            b')' => {
                open = open.checked_sub(1).ok_or_else(|| "a parenthesis is not opened".to_owned())?;
            }
            _ => {}
        }
    }
    if open > 0 { Err("a parenthesis is not closed".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> Result<BTreeMap<String, String>, String> {
        checked(BTreeMap::from([(name.to_owned(), Some(value.to_owned()))]))
    }

    #[test]
    fn colours_and_sizes_are_kept_as_they_are() {
        for value in [
            "#fff",
            "#1F2937cc",
            "rebeccapurple",
            "rgb(120, 0, 120)",
            "rgba(0 0 0 / 55%)",
            "HSL(210deg 40% 20%)",
            "oklch(0.7 0.1 250)",
            "color-mix(in srgb, var(--theme-color-action) 40%, #fff)",
            "light-dark(#fff, rgb(1, 2, 3))",
            "calc((1rem + 2px) / 2)",
            "12px",
            "-0.5em",
        ] {
            let kept = one("theme-color-action", value).unwrap_or_else(|what| panic!("{value}: {what}"));
            assert_eq!(kept["theme-color-action"], value);
        }
    }

    #[test]
    fn what_leaves_its_place_or_loads_something_is_refused() {
        for value in [
            "red; background: blue",
            "red}",
            "{",
            "</style><script>",
            "red /* ",
            "red */",
            "\"x\"",
            "'x'",
            "\\3b",
            "@import",
            "red !important",
            "a:b",
            "url(x)",
            "URL(x)",
            "image-set(x)",
            "src(x)",
            "attr(title)",
            "env(x)",
            "expression(1)",
            "rgb(1, url(x), 2)",
            "rgb/url(x)",
            "rgb(1, 2, 3",
            "rgb(1, 2, 3))",
            ")(",
            "red\nblue",
            "rot\u{fc}",
            &"a".repeat(MAX_VALUE_CHARS + 1),
        ] {
            let refused = one("theme-color-action", value).expect_err(value);
            assert!(refused.starts_with("theme-color-action: ") && refused.len() < 200, "{refused}");
        }
    }

    #[test]
    fn names_are_those_of_variables_without_their_dashes() {
        for name in ["", "--theme", "1st", "a b", "a;b", "a:b", "a\u{e9}", &"a".repeat(MAX_NAME_CHARS + 1)] {
            assert!(one(name, "red").is_err(), "{name}");
            assert!(one(name, "").is_err(), "{name}");
        }
        assert!(one(&"a".repeat(MAX_NAME_CHARS), "red").is_ok());
    }

    #[test]
    fn what_has_no_value_is_not_set_and_there_are_not_too_many() {
        let given = BTreeMap::from([
            ("a".to_owned(), None),
            ("b".to_owned(), Some(" ".to_owned())),
            ("c".to_owned(), Some(" red ".to_owned())),
        ]);
        assert_eq!(checked(given), Ok(BTreeMap::from([("c".to_owned(), "red".to_owned())])));
        let many =
            |count: usize| (0..count).map(|number| (format!("v{number}"), Some("red".to_owned()))).collect();
        assert_eq!(checked(many(MAX_VARIABLES)).map(|kept| kept.len()), Ok(MAX_VARIABLES));
        assert!(checked(many(MAX_VARIABLES + 1)).is_err());
    }
}
