//! Tests of the setters' parsing.

use serde_json::json;

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "tests read better so")]
fn set(setter: Setter, value: Value) -> Parsed {
    parse(setter, json!({ "value": value }).to_string().as_bytes())
}

fn field_of(parsed: Parsed) -> (&'static str, Value) {
    match parsed {
        Ok(Change::Field(Field(name), value)) => (name, value),
        other => panic!("{other:?} is no field"),
    }
}

#[test]
fn each_setter_takes_what_it_is_for() {
    let variant = json!({ "videoBitrate": 900, "scaledHeight": 360, "framerate": 30.0 });
    for (setter, value, name) in [
        (Setter::Name, json!("Ada"), "name"),
        (Setter::StreamTitle, json!(""), "streamTitle"),
        (Setter::Summary, json!("**a**\nb"), "summary"),
        (Setter::PageContent, json!("<p>x</p>"), "pageContent"),
        (Setter::Tags, json!(["a", "b c"]), "tags"),
        (Setter::Nsfw, json!(true), "nsfw"),
        (Setter::SocialHandles, json!([{ "platform": "x", "url": "mailto:a@b" }]), "socialHandles"),
        (Setter::ServerUrl, json!("https://a.example.org/"), "serverUrl"),
        (Setter::WebServerPort, json!(8080), "webServerPort"),
        (Setter::WebServerIp, json!("::1"), "webServerIp"),
        (Setter::LatencyLevel, json!(4), "latencyLevel"),
        (Setter::Variants, json!([variant]), "variants"),
        (Setter::Codec, json!("h264_nvenc"), "videoCodec"),
        (Setter::ForbiddenUsernames, json!([]), "forbiddenUsernames"),
        (Setter::SuggestedUsernames, json!(["Ada", "Grace"]), "suggestedUsernames"),
        (Setter::JoinMessages, json!(false), "chatJoinMessages"),
        (Setter::EstablishedUsers, json!(true), "chatEstablishedUsers"),
        (Setter::ChatRetention, json!({ "maxAgeSeconds": 60, "maxEvents": 1_000_000 }), "chatRetention"),
        (Setter::ChatRetention, json!({ "maxAgeSeconds": 2_592_000, "maxEvents": 100 }), "chatRetention"),
    ] {
        assert_eq!(field_of(set(setter, value)).0, name);
    }
}

