//! Request bodies: bounded in size, time and depth, with errors that name the fault.

use std::ops::Deref;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::StatusCode;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::budget::Share;
use super::reply::{self, Reply};

/// Most bytes of a body, unless a route sets another limit.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Longest time for a body to arrive.
const READ_DEADLINE: Duration = Duration::from_secs(10);

/// Most bytes of a body that is too long which are read and thrown away. A connection that is closed while its client
/// still sends may take the reply with it (RFC 9112 §9.6).
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// Longest time for that to arrive.
const DISCARD_DEADLINE: Duration = Duration::from_secs(2);

/// The error for JSON of another kind than the one that is needed.
const OTHER_FORM: &str = "the JSON has another form than this needs";

/// The buffer's size at first where the sender does not say how long the body is: most bodies are shorter.
const FIRST_ROOM_BYTES: usize = 4 * 1024;

/// A whole body. The memory that it took of the budget comes back when it is dropped.
#[derive(Debug, Default)]
pub struct Whole {
    bytes: Bytes,
    _share: Option<Share>,
}

impl Whole {
    /// The bytes, for what takes them apart or sends them on; keep the body for as long as they are in use.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

impl Deref for Whole {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The reason why a body was not read.
enum NotRead {
    TooLong,
    NoMemory,
    BrokeOff,
}

/// Reads a body of at most `limit` bytes, for which `share` takes memory as they arrive. Cancel safe: the bytes read
/// so far are lost with the request.
///
/// # Errors
/// The reply to give: 413 when it is longer, 400 when it breaks off, 408 when it takes too long, 503 when there is no
/// memory for it now.
pub async fn read<B>(body: B, limit: usize, share: Share) -> Result<Whole, Reply>
where
    B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    read_within(READ_DEADLINE, body, limit, share).await
}

/// The same with a deadline of its own: for bodies of unauthenticated clients.
///
/// # Errors
/// The errors of [`read`].
pub async fn read_within<B>(deadline: Duration, body: B, limit: usize, share: Share) -> Result<Whole, Reply>
where
    B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let mut body = std::pin::pin!(body);
    // Nothing of it is kept where the sender says how long it is.
    let announced = body.size_hint().lower();
    let read = if announced > u64::try_from(limit).unwrap_or(u64::MAX) {
        Ok(Err(NotRead::TooLong))
    } else {
        let announced = usize::try_from(announced).unwrap_or(0);
        tokio::time::timeout(deadline, gather(body.as_mut(), limit, announced, share)).await
    };
    let refused = match read {
        Ok(Ok(whole)) => return Ok(whole),
        Ok(Err(NotRead::TooLong)) => {
            reply::refused(StatusCode::PAYLOAD_TOO_LARGE, &format!("a body here has at most {limit} bytes"))
        }
        Ok(Err(NotRead::NoMemory)) => reply::unavailable("too many bodies are being read, try again soon"),
        Ok(Err(NotRead::BrokeOff)) => return Err(reply::bad_request("the body broke off")),
        Err(_) => return Err(reply::refused(StatusCode::REQUEST_TIMEOUT, "the body took too long")),
    };
    discard(body).await;
    Err(refused)
}

async fn gather<B: http_body::Body<Data: Buf>>(
    mut body: Pin<&mut B>,
    limit: usize,
    announced: usize,
    mut share: Share,
) -> Result<Whole, NotRead> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame.map_err(|_| NotRead::BrokeOff)?.into_data() else { continue };
        let len = bytes.len().saturating_add(data.remaining());
        if len > limit {
            return Err(NotRead::TooLong);
        }
        if len > bytes.capacity() {
            // Twice as much each time, but no more than it will be.
            let most = if announced == 0 { limit } else { announced };
            let room = bytes.capacity().saturating_mul(2).max(FIRST_ROOM_BYTES).min(most).max(len);
            share.grow(room - bytes.capacity()).map_err(|_| NotRead::NoMemory)?;
            bytes.reserve_exact(room - bytes.len());
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            bytes.extend_from_slice(chunk);
            let taken = chunk.len();
            data.advance(taken);
        }
    }
    Ok(Whole { bytes: bytes.into(), _share: Some(share) })
}

async fn discard<B: http_body::Body<Data: Buf>>(mut body: Pin<&mut B>) {
    let all = async {
        let mut left = MAX_DISCARDED_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Buf::remaining)) else { return };
            left = less;
        }
    };
    // Whatever is left after that is the sender's loss.
    let _ = tokio::time::timeout(DISCARD_DEADLINE, all).await;
}

/// An object of a body. A list is none, though it may have the right values in the right order.
///
/// # Errors
/// As [`any_json`].
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let fields: serde_json::Map<String, serde_json::Value> = any_json(body)?;
    serde_json::from_value(fields.into()).map_err(|_| OTHER_FORM.to_owned())
}

/// A document of a body, whatever it is. An integer may be written with a fraction of zero, as JSON Schema has it.
///
/// # Errors
/// The fault, in a line; never with the value.
pub fn any_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let mut value: serde_json::Value = serde_json::from_slice(body).map_err(|error| {
        format!("the body is not JSON (line {}, column {})", error.line(), error.column())
    })?;
    whole_numbers(&mut value);
    serde_json::from_value(value).map_err(|_| OTHER_FORM.to_owned())
}

/// Writes 8080.0 as 8080. As deep as the parser lets values nest.
fn whole_numbers(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        serde_json::Value::Number(number) if number.is_f64() => {
            // Beyond 2^53 a double is no longer one integer.
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9.007e15);
            if let Some(Ok(whole)) = whole.map(|number| format!("{number:.0}").parse::<i64>()) {
                *value = whole.into();
            }
        }
        _ => {}
    }
}

