//! `/oembed`: the embed code by which other sites show a link to this one (oEmbed 1.0): a frame with the player.
//!
//! Pure: text in, a reply out. All that operators wrote is escaped here. Only links to this server are answered, so nobody
//! makes it speak for another one.

use farcast_api::{Reply, percent_decoded, reply};
use farcast_chat::render::escape;
use farcast_feed::query::{Place, parameters};
use farcast_settings::OperatorSettings;
use http::StatusCode;
use http::header::CACHE_CONTROL;
use serde::Serialize;

/// Size of the frame where nobody asks for another one, and largest size, in CSS pixels.
const DEFAULT_WIDTH: u32 = 640;
const LARGEST_WIDTH: u32 = 1920;
/// Shape of the frame and of the picture, as nearly all broadcasts have it.
const SHAPE: (u32, u32) = (16, 9);
/// Width of `/thumbnail.jpg` of a broadcast.
const THUMBNAIL_WIDTH: u32 = 1280;

/// Validity of the answer: titles change.
const CACHE_SECONDS: u32 = 60;
const CACHED: &str = "public, max-age=60";

/// Pages that lead to the player.
const PAGES: [&str; 3] = ["", "/", "/embed/video"];

/// The format of the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Json,
    Xml,
}

/// The parameters of the request.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Wish {
    url: String,
    format: Format,
    width: u32,
    height: u32,
}

/// The answer, with the names of oEmbed 1.0 (§2.3.4, §2.3.4.2).
#[derive(Serialize)]
struct Embed<'a> {
    version: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    provider_name: &'a str,
    provider_url: String,
    cache_age: u32,
    thumbnail_url: String,
    thumbnail_width: u32,
    thumbnail_height: u32,
    html: String,
    width: u32,
    height: u32,
}

/// Answers. `asked` is the address by which the server was reached, `public` the one that its owner set or the same.
pub(super) fn answer(query: Option<&str>, runtime: &OperatorSettings, asked: &str, public: &str) -> Reply {
    let wish = match Wish::of(query.unwrap_or_default()) {
        Ok(wish) => wish,
        Err((status, why)) => return reply::refused(status, why),
    };
    if ![asked, public].into_iter().any(|base| is_ours(&wish.url, base)) {
        return reply::refused(StatusCode::NOT_FOUND, "url is no page of this server that can be embedded");
    }
    let title = if runtime.stream_title.is_empty() { &runtime.name } else { &runtime.stream_title };
    let embed = Embed {
        version: "1.0",
        kind: "video",
        title,
        provider_name: &runtime.name,
        provider_url: format!("{public}/"),
        cache_age: CACHE_SECONDS,
        thumbnail_url: format!("{public}/thumbnail.jpg"),
        thumbnail_width: THUMBNAIL_WIDTH,
        thumbnail_height: height_of(THUMBNAIL_WIDTH),
        html: frame(&wish, title, public),
        width: wish.width,
        height: wish.height,
    };
    let shown = match wish.format {
        Format::Json => reply::ok(&embed),
        Format::Xml => reply::with_body(StatusCode::OK, "text/xml; charset=utf-8", embed.xml()),
    };
    reply::with(shown, CACHE_CONTROL, CACHED)
}

/// Links in a page's head by which other sites find the answer. `base` is the address of the server.
pub(crate) fn discovery(base: &str) -> String {
    // The path and a port may stay as they are in a query (RFC 3986 §3.4).
    let page = base.replace('%', "%25").replace('&', "%26").replace('#', "%23");
    let link = |format: &str| {
        let href = escape(&format!("{base}/oembed?url={page}/&format={format}"));
        let kind = if format == "json" { "application/json+oembed" } else { "text/xml+oembed" };
        format!("    <link rel=\"alternate\" type=\"{kind}\" href=\"{href}\" />\n")
    };
    link("json") + &link("xml")
}