#[test]
fn wrong_types_and_values_out_of_bounds_are_refused() {
    for (setter, value) in [
        (Setter::Name, json!("")),
        (Setter::Name, json!(7)),
        (Setter::Name, json!("a\u{7}")),
        (Setter::Name, json!("x".repeat(256))),
        (Setter::Name, json!(null)),
        (Setter::Summary, json!("x".repeat(10_001))),
        (Setter::PageContent, json!("x".repeat(90_001))),
        (Setter::Tags, json!("a")),
        (Setter::Tags, json!([1])),
        (Setter::Tags, json!([""])),
        (Setter::Tags, json!(vec!["a"; 51])),
        (Setter::Nsfw, json!("true")),
        (Setter::SocialHandles, json!([{ "platform": "x" }])),
        (Setter::SocialHandles, json!([{ "platform": "x", "url": "javascript:alert(1)" }])),
        (Setter::ServerUrl, json!("http://10.0.0.1")),
        (Setter::WebServerPort, json!(0)),
        (Setter::WebServerPort, json!(65_536)),
        (Setter::RtmpServerPort, json!(-1)),
        (Setter::RtmpServerPort, json!("1935")),
        (Setter::WebServerIp, json!("localhost")),
        (Setter::LatencyLevel, json!(5)),
        (Setter::LatencyLevel, json!(-1)),
        (Setter::LatencyLevel, json!(1.5)),
        (Setter::Variants, json!([])),
        (Setter::Variants, json!([{ "videoBitrate": 5 }])),
        (Setter::Variants, json!([{ "videoPassthrough": true, "framerate": 121 }])),
        (Setter::Variants, json!([{ "name": "a" }, { "name": "a" }])),
        (Setter::Variants, json!(vec![json!({}); 11])),
        (Setter::Codec, json!("h264_omx")),
        (Setter::ForbiddenUsernames, json!(vec!["x".repeat(64); 1001])),
        (Setter::SuggestedUsernames, json!(["x".repeat(65)])),
        (Setter::SuggestedUsernames, json!(vec!["x"; 1001])),
        (Setter::JoinMessages, json!("true")),
        (Setter::EstablishedUsers, json!(1)),
        (Setter::ChatRetention, json!({ "maxAgeSeconds": 59, "maxEvents": 100 })),
        (Setter::ChatRetention, json!({ "maxAgeSeconds": 2_592_001, "maxEvents": 100 })),
        (Setter::ChatRetention, json!({ "maxAgeSeconds": 60, "maxEvents": 99 })),
        (Setter::ChatRetention, json!({ "maxAgeSeconds": 60, "maxEvents": 1_000_001 })),
        (Setter::ChatRetention, json!({ "maxAgeSeconds": 60 })),
        (Setter::ChatRetention, json!({ "maxEvents": 100 })),
        (Setter::ChatRetention, json!(60)),
        (Setter::FfmpegPath, json!("/no/such/file")),
        (Setter::FfmpegPath, json!("/etc/passwd")),
        (Setter::StreamKey, json!("short")),
        (Setter::StreamKey, json!("with space in it")),
        (Setter::StreamKey, json!("/atitsends")),
        (Setter::AdminPassword, json!("x".repeat(129))),
        (Setter::Logo, json!("/img/mylogo.png")),
    ] {
        let refused = set(setter, value.clone());
        let text = refused.expect_err(&format!("{setter:?} takes {value}"));
        assert!(!text.is_empty() && text.len() < 200, "{text}");
    }
    for body in [&b""[..], b"{}", b"null", b"[]", b"\xff", b"{\"value\":"] {
        assert!(parse(Setter::Name, body).unwrap_err().starts_with("unable to parse new value"));
    }
}

#[test]
fn actions_come_bare_or_wrapped() {
    let action = json!({ "url": "https://a.example", "title": "A", "openExternally": true });
    let bare = parse(Setter::ExternalActions, json!([action]).to_string().as_bytes());
    let wrapped = set(Setter::ExternalActions, json!([action]));
    let (name, value) = field_of(bare);
    assert_eq!((name, &value), ("externalActions", &field_of(wrapped).1));
    assert_eq!(value[0]["icon"], "");
    for wrong in [json!([{ "url": "https://a.example" }]), json!([{ "url": "x", "title": "A" }]), json!({})] {
        assert!(parse(Setter::ExternalActions, wrong.to_string().as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn storage_needs_what_it_uses_and_keeps_its_secret_apart() {
    let whole = json!({
        "enabled": true, "endpoint": "https://s3.example", "accessKey": "k", "secret": "hush", "region": "r", "bucket": "b",
    });
    let Ok(Change::Storage(storage, secret)) = set(Setter::Storage, whole.clone()) else { panic!() };
    assert_eq!(secret, Some(Some("hush".to_owned())));
    assert!(!serde_json::to_string(&storage).unwrap().contains("hush"));
    for (field, message) in
        [("endpoint", "endpoint"), ("accessKey", "access key"), ("region", "region"), ("bucket", "bucket")]
    {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(field);
        assert!(set(Setter::Storage, without).unwrap_err().contains(message), "{field}");
    }
    let kept = |secret: Value| match set(Setter::Storage, json!({ "enabled": false, "secret": secret })) {
        Ok(Change::Storage(_, secret)) => secret,
        other => panic!("{other:?}"),
    };
    assert_eq!((kept(json!("")), kept(json!(null))), (None, Some(None)));
    assert!(set(Setter::Storage, json!({ "enabled": "yes" })).is_err());
    assert!(set(Setter::Storage, json!({ "enabled": false, "secret": 7 })).is_err());
}

#[test]
fn secrets_are_in_no_message_and_no_debug_text() {
    let Ok(change) = set(Setter::StreamKey, json!("hunter2-hunter2")) else { panic!() };
    assert!(!format!("{change:?}").contains("hunter"));
    assert!(!set(Setter::StreamKey, json!("hunter2 hunter2")).unwrap_err().contains("hunter"));
}
