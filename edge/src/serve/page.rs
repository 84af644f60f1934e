//! The facts that an edge puts into its pages: name, title and picture for link previews (the Open Graph protocol, Twitter's
//! cards), the configuration, so that the page is complete at once, and the sites that its policy has to admit.
//!
//! Pure: text in, text out. Everything that operators wrote is escaped here.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use farcast_api::to_html;
use farcast_chat::render::escape;
use farcast_pages::Sites;
use farcast_routing::BaseUrl;
use farcast_settings::OperatorSettings;
use http::HeaderMap;
use http::header::{ACCEPT, USER_AGENT};

use crate::api::oembed;

/// Between these a page has what stands there when nothing is known.
const HEAD_BEGIN: &str = "<!--farcast:head-->";
const HEAD_END: &str = "<!--/farcast:head-->";

/// Longest description of a link preview, in characters: services show less.
const MAX_DESCRIPTION_CHARS: usize = 300;
/// Most sites that a page may take pictures from, or show in a frame.
const MAX_SITES: usize = 30;

/// Programs that play media and ask for a page only because they were given its address.
const MEDIA_PLAYERS: [&str; 8] =
    ["mpv", "vlc", "applecoremedia", "lavf/", "gstreamer", "exoplayer", "media3", "kodi"];

/// The facts to fill in.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The settings in force.
    pub(super) runtime: Arc<OperatorSettings>,
    /// `/api/config` of them.
    pub(super) config: Bytes,
}

/// What a page may use of other edges; nothing where there are none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Edges {
    /// Schemes by which it may talk to them. Not their addresses: a page stays open for hours, and edges that join meanwhile
    /// are those to which it has to move when all others are replaced.
    schemes: &'static str,
    /// Sites from which it may show pictures, each with a space before it: the edges that there are now.
    pictures: String,
}

impl Edges {
    /// For a page that came by https or not. Without `others` there is nothing to move to.
    pub(super) fn new(others: &[BaseUrl], is_secure: bool) -> Self {
        match (others, is_secure) {
            ([], _) => Self::default(),
            (_, true) => {
                Self { schemes: " https: wss:", pictures: listed(others.iter().map(BaseUrl::as_str)) }
            }
            (_, false) => Self {
                schemes: " http: https: ws: wss:",
                pictures: listed(others.iter().map(BaseUrl::as_str)),
            },
        }
    }
}

/// True if a media player asks, which can do nothing with a page. Browsers always name HTML among what they accept.
pub(super) fn is_media_player(headers: &HeaderMap) -> bool {
    let has = |name, wanted: &dyn Fn(&str) -> bool| {
        headers
            .get_all(name)
            .into_iter()
            .any(|value| value.to_str().is_ok_and(|text| wanted(&text.to_ascii_lowercase())))
    };
    !has(ACCEPT, &|accept| accept.contains("text/html"))
        && has(USER_AGENT, &|agent| MEDIA_PLAYERS.iter().any(|player| agent.contains(player)))
}

/// The other sites from which a page may load something: those that the operator put onto it, and other edges.
pub(super) fn sites(runtime: &OperatorSettings, edges: &Edges) -> Sites {
    let shown = runtime.external_actions.iter().filter(|action| !action.open_externally);
    let icons = runtime.external_actions.iter().map(|action| action.icon.as_str());
    let html = [&runtime.page_content, &runtime.summary, &runtime.offline_message].map(|text| to_html(text));
    Sites {
        edges: edges.schemes.to_owned(),
        frames: listed(shown.map(|action| action.url.as_str())),
        pictures: edges.pictures.clone()
            + &listed(icons.chain(html.iter().flat_map(|html| pictures_of(html)))),
    }
}

/// The sites of addresses, each with a space before it.
fn listed<'a>(addresses: impl Iterator<Item = &'a str>) -> String {
    let sites: BTreeSet<_> = addresses.filter_map(site).take(MAX_SITES).collect();
    sites.into_iter().fold(String::new(), |text, site| text + " " + site)
}

/// Scheme, host and port of an address, if it has these and nothing that would end a policy's list.
fn site(address: &str) -> Option<&str> {
    let (scheme, rest) =
        address.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    (!host.is_empty() && host.chars().all(is_host)).then(|| &address[..scheme.len() + 3 + host.len()])
}

