//! A chat server for the tests of its load: one room behind several addresses, which can misbehave.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::chat::socket::accept;

/// Messages that wait for a client; one that is slower is thrown out.
const QUEUE: usize = 256;
/// The message and the client that mischief is done to.
const VICTIM_MESSAGE: u64 = 3;
const VICTIM: usize = 1;
const TIME: &str = "2024-05-01T10:00:00.5Z";

/// A fault of the fake server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mischief {
    None,
    /// One client does not get a message.
    Drops,
    /// One client gets a message after the next one.
    Swaps,
    /// One client gets a message twice.
    Repeats,
    /// Nobody gets a message.
    Swallows,
    /// One client is thrown out.
    ThrowsOut,
    /// Messages carry no time.
    Timeless,
    /// Messages are said to be from somebody else.
    Misattributes,
    /// There is no chat.
    Disabled,
    /// Knows no token.
    Forgetful,
}

pub(crate) struct Fake {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) room: Arc<Room>,
}

pub(crate) struct Room {
    mischief: Mischief,
    users: Mutex<HashMap<String, Value>>,
    hall: Mutex<Hall>,
    pub(crate) pongs: AtomicU64,
}

#[derive(Default)]
struct Hall {
    clients: Vec<Option<mpsc::Sender<Out>>>,
    messages: u64,
    held_back: Option<Bytes>,
}

enum Out {
    Chat(Bytes),
    Frame(u8, Bytes),
}

/// Starts one behind so many addresses; it ends with the runtime.
pub(crate) async fn start(edges: usize, mischief: Mischief) -> Fake {
    let room = Arc::new(Room {
        mischief,
        users: Mutex::default(),
        hall: Mutex::default(),
        pongs: AtomicU64::default(),
    });
    let mut addresses = Vec::new();
    for _ in 0..edges {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap());
        let room = Arc::clone(&room);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                let room = Arc::clone(&room);
                let service = service_fn(move |request| {
                    let room = Arc::clone(&room);
                    async move { Ok::<_, Infallible>(room.answer(request).await) }
                });
                let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
                tokio::spawn(connection.with_upgrades());
            }
        });
    }
    Fake { addresses, room }
}

type Io = TokioIo<hyper::upgrade::Upgraded>;

