//! The common parts of both programs as services: their listeners, tasks, logs and limits for connections.

pub mod accept;
pub mod access;
pub mod admission;
pub mod check_health;
pub mod entrance;
pub mod fading;
pub mod hand_over;
pub mod host;
pub mod listen;
pub mod listener;
pub mod log;
pub mod memory;
pub mod program;
pub mod proxy_protocol;
pub mod site;
pub mod supervisor;
pub mod tasks;
pub mod tls;
