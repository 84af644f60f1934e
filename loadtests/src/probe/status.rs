//! The table of blocking reload (C3) and delta updates (C2), request by request.

use http::StatusCode;

use crate::check::reload::{self, Asked};
use crate::check::siblings::resolve;
use crate::http::connection::Answer;
use crate::playlist::Position;
use crate::probe::server::{Server, max_age, parse};

/// Walks the table for the Media Playlist at `path`.
///
/// # Errors
/// When the server stops answering.
pub async fn table(server: &mut Server, path: &str) -> anyhow::Result<()> {
    refusals(server, path).await?;
    accepted(server, path).await?;
    blocking(server, path).await?;
    deltas(server, path).await?;
    unknown(server, path).await
}

async fn refusals(server: &mut Server, path: &str) -> anyhow::Result<()> {
    let playlist = server.playlist(path).await?;
    if playlist.ended {
        return Ok(());
    }
    let last = playlist.next().msn;
    let queries = [
        ("part without msn", "_HLS_part=0".to_owned()),
        ("msn that is no number", "_HLS_msn=x".to_owned()),
        ("negative msn", "_HLS_msn=-1".to_owned()),
        ("empty msn", "_HLS_msn=".to_owned()),
        ("msn that overflows", "_HLS_msn=99999999999999999999999".to_owned()),
        ("part that is no number", format!("_HLS_msn={last}&_HLS_part=x")),
        ("msn far ahead", format!("_HLS_msn={}", last + 10)),
    ];
    for (name, query) in queries {
        let answer = server.get(&format!("{path}?{query}")).await?;
        refused(server, name, &answer);
    }
    // Of the segment that is being made: where that is finished before the request comes, its answer is lawful, and the
    // question is asked of the next.
    let answer = loop {
        let last = server.playlist(path).await?.next().msn;
        let answer = server.get(&format!("{path}?_HLS_msn={last}&_HLS_part=10000")).await?;
        if !parse(&answer).is_ok_and(|now| now.next().msn > last && !now.ended) {
            break answer;
        }
    };
    refused(server, "part far ahead", &answer);
    Ok(())
}

/// A bad request, which no cache may repeat.
fn refused(server: &mut Server, name: &str, answer: &Answer) {
    server.must(
        format!("C3 {name} is a bad request"),
        answer.status == StatusCode::BAD_REQUEST,
        answer.status.to_string(),
    );
    not_kept(server, name, answer);
    cors(server, name, answer);
}

/// A request that is refused now is valid a moment later, and all ask for it then: a cache that kept the refusal would
/// turn them away.
fn not_kept(server: &mut Server, name: &str, answer: &Answer) {
    let said = answer.header("cache-control").to_owned();
    server.must(format!("C4 {name}: no cache keeps it"), said == "no-store", said.clone());
}

async fn accepted(server: &mut Server, path: &str) -> anyhow::Result<()> {
    for (name, query) in [
        ("unknown parameter", "x=1".to_owned()),
        ("unknown directive", "_HLS_unknown=1".to_owned()),
        ("unknown value of _HLS_skip", "_HLS_skip=maybe".to_owned()),
        ("msn older than the window", "_HLS_msn=0".to_owned()),
        ("msn and part older than the window", "_HLS_msn=0&_HLS_part=9".to_owned()),
    ] {
        let answer = server.get(&format!("{path}?{query}")).await?;
        let full = parse(&answer).is_ok_and(|playlist| playlist.skip.is_none());
        let good = answer.status == StatusCode::OK && full;
        server.must(format!("C3 {name} gives the full playlist"), good, answer.status.to_string());
    }
    Ok(())
}

