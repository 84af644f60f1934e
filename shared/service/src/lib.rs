//! What both programs are as services: their listeners, tasks, log and limits for connections.

pub mod accept;
pub mod entrance;
pub mod host;
pub mod listen;
pub mod listener;
pub mod log;
pub mod program;
pub mod tasks;
pub mod tls;
