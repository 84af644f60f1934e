//! The answers of the server.

use crate::ingest::rtmp::amf0::Value;

/// `_result` of transaction `id` (RTMP 1.0 §7.2.1.2).
pub(super) fn result(id: f64, value: Value) -> [Value; 4] {
    [Value::text("_result"), Value::Number(id), Value::Null, value]
}

/// `_result` of `connect`. Enhanced RTMP's capabilities are put in both objects: the specification leaves
/// open where clients look for them. Clients that know none of it ignore unknown properties.
pub(super) fn connected(id: f64, object_encoding: f64) -> [Value; 4] {
    /// CanDecode and CanForward of `FourCcInfoMask`.
    const TAKEN: Value = Value::Number(5.0);
    /// `Reconnect` of `CapsExMask`; neither multitrack nor nanoseconds.
    const CAPABILITIES: f64 = 1.0;
    let enhanced = || {
        let codecs = ["avc1", "hvc1", "av01"];
        [
            ("fourCcList", Value::Array(codecs.map(Value::text).to_vec())),
            ("videoFourCcInfoMap", Value::object(codecs.map(|code| (code, TAKEN)))),
            ("audioFourCcInfoMap", Value::object([("mp4a", TAKEN)])),
            ("capsEx", Value::Number(CAPABILITIES)),
        ]
    };
    // Encoders look at this version to decide what the server understands.
    let server = [
        ("fmsVer", Value::text("FMS/3,5,7,7009")),
        ("capabilities", Value::Number(31.0)),
        ("mode", Value::Number(1.0)),
    ];
    let status = [
        ("level", Value::text("status")),
        ("code", Value::text("NetConnection.Connect.Success")),
        ("description", Value::text("Connection succeeded.")),
        ("objectEncoding", Value::Number(object_encoding)),
    ];
    [
        Value::text("_result"),
        Value::Number(id),
        Value::object(server.into_iter().chain(enhanced())),
        Value::object(status.into_iter().chain(enhanced())),
    ]
}

/// `_error` of transaction `id`.
pub(super) fn failed(id: f64, code: &str, description: &str) -> [Value; 4] {
    [Value::text("_error"), Value::Number(id), Value::Null, info("error", code, description)]
}

/// `onStatus` of a state.
pub(super) fn status(code: &str, description: &str) -> [Value; 4] {
    [Value::text("onStatus"), Value::Number(0.0), Value::Null, info("status", code, description)]
}

/// `onStatus` of an error.
pub(super) fn error(code: &str, description: &str) -> [Value; 4] {
    [Value::text("onStatus"), Value::Number(0.0), Value::Null, info("error", code, description)]
}

/// `onStatus` of a warning. Level and code are of no standard and chosen so that nothing ends by them: librtmp and
/// OBS look at the code and close at those of failures that they know, FFmpeg gives up at level `error` whatever the
/// code, GStreamer waits for a status once only. All of them pass over or log this one.
pub(super) fn warning(description: &str) -> [Value; 4] {
    let warning = info("warning", "NetStream.Publish.Warning", description);
    [Value::text("onStatus"), Value::Number(0.0), Value::Null, warning]
}

/// `onFCPublish` and `onFCUnpublish`, which are in no standard: Flash Media Live Encoder waits for them.
pub(super) fn notice(name: &str, code: &str) -> [Value; 4] {
    [Value::text(name), Value::Number(0.0), Value::Null, info("status", code, "")]
}

/// User control: Stream Begin (§6.2).
pub(super) fn stream_begin(stream_id: u32) -> Vec<u8> {
    [&[0, 0][..], &stream_id.to_be_bytes()].concat()
}

fn info(level: &str, code: &str, description: &str) -> Value {
    Value::object([
        ("level", Value::text(level)),
        ("code", Value::text(code)),
        ("description", Value::text(description)),
    ])
}