impl Wish {
    fn of(query: &str) -> Result<Self, (StatusCode, &'static str)> {
        let wrong = |why| Err((StatusCode::BAD_REQUEST, why));
        // The text after a stray separator is a piece of the url's own query.
        let proper = || parameters(query).filter(|(place, _, _)| *place == Place::Proper);
        let value = |wanted: &str| proper().find(|(_, name, _)| *name == wanted).map(|(_, _, value)| value);
        let Some(url) = value("url").filter(|url| !url.is_empty()) else { return wrong("url is missing") };
        let format = match value("format") {
            None | Some("" | "json") => Format::Json,
            Some("xml") => Format::Xml,
            Some(_) => return Err((StatusCode::NOT_IMPLEMENTED, "format is json or xml")),
        };
        let size = |name| match value(name) {
            None => Ok(None),
            Some(text) => text.parse::<u32>().ok().filter(|size| *size > 0).map(Some).ok_or(()),
        };
        let (Ok(widest), Ok(highest)) = (size("maxwidth"), size("maxheight")) else {
            return wrong("maxwidth and maxheight are positive numbers of pixels");
        };
        let width = widest.unwrap_or(DEFAULT_WIDTH).min(LARGEST_WIDTH);
        let width =
            highest.map_or(width, |highest| width.min(width_of(highest.min(height_of(LARGEST_WIDTH)))));
        let width = width.max(1);
        Ok(Self { url: percent_decoded(url), format, width, height: height_of(width).max(1) })
    }
}

fn height_of(width: u32) -> u32 {
    width * SHAPE.1 / SHAPE.0
}

fn width_of(height: u32) -> u32 {
    height * SHAPE.0 / SHAPE.1
}

/// True if a link leads to one of our pages, by whichever of the web's schemes.
fn is_ours(url: &str, base: &str) -> bool {
    let bare = |address: &str| -> Option<usize> {
        ["https://", "http://"]
            .into_iter()
            .find(|scheme| {
                address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            })
            .map(str::len)
    };
    let (Some(base), Some(url)) = (bare(base).map(|at| &base[at..]), bare(url).map(|at| &url[at..])) else {
        return false;
    };
    let begins = url.get(..base.len()).is_some_and(|start| start.eq_ignore_ascii_case(base));
    if !begins || base.is_empty() {
        return false;
    }
    let path = url[base.len()..].split(['?', '#']).next().unwrap_or_default();
    PAGES.contains(&path)
}

fn frame(wish: &Wish, title: &str, base: &str) -> String {
    format!(
        "<iframe src=\"{}/embed/video\" width=\"{}\" height=\"{}\" title=\"{}\" style=\"border: 0\" \
         allow=\"autoplay; fullscreen; picture-in-picture\" allowfullscreen></iframe>",
        escape(base),
        wish.width,
        wish.height,
        escape(title),
    )
}

impl Embed<'_> {
    fn xml(&self) -> String {
        let text = |name: &str, text: &str| {
            let lawful: String = text.chars().filter(|c| is_of_xml(*c)).collect();
            format!("<{name}>{}</{name}>", escape(&lawful))
        };
        let number = |name: &str, number: u32| format!("<{name}>{number}</{name}>");
        let elements = [
            text("version", self.version),
            text("type", self.kind),
            text("title", self.title),
            text("provider_name", self.provider_name),
            text("provider_url", &self.provider_url),
            number("cache_age", self.cache_age),
            text("thumbnail_url", &self.thumbnail_url),
            number("thumbnail_width", self.thumbnail_width),
            number("thumbnail_height", self.thumbnail_height),
            text("html", &self.html),
            number("width", self.width),
            number("height", self.height),
        ];
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\n<oembed>{}</oembed>\n",
            elements.concat()
        )
    }
}

