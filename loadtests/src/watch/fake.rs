//! A toy edge for the tests of the viewers: media runs by the clock, playlists are written by hand.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::watch::shared::now;

/// Parts of a segment: four of a quarter of a second.
const PARTS: u64 = 4;
pub(crate) const PART: Duration = Duration::from_millis(250);
/// Complete segments in the window.
const WINDOW: u64 = 8;
/// Parts that there have been before the first viewer comes.
pub(crate) const HEAD_START: u64 = 60;

/// A fault of the fake server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Defect {
    None,
    /// Never holds a request back.
    NoBlocking,
    /// Has only some of the parts that it lists.
    LosesParts,
    /// Is gone, with all its connections, when this part is asked for; counted from the first part that ever was.
    DiesAt(u64),
    /// Answers no more, once this part or a later one is asked for.
    HangsAt(u64),
    /// Answers with this status when this part or a later one is asked for.
    FailsAt(u64, StatusCode),
    /// Has other media than others.
    OtherBytes,
}

/// A broadcast, which all edges share.
#[derive(Clone, Copy)]
pub(crate) struct Media {
    begin: Instant,
    begin_us: i64,
}

impl Media {
    /// One that is on the air for [`HEAD_START`] parts.
    pub(crate) fn on_air() -> Self {
        let begin = now() - PART * u32::try_from(HEAD_START).unwrap();
        let before = i64::try_from((now() - begin).as_micros()).unwrap();
        Self { begin, begin_us: Timestamp::now().as_microsecond() - before }
    }
}

/// What a server has answered with status 200: path and query, in order.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

struct Toy {
    begin: Instant,
    begin_us: i64,
    defect: Defect,
    /// The multivariant playlist.
    multivariant: String,
    log: Log,
    dead: CancellationToken,
}

/// Starts an edge of two variants; it ends with the test's runtime. Returns where it listens.
pub(crate) async fn start(defect: Defect) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    edge(listener, Media::on_air(), defect, multivariant("", ""));
    address
}

/// A multivariant playlist of two variants, with `head` before them and `attributes` for each, `#` its number.
pub(crate) fn multivariant(head: &str, attributes: &str) -> String {
    let fixed = "BANDWIDTH=9,AVERAGE-BANDWIDTH=9,CODECS=\"mp4a.40.2\"";
    let own = |v: u64| attributes.replace('#', &v.to_string());
    let streams = [0, 1].map(|v| format!("#EXT-X-STREAM-INF:{fixed}{}\n{v}/stream.m3u8\n", own(v))).concat();
    format!("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n{head}{streams}")
}

/// Lets an edge serve `media`. Returns what it will have answered.
pub(crate) fn edge(listener: TcpListener, media: Media, defect: Defect, multivariant: String) -> Log {
    let Media { begin, begin_us } = media;
    let (log, dead) = (Log::default(), CancellationToken::new());
    let (kept, end) = (Arc::clone(&log), dead.clone());
    let toy = Arc::new(Toy { begin, begin_us, defect, multivariant, log, dead });
    serve(listener, end, move |request| {
        let toy = Arc::clone(&toy);
        async move { toy.logged(&request).await }
    });
    kept
}

/// Serves with `answer` until `end`, when all connections are closed and no other is accepted.
pub(crate) fn serve<F>(
    listener: TcpListener,
    end: CancellationToken,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) where
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    tokio::spawn(end.clone().run_until_cancelled_owned(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            let service = service_fn(move |request| {
                let answered = answer(request);
                async move { Ok::<_, Infallible>(answered.await) }
            });
            tokio::spawn(end.clone().run_until_cancelled_owned(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(socket), service).await;
            }));
        }
    }));
}

/// The number of a part, counted from the first that ever was; `None` for what is no part.
pub(crate) fn part_of(path: &str) -> Option<u64> {
    let (msn, part) = path.rsplit('/').next()?.strip_suffix(".m4s")?.split_once('.')?;
    Some(msn.parse::<u64>().ok()? * PARTS + part.parse::<u64>().ok()?)
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

impl Toy {
    /// Parts there are by now.
    fn parts(&self) -> u64 {
        u64::try_from((now() - self.begin).as_millis() / PART.as_millis()).unwrap()
    }

    async fn logged(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let response = self.answer(request).await;
        if response.status() == StatusCode::OK {
            self.log.lock().unwrap().push(request.uri().to_string());
        }
        response
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let query = request.uri().query().unwrap_or("");
        if path == "/hls/stream.m3u8" {
            return Response::new(Full::from(self.multivariant.clone()));
        }
        if let Some(variant) = path.strip_prefix("/hls/").and_then(|p| p.strip_suffix("/stream.m3u8")) {
            let number = |name: &str| -> Option<u64> {
                query.split('&').find_map(|item| item.strip_prefix(name)?.parse().ok())
            };
            if let (Some(msn), Some(part), true) =
                (number("_HLS_msn="), number("_HLS_part="), self.defect != Defect::NoBlocking)
            {
                let due = u32::try_from(msn * PARTS + part + 1).unwrap();
                tokio::time::sleep_until((self.begin + PART * due).into()).await;
            }
            let other = if variant == "0" { 1 } else { 0 };
            return Response::new(Full::from(self.playlist(other, query.contains("_HLS_skip=YES"))));
        }
        match (self.defect, part_of(path)) {
            (Defect::LosesParts, _) if path.ends_with(".2.m4s") => status(StatusCode::NOT_FOUND),
            (Defect::FailsAt(from, code), Some(part)) if part >= from => status(code),
            (Defect::DiesAt(from), Some(part)) if part >= from => {
                self.dead.cancel();
                std::future::pending().await
            }
            (Defect::HangsAt(from), Some(part)) if part >= from => std::future::pending().await,
            (Defect::OtherBytes, Some(_)) => Response::new(Full::from(format!("other than {path}"))),
            _ => Response::new(Full::from(format!("media {path}"))),
        }
    }

    fn playlist(&self, other: u64, skip: bool) -> String {
        let count = self.parts();
        let open = count / PARTS;
        let first = open.saturating_sub(WINDOW);
        let skipped = if skip { WINDOW - 6 } else { 0 };
        let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:1\n");
        text += "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,PART-HOLD-BACK=0.75\n";
        text += "#EXT-X-PART-INF:PART-TARGET=0.25\n";
        text += &format!("#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n");
        if skipped > 0 {
            text += &format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}\n");
        }
        text += "#EXT-X-MAP:URI=\"init.mp4\"\n";
        for msn in first + skipped..=open {
            let listed = if msn == open { count % PARTS } else { PARTS };
            if listed == 0 {
                continue;
            }
            let date =
                Timestamp::from_microsecond(self.begin_us + i64::try_from(msn).unwrap() * 1_000_000).unwrap();
            text += &format!("#EXT-X-PROGRAM-DATE-TIME:{date:.3}\n");
            if msn + 3 >= open {
                for part in 0..listed {
                    text += &format!("#EXT-X-PART:DURATION=0.25,INDEPENDENT=YES,URI=\"{msn}.{part}.m4s\"\n");
                }
            }
            if msn < open {
                text += &format!("#EXTINF:1.000,\n{msn}.m4s\n");
            }
        }
        text += &format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{open}.{}.m4s\"\n", count % PARTS);
        let (last, part) = ((count - 1) / PARTS, (count - 1) % PARTS);
        text + &format!(
            "#EXT-X-RENDITION-REPORT:URI=\"../{other}/stream.m3u8\",LAST-MSN={last},LAST-PART={part}\n"
        )
    }
}
