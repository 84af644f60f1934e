//! Nothing that anybody can write is more than text, links and emoji, or takes long.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::allowed::{self, Form};
use super::*;

/// Attacks, a JSON string a line.
const XSS: &str = include_str!("../xss.txt");

/// Time for one text, on a machine that does other things as well, not optimised.
const LONGEST: Duration = Duration::from_secs(5);

fn check(raw: &str) -> Result<(), String> {
    let known = emoji(&["x.gif"]);
    let html = message(raw, &known);
    let say = |problem| format!("{problem} in {html:?} of {raw:?}");
    let text = allowed::text(&html, Form::Message).map_err(say)?;
    // Rendered text sent again, and stored text rendered again: neither brings back what was removed.
    for again in [text, html.clone()] {
        let again = message(&again, &known);
        allowed::text(&again, Form::Message).map_err(|problem| format!("again: {}", say(problem)))?;
    }
    let html = announcement(raw);
    let text =
        allowed::text(&html, Form::Announcement).map_err(|problem| format!("{problem} in {html:?}"))?;
    let escaped = allowed::text(&escape(&text), Form::Message)?;
    if escaped != text.replace("\r\n", "\n").replace('\r', "\n") {
        return Err(format!("escaped, {text:?} is {escaped:?}"));
    }
    Ok(())
}

#[test]
fn attacks_become_harmless() {
    let lines: Vec<&str> = XSS.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() > 200, "{} lines", lines.len());
    for line in lines {
        let raw: String = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let shapes = [
            raw.clone(),
            format!("x {raw}"),
            format!("**{raw}**"),
            format!("`{raw}"),
            format!("> {raw}\n\n{raw}"),
        ];
        for raw in shapes.iter().chain([&format!("[{raw}]({raw})"), &format!("<a href=\"{raw}\">{raw}")]) {
            check(raw).unwrap();
        }
    }
}

/// Inputs that a check that accepts everything would not find.
#[test]
fn the_check_finds_what_is_not_allowed() {
    for html in [
        "<script>",
        "<b>x</b>",
        "<svg>",
        "<img>",
        "<img src=\"/img/emoji/../x\">",
        "<img src=\"//x/img/emoji/x\">",
        "<img src=\"/img/emoji/x\" onerror=\"x\">",
        "<img src=\"/img/emoji/x\" class=\"modal\">",
        "<a>x</a>",
        "<!-- x -->",
        "<img src=\"/img/emoji/x\" alt=\"x\">",
        "<a href=\"/x\">x</a>",
        "<a href=\"javascript:x\" rel=\"nofollow noreferrer\">x</a>",
        "<a href=\"http://x\" rel=\"nofollow noreferrer\">x</a>",
        "<a href=\"//x\" rel=\"nofollow noreferrer\">x</a>",
        "<p>x</p>",
        "<a href=\" java\nscript:x\" rel=\"nofollow noreferrer\">x</a>",
        "<em style=\"x\">x</em>",
        "<!doctype html>",
        "<em",
    ] {
        assert!(allowed::text(html, Form::Message).is_err(), "{html}");
    }
}

