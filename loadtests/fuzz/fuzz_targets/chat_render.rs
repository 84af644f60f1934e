//! What people write into the chat, and what they call themselves: rendered, it is only what is allowed.

#![no_main]

#[path = "../../../shared/chat/src/render/allowed.rs"]
mod allowed;

use std::sync::LazyLock;

use allowed::Form;
use farcast_chat::{name, render};
use farcast_settings::{Asset, AssetHash, Emoji};

static EMOJI: LazyLock<Vec<Emoji>> = LazyLock::new(|| {
    let asset =
        Asset { file: "x.gif".to_owned(), content_type: "image/gif".to_owned(), hash: AssetHash::of(b"x"), len: 1 };
    vec![Emoji { name: "x".to_owned(), asset }]
});

fn text(html: &str, form: Form) -> String {
    allowed::text(html, form).unwrap_or_else(|problem| panic!("{problem} in {html:?}"))
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let raw = String::from_utf8_lossy(bytes);

    let html = render::message(&raw, &EMOJI);
    assert!(html.len() <= render::MAX_MESSAGE_HTML_BYTES);
    let shown = text(&html, Form::Message);
    for again in [&html, &shown] {
        text(&render::message(again, &EMOJI), Form::Message);
    }

    let html = render::announcement(&raw);
    assert!(html.len() <= render::MAX_ANNOUNCEMENT_HTML_BYTES);
    text(&html, Form::Announcement);

    if let Ok(name) = name::clean(&raw) {
        assert!((1..=name::MAX_CHARS).contains(&name.chars().count()));
        assert_eq!(name::clean(&name).as_ref(), Ok(&name));
        assert!(name::is_reserved(&name, &[name.clone()]));

        let html = render::announcement(&format!("**{}** is here.", render::escape_markdown(&name)));
        let shown = text(&html, Form::Announcement).replace('\u{2060}', "");
        assert_eq!(shown, format!("{name} is here.\n"), "a name is no markup");
        assert_eq!(html.matches('<').count(), 4, "nor are there tags: {html:?}");
    }
});
