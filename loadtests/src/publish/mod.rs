//! Publishing over RTMP: [`session`] is a client without sockets, [`schedule`] says when which
//! FLV tag is due, [`corrupt`] damages what is sent, [`run`] joins them to a connection, and
//! [`encoder`] is the real ffmpeg instead.

pub mod corrupt;
pub mod encoder;
pub mod run;
pub mod schedule;
pub mod session;
pub mod target;
