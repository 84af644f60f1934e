//! An encoder without a program.

use std::net::SocketAddr;

use farcast_origin::ingest::rtmp::amf0::{self, Value};
use farcast_origin::ingest::rtmp::chunk;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::origin::{KEY, PATIENCE};

/// An encoder that is written out by hand, for what the real ones do not do.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    reader: chunk::Reader,
    buffer: Vec<u8>,
}

impl Raw {
    /// Connects, shakes hands and publishes; `properties` are added to the connect command.
    pub(crate) async fn publish(address: SocketAddr, properties: &[(&str, Value)]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut handshake = Handshake::new(PeerType::Client);
        stream.write_all(&handshake.generate_outbound_p0_and_p1().unwrap()).await.unwrap();
        let buffer = loop {
            let mut bytes = [0; 4096];
            let count = timeout(PATIENCE, stream.read(&mut bytes)).await.expect("no handshake").unwrap();
            match handshake.process_bytes(&bytes[..count]).unwrap() {
                HandshakeProcessResult::InProgress { response_bytes } => {
                    stream.write_all(&response_bytes).await.unwrap();
                }
                HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                    stream.write_all(&response_bytes).await.unwrap();
                    break remaining_bytes;
                }
            }
        };
        let mut raw = Self { stream, reader: chunk::Reader::default(), buffer };
        let object = [&[("app", Value::text("live"))], properties].concat();
        raw.call(&[Value::text("connect"), Value::Number(1.0), Value::object(object)]).await;
        let publish = ["publish", KEY, "live"].map(Value::text);
        let [name, key, mode] = publish;
        raw.call(&[name, Value::Number(2.0), Value::Null, key, mode]).await;
        raw.await_code("NetStream.Publish.Start").await;
        raw
    }

    pub(crate) async fn send(&mut self, kind: u8, payload: Vec<u8>) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        let message = chunk::Message { kind, timestamp_ms: 0, stream_id: 1, payload: payload.into() };
        chunk::write(&message, 4, 128, &mut bytes);
        self.stream.write_all(&bytes).await
    }

    pub(crate) async fn call(&mut self, values: &[Value]) {
        self.send(chunk::kind::COMMAND, amf0::encode(values)).await.unwrap();
    }

    /// Reads until a status with this code comes.
    pub(crate) async fn await_code(&mut self, code: &str) {
        loop {
            let mut input = &self.buffer[..];
            while let Some(message) = self.reader.read(&mut input).unwrap() {
                let values = amf0::decode(&message.payload).unwrap_or_default();
                if values.last().and_then(|info| info.get("code")) == Some(&Value::text(code)) {
                    self.buffer = input.to_vec();
                    return;
                }
            }
            self.buffer.resize(4096, 0);
            let read = timeout(PATIENCE, self.stream.read(&mut self.buffer)).await;
            let count = read.expect("the status does not come").unwrap();
            assert!(count > 0, "closed without {code}");
            self.buffer.truncate(count);
        }
    }
}
