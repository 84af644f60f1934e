//! Tests of what is rendered and what is removed. Owncast's documentation describes its own vectors in prose; these are
//! the same, in the form of 0.0.10.

#[path = "../allowed.rs"]
mod allowed;
mod hostile;

use super::*;
use allowed::Form;
use farcast_settings::{Asset, AssetHash};

/// Emoji of these files, named as they are.
pub(super) fn emoji(files: &[&str]) -> Vec<Emoji> {
    let emoji = |file: &&str| Emoji {
        name: file.rsplit_once('.').map_or(*file, |(name, _)| name).to_owned(),
        asset: Asset {
            file: (*file).to_owned(),
            content_type: "image/gif".to_owned(),
            hash: AssetHash::of(b"x"),
            len: 1,
        },
    };
    files.iter().map(emoji).collect()
}

/// The message's HTML, which is checked.
fn shown(raw: &str) -> String {
    let html = message(raw, &emoji(&["x.gif", "Party_Parrot.gif", "a&b.gif", "with space.gif"]));
    allowed::text(&html, Form::Message).unwrap_or_else(|problem| panic!("{problem} in {html:?} of {raw:?}"));
    html
}

fn assert_all(cases: &[(&str, &str)]) {
    for (raw, expected) in cases {
        assert_eq!(shown(raw), *expected, "{raw:?}");
    }
}

const AWAY: &str = r#"rel="nofollow noreferrer noopener" target="_blank""#;