/// The body of a setter: `{"value": …}`.
#[derive(Debug, Deserialize)]
pub struct Value<T> {
    /// The new value.
    pub value: T,
}

/// A field that may be null, which then means the zero of its type: Owncast's server, written in Go, reads null so, and
/// its admin page sends null for a number that nobody typed. The field may not be absent unless its declaration says so.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct OrZero<T>(pub T);

impl<'de, T: DeserializeOwned + Default> Deserialize<'de> for OrZero<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        null_is_zero(deserializer).map(Self)
    }
}

/// The same for a field of a struct: `#[serde(deserialize_with = "null_is_zero")]`.
///
/// # Errors
/// When the value is neither null nor a `T`.
pub fn null_is_zero<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: DeserializeOwned + Default,
    D: serde::Deserializer<'de>,
{
    // Not an Option: serde would accept an absent field as null.
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => Ok(T::default()),
        value => serde_json::from_value(value).map_err(serde::de::Error::custom),
    }
}

/// A document of members that all may be absent, from one whose members may be null: null is absent.
///
/// # Errors
/// When a member is no such value.
pub fn members<T: DeserializeOwned>(
    mut members: serde_json::Map<String, serde_json::Value>,
) -> Result<T, String> {
    members.retain(|_, member| !member.is_null());
    serde_json::from_value(serde_json::Value::Object(members)).map_err(|_| OTHER_FORM.to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use http_body_util::Full;

    use super::super::budget::{self, Budget};
    use super::*;
    use farcast_config::ByteSize;

    #[test]
    fn whole_numbers_are_integers_and_others_are_not() {
        let value = |text: &str| json::<Value<u16>>(text.as_bytes()).map(|value| value.value);
        assert_eq!(value(r#"{"value":8080.0}"#), Ok(8080));
        assert_eq!(value(r#"{"value":8.08e3,"more":[1.5]}"#), Ok(8080));
        for wrong in [
            r#"{"value":80.5}"#,
            r#"{"value":-1}"#,
            r#"{"value":1e300}"#,
            r#"{"value":"8080"}"#,
            "{}",
            "[8080]",
        ] {
            assert!(value(wrong).unwrap_err().contains("another form"), "{wrong}");
        }
    }

    #[test]
    fn null_is_zero_where_it_is_said_and_absence_is_not_null() {
        let number = |text: &str| json::<Value<OrZero<u16>>>(text.as_bytes()).map(|value| value.value.0);
        assert_eq!((number(r#"{"value":null}"#), number(r#"{"value":7.0}"#)), (Ok(0), Ok(7)));
        assert!(json::<Value<u16>>(br#"{"value":null}"#).is_err());
        for wrong in ["{}", r#"{"value":"7"}"#, r#"{"value":[null]}"#, "null"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
        let list = json::<Value<OrZero<Vec<OrZero<String>>>>>(br#"{"value":["a",null]}"#).unwrap().value.0;
        assert_eq!(list.into_iter().map(|OrZero(text)| text).collect::<Vec<_>>(), ["a", ""]);
    }

    #[test]
    fn what_is_no_json_is_refused_however_deep() {
        for body in [&b""[..], b"\xff\xfe", b"{} {}", b"nul", "[".repeat(100_000).as_bytes()] {
            assert!(json::<serde_json::Value>(body).unwrap_err().contains("is not JSON"));
        }
    }

    fn budget(mebibytes: u64) -> Arc<Budget> {
        let metrics = budget::Metrics::new(&prometheus::Registry::new()).unwrap();
        Budget::new(ByteSize::from_mebibytes(mebibytes), metrics)
    }

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_body_may_be_just_as_long_as_the_limit() {
        let budget = budget(1);
        let full = |text: &'static [u8]| Full::new(Bytes::from_static(text));
        assert_eq!(&*read(full(b"1234"), 4, budget.share(PEER)).await.unwrap(), b"1234");
        let refused = read(full(b"12345"), 4, budget.share(PEER)).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn bodies_that_are_held_leave_no_memory_for_more_until_they_are_dropped() {
        let budget = budget(1);
        let body = || Full::new(Bytes::from(vec![b'a'; 400 << 10]));
        let read = || async { read(body(), 512 << 10, budget.share(PEER)).await };
        let (one, two) = (read().await.unwrap(), read().await.unwrap());
        let refused = read().await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["retry-after"], "2");
        drop(two);
        assert_eq!(read().await.unwrap().len(), one.len());
    }

    /// A body that comes in pieces and never ends.
    struct Endless(usize);

    impl http_body::Body for Endless {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            self.0 += 1000;
            if self.0 > 100_000 {
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from(vec![b'a'; 1000])))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_taken_as_bytes_arrive_and_given_back_when_they_stop_coming() {
        let budget = budget(1);
        let slow = tokio::spawn(read(Endless(0), 512 << 10, budget.share(PEER)));
        // Long enough to read what is there, and shorter than the deadline.
        tokio::time::sleep(READ_DEADLINE / 2).await;
        let mut rest = budget.share(PEER);
        assert!(rest.grow(950 << 10).is_err() && rest.grow(850 << 10).is_ok());
        assert_eq!(slow.await.unwrap().unwrap_err().status(), StatusCode::REQUEST_TIMEOUT);
        assert!(rest.grow(150 << 10).is_ok());
    }
}
