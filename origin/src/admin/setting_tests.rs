//! Tests of the setters' parsing.

use serde_json::json;

use super::*;
use crate::admin::routes::{Endpoint, ROUTES};

#[expect(clippy::needless_pass_by_value, reason = "tests read better so")]
fn set(setter: Setter, value: Value) -> Parsed {
    parse(setter, json!({ "value": value }).to_string().as_bytes())
}

fn parse(setter: Setter, body: &[u8]) -> Parsed {
    super::parse(setter, body, Rules::default())
}

/// All that the API has.
fn all_setters() -> impl Iterator<Item = Setter> {
    ROUTES.0.iter().filter_map(|(_, _, endpoint)| match endpoint {
        Endpoint::Set(setter) => Some(*setter),
        _ => None,
    })
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
        (Setter::Appearance, json!({ "theme-color-action": "#fff", "x": null }), "appearanceVariables"),
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
        (Setter::Appearance, json!([])),
        (Setter::Appearance, json!({ "theme-color-action": 7 })),
        (Setter::Appearance, json!({ "theme-color-action": "red; background: url(x)" })),
        (Setter::Appearance, json!({ "}": "red" })),
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

/// Setters given `{"value": null}`: the zero of the list or document where Owncast's server decodes one, else 400.
#[test]
fn null_in_place_of_a_value_is_zero_where_owncasts_server_reads_it_so_and_refused_elsewhere() {
    for setter in all_setters() {
        let parsed = set(setter, Value::Null);
        match setter {
            Setter::SocialHandles | Setter::ExternalActions => assert_eq!(field_of(parsed).1, json!([])),
            Setter::ForbiddenUsernames | Setter::SuggestedUsernames => {
                assert_eq!(field_of(parsed).1, json!([]));
            }
            Setter::Appearance => assert_eq!(field_of(parsed).1, json!({})),
            Setter::Storage => {
                let Ok(Change::Storage(storage, secret)) = parsed else { panic!("{parsed:?}") };
                assert_eq!((storage, secret), (S3::default(), StorageSecretChange::Clear));
            }
            // No list is a ladder without variants, which is none.
            Setter::Variants => assert!(parsed.unwrap_err().contains("1 to 10 variants")),
            _ => assert!(!parsed.expect_err(&format!("{setter:?} takes null")).is_empty()),
        }
    }
}

#[test]
fn null_in_a_document_is_absent_in_every_member() {
    let nulls = |members: &[&str]| -> Value {
        members
            .iter()
            .map(|member| ((*member).to_owned(), Value::Null))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let all = [
        "name",
        "videoPassthrough",
        "audioPassthrough",
        "videoBitrate",
        "audioBitrate",
        "scaledWidth",
        "scaledHeight",
        "framerate",
        "cpuUsageLevel",
    ];
    let absent = field_of(set(Setter::Variants, json!([{}]))).1;
    assert_eq!(field_of(set(Setter::Variants, json!([nulls(&all)]))).1, absent);
    assert_eq!(field_of(set(Setter::Variants, json!([null]))).1, absent);
    for member in all {
        assert_eq!(field_of(set(Setter::Variants, json!([nulls(&[member])]))).1, absent, "{member}");
    }
    // As the page of 0.0.10 sends a new variant.
    let new = json!([{ "name": "", "videoBitrate": 1200, "scaledWidth": null, "scaledHeight": null, "framerate": 24 }]);
    let variants = field_of(set(Setter::Variants, new)).1;
    assert_eq!((&variants[0]["scaledHeight"], &variants[0]["videoBitrate"]), (&json!(0), &json!(1200)));

    let action = json!({
        "url": "https://a.example", "title": "A", "description": null, "icon": null, "color": null, "openExternally": null,
    });
    let actions = field_of(set(Setter::ExternalActions, json!([action]))).1;
    assert_eq!((&actions[0]["icon"], &actions[0]["openExternally"]), (&json!(""), &json!(false)));
    assert!(parse(Setter::ExternalActions, json!([action]).to_string().as_bytes()).is_ok(), "the bare list");
    for (setter, document) in [
        (Setter::ExternalActions, json!([{ "url": null, "title": "A" }])),
        (Setter::ExternalActions, json!([{ "url": "https://a.example", "title": null }])),
        (Setter::ExternalActions, json!([null])),
        (Setter::SocialHandles, json!([{ "platform": null, "url": "https://a.example" }])),
        (Setter::SocialHandles, json!([{ "platform": "x", "url": null }])),
        (Setter::SocialHandles, json!([null])),
        (Setter::Tags, json!([null])),
        (Setter::ChatRetention, json!({ "maxAgeSeconds": null, "maxEvents": 100 })),
    ] {
        assert!(set(setter, document.clone()).is_err(), "{setter:?} takes {document}");
    }
    for setter in [Setter::ForbiddenUsernames, Setter::SuggestedUsernames] {
        assert_eq!(field_of(set(setter, json!(["a", null]))).1, json!(["a"]));
    }

    let members = [
        "enabled",
        "endpoint",
        "servingEndpoint",
        "accessKey",
        "bucket",
        "region",
        "acl",
        "forcePathStyle",
        "pathPrefix",
    ];
    let Ok(Change::Storage(storage, StorageSecretChange::Keep)) = set(Setter::Storage, nulls(&members))
    else {
        panic!()
    };
    assert_eq!(storage, S3::default());
    assert!(
        set(Setter::Storage, json!({ "endpoint": "https://s3.example" })).is_err(),
        "absent is not null here"
    );
}

#[test]
fn the_storages_path_style_is_kept() {
    let sent = json!({ "enabled": false, "forcePathStyle": true, "pathPrefix": "live" });
    let Ok(Change::Storage(storage, _)) = set(Setter::Storage, sent) else { panic!() };
    assert!(storage.force_path_style && storage.path_prefix == "live");
}

#[test]
fn emoji_of_several_characters_stay_whole_in_lines_and_what_deceives_is_refused() {
    for text in [
        "👨\u{200d}👩\u{200d}👧\u{200d}👦 at home",
        "👍🏽",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        "1\u{fe0f}\u{20e3} ❤\u{fe0f}",
        "سلام\u{200c}ها",
    ] {
        for setter in [Setter::Name, Setter::StreamTitle] {
            assert_eq!(field_of(set(setter, json!(text))).1, json!(text));
        }
        assert_eq!(field_of(set(Setter::Tags, json!([text]))).1, json!([text]));
    }
    for text in ["a\u{202e}b", "\u{2066}a\u{2069}", "\u{202a}a"] {
        for (setter, value) in [
            (Setter::Name, json!(text)),
            (Setter::StreamTitle, json!(text)),
            (Setter::Tags, json!([text])),
            (Setter::ExternalActions, json!([{ "url": "https://a.example", "title": text }])),
        ] {
            assert!(set(setter, value).unwrap_err().contains("direction"), "{setter:?} {text:?}");
        }
    }
    for nothing in ["\u{200b}", " \u{200d}\u{fe0f} ", "\u{2800}"] {
        assert!(
            set(Setter::Name, json!(nothing)).is_err() && set(Setter::StreamTitle, json!(nothing)).is_err()
        );
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
    assert_eq!(secret, StorageSecretChange::Set("hush".to_owned()));
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
    assert_eq!((kept(json!("")), kept(json!(null))), (StorageSecretChange::Keep, StorageSecretChange::Clear));
    assert!(set(Setter::Storage, json!({ "enabled": "yes" })).is_err());
    assert!(set(Setter::Storage, json!({ "enabled": false, "secret": 7 })).is_err());
}

#[test]
fn short_stream_keys_are_refused_with_what_would_permit_them_and_then_taken() {
    let with = |setter, value: Value, short_keys| {
        super::parse(setter, json!({ "value": value }).to_string().as_bytes(), Rules { short_keys })
    };
    for key in ["abc123", "x9", "1234567"] {
        for (setter, value) in
            [(Setter::StreamKey, json!(key)), (Setter::StreamKeys, json!([{ "key": key, "comment": "" }]))]
        {
            let refused = with(setter, value.clone(), false).unwrap_err();
            assert!(refused.contains("allow_short_keys") && !refused.contains(key), "{refused}");
            with(setter, value, true).unwrap();
        }
    }
    // The password is never short, and no key is none.
    assert!(with(Setter::AdminPassword, json!("abc123"), true).is_err());
    for none in ["", " ", "/", "a b"] {
        assert!(with(Setter::StreamKey, json!(none), true).is_err(), "{none:?}");
    }
}

#[test]
fn stream_keys_come_as_a_list_of_new_ones_and_of_those_that_stay() {
    let kept = "(kept, not shown: 0a1b2c3d)";
    let sent = json!([{ "key": kept, "comment": "mine" }, { "key": "a-new-stream-key", "comment": null }]);
    let Ok(Change::StreamKeys(keys)) = set(Setter::StreamKeys, sent) else { panic!() };
    assert!(matches!(&keys[0], (WishedKey::Kept(name), comment) if name == kept && comment == "mine"));
    assert!(
        matches!(&keys[1], (WishedKey::New(key), comment) if key.expose() == "a-new-stream-key" && comment.is_empty())
    );
    assert!(!format!("{keys:?}").contains("a-new"));
    for wrong in [
        json!([]),
        json!(null),
        json!([null]),
        json!([{ "comment": "no key" }]),
        json!([{ "key": null }]),
        json!([{ "key": "with space in it" }]),
        json!([{ "key": "long-enough", "comment": "a\u{7}" }]),
        json!("long-enough"),
        json!(vec![json!({ "key": "long-enough" }); 9]),
    ] {
        assert!(set(Setter::StreamKeys, wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn secrets_are_in_no_message_and_no_debug_text() {
    let Ok(change) = set(Setter::StreamKey, json!("hunter2-hunter2")) else { panic!() };
    assert!(!format!("{change:?}").contains("hunter"));
    assert!(!set(Setter::StreamKey, json!("hunter2 hunter2")).unwrap_err().contains("hunter"));
}