#[test]
fn owncast_a_mixed_text_keeps_what_is_allowed() {
    let raw = r#"
Hi! Do you know _sports_ and **answers**? https://owncast.online

<iframe src="http://owncast.online"></iframe>

## blah blah blah

[test link](http://owncast.online)

<img class="emoji" alt="bananadance.gif" width="600px" src="/img/emoji/bananadance.gif">

<script src="http://hackers.org/hack.js"></script>
"#;
    let expected = format!(
        r#"Hi! Do you know <em>sports</em> and <strong>answers</strong>? <a href="https://owncast.online" {AWAY}>https://owncast.online</a>

blah blah blah
<a href="http://owncast.online" {AWAY}>test link</a>
<img class="emoji" src="/img/emoji/bananadance.gif">"#
    );
    assert_eq!(shown(raw), expected);
}

#[test]
fn owncast_remote_pictures_go() {
    let raw =
        r#"<img src="https://example.com/img/emoji/a.gif"> test ![](https://example.com/img/emoji/b.gif)"#;
    assert_eq!(shown(raw), "test");
}

#[test]
fn owncast_emoji_stay() {
    let raw = r#"<img src="/img/emoji/x.gif" alt=":x:" title=":x:"> ![](/img/emoji/x.gif)"#;
    let expected = r#"<img src="/img/emoji/x.gif" alt=":x:" title=":x:"> <img src="/img/emoji/x.gif">"#;
    assert_eq!(shown(raw), expected);
}

#[test]
fn owncast_announcements_have_paragraphs_and_a_lines_end() {
    let markdown =
        "**bold**\n\n<ul><li><strong>one</strong></li></ul>\n\nStay tuned, the stream is **starting**!";
    let expected = "<p><strong>bold</strong></p>\n<ul><li><strong>one</strong></li></ul>\n\
                    <p>Stay tuned, the stream is <strong>starting</strong>!</p>\n";
    assert_eq!(announcement(markdown), expected);
    assert_eq!(announcement("hello"), "<p>hello</p>\n");
    assert_eq!(
        announcement("# a\n> b\n\n1. c"),
        "<h1>a</h1>\n<blockquote>\n<p>b</p>\n</blockquote>\n<ol>\n<li>c</li>\n</ol>\n"
    );
    assert_eq!(
        announcement("see http://x.example"),
        format!("<p>see <a href=\"http://x.example\" {AWAY}>http://x.example</a></p>\n")
    );
    assert_eq!(announcement("<script>x</script><p onclick=a></p>"), "");
}

#[test]
fn a_message_has_no_paragraphs_and_keeps_its_text() {
    assert_all(&[
        ("hello", "hello"),
        ("  hello \n", "hello"),
        ("a\n\nb", "a\nb"),
        ("*a* **b** `c`", "<em>a</em> <strong>b</strong> <code>c</code>"),
        ("# a", "a"),
        ("- a\n- b", "a\nb"),
        ("> a", "a"),
        ("a<br>b", "a<br>b"),
        ("<b>a</b> <u>b</u> <strong>c</strong>", "a b <strong>c</strong>"),
        ("<pre>a\n b</pre>", "<pre>a\n b</pre>"),
        ("1 < 2 & 3 > 2 \" '", "1 &lt; 2 &amp; 3 &gt; 2 \" '"),
        ("&lt;b&gt;", "&lt;b&gt;"),
        ("<div>a</div>", "a"),
        ("<iframe>a</iframe>b", "b"),
    ]);
}

#[test]
fn what_shows_nothing_is_nothing() {
    for raw in [
        "",
        "  \n",
        "\u{200b}",
        "\u{a0}&nbsp;",
        "<b></b>",
        "<strong> </strong>",
        "<br>",
        "<script>x</script>",
        "<!-- x -->",
        "![](http://x.example/a.gif)",
        "<a href='http://x.example'></a>",
        "&#x2800;",
        "[x]: http://x.example",
    ] {
        let html = shown(raw);
        assert_eq!(html, "", "{raw:?}");
    }
}

#[test]
fn links_say_how_they_open() {
    let away = |href: &str| format!("<a href=\"{href}\" {AWAY}>x</a>");
    let here = |href: &str| format!(r#"<a href="{href}" rel="nofollow noreferrer">x</a>"#);
    assert_all(&[
        ("[x](http://a.example)", &away("http://a.example")),
        ("[x](HTTPS://a.example/?a=1&b=2 'title')", &away("HTTPS://a.example/?a=1&amp;b=2")),
        ("[x](//a.example)", &away("//a.example")),
        ("<a href='/\\a.example'>x</a>", &away("/\\a.example")),
        ("<a href='http:a.example' rel=opener target=_top>x</a>", &away("http:a.example")),
        ("[x](/about)", &here("/about")),
        ("[x](about?q#f)", &here("about?q#f")),
        ("[x](mailto:a@a.example)", &here("mailto:a@a.example")),
        ("[x](ftp://a.example)", "x"),
        ("<a>x</a>", "x"),
        ("<div><a href='/1'><table><td><a href='/2'>x</a></table></a></div>", &here("/1")),
    ]);
}

#[test]
fn bare_addresses_become_links() {
    let link = |url: &str| format!("<a href=\"{url}\" {AWAY}>{url}</a>");
    assert_all(&[
        ("http://a.example", &link("http://a.example")),
        ("HTTPS://a.example/B", &link("HTTPS://a.example/B")),
        ("(see http://a.example/b.)", &format!("(see {}.)", link("http://a.example/b"))),
        ("https://a.example/b_(c)?", &format!("{}?", link("https://a.example/b_(c)"))),
        ("**http://a.example**", &format!("<strong>{}</strong>", link("http://a.example"))),
        ("_see http://a.example/_b_c ok_", &format!("<em>see {} ok</em>", link("http://a.example/_b_c"))),
        ("https://a.example/?v=_a_&b=__c__d", &link("https://a.example/?v=_a_&amp;b=__c__d")),
        ("http://a.example/&lt;b", &format!("{}&lt;b", link("http://a.example/"))),
        ("http://a.example&amp;", &format!("{}&amp;", link("http://a.example"))),
        ("http://a.example,http://b.example", &link("http://a.example,http://b.example")),
        ("xhttp://a.example", "xhttp://a.example"),
        ("http:// x", "http:// x"),
        ("http://[ x", "http://[ x"),
        ("ftp://a.example www.a.example", "ftp://a.example www.a.example"),
        ("`http://a.example/_b_`", "<code>http://a.example/_b_</code>"),
        ("<pre>http://a.example</pre> http", "<pre>http://a.example</pre> http"),
        (
            "[http://b.example](http://a.example/_b_)",
            &format!("<a href=\"http://a.example/_b_\" {AWAY}>http://b.example</a>"),
        ),
        ("<http://a.example/_b_>", &link("http://a.example/_b_")),
        ("http://a.example/_ %EF%B7%90", &format!("{}_ %EF%B7%90", link("http://a.example/"))),
        ("<div>http://a.example</div>", &link("http://a.example")),
    ]);
}

#[test]
fn names_of_emoji_become_pictures() {
    let x = r#"<img src="/img/emoji/x.gif" class="emoji" alt=":x:" title=":x:">"#;
    let parrot = r#"<img src="/img/emoji/Party_Parrot.gif" class="emoji" alt=":Party_Parrot:" title=":Party_Parrot:">"#;
    let and = r#"<img src="/img/emoji/a&amp;b.gif" class="emoji" alt=":a&amp;b:" title=":a&amp;b:">"#;
    assert_all(&[
        (":x:", x),
        ("hi:x::x: **:x:**", &format!("hi{x}{x} <strong>{x}</strong>")),
        ("::x:", &format!(":{x}")),
        (":y:x:", &format!(":y{x}")),
        (":Party_Parrot:", parrot),
        (":a&b:", and),
        (":X: :y: :: : :x :with space:", ":X: :y: :: : :x :with space:"),
        ("`:x:` <code>:x:</code>", "<code>:x:</code> <code>:x:</code>"),
        ("[:x:](/a)", &format!(r#"<a href="/a" rel="nofollow noreferrer">{x}</a>"#)),
        ("http://a.example/:x:", &format!("<a href=\"http://a.example/:x\" {AWAY}>http://a.example/:x</a>:")),
    ]);
    let html = message(":..: :a:", &[Emoji { name: "a".to_owned(), ..emoji(&["../../x"]).remove(0) }]);
    assert_eq!(html, ":..: :a:", "a file that is not among the emoji");
}

#[test]
fn limits_hold() {
    let x = emoji(&["x.gif"]);
    assert_eq!(shown(&"a".repeat(MAX_MESSAGE_BYTES)).len(), MAX_MESSAGE_BYTES);
    assert_eq!(shown(&"a".repeat(MAX_MESSAGE_BYTES + 1)), "");
    assert_eq!(try_message(&"http://a.example/ ".repeat(110), &x), Err(TooLarge));
    assert_eq!(try_message(" \u{200b} ", &x), Ok(String::new()), "nothing to be seen is not too large");
    assert!(!shown(&"*a* ".repeat(127)).is_empty());
    assert_eq!(shown(&"*a* ".repeat(128)), "", "too many tags");
    assert!(announcement(&"a\n\n".repeat(256)).len() > 256 * 8);
    assert_eq!(announcement(&"a\n\n".repeat(257)), "", "too many tags");
    assert_eq!(announcement(&"a".repeat(MAX_ANNOUNCEMENT_BYTES + 1)), "");
    assert_eq!(announcement(&"&".repeat(MAX_ENTITIES + 1)), "", "too many entities");
    let linked = "http://a.example/ ".repeat(1_000);
    assert_eq!(announcement(&linked), "", "too large");
}

#[test]
fn of_many_emoji_the_first_are_pictures_and_the_others_keep_their_names() {
    let x = emoji(&["x.gif"]);
    let pictures = |html: &str| html.matches("<img").count();
    assert_eq!(pictures(&message(&":x:".repeat(MAX_MESSAGE_EMOJI), &x)), MAX_MESSAGE_EMOJI);
    let many = message(&":x:".repeat(600), &x);
    assert_eq!(pictures(&many), MAX_MESSAGE_EMOJI);
    assert!(many.ends_with(&":x:".repeat(600 - MAX_MESSAGE_EMOJI)) && many.len() < 5_000, "{}", many.len());
    // The pictures of Owncast 0.0.10's page are elements.
    let written = r#"<img src="/img/emoji/x.gif" alt=":x:">"#;
    let mixed = message(&format!("{}{}", ":x:".repeat(MAX_MESSAGE_EMOJI - 1), written.repeat(3)), &x);
    assert_eq!(pictures(&mixed), MAX_MESSAGE_EMOJI);
    assert!(mixed.ends_with(">:x::x:"), "{mixed}");
}

#[test]
fn escaped_text_is_text() {
    assert_eq!(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    let name =
        "**x**_y_ `z` <b> &amp; [a](http://a.example) http://a.example :x: \\ ~~s~~ 1. # - > ! |\n\n\ty";
    let html = announcement(&format!("**{}** has gone.", escape_markdown(name)));
    let text = allowed::text(&html, Form::Announcement).unwrap().replace('\u{2060}', "");
    assert_eq!(text, format!("{} has gone.\n", name.split_whitespace().collect::<Vec<_>>().join(" ")));
    assert_eq!(html.matches('<').count(), 4, "{html}");
}
