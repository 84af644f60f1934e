//! Downloading a backup.

use http::Response;
use http_body_util::BodyExt as _;

use super::*;
use crate::admin::Download;

impl Rig {
    async fn backup(&self, headers: &[(&str, &str)], body: &Value) -> Result<Response<Download>, Reply> {
        let mut request = Request::builder().method("POST").uri("/api/admin/backup");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
        self.admin.backup(request, PEER.into()).await
    }
}

async fn refused(asked: impl Future<Output = Result<Response<Download>, Reply>>) -> (u16, String) {
    match asked.await {
        Ok(_) => panic!("a backup was given"),
        Err(reply) => (reply.status().as_u16(), String::from_utf8_lossy(reply.body()).into_owned()),
    }
}

#[tokio::test]
async fn who_has_the_password_gets_a_whole_backup() {
    let rig = Rig::new().await;
    let reply = rig.backup(&[LOGIN], &json!({})).await.unwrap();
    let (head, body) = reply.into_parts();
    assert_eq!(head.headers["content-type"], "application/octet-stream");
    assert_eq!(head.headers["cache-control"], "no-store");
    let name = head.headers["content-disposition"].to_str().unwrap();
    assert!(name.starts_with("attachment; filename=\"farcast-20") && name.ends_with(".backup\""), "{name}");
    let bytes = body.collect().await.unwrap().to_bytes();
    assert_eq!(head.headers["content-length"], bytes.len().to_string());
    assert!(bytes.starts_with(b"farcast backup 1\n"), "{:?}", &bytes[..20]);
}

#[tokio::test]
async fn a_session_needs_the_password_too() {
    let rig = Rig::new().await;
    let browser = rig.log_in("first-stream-key").await;
    let headers = [("cookie", &*browser.cookie), ("x-csrf-token", &*browser.csrf)];
    for (body, status) in [
        (json!({}), 403),
        (json!({ "currentPassword": "a guess" }), 403),
        (json!({ "currentPassword": 7 }), 400),
        (json!([]), 400),
    ] {
        assert_eq!(refused(rig.backup(&headers, &body)).await.0, status, "{body}");
    }
    let right = json!({ "currentPassword": "first-stream-key" });
    assert_eq!(refused(rig.backup(&headers[..1], &right)).await.0, 403, "without the token");
    assert_eq!(refused(rig.backup(&[], &right)).await.0, 401, "without a session");
    assert!(rig.backup(&headers, &right).await.is_ok());
}

#[tokio::test]
async fn edges_and_other_methods_get_none() {
    let rig = Rig::new().await;
    let reply = rig.ask("POST", "backup", &[LOGIN], "{}").await;
    let said = String::from_utf8_lossy(reply.body()).into_owned();
    assert!(reply.status() == 403 && said.contains("the origin's own address"), "{said}");
    assert_eq!(rig.ask("GET", "backup", &[LOGIN], "").await.status(), 405);
}

#[tokio::test]
async fn one_backup_is_downloaded_at_a_time_and_a_store_that_is_away_is_said() {
    let rig = Rig::new().await;
    let first = rig.backup(&[LOGIN], &json!({})).await.unwrap();
    let (status, said) = refused(rig.backup(&[LOGIN], &json!({}))).await;
    assert!(status == 503 && said.contains("another backup"), "{said}");
    drop(first);
    assert!(rig.backup(&[LOGIN], &json!({})).await.is_ok());
    rig.engine.fail(true);
    assert_eq!(refused(rig.backup(&[LOGIN], &json!({}))).await.0, 503);
}
