//! Headers of playlists (C4) and the Multivariant Playlist (C5).

use http::{Method, StatusCode};

use crate::check::siblings::resolve;
use crate::check::single;
use crate::http::connection::Answer;
use crate::http::gzip;
use crate::playlist::Multivariant;
use crate::probe::server::{Server, max_age, parse};
use crate::probe::status::cors;

/// The registered type of playlists.
const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";

/// Probes the Multivariant Playlist. Returns the paths of the Media Playlists.
///
/// # Errors
/// When there is none.
pub async fn multivariant(server: &mut Server) -> anyhow::Result<Vec<String>> {
    let path = server.path();
    let answer = server.get(&path).await?;
    anyhow::ensure!(answer.status == StatusCode::OK, "{path}: status {}", answer.status);
    headers(server, "multivariant playlist", &path, &answer).await?;
    let text = gzip::text(&answer.body, answer.is_gzip())?;
    let playlist = Multivariant::parse(&text)?;
    server.unbroken("C5 the multivariant playlist is complete", &single::multivariant(&playlist));
    Ok(playlist.streams.iter().map(|stream| resolve(&path, &stream.uri)).collect())
}

/// Probes the Media Playlist at `path`.
///
/// # Errors
/// When there is none.
pub async fn media_playlist(server: &mut Server, path: &str) -> anyhow::Result<()> {
    let answer = server.get(path).await?;
    anyhow::ensure!(answer.status == StatusCode::OK, "{path}: status {}", answer.status);
    headers(server, path, path, &answer).await?;
    let playlist = parse(&answer)?;
    server.unbroken(format!("C1 {path} breaks no rule"), &single::media(&playlist));
    let age = max_age(&answer);
    // Half a target duration, in whole seconds; after the end it may be kept.
    let limit = (playlist.target_duration_s / 2).max(1);
    let short = playlist.ended || age.is_some_and(|age| age <= limit);
    server.must(
        format!("C4 {path}: a cache keeps it at most half a target duration"),
        short,
        format!("{age:?}"),
    );
    Ok(())
}

async fn headers(server: &mut Server, name: &str, path: &str, answer: &Answer) -> anyhow::Result<()> {
    let kind = answer.header("content-type").to_owned();
    server.must(format!("C4 {name}: media type"), kind.eq_ignore_ascii_case(PLAYLIST_TYPE), kind.clone());
    server.must(
        format!("C4 {name}: gzip where it is accepted"),
        answer.is_gzip(),
        answer.header("content-encoding"),
    );
    let vary = answer.header("vary").to_ascii_lowercase();
    server.must(
        format!("C4 {name}: Vary names Accept-Encoding"),
        vary.contains("accept-encoding"),
        vary.clone(),
    );
    let age = answer.header("age").to_owned();
    server.must(format!("C4 {name}: no Age but 0"), age.is_empty() || age == "0", age.clone());
    cors(server, name, answer);
    let exposed = answer.header("access-control-expose-headers").to_ascii_lowercase();
    let all = ["age", "date", "content-length"].iter().all(|header| exposed.contains(header));
    server.should(format!("C4 {name}: Age, Date and Content-Length are exposed"), all, exposed.clone());
    let urgency = answer.header("priority").to_owned();
    server.should(format!("C4 {name}: urgency 1"), urgency.contains("u=1"), urgency.clone());
    server.must(format!("C4 {name}: has a Date"), !answer.header("date").is_empty(), "");

    let plain = server.ask(Method::GET, path, &[]).await?;
    let found = plain.header("content-encoding").to_owned();
    server.must(format!("C4 {name}: no gzip where it is not accepted"), found.is_empty(), found.clone());
    let refused = server.ask(Method::GET, path, &[("accept-encoding", "gzip;q=0")]).await?;
    let found = refused.header("content-encoding").to_owned();
    server.must(format!("C4 {name}: no gzip where it is refused"), found.is_empty(), found.clone());
    let head = server.ask(Method::HEAD, path, &[("accept-encoding", "gzip")]).await?;
    let alike = head.status == StatusCode::OK && head.length == 0 && head.header("content-type") == kind;
    server.must(format!("C4 {name}: HEAD is GET without a body"), alike, head.status.to_string());
    let post = server.ask(Method::POST, path, &[]).await?;
    let found = post.status.to_string();
    server.must(
        format!("C4 {name}: POST is not allowed"),
        post.status == StatusCode::METHOD_NOT_ALLOWED,
        found,
    );
    Ok(())
}