async fn blocking(server: &mut Server, path: &str) -> anyhow::Result<()> {
    let playlist = server.playlist(path).await?;
    if playlist.ended {
        let answer = server.get(&format!("{path}?_HLS_msn=999999999&_HLS_part=3")).await?;
        let found = answer.status.to_string();
        server.must("C3 directives are ignored after the end", answer.status == StatusCode::OK, found);
        return Ok(());
    }
    let Position { msn, part } = playlist.next();
    let complete = playlist.segments.iter().rev().find(|s| s.is_complete()).map_or(msn, |s| s.msn);
    for (name, query, wanted) in [
        ("the next part", format!("_HLS_msn={msn}&_HLS_part={part}"), Position { msn, part }),
        (
            "a part past a finished segment's last",
            format!("_HLS_msn={complete}&_HLS_part=20"),
            Position { msn: complete + 1, part: 0 },
        ),
        ("the next segment", format!("_HLS_msn={msn}"), Position { msn: msn + 1, part: 0 }),
        (
            "the segment after",
            format!("_HLS_msn={}&_HLS_part=0", msn + 1),
            Position { msn: msn + 1, part: 0 },
        ),
    ] {
        let answer = server.get(&format!("{path}?{query}")).await?;
        let shown = parse(&answer).map(|playlist| {
            // A segment's number alone asks for the complete segment.
            let reached = Position { msn: wanted.msn.saturating_sub(1), part: u64::MAX };
            playlist.ended || playlist.shows(wanted) || playlist.next() > reached
        });
        let good = answer.status == StatusCode::OK && shown.as_ref().is_ok_and(|shown| *shown);
        let found = format!("{} {shown:?}", answer.status);
        server.must(format!("C3 {name} is waited for and shown"), good, found);
        let age = max_age(&answer);
        let limit = playlist.target_duration_s * 6;
        let kept = age.is_some_and(|age| age <= limit);
        server.must(
            format!("C4 {name}: a cache keeps it at most 6 target durations"),
            kept,
            format!("{age:?}"),
        );
    }
    Ok(())
}

async fn deltas(server: &mut Server, path: &str) -> anyhow::Result<()> {
    for value in ["YES", "v2"] {
        let before = server.playlist(path).await?;
        let answer = server.get(&format!("{path}?_HLS_skip={value}")).await?;
        let playlist = parse(&answer)?;
        // It is not clear whether `v2` counts without CAN-SKIP-DATERANGES: a full playlist passes too.
        let skip = value == "YES" || playlist.skip.is_some();
        let breaches = reload::check(Asked { position: None, skip }, &playlist, Some(&before));
        server.unbroken(format!("C2 _HLS_skip={value} is answered properly"), &breaches);
    }
    Ok(())
}

async fn unknown(server: &mut Server, path: &str) -> anyhow::Result<()> {
    let playlist = server.playlist(path).await?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let far = playlist.next().msn + 1000;
    let epoch =
        playlist.segments.last().and_then(|s| s.parts.first()).and_then(|part| part.uri.split_once('/'));
    let epoch = epoch.map_or("0", |(epoch, _)| epoch);
    for (name, path) in [
        ("variant", resolve(path, "../9999/stream.m3u8")),
        ("segment", format!("{folder}/{epoch}/{far}.m4s")),
        ("part", format!("{folder}/{epoch}/{far}.0.m4s")),
        ("init section", format!("{folder}/{epoch}/init-999.mp4")),
        ("object name", format!("{folder}/{epoch}/nonsense")),
    ] {
        let answer = server.get(&path).await?;
        let found = answer.status.to_string();
        server.must(
            format!("C3 an unknown {name} is not found"),
            answer.status == StatusCode::NOT_FOUND,
            found,
        );
        not_kept(server, name, &answer);
        cors(server, name, &answer);
    }
    Ok(())
}

/// Other sites' pages may read every answer, errors too.
pub(super) fn cors(server: &mut Server, name: &str, answer: &Answer) {
    let origin = answer.header("access-control-allow-origin").to_owned();
    server.must(format!("C4 {name}: other sites may read it"), origin == "*", origin.clone());
}
