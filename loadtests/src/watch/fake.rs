//! A toy edge for the tests of the viewers: media runs by the clock, playlists are written by hand.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
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

/// Parts of a segment: four of a quarter of a second.
const PARTS: u64 = 4;
const PART: Duration = Duration::from_millis(250);
/// Complete segments in the window.
const WINDOW: u64 = 8;
/// Parts that there have been before the first viewer comes.
const HEAD_START: u64 = 60;

/// A fault of the fake server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Defect {
    None,
    /// Never holds a request back.
    NoBlocking,
    /// Has only some of the parts that it lists.
    LosesParts,
}

struct Toy {
    begin: Instant,
    begin_us: i64,
    defect: Defect,
}

/// Starts one; it ends with the test's runtime. Returns where it listens.
pub(crate) async fn start(defect: Defect) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let begin = Instant::now() - PART * u32::try_from(HEAD_START).unwrap();
    let begin_us = Timestamp::now().as_microsecond() - i64::try_from(begin.elapsed().as_micros()).unwrap();
    let toy = Arc::new(Toy { begin, begin_us, defect });
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let toy = Arc::clone(&toy);
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let toy = Arc::clone(&toy);
                    async move { Ok::<_, Infallible>(toy.answer(&request).await) }
                });
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    address
}

impl Toy {
    /// Parts there are by now.
    fn parts(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis() / PART.as_millis()).unwrap()
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let query = request.uri().query().unwrap_or("");
        if path == "/hls/stream.m3u8" {
            let attributes = "BANDWIDTH=9,AVERAGE-BANDWIDTH=9,CODECS=\"mp4a.40.2\"";
            let streams =
                [0, 1].map(|v| format!("#EXT-X-STREAM-INF:{attributes}\n{v}/stream.m3u8\n")).concat();
            let head = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n";
            return Response::new(Full::from(format!("{head}{streams}")));
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
        if self.defect == Defect::LosesParts && path.ends_with(".2.m4s") {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
        Response::new(Full::from("media"))
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
