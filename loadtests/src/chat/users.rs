//! Registering the users of a run: `POST /api/chat/register`, spread over the edges.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::http::connection::{Connection, Dialer, Keep};

/// Connections that register side by side at each edge.
const SIDE_BY_SIDE: usize = 4;
/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(10);

/// A registered user.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct User {
    /// Public id.
    pub id: String,
    /// The token with which it connects.
    #[serde(rename = "accessToken")]
    pub token: String,
}

/// Registers so many users, in turn at the edges: user `i` at edge `i` modulo their number.
///
/// # Errors
/// When one cannot be registered.
pub async fn register(edges: &[Dialer], count: usize, run: u32) -> anyhow::Result<Vec<User>> {
    let mut registrars = JoinSet::new();
    for (edge, dialer) in edges.iter().enumerate() {
        for lane in 0..SIDE_BY_SIDE {
            let own = (edge + lane * edges.len()..count).step_by(edges.len() * SIDE_BY_SIDE);
            registrars.spawn(Box::pin(register_all(dialer.clone(), own, run)));
        }
    }
    let mut users = Vec::new();
    while let Some(joined) = registrars.join_next().await {
        users.extend(joined??);
    }
    users.sort_unstable_by_key(|(number, _)| *number);
    Ok(users.into_iter().map(|(_, user)| user).collect())
}

async fn register_all(
    dialer: Dialer,
    numbers: impl Iterator<Item = usize>,
    run: u32,
) -> anyhow::Result<Vec<(usize, User)>> {
    let mut connection: Option<Connection> = None;
    let mut users = Vec::new();
    for number in numbers {
        // Servers close connections after some number of requests.
        let mut open = match connection.take().filter(|connection| !connection.is_closed()) {
            Some(open) => open,
            None => dialer.connect().await.with_context(|| format!("registering at {}", dialer.server))?,
        };
        let user = register_one(&mut open, &format!("load-{run:08x}-{number}")).await;
        users.push((number, user.with_context(|| format!("registering at {}", dialer.server))?));
        connection = Some(open);
    }
    Ok(users)
}

async fn register_one(connection: &mut Connection, name: &str) -> anyhow::Result<User> {
    let request = connection.request(Method::POST, "/api/chat/register")?;
    let body = serde_json::json!({ "displayName": name }).to_string();
    let request = request.header(CONTENT_TYPE, "application/json").body(Bytes::from(body).into())?;
    let answer = connection.send(request, Keep::Body, LIMIT).await?;
    let text = String::from_utf8_lossy(&answer.body);
    anyhow::ensure!(answer.status.is_success(), "status {}: {}", answer.status, text.trim());
    let user: User = serde_json::from_slice(&answer.body).context("not a registration")?;
    anyhow::ensure!(!user.id.is_empty() && !user.token.is_empty(), "an empty id or token");
    Ok(user)
}
