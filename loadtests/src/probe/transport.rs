//! Headers of playlists (C4) and the Multivariant Playlist (C5).

use std::time::Instant;

use http::{Method, StatusCode};

use crate::check;
use crate::check::siblings::resolve;
use crate::check::single;
use crate::http::connection::Answer;
use crate::http::gzip;
use crate::playlist::Multivariant;
use crate::probe::server::{Server, max_age, parse};
use crate::probe::status::cors;
use crate::steering::manifest::Manifest;
use crate::steering::policy::Policy;

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
    if let Some(tag) = playlist.steering.first() {
        steering(server, &playlist, tag.server_uri.as_deref().unwrap_or_default()).await?;
    }
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

/// Probes the steering manifest (RFC 8216bis §7), if the server that is probed has it.
async fn steering(server: &mut Server, playlist: &Multivariant, reference: &str) -> anyhow::Result<()> {
    let base = server.url();
    let Ok(url) = base.join(reference) else { return Ok(()) };
    if url.authority() != base.authority() {
        return Ok(());
    }
    // Its Pathway, as the first request of a player says it.
    let policy = Policy::new(playlist, &base, true, Instant::now())?;
    let asked = policy.request(None).unwrap_or(url);
    let answer = server.get(&asked.path).await?;
    server.must(
        "C5 there is a steering manifest",
        answer.status == StatusCode::OK,
        answer.status.to_string(),
    );
    let read = Manifest::parse(&gzip::text(&answer.body, answer.is_gzip())?);
    let found = check::steering::manifest(answer.header("content-type"), &read, policy.pathways());
    server.unbroken("C5 the steering manifest breaks no rule", &found);
    cors(server, "steering manifest", &answer);
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;
    use http_body_util::Full;
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::http::connection::Dialer;
    use crate::probe::Verdict;
    use crate::watch::fake;

    /// What fails of a server with this manifest.
    async fn failures(manifest: &'static str) -> Vec<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tag = "#EXT-X-CONTENT-STEERING:SERVER-URI=\"/s?k=1\",PATHWAY-ID=\"a\"\n";
        let playlist = fake::multivariant(tag, ",PATHWAY-ID=\"a\"");
        fake::serve(listener, CancellationToken::new(), move |request| {
            let steering = request.uri() == "/s?k=1&_HLS_pathway=%22a%22";
            let body = if steering { Bytes::from(manifest) } else { Bytes::from(playlist.clone()) };
            async move { Response::new(Full::from(body)) }
        });
        let server = format!("http://{address}/hls/stream.m3u8").parse().unwrap();
        let mut server = Server::connect(Dialer { server, http2: false, tls: None }).await.unwrap();
        multivariant(&mut server).await.unwrap();
        let outcomes = server.into_outcomes().into_iter().filter(|o| o.probe.contains("C5 the"));
        outcomes.filter(|o| o.verdict == Verdict::Fail).map(|o| o.detail).collect()
    }

    #[tokio::test]
    async fn the_steering_manifest_is_judged() {
        // The fake server says nothing of media types.
        let found = failures(r#"{"VERSION":1,"PATHWAY-PRIORITY":["a"]}"#).await;
        assert!(matches!(&found[..], [one] if one.starts_with("C5-steering-type")), "{found:?}");
        let found = failures(r#"{"VERSION":1,"PATHWAY-PRIORITY":["b"]}"#).await;
        assert!(found[0].contains("C5-steering-priority-unknown"), "{found:?}");
    }
}