/// True if a document of XML 1.0 may have it (§2.2).
fn is_of_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const BASE: &str = "https://live.example";

    fn ask(query: &str) -> Reply {
        let runtime = OperatorSettings {
            name: "Ada's".to_owned(),
            stream_title: "Mending <\"radios\">".to_owned(),
            ..OperatorSettings::default()
        };
        answer(Some(query), &runtime, "http://edge-1.example:8080", BASE)
    }

    fn json(query: &str) -> Value {
        let reply = ask(query);
        assert_eq!(reply.status(), StatusCode::OK, "{query}");
        assert_eq!(reply.headers()[CACHE_CONTROL], CACHED, "{query}");
        serde_json::from_slice(reply.body()).unwrap()
    }

    #[test]
    fn a_link_becomes_a_frame_with_the_player() {
        let embed = json("url=https%3A%2F%2Flive.example%2F");
        assert_eq!(
            (&embed["type"], &embed["version"], &embed["provider_name"]),
            (&"video".into(), &"1.0".into(), &"Ada's".into())
        );
        assert_eq!(embed["title"], "Mending <\"radios\">");
        assert_eq!(embed["thumbnail_url"], "https://live.example/thumbnail.jpg");
        let html = embed["html"].as_str().unwrap();
        assert!(
            html.starts_with("<iframe src=\"https://live.example/embed/video\" width=\"640\" height=\"360\"")
        );
        assert!(html.contains("title=\"Mending &lt;&quot;radios&quot;&gt;\""), "{html}");
    }

    #[test]
    fn pages_of_this_server_are_known_by_each_of_its_addresses() {
        for ours in [
            "https://live.example",
            "http://LIVE.example/",
            "https://live.example/?src=x",
            "https%3A%2F%2Flive.example%2Fembed%2Fvideo%3Ft%3D1%26u%3D2%23x",
            "http://edge-1.example:8080/#chat",
        ] {
            assert_eq!(ask(&format!("url={ours}")).status(), StatusCode::OK, "{ours}");
        }
        for foreign in [
            "https://live.example.evil.example/",
            "https://evil.example/",
            "https://live.example:81/",
            "https://live.example@evil.example/",
            "ftp://live.example/",
            "//live.example/",
            "live.example",
            "https://live.example/admin/",
            "https://live.example/hls/stream.m3u8",
            "javascript:alert(1)",
            "https://",
        ] {
            assert_eq!(ask(&format!("url={foreign}")).status(), StatusCode::NOT_FOUND, "{foreign}");
        }
        assert_eq!(ask("").status(), StatusCode::BAD_REQUEST);
        let nameless = answer(Some("url=http://"), &OperatorSettings::default(), "http://", "http://");
        assert_eq!(nameless.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn the_frame_fits_into_what_is_asked_for() {
        let size = |query: &str| {
            let embed = json(&format!("url={BASE}/&{query}"));
            (embed["width"].as_u64().unwrap(), embed["height"].as_u64().unwrap())
        };
        assert_eq!(size("maxwidth=320"), (320, 180));
        assert_eq!(size("maxheight=90"), (160, 90));
        assert_eq!(size("maxwidth=1280&maxheight=9999"), (1280, 720));
        assert_eq!(size("maxwidth=4294967295&maxheight=4294967295"), (1920, 1080));
        assert_eq!(size("maxwidth=1&maxheight=1"), (1, 1));
        for wrong in ["maxwidth=0", "maxwidth=x", "maxheight=-1", "maxheight="] {
            assert_eq!(ask(&format!("url={BASE}/&{wrong}")).status(), StatusCode::BAD_REQUEST, "{wrong}");
        }
    }

    #[test]
    fn json_and_xml_are_written_and_nothing_else() {
        let xml = ask(&format!("url={BASE}/&format=xml"));
        assert_eq!(xml.headers()[http::header::CONTENT_TYPE], "text/xml; charset=utf-8");
        let xml = String::from_utf8_lossy(xml.body()).into_owned();
        assert!(xml.contains("<title>Mending &lt;&quot;radios&quot;&gt;</title>"), "{xml}");
        assert!(xml.contains("<html>&lt;iframe src=&quot;https://live.example/embed/video&quot;"), "{xml}");
        assert_eq!(ask(&format!("url={BASE}/&format=yaml")).status(), StatusCode::NOT_IMPLEMENTED);
        assert_eq!(json(&format!("url={BASE}/&format=json"))["width"], 640);
    }

    #[test]
    fn the_head_leads_to_both() {
        let links = discovery("https://live.example");
        let href = "href=\"https://live.example/oembed?url=https://live.example/&amp;format=";
        assert_eq!(links.matches(href).count(), 2, "{links}");
        assert!(!discovery("http://a\"><script>&#%").contains("<script"));
    }

    proptest! {
        #[test]
        fn any_query_is_survived_and_xml_stays_xml(query in "\\PC{0,80}", title: String) {
            let _ = ask(&query);
            let runtime = OperatorSettings { stream_title: title, ..OperatorSettings::default() };
            let xml = answer(Some("url=https://live.example&format=xml"), &runtime, BASE, BASE);
            let xml = String::from_utf8_lossy(xml.body()).into_owned();
            prop_assert!(xml.chars().all(is_of_xml));
            prop_assert_eq!(xml.matches('<').count(), 27);
        }
    }
}
