//! What players tell of playback (CMCD, CTA-5004), and links that other sites show (oEmbed).

use farcast_settings::OperatorSettings;
use http::{Method, StatusCode};

use crate::edge::{Edge, playing};

#[tokio::test]
async fn whatever_a_player_tells_the_answer_is_the_same() {
    let edge = Edge::new(playing()).await;
    let silent = edge.get("/hls/0/1/30.1.m4s").await;
    for told in ["CMCD=bl%3D2300%2Cbs%2Csid%3D%22a%22", "CMCD=bs;x", "CMCD=%", "_HLS_msn=7&CMCD=bl=1"] {
        let answer = edge.get(&format!("/hls/0/1/30.1.m4s?{told}")).await;
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &silent.body), "{told}");
        assert_eq!(answer.header("etag"), silent.header("etag"));
    }
    let multivariant = edge.get("/hls/stream.m3u8").await.body;
    let headers = [("cmcd-object", "br=3200"), ("cmcd-status", "bs"), ("cmcd-session", "sid=(")];
    assert_eq!(edge.ask(Method::GET, "/hls/stream.m3u8", &headers).await.body, multivariant);
    let at_once = "/hls/0/stream.m3u8?_HLS_msn=29&CMCD=bs%2Cnor%3D%22..%2F30.m4s%22";
    assert_eq!(edge.get(at_once).await.status, StatusCode::OK);
    assert_eq!(edge.get("/api/ping?CMCD=bs%2Cinternal.farcast-start%3D900").await.status, StatusCode::OK);
    // Each over two protocols: four of a query of which two are malformed, one of malformed headers, two more.
    assert_eq!(edge.metric("farcast_playback_reports_total"), 14.0);
    assert_eq!(edge.metric("farcast_playback_stalls_total"), 6.0);
    edge.stop().await;
}

#[tokio::test]
async fn only_what_a_player_asks_for_is_heard() {
    let edge = Edge::new(playing()).await;
    edge.ask(Method::HEAD, "/hls/stream.m3u8?CMCD=bs", &[]).await;
    edge.ask(Method::OPTIONS, "/hls/stream.m3u8?CMCD=bs", &[]).await;
    edge.get("/healthz?CMCD=bs").await;
    edge.get("/api/status?CMCD=bs").await;
    edge.get("/hls/stream.m3u8").await;
    assert_eq!(edge.metric("farcast_playback_stalls_total"), 0.0);
    edge.stop().await;
}

#[tokio::test]
async fn a_link_to_this_server_is_shown_as_a_player_and_the_page_leads_there() {
    let edge = Edge::new(playing()).await;
    let asked = "/oembed?url=https%3A%2F%2Flocalhost%2F";
    assert_eq!(edge.get(asked).await.status, StatusCode::SERVICE_UNAVAILABLE, "the settings were not read");
    let public = "https://live.example".to_owned();
    edge.inform(OperatorSettings {
        name: "Ada's".to_owned(),
        server_url: public,
        ..OperatorSettings::default()
    });
    let link = "/oembed?url=https%3A%2F%2Flive.example%2F&maxwidth=320";
    let embed: serde_json::Value = serde_json::from_slice(&edge.get(link).await.body).unwrap();
    assert_eq!((&embed["title"], &embed["height"]), (&"Ada's".into(), &180.into()));
    assert_eq!(edge.get("/oembed?url=https://evil.example/").await.status, StatusCode::NOT_FOUND);
    assert_eq!(edge.get(&format!("{link}&format=php")).await.status, StatusCode::NOT_IMPLEMENTED);
    let xml = edge.get(&format!("{link}&format=xml")).await;
    assert_eq!((xml.status, xml.header("content-type")), (StatusCode::OK, "text/xml; charset=utf-8"));
    edge.stop().await;
}