/// Addresses of the pictures in HTML.
fn pictures_of(html: &str) -> impl Iterator<Item = &str> {
    html.split("src=").skip(1).filter_map(|rest| {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split(quote).next()
    })
}

/// A page with its head filled in. `base` is the address of the server, without a slash at its end.
pub(super) fn fill(template: &str, facts: &Facts, base: &str) -> String {
    let (Some(begin), Some(end)) = (template.find(HEAD_BEGIN), template.find(HEAD_END)) else {
        return template.to_owned();
    };
    let Some(rest) = template.get(end..).filter(|_| begin < end) else { return template.to_owned() };
    format!("{}{}{rest}", &template[..begin], head(facts, base))
}

fn head(Facts { runtime, config }: &Facts, given: &str) -> String {
    let name = escape(&runtime.name);
    let title = if runtime.stream_title.is_empty() { name.clone() } else { escape(&runtime.stream_title) };
    let both = if title == name { title.clone() } else { format!("{title} · {name}") };
    let about = escape(&plain(&to_html(&runtime.summary)));
    let base = escape(given);
    let mut head = format!("<title>{both}</title>\n");
    let mut meta = |key: &str, name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(head, "    <meta {key}=\"{name}\" content=\"{value}\" />");
        }
    };
    // Search engines want some description of every page.
    meta("name", "description", if about.is_empty() { &both } else { &about });
    meta("property", "og:type", "website");
    meta("property", "og:site_name", &name);
    meta("property", "og:title", &title);
    meta("property", "og:description", &about);
    meta("property", "og:url", &format!("{base}/"));
    meta("property", "og:image", &format!("{base}/thumbnail.jpg"));
    meta("property", "og:image:alt", &both);
    meta("name", "twitter:card", "summary_large_image");
    meta("name", "twitter:title", &title);
    meta("name", "twitter:description", &about);
    meta("name", "twitter:image", &format!("{base}/thumbnail.jpg"));
    meta("name", "keywords", &escape(&runtime.tags.join(", ")));
    if runtime.nsfw {
        meta("name", "rating", "adult");
    }
    head.push_str(&oembed::discovery(given));
    let config = for_script(&String::from_utf8_lossy(config));
    let _ = writeln!(head, "    <script type=\"application/json\" id=\"farcast-config\">{config}</script>");
    head
}

/// JSON that no HTML parser takes for the end of its element.
fn for_script(json: &str) -> String {
    json.trim_end().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// The text of HTML, in a line.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for c in html.chars() {
        match c {
            '<' => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                text.push(' ');
            }
            _ if is_tag => {}
            _ => text.push(c),
        }
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let line: Vec<_> = text.split_whitespace().collect();
    line.join(" ").chars().take(MAX_DESCRIPTION_CHARS).collect()
}

