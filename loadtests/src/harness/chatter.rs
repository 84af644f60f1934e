//! Somebody who chats, for tests: one user and one connection.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::chat::frame::{Event, Opcode};
use crate::chat::socket::{Socket, SocketError};
use crate::harness::edge::Edge;
use crate::http::url::Url;

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(20);

/// A user as registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Their id.
    pub id: String,
    /// Their token.
    pub token: String,
    /// Their name at first.
    pub name: String,
}

impl Account {
    /// Registers at an edge.
    ///
    /// # Errors
    /// When the edge does not answer as it should.
    pub async fn register(edge: Edge, name: &str) -> anyhow::Result<Self> {
        let body = json!({ "displayName": name }).to_string();
        let answer = edge.ask(Method::POST, "/api/chat/register", &[], body).await?;
        ensure!(answer.status() == StatusCode::OK, "{answer:?}");
        let user: Value = serde_json::from_slice(answer.body())?;
        let text = |key: &str| user[key].as_str().map(str::to_owned).with_context(|| user.to_string());
        Ok(Self { id: text("id")?, token: text("accessToken")?, name: text("displayName")? })
    }

    /// The path and query of a request in their name.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        format!("{path}?accessToken={}", self.token)
    }

    /// Connects, and waits to be told who they are.
    ///
    /// # Errors
    /// When they are not let in.
    pub async fn connect(&self, edge: Edge) -> anyhow::Result<Chatter> {
        let mut chatter = Chatter::open(edge, &self.path("/ws")).await?;
        let first = chatter.next().await?;
        ensure!(first["type"] == "CONNECTED_USER_INFO", "{first}");
        Ok(chatter)
    }

    /// The messages that newcomers are shown, the oldest first.
    ///
    /// # Errors
    /// When the edge does not answer.
    pub async fn backlog(&self, edge: Edge) -> anyhow::Result<Vec<Value>> {
        let answer = edge.ask(Method::GET, &self.path("/api/chat"), &[], "").await?;
        ensure!(answer.status() == StatusCode::OK, "{answer:?}");
        Ok(serde_json::from_slice(answer.body())?)
    }
}

/// A connection.
pub struct Chatter {
    socket: Socket,
    heard: VecDeque<Value>,
    ended: Option<SocketError>,
}

impl Chatter {
    /// Connects to a path.
    ///
    /// # Errors
    /// When it is not upgraded.
    pub async fn open(edge: Edge, path: &str) -> anyhow::Result<Self> {
        let server: Url = format!("http://{}/", edge.http).parse()?;
        let socket = tokio::time::timeout(LIMIT, Socket::connect(&server, path, None)).await??;
        Ok(Self { socket, heard: VecDeque::new(), ended: None })
    }

    /// The next message. Cancel safe.
    ///
    /// # Errors
    /// When the connection ends, with its code.
    pub async fn listen(&mut self) -> Result<Value, SocketError> {
        loop {
            if let Some(value) = self.heard.pop_front() {
                return Ok(value);
            }
            // Messages from before the end come before the end.
            if let Some(ended) = self.ended.take() {
                return Err(ended);
            }
            self.ended = poll_fn(|cx| self.poll(cx)).await.err();
        }
    }

    /// Writes what waits, and takes what there is.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        let heard = &mut self.heard;
        self.socket.poll(cx, &mut |event| {
            if let Event::Text(payload) = event {
                let lines = payload.split(|byte| *byte == b'\n');
                heard.extend(lines.map(|line| serde_json::from_slice(line).unwrap_or(Value::Null)));
            }
        })
    }

    /// The same within a limit.
    ///
    /// # Errors
    /// When the connection ends, or nothing is said.
    pub async fn next(&mut self) -> anyhow::Result<Value> {
        Ok(tokio::time::timeout(LIMIT, self.listen()).await.context("nothing is said")??)
    }

    /// Waits for a matching message, and returns it.
    ///
    /// # Errors
    /// When the connection ends before, or it is not said in time.
    pub async fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let found = async {
            loop {
                let value = self.listen().await?;
                if fits(&value) {
                    return Ok::<_, SocketError>(value);
                }
            }
        };
        Ok(tokio::time::timeout(LIMIT, found).await.with_context(|| format!("{what}: not in time"))??)
    }

    /// Waits until a message with this body is said.
    ///
    /// # Errors
    /// As [`Self::until`].
    pub async fn hears(&mut self, body: &str) -> anyhow::Result<Value> {
        self.until(body, |value| value["type"] == "CHAT" && value["body"] == body).await
    }

    /// Waits until the connection is ended by the server; returns the code.
    ///
    /// # Errors
    /// When it is not, in time.
    pub async fn closed(&mut self) -> anyhow::Result<u16> {
        let ended = async {
            loop {
                match self.listen().await {
                    Ok(_) => {}
                    Err(SocketError::Closed { code, .. }) => return Ok(code),
                    Err(SocketError::Ended | SocketError::Io(_)) => return Ok(1006),
                    Err(error) => bail!(error),
                }
            }
        };
        tokio::time::timeout(LIMIT, ended).await.context("the connection stays open")?
    }

    /// Sends an event.
    pub async fn send(&mut self, event: &Value) {
        self.raw(Opcode::Text, event.to_string().as_bytes()).await;
    }

    /// Says something.
    pub async fn say(&mut self, body: &str) {
        self.send(&json!({ "type": "CHAT", "body": body })).await;
    }

    /// Sends a frame, as far as there is room; the rest goes with the next wait.
    pub async fn raw(&mut self, opcode: Opcode, payload: &[u8]) {
        self.socket.send(opcode, payload);
        poll_fn(|cx| {
            if self.ended.is_none()
                && let Poll::Ready(Err(ended)) = self.poll(cx)
            {
                self.ended = Some(ended);
            }
            Poll::Ready(())
        })
        .await;
    }
}