impl Room {
    async fn answer(self: Arc<Self>, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() == "/api/chat/register" {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            return Response::new(Full::from(self.register(&body)));
        }
        if self.mischief == Mischief::Disabled {
            return Response::new(Full::from("CHAT_DISABLED"));
        }
        let token = request.uri().query().and_then(|query| query.strip_prefix("accessToken="));
        let user = self.users.lock().unwrap().get(&token.unwrap_or("").replace("%3D", "=")).cloned();
        let key = request.headers()["sec-websocket-key"].to_str().unwrap().to_owned();
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let io = TokioIo::new(upgrade.await.unwrap());
            match user.filter(|_| self.mischief != Mischief::Forgetful) {
                Some(user) => self.join(io, user).await,
                None => refuse(io).await,
            }
        });
        let answer = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
        let answer = answer.header("upgrade", "websocket").header("connection", "upgrade");
        answer.header("sec-websocket-accept", accept(&key)).body(Full::default()).unwrap()
    }

    fn register(&self, body: &[u8]) -> String {
        let name = serde_json::from_slice::<Value>(body).unwrap()["displayName"].clone();
        let mut users = self.users.lock().unwrap();
        let (id, token) = (format!("id{}", users.len()), format!("token{}=", users.len()));
        let user = json!({ "id": id, "displayName": name, "displayColor": 7, "createdAt": TIME, "previousNames": [name] });
        users.insert(token.clone(), user);
        json!({ "id": id, "accessToken": token, "displayName": name }).to_string()
    }

    async fn join(&self, io: Io, user: Value) {
        let (mut from, to) = tokio::io::split(io);
        let (sender, queue) = mpsc::channel(QUEUE);
        let greeting = json!({ "type": "CONNECTED_USER_INFO", "user": user }).to_string();
        let number = {
            let mut hall = self.hall.lock().unwrap();
            sender.try_send(Out::Frame(0x81, greeting.into())).unwrap();
            hall.clients.push(Some(sender.clone()));
            hall.clients.len() - 1
        };
        tokio::spawn(write(to, queue, number));
        while let Some((opcode, payload)) = read(&mut from).await {
            match opcode {
                0x1 => {
                    let said: Value = serde_json::from_slice(&payload).unwrap();
                    assert_eq!(said["type"], "CHAT");
                    self.say(&said["body"], &user);
                }
                0xA => drop(self.pongs.fetch_add(1, Ordering::Relaxed)),
                0x8 => {
                    let _ = sender.send(Out::Frame(0x88, payload.into())).await;
                    break;
                }
                _ => {}
            }
        }
        self.hall.lock().unwrap().clients[number] = None;
    }

    /// Everybody gets messages in one order, since the hall is locked.
    fn say(&self, body: &Value, user: &Value) {
        let mut message = json!({ "type": "CHAT", "id": "m", "timestamp": TIME, "visible": true, "body": body, "user": user });
        match self.mischief {
            Mischief::Timeless => drop(message.as_object_mut().unwrap().remove("timestamp")),
            Mischief::Misattributes => message["user"]["id"] = json!("somebody"),
            _ => {}
        }
        let text = Bytes::from(message.to_string());
        let mut hall = self.hall.lock().unwrap();
        let number = hall.messages;
        hall.messages += 1;
        let hall = &mut *hall;
        for (index, client) in hall.clients.iter_mut().enumerate() {
            let Some(sender) = client else { continue };
            let (hit, after) = (number == VICTIM_MESSAGE, number == VICTIM_MESSAGE + 1);
            let copies = match self.mischief {
                Mischief::Swallows if hit => vec![],
                Mischief::Drops if hit && index == VICTIM => vec![],
                Mischief::Swaps if hit && index == VICTIM => {
                    hall.held_back = Some(text.clone());
                    vec![]
                }
                Mischief::Swaps if after && index == VICTIM => {
                    [text.clone()].into_iter().chain(hall.held_back.take()).collect()
                }
                Mischief::Repeats if hit && index == VICTIM => vec![text.clone(); 2],
                Mischief::ThrowsOut if hit && index == VICTIM => {
                    sender.try_send(Out::Frame(0x88, Bytes::from_static(b"\x03\xF5slow"))).unwrap();
                    *client = None;
                    continue;
                }
                _ => vec![text.clone()],
            };
            if copies.into_iter().any(|copy| sender.try_send(Out::Chat(copy)).is_err()) {
                *client = None;
            }
        }
    }
}

async fn refuse(io: Io) {
    let (_from, mut to) = tokio::io::split(io);
    to.write_all(&frame(0x81, br#"{"type":"ERROR_NEEDS_REGISTRATION"}"#)).await.unwrap();
    to.write_all(&frame(0x88, b"")).await.unwrap();
}

/// Writes what a client gets, in all the ways a server may.
async fn write(mut to: WriteHalf<Io>, mut queue: mpsc::Receiver<Out>, number: usize) {
    while let Some(out) = queue.recv().await {
        let bytes = match (out, number % 4) {
            (Out::Frame(first, payload), _) => frame(first, &payload),
            (Out::Chat(text), 1) => {
                let (start, end) = text.split_at(text.len() / 2);
                [frame(0x01, start), frame(0x89, b"there?"), frame(0x80, end)].concat()
            }
            (Out::Chat(text), 2) => frame(0x81, &[br#"{"type":"OTHER"}"#, &b"\n"[..], &text].concat()),
            (Out::Chat(text), _) => frame(0x81, &text),
        };
        let (start, end) = bytes.split_at(if number % 4 == 3 { bytes.len() / 3 } else { 0 });
        for piece in [start, end] {
            if to.write_all(piece).await.is_err() || to.flush().await.is_err() {
                return;
            }
        }
        if bytes[0] == 0x88 {
            return;
        }
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match u8::try_from(payload.len()) {
        Ok(short @ 0..126) => out.push(short),
        _ => {
            out.push(126);
            out.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
    out
}

/// A client's frame, unmasked; `None` when it left.
async fn read(from: &mut ReadHalf<Io>) -> Option<(u8, Vec<u8>)> {
    let (first, second) = (from.read_u8().await.ok()?, from.read_u8().await.ok()?);
    assert!(second & 0x80 != 0, "clients mask");
    let length = match second & 0x7F {
        126 => usize::from(from.read_u16().await.ok()?),
        short => usize::from(short),
    };
    let mut mask = [0; 4];
    from.read_exact(&mut mask).await.ok()?;
    let mut payload = vec![0; length];
    from.read_exact(&mut payload).await.ok()?;
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Some((first & 0x0F, payload))
}
