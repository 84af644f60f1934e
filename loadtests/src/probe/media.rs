//! Objects: init sections, segments, parts, the hinted part, ranges.

use bytes::Bytes;
use http::{Method, StatusCode};

use crate::check::siblings::resolve;
use crate::http::connection::Answer;
use crate::playlist::HintKind;
use crate::probe::server::{Server, max_age};
use crate::probe::status::cors;

/// Probes the objects that the Media Playlist at `path` names.
///
/// # Errors
/// When the server stops answering.
pub async fn objects(server: &mut Server, path: &str) -> anyhow::Result<()> {
    let playlist = server.playlist(path).await?;
    let target = playlist.target_duration_s;
    let with_parts =
        playlist.segments.iter().rev().find(|s| s.is_complete() && !s.parts.is_empty() && !s.gap);
    let Some(segment) = with_parts else {
        server.must("C1 a complete segment has its parts listed", false, "none has");
        return Ok(());
    };
    if let Some(map) = &segment.map {
        let answer = fetch(server, "init section", &resolve(path, map), target).await?;
        server.must("CMAF an init section begins with ftyp", box_type(&answer.body, b"ftyp"), "");
    }
    let uri = resolve(path, segment.uri.as_deref().unwrap_or_default());
    let whole = fetch(server, "segment", &uri, target).await?;
    let mut joined = Vec::new();
    for part in &segment.parts {
        let answer = server.get(&resolve(path, &part.uri)).await?;
        joined.extend_from_slice(&answer.body);
    }
    server.must(
        "CMAF a segment is its parts, one after another",
        joined == whole.body,
        format!("{} bytes of parts, {} of the segment", joined.len(), whole.body.len()),
    );
    let part = resolve(path, &segment.parts[0].uri);
    let answer = fetch(server, "part", &part, target).await?;
    let begins =
        box_type(&answer.body, b"moof") || box_type(&answer.body, b"styp") || box_type(&answer.body, b"prft");
    server.must("CMAF a part begins with moof", begins, "");
    ranges(server, &uri, &whole.body).await?;
    hinted(server, path).await
}

async fn fetch(server: &mut Server, name: &str, uri: &str, target: u64) -> anyhow::Result<Answer> {
    let answer = server.get(uri).await?;
    server.must(format!("C4 {name}: is there"), answer.status == StatusCode::OK, answer.status.to_string());
    let kind = answer.header("content-type").to_owned();
    let known = ["video/mp4", "video/iso.segment", "audio/mp4"].contains(&kind.as_str());
    server.must(format!("C4 {name}: media type"), known, kind.clone());
    let age = max_age(&answer);
    server.must(
        format!("C4 {name}: is kept for 6 target durations"),
        age.is_some_and(|age| age >= target * 6),
        format!("{age:?}"),
    );
    server.must(
        format!("C4 {name}: is not packed again"),
        !answer.is_gzip(),
        answer.header("content-encoding"),
    );
    cors(server, name, &answer);
    let head = server.ask(Method::HEAD, uri, &[]).await?;
    let length = head.header("content-length").to_owned();
    let alike = head.status == StatusCode::OK && length == answer.body.len().to_string();
    server.must(format!("C4 {name}: HEAD gives its length"), alike, length.clone());
    let urgency = answer.header("priority").to_owned();
    server.should(format!("C4 {name}: has an urgency"), urgency.contains("u="), urgency.clone());
    Ok(answer)
}

async fn ranges(server: &mut Server, uri: &str, whole: &Bytes) -> anyhow::Result<()> {
    for (name, range, expected) in [
        ("first bytes", "bytes=0-99".to_owned(), whole.slice(..whole.len().min(100))),
        (
            "open end",
            format!("bytes={}-", whole.len().saturating_sub(7)),
            whole.slice(whole.len().saturating_sub(7)..),
        ),
        ("last bytes", "bytes=-5".to_owned(), whole.slice(whole.len().saturating_sub(5)..)),
        ("end beyond the end", "bytes=0-9007199254740991".to_owned(), whole.clone()),
    ] {
        let answer = server.ask(Method::GET, uri, &[("range", &range)]).await?;
        let right = answer.status == StatusCode::PARTIAL_CONTENT && answer.body == expected;
        server.must(format!("RFC 9110 range: {name}"), right, answer.status.to_string());
    }
    let beyond = format!("bytes={}-", whole.len());
    let answer = server.ask(Method::GET, uri, &[("range", &beyond)]).await?;
    let right = answer.status == StatusCode::RANGE_NOT_SATISFIABLE;
    server.must("RFC 9110 range: beginning beyond the end", right, answer.status.to_string());
    Ok(())
}

async fn hinted(server: &mut Server, path: &str) -> anyhow::Result<()> {
    let playlist = server.playlist(path).await?;
    let Some(hint) = playlist.hints.iter().find(|hint| hint.kind == HintKind::Part) else { return Ok(()) };
    let uri = resolve(path, &hint.uri);
    let first = server.get(&uri).await?;
    // Asked for again it is an ordinary part: what came while it was hinted must have been all of it.
    let again = server.get(&uri).await?;
    let whole = first.status == StatusCode::OK && first.body == again.body && !first.body.is_empty();
    // The segment may have ended before the hinted part: then it is abandoned.
    let abandoned = first.status == StatusCode::NOT_FOUND;
    server.must("C3 a hinted part is held and comes whole", whole || abandoned, first.status.to_string());
    Ok(())
}

fn box_type(bytes: &Bytes, name: &[u8; 4]) -> bool {
    bytes.get(4..8) == Some(name.as_slice())
}