#[test]
fn what_is_nested_or_left_open_takes_no_time() {
    let numbered = |piece: &dyn Fn(usize) -> String, len: usize| {
        let mut text = String::new();
        let mut n = 0;
        while text.len() + 24 < len {
            text.push_str(&piece(n));
            n += 1;
        }
        text
    };
    let fill = |piece: &str, len: usize| piece.repeat(len / piece.len());
    let pieces = [
        ">",
        "> ",
        "[",
        "![",
        "]",
        "*",
        "**",
        "_",
        "*a",
        "a**b",
        "`",
        "`a",
        "<",
        "<b>",
        "<p>",
        "<em>",
        "<em><p>",
        "<a href=/>",
        "<table>",
        "<svg>",
        "<math><mi>",
        "<!--",
        "<![CDATA[",
        "<?",
        "</p>",
        "</br>",
        "&",
        "&#",
        "\\",
        "- ",
        "1. ",
        "  - a\n",
        "a\n\n",
        "~",
        "[a](",
        "[a][",
        "[a]: b\n",
        "[](",
        "<http:",
        "http://",
        "http://[",
        "http://a ",
        "http://)",
        ":",
        "::",
        ":x",
        "h",
        "<div>\n",
        "<select><option>",
        "<template>",
        "<b><i>",
        "</b></i>",
        "\t",
        "|a",
        "![](/img/emoji/x.gif)",
        "<img src=/img/emoji/x.gif>",
        "\u{fdd0}",
        "\0",
        "\r",
        "\"",
        "<a\n",
        "=\n",
        "a\n=\n",
    ];
    let opened: [&dyn Fn(usize) -> String; 5] = [
        &|n| format!("<em a{n}>"),
        &|n| format!("<em a{n}><p>"),
        &|n| format!("<a href={n}>"),
        &|n| format!("[a{n}]: b\n\n[a{n}]\n"),
        &|n| format!("{} a{n}", if n == 0 { "<em" } else { "" }),
    ];
    let known = emoji(&["x.gif"]);
    let mut times = Vec::new();
    for (len, is_message) in [(MAX_MESSAGE_BYTES, true), (MAX_ANNOUNCEMENT_BYTES, false), (6_000, false)] {
        let half = len / 2 - 32;
        let all =
            pieces.iter().map(|piece| fill(piece, len)).chain(opened.iter().map(|open| numbered(open, len)));
        // Open elements, and then paragraphs that open them again.
        let both = ["<p>", "a\n\n", "<table>", "<li>", "</em>"].iter().flat_map(|second| {
            opened.iter().map(move |open| format!("{}\n\n{}", numbered(open, half), fill(second, half)))
        });
        for text in all.chain(both) {
            let start = Instant::now();
            let html = if is_message { message(&text, &known) } else { announcement(&text) };
            let took = start.elapsed();
            let form = if is_message { Form::Message } else { Form::Announcement };
            allowed::text(&html, form).unwrap();
            times.push((took, format!("{} bytes of {:.30}", text.len(), text)));
        }
    }
    times.sort();
    let slowest = &times[times.len() - 5..];
    println!("slowest of {}: {slowest:?}", times.len());
    assert!(slowest[4].0 < LONGEST, "{slowest:?}");
}

fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "<",
        ">",
        "</",
        "/>",
        "<a href=",
        "<img src=",
        "<script>",
        "</script>",
        "<style>",
        "<svg>",
        "<math>",
        "<p>",
        "<!--",
        "-->",
        "javascript:",
        "data:",
        "http://a.example",
        "/img/emoji/",
        "x.gif",
        "..",
        "%2e",
        ":x:",
        "[",
        "](",
        ")",
        "![",
        "*",
        "**",
        "_",
        "`",
        "```\n",
        "\n\n",
        "    ",
        "> ",
        "- ",
        "\"",
        "'",
        "=",
        "onerror=",
        " ",
        "&",
        "&lt;",
        "&#106;",
        "&colon;",
        "&quot;",
        "\\",
        "\u{0}",
        "\t",
        "<table>",
        "<td>",
        "</a>",
        "<template>",
        "<textarea>",
        "<noscript>",
        "<em>",
        "<pre>",
        "<code>",
        "</code>",
        "[x]: ",
        "alt=",
        "\u{fdd0}",
    ]);
    prop_oneof![8 => words.prop_map(str::to_owned), 1 => any::<String>(), 2 => "[a-z]{1,4}"]
}

proptest! {
    #[test]
    fn any_pieces_give_only_what_is_allowed(pieces in prop::collection::vec(piece(), 0..40)) {
        prop_assert_eq!(check(&pieces.concat()), Ok(()));
    }

    #[test]
    fn any_text_gives_only_what_is_allowed(text in any::<String>()) {
        prop_assert_eq!(check(&text), Ok(()));
    }

    #[test]
    fn any_escaped_text_stays_text(pieces in prop::collection::vec(piece(), 0..12)) {
        let name = pieces.concat().replace(|c: char| c.is_control() && !c.is_whitespace(), "").replace('\u{fdd0}', "");
        let html = announcement(&format!("**x {} x** y", escape_markdown(&name)));
        let text = allowed::text(&html, Form::Announcement).unwrap().replace('\u{2060}', "");
        let words = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected = format!("x {words} x y\n");
        prop_assert_eq!(text, expected.replace('\u{2060}', ""));
        prop_assert_eq!(html.matches('<').count(), 4, "{}", html);
    }
}