/// The manifest by which browsers can install the page as an application.
pub(super) fn manifest(runtime: &OperatorSettings) -> String {
    let icon = |src: &str, sizes: &str| serde_json::json!({ "src": src, "sizes": sizes });
    serde_json::json!({
        "id": "/",
        "name": runtime.name,
        "short_name": runtime.name,
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#0f1115",
        "theme_color": "#0f1115",
        "icons": [icon("/logo/external", "any"), icon("/favicon.ico", "32x32")],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use farcast_settings::ExternalAction;
    use http::HeaderValue;

    use super::*;

    const PAGE: &str = "<head><!--farcast:head--><title>x</title><!--/farcast:head--></head>";

    fn facts(runtime: OperatorSettings) -> Facts {
        Facts { runtime: Arc::new(runtime), config: Bytes::from_static(b"{\"name\":\"</script><b>&\"}\n") }
    }

    #[test]
    fn a_page_tells_crawlers_what_is_on() {
        let runtime = OperatorSettings {
            name: "Ada's".to_owned(),
            stream_title: "Mending <radios>".to_owned(),
            summary: "**Live** from the \"bench\"".to_owned(),
            ..OperatorSettings::default()
        };
        let html = fill(PAGE, &facts(runtime), "https://live.example");
        for part in [
            "<head><title>Mending &lt;radios&gt; · Ada&#39;s</title>",
            "<meta property=\"og:title\" content=\"Mending &lt;radios&gt;\" />",
            "<meta property=\"og:site_name\" content=\"Ada&#39;s\" />",
            "<meta property=\"og:description\" content=\"Live from the &quot;bench&quot;\" />",
            "<meta property=\"og:image\" content=\"https://live.example/thumbnail.jpg\" />",
            "{\"name\":\"\\u003c/script\\u003e\\u003cb\\u003e\\u0026\"}</script>",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        assert!(!html.contains("<title>x</title>"), "{html}");
    }

    #[test]
    fn a_page_without_a_summary_is_described_by_what_is_on_and_whose_it_is() {
        let runtime = OperatorSettings {
            name: "Ada".to_owned(),
            stream_title: "Mending radios".to_owned(),
            summary: String::new(),
            ..OperatorSettings::default()
        };
        let html = fill(PAGE, &facts(runtime), "https://live.example");
        assert!(html.contains("<meta name=\"description\" content=\"Mending radios · Ada\" />"), "{html}");
        assert!(!html.contains("og:description"), "{html}");
    }

    #[test]
    fn nothing_that_operators_write_ends_an_element() {
        let hostile = "\"><script>alert(1)</script>".to_owned();
        let runtime = OperatorSettings {
            name: hostile.clone(),
            stream_title: hostile.clone(),
            summary: hostile.clone(),
            tags: vec![hostile],
            ..OperatorSettings::default()
        };
        let html = fill(PAGE, &facts(runtime), "http://a\"><script>");
        assert_eq!(html.matches("<script").count(), 1, "only the data: {html}");
    }

    #[test]
    fn a_page_without_the_marks_stays_as_it_is() {
        for page in ["", "<head></head>", "<!--/farcast:head--><!--farcast:head-->"] {
            assert_eq!(fill(page, &facts(OperatorSettings::default()), ""), page);
        }
    }

    #[test]
    fn the_policy_admits_what_the_operator_put_onto_the_page_and_nothing_else() {
        let action = |url: &str, icon: &str, open_externally| ExternalAction {
            url: url.to_owned(),
            icon: icon.to_owned(),
            open_externally,
            ..ExternalAction::default()
        };
        let runtime = OperatorSettings {
            page_content: "![a](https://img.example/a.png) <img src='http://b.example:8080/?x'>".to_owned(),
            external_actions: vec![
                action("https://shop.example/x", "https://icons.example/i.svg", false),
                action("https://away.example/", "", true),
                action("https://evil.example; script-src */", "javascript:alert(1)", false),
            ],
            ..OperatorSettings::default()
        };
        let edges = Edges::new(&[BaseUrl::new("https://edge.example").unwrap()], true);
        let policy = farcast_pages::policy(&sites(&runtime, &edges), "'none'");
        let policy = policy.to_str().unwrap();
        let end = "; media-src 'self' blob: https: wss:; connect-src 'self' https: wss:; \
                   img-src 'self' data: https://edge.example http://b.example:8080 https://icons.example https://img.example; \
                   frame-src https://shop.example; frame-ancestors 'none'";
        assert!(policy.ends_with(end), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains("evil") && !policy.contains("away"),
            "{policy}"
        );
    }

    #[test]
    fn media_players_are_told_from_browsers() {
        let asks = |agent: &'static str, accept: &'static str| {
            let values = [(USER_AGENT, agent), (ACCEPT, accept)];
            let headers = values.map(|(name, value)| (name, HeaderValue::from_static(value)));
            is_media_player(&HeaderMap::from_iter(headers))
        };
        assert!(asks("mpv 0.40.0", "*/*"));
        assert!(asks("VLC/3.0.21 LibVLC/3.0.21", "*/*"));
        assert!(asks("AppleCoreMedia/1.0.0.22F76 (iPhone; U; CPU OS 18_5 like Mac OS X)", ""));
        assert!(!asks("Mozilla/5.0 (X11; Linux x86_64) mpv", "text/html,*/*;q=0.8"));
        assert!(!asks("curl/8.0", "*/*"));
        assert!(!is_media_player(&HeaderMap::new()));
    }
}
